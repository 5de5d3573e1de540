"""Verdicts against labels: precision, recall, and where it goes wrong, with honest intervals.

In:  what `backtest --json` prints and the labels of the same articles.   Out: a scorecard.
Pure. Labels are those of the shared sample: `expect.incursion, target_country, incident_id,
relevance, hard_negative_kind, event_type, event_date, ambiguous`; `lang` and `lang_accept`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import combinations
from typing import Any

Z = 1.959964  # 95 %
#: Shares of incursions at which precision is restated: in the sample many, in life few.
PREVALENCES = (0.2, 0.01)

Row = dict[str, Any]


@dataclass(frozen=True)
class Share:
    """`hits` of `of`, with its 95 % Wilson interval."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """Ratio in [0, 1]; None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Bounds of the ratio; None of nothing."""
        if not self.of:
            return None
        share, n = self.hits / self.of, self.of
        centre = share + Z * Z / (2 * n)
        spread = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        scale = 1 + Z * Z / n
        return (max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))

    def as_json(self) -> dict[str, Any]:
        """Return value, interval and counts."""
        return {"value": self.value, "interval": self.interval, "hits": self.hits, "of": self.of}

    def __str__(self) -> str:
        if self.value is None or self.interval is None:
            return "–"
        low, high = self.interval
        return f"{self.value:.3f} [{low:.3f}, {high:.3f}] ({self.hits}/{self.of})"


@dataclass(frozen=True)
class Pair:
    """One article: what came out and what should have."""

    verdict: Row
    label: Row
    title: str = ""

    @property
    def expect(self) -> Row:
        """The label's `expect`."""
        found: Row = self.label["expect"]
        return found

    @property
    def is_expected(self) -> bool:
        """Whether it reports an incursion, by the label."""
        return bool(self.expect["incursion"])

    @property
    def is_found(self) -> bool:
        """Whether it does by the verdict."""
        return bool(self.verdict["incursion"])


def scorecard(pairs: Sequence[Pair]) -> Row:
    """Return the scorecard of labelled articles, with and without the ambiguous ones."""
    clear = [pair for pair in pairs if not pair.expect.get("ambiguous")]
    card = {"articles": len(pairs), "all": _verdicts(pairs), "unambiguous": _verdicts(clear)}
    hits = [pair for pair in pairs if pair.is_expected and pair.is_found]
    card["recall_core"] = _recall(p for p in pairs if p.expect.get("relevance") == "core")
    card["recall_followup"] = _recall(p for p in pairs if p.expect.get("relevance") == "followup")
    card["country"] = _share(_country_right(p) for p in hits if p.expect.get("target_country"))
    card["date"] = _share(_date_right(p) for p in hits if p.expect.get("event_date"))
    card["kind_family"] = _share(_family_right(p) for p in hits if p.expect.get("event_type"))
    card["language"] = _share(_language_right(p) for p in pairs if p.label.get("lang"))
    card["incidents"] = pairwise(
        [
            (p.verdict["incident"], p.expect["incident_id"])
            for p in hits
            if p.expect.get("incident_id")
        ]
    )
    card["incidents_all"] = pairwise(
        [
            (p.verdict["incident"], p.expect["incident_id"])
            for p in pairs
            if p.expect.get("incident_id")
        ]
    )
    negatives = [pair for pair in pairs if not pair.is_expected]
    card["by_language"] = _by(pairs, lambda p: p.label.get("lang") or "und")
    card["by_class"] = {
        name: _share(p.is_found for p in negatives if _class(p) == name).as_json()
        for name in sorted({_class(pair) for pair in negatives})
    }
    card["by_kind"] = _by(
        [p for p in pairs if p.is_expected], lambda p: p.expect.get("event_type") or "reaction"
    )
    card["wrong"] = [
        {
            "id": pair.verdict["id"],
            "lang": pair.label.get("lang"),
            "expected": pair.is_expected,
            "class": _class(pair) if not pair.is_expected else pair.expect.get("relevance"),
            "ambiguous": bool(pair.expect.get("ambiguous")),
            "title": pair.title,
            "why": pair.verdict["why"][:3],
        }
        for pair in pairs
        if pair.is_expected != pair.is_found
    ]
    return card


