"""seeds/scorer.tsv → the weights of the scorer: see streams/understand/scorer.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.catalog.sources import Sources
from streams.errors import Fault

#: First column of a row.
STEPS = ("text", "report", "threshold")


@dataclass(frozen=True, slots=True)
class Scorer:
    """Log-odds per feature of both steps, the empty feature their bias; scores below are closed."""

    text: dict[str, float] = field(default_factory=lambda: {"": 0.0})
    report: dict[str, float] = field(default_factory=lambda: {"": 0.0})
    threshold: float = float("-inf")  #: of a headline; without a file nothing is closed
    text_threshold: float = float("-inf")  #: of a headline with a text


def read(sources: Sources, faults: list[Fault]) -> Scorer:
    """Return the weights; a later layer's file replaces the earlier one, an empty file switches it off."""
    found = Scorer()
    for file in sources.single("scorer.tsv"):
        weights: dict[str, dict[str, float]] = {
            "text": {"": 0.0},
            "report": {"": 0.0},
            "threshold": {},
        }
        for number, row in enumerate(file.path.read_text(encoding="utf-8").splitlines(), start=1):
            if not row or row.startswith("#"):
                continue
            step, _, rest = row.partition("\t")
            weight, _, feature = rest.partition("\t")
            try:
                weights[step][feature] = float(weight)
            except (KeyError, ValueError):
                reason = f"expected step ({', '.join(STEPS)}), number and feature, parted by tabs"
                faults.append(Fault(file.name, f"line {number}", reason))
        least = (weights["threshold"].get(name, float("-inf")) for name in ("", "text"))
        found = Scorer(weights["text"], weights["report"], *least)
    return found