def pairwise(found: Iterable[tuple[str | None, str]]) -> Row:
    """Return precision, recall and F1 over pairs of articles put into one incident.

    Args:
        found: Incident by us (None: in none) and by the label, one for each article.
    """
    both = ours = theirs = 0
    for (mine, label), (my_other, other_label) in combinations(list(found), 2):
        together = mine is not None and mine == my_other
        should = label == other_label
        ours += together
        theirs += should
        both += together and should
    precision = both / ours if ours else None
    recall = both / theirs if theirs else None
    return {"precision": precision, "recall": recall, "f1": _f1(precision, recall), "pairs": theirs}


def _verdicts(pairs: Sequence[Pair]) -> Row:
    hit = sum(pair.is_expected and pair.is_found for pair in pairs)
    false = sum(not pair.is_expected and pair.is_found for pair in pairs)
    missed = sum(pair.is_expected and not pair.is_found for pair in pairs)
    quiet = len(pairs) - hit - false - missed
    precision, recall = Share(hit, hit + false), Share(hit, hit + missed)
    fpr = Share(false, false + quiet)
    return {
        "articles": len(pairs),
        "precision": precision.as_json(),
        "recall": recall.as_json(),
        "f1": _f1(precision.value, recall.value),
        "false_positive_rate": fpr.as_json(),
        "precision_at": {
            f"1 in {round(1 / share)}": _restated(recall.value, fpr.value, share)
            for share in PREVALENCES
        },
    }


def _restated(recall: float | None, fpr: float | None, prevalence: float) -> float | None:
    if recall is None or fpr is None:
        return None
    true, false = recall * prevalence, fpr * (1 - prevalence)
    return true / (true + false) if true + false else None


def _f1(precision: float | None, recall: float | None) -> float | None:
    if not precision or not recall:
        return None if precision is None or recall is None else 0.0
    return 2 * precision * recall / (precision + recall)


def _recall(pairs: Iterable[Pair]) -> Share:
    return _share(pair.is_found for pair in pairs if pair.is_expected)


def _share(truths: Iterable[bool]) -> Share:
    values = list(truths)
    return Share(sum(values), len(values))


def _by(pairs: Iterable[Pair], key: Any) -> Row:
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[key(pair)].append(pair)
    return {
        name: {
            "right": _share(p.is_found == p.is_expected for p in found).as_json(),
            "recall": _recall(found).as_json(),
        }
        for name, found in sorted(groups.items())
    }


def _class(pair: Pair) -> str:
    return pair.expect.get("hard_negative_kind") or "ordinary"


def _country_right(pair: Pair) -> bool:
    accepted = str(pair.expect["target_country"]).split(",")
    return pair.verdict["country"] in accepted


def _language_right(pair: Pair) -> bool:
    accepted = pair.label.get("lang_accept") or [pair.label["lang"]]
    return pair.verdict["lang"] in accepted


def _date_right(pair: Pair) -> bool:
    happened = pair.verdict["happened"]
    if happened is None:
        return False
    first = datetime.fromisoformat(happened["from"]).date()
    last = datetime.fromisoformat(happened["to"]).date()
    return first <= date.fromisoformat(pair.expect["event_date"]) <= last


_FAMILIES = ("balloon", "missile", "helicopter", "aircraft", "drone", "ship", "troops", "ground")


def _family_right(pair: Pair) -> bool:
    """Return whether the object family fits; a shoot-down or wreckage may be of any object."""
    expected = _family(pair.expect["event_type"])
    reports = pair.verdict["reports"]
    found = {report["object"] for report in reports} | {_family(pair.verdict["kind"] or "")}
    if expected is None or found <= {None, "unknown"}:
        return True
    if expected in ("aircraft", "helicopter"):
        return bool(found & {"aircraft", "helicopter"})
    return expected in found


def _family(kind: str) -> str | None:
    return next((family for family in _FAMILIES if family in kind), None)
