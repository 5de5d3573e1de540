"""Train the scorer (seeds/scorer.tsv), and show that it holds on texts it was not trained on.

    python benchmarks/scorer.py look ROUND.jsonl…   # note what the rules make of a blind round, before its lessons
    python benchmarks/scorer.py train               # validate, then write seeds/scorer.tsv
    python benchmarks/scorer.py validate            # only the figures

Needs scikit-learn: `pip install -c constraints.txt -e '.[train]'`. Only our own labelled texts are
read: blind rounds, seeds/articles, ordinary texts, the tests in the data, sentences drawn from
grammars; never the shared sample. Step two learns from `first-looks.jsonl` alone: what the rules
told of each blind round before they had learnt from it, for on texts that they know they are right.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

import probes  # noqa: E402

from streams.catalog import Catalog, load_catalog  # noqa: E402
from streams.catalog.scorer import Scorer  # noqa: E402
from streams.records import Article  # noqa: E402
from streams.understand import scorer  # noqa: E402
from streams.understand.language import detect_language  # noqa: E402
from streams.understand.lexicon import as_written  # noqa: E402
from streams.understand.text import make_field  # noqa: E402
from streams.understand.verdict import _fallback, alerting, lexicon_of, understand  # noqa: E402
from streams.understand.whatif import WhatIf  # noqa: E402

BLIND = ROOT / "tests/data/blind"
LOOKS = BLIND / "first-looks.jsonl"
OUT = ROOT / "seeds/scorer.tsv"
#: Below them an article is closed: a headline with a line at most, and one with a text of more. Chosen
#: on rounds left out, where the first keeps 99 and the second 95 of a hundred true reports.
THRESHOLD, TEXT_THRESHOLD = -0.95, 0.75
_DRAWN = 160  # sentences of each grammar
_RARE = 2  # texts that a feature must stand in
_SMALL = 0.02  # weights below change nothing
_WEIGHT = {"blind": 2.0, "test": 10.0, "probe": 0.4}
_C_TEXT, _C_REPORT = 0.5, 0.3
_WITHOUT_SCORER = WhatIf(-1, open=frozenset({"unlikely"}))
#: A row of first-looks.jsonl: id, label, kinds of words, features of the second step.
Look = dict[str, Any]


@dataclass(frozen=True)
class Labelled:
    """A text with its label, as its kinds of words."""

    id: str
    source: str  #: blind | own | ordinary | test | probe
    title: list[str]
    lead: list[str]
    incursion: bool

    @property
    def round(self) -> str:
        """Return the blind round it is of: "r7", "" for other texts."""
        return self.id.split("-")[0].replace("b", "r") if self.source == "blind" else ""

    @property
    def features(self) -> set[str]:
        """Return the first step's features."""
        return scorer.text_features(self.title, self.lead)


def kinds(title: str, text: str, language: str, catalog: Catalog) -> tuple[list[str], list[str]]:
    """Return the kinds of words of title and lead, as understanding reads them."""
    head, body = make_field("title", title), make_field("body", text) if text else None
    tag = _fallback(detect_language(head.text, text[:800], "").language, catalog)
    for own in (tag, _fallback(language, catalog), "en"):
        if own in catalog.languages:
            break
    words = lexicon_of(catalog.languages[own], catalog)

    def of(field: Any, *, is_lead: bool) -> list[str]:
        hits = as_written(words.find(field.folded), field.text, own) if field else []
        return scorer.kinds_of_words(field, hits, catalog.places.places, is_lead=is_lead)

    return of(head, is_lead=False), of(body, is_lead=True)


def texts(catalog: Catalog) -> Iterator[Labelled]:
    """Yield every labelled text of ours that is not ambiguous."""
    files = [("blind", path) for path in sorted(BLIND.glob("round-?.jsonl"))]
    files += [("blind", path) for path in sorted(BLIND.glob("round-??.jsonl"))]
    files += [("own", ROOT / f"seeds/articles/{name}.jsonl") for name in ("incidents", "traps")]
    files.append(("ordinary", ROOT / "tests/data/ordinary.jsonl"))
    for source, path in files:
        for row in rows(path):
            expect = row["expect"]
            if not expect.get("ambiguous"):
                found = kinds(row["title"], row.get("body") or "", row.get("lang") or "", catalog)
                yield Labelled(row["id"], source, *found, expect["incursion"])
    for path in sorted((ROOT / "seeds/languages").glob("*.toml")):
        for number, test in enumerate(tomllib.loads(path.read_text("utf-8")).get("test", [])):
            found = kinds(test["title"], test.get("body", ""), path.stem, catalog)
            yield Labelled(f"{path.stem}-{number}", "test", *found, bool(test.get("expect")))
    for path in sorted((BLIND.parent / "probes").glob("*.toml")):
        tag = path.stem.split("-")[0]
        for number, drawn in enumerate(probes.draw(path, catalog, _DRAWN)):
            title, _, text = drawn.text.partition(" || ")
            found = kinds(title, text, tag, catalog)
            yield Labelled(f"{path.stem}-{number}", "probe", *found, drawn.is_hit)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a file of JSON lines."""
    yield from map(json.loads, path.read_text("utf-8").splitlines())


def fit_text(train: list[Labelled]) -> dict[str, float]:
    """Return the first step's weights."""
    sets = [one.features for one in train]
    seen = Counter(feature for found in sets for feature in found)
    order = {f: n for n, f in enumerate(sorted(f for f, count in seen.items() if count >= _RARE))}
    index: list[int] = []
    values: list[float] = []
    ends = [0]
    for found in sets:
        known = sorted(order[feature] for feature in found if feature in order)
        index += known
        values += [scorer.SCALE / np.sqrt(max(1, len(found)))] * len(known)
        ends.append(len(index))
    model = LogisticRegression(C=_C_TEXT, solver="liblinear", class_weight="balanced", max_iter=500)
    model.fit(
        csr_matrix((values, index, ends), shape=(len(train), len(order))),
        [one.incursion for one in train],
        sample_weight=[_WEIGHT.get(one.source, 1.0) for one in train],
    )
    weights = {"": float(model.intercept_[0])}
    weights |= {f: float(w) for f, w in zip(order, model.coef_[0], strict=True) if abs(w) > _SMALL}
    return weights


def fit_report(looks: list[Look], outside: dict[str, float]) -> dict[str, float]:
    """Return the second step's weights, for features as they are.

    Args:
        looks: To learn from.
        outside: The first step's score of each by its id, of a model that has not seen its round.
    """
    table = [with_text(look, outside[look["id"]]) for look in looks]
    names = sorted({name for row in table for name in row})
    values = np.array([[row.get(name, 0.0) for name in names] for row in table])
    scale = StandardScaler().fit(values)
    model = LogisticRegression(C=_C_REPORT, max_iter=1000)
    model.fit(scale.transform(values), [look["incursion"] for look in looks])
    raw = model.coef_[0] / scale.scale_
    bias = float(model.intercept_[0] - (raw * scale.mean_).sum())
    return {"": bias, **{name: float(weight) for name, weight in zip(names, raw, strict=True)}}


def score_outside(labelled: list[Labelled], looks: list[Look]) -> dict[str, float]:
    """Return the first step's score of each look, learnt on all rounds but its own."""
    found: dict[str, float] = {}
    for number in sorted({round_of(look) for look in looks}):
        model = Scorer(text=fit_text([one for one in labelled if one.round != number]))
        for look in looks:
            if round_of(look) == number:
                features = scorer.text_features(look["title"], look["lead"])
                found[look["id"]] = scorer.text_score(features, model)
    return found


def round_of(look: Look) -> str:
    """Return the blind round of a look: "r7"."""
    return str(look["id"]).split("-")[0]


def with_text(look: Look, text: float) -> dict[str, float]:
    """Return the second step's features of a first look, given the first step's score."""
    return {"text": text, "text, bare": text * look["features"]["bare"], **look["features"]}


def validate(looks: list[Look], outside: dict[str, float]) -> None:
    """Print what the scorer does to each round when trained on all others."""
    kept: list[tuple[float, bool]] = []
    print(
        "round  told  precision   AUC   at the thresholds: precision, hits kept, false alarms closed"
    )
    for number in sorted(set(map(round_of, looks))):
        others = [look for look in looks if round_of(look) != number]
        model = Scorer(report=fit_report(others, outside))
        scores = [
            (
                scorer.likeness(with_text(look, outside[look["id"]]), model)
                - least(strictly=look["strictly"]),
                look["incursion"],
            )
            for look in looks
            if round_of(look) == number
        ]
        kept += scores
        print_round(number, scores)
    print_round("all", kept)
    print("the same with both thresholds lower or higher:")
    for change in (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0):
        print_at(change, kept)


def least(*, strictly: bool) -> float:
    """Return the threshold."""
    return TEXT_THRESHOLD if strictly else THRESHOLD


def print_round(name: str, scores: list[tuple[float, bool]]) -> None:
    """Print a round's figures."""
    values, labels = [score for score, _ in scores], [label for _, label in scores]
    area = roc_auc_score(labels, values)
    print(f"{name:6} {len(scores):4}  {sum(labels) / len(labels):9.3f}  {area:.3f}", end="   ")
    print_at(0.0, scores)


def print_at(threshold: float, scores: list[tuple[float, bool]]) -> None:
    """Print what a threshold keeps and closes."""
    hits = [score for score, label in scores if label]
    false = [score for score, label in scores if not label]
    kept, let = sum(s >= threshold for s in hits), sum(s >= threshold for s in false)
    closed = 1 - let / max(1, len(false))
    print(f"{threshold:5.1f}: {kept / (kept + let):.3f}, {kept / len(hits):.3f}, {closed:.3f}")


def train(labelled: list[Labelled], looks: list[Look], outside: dict[str, float]) -> None:
    """Write the weights, the first step's learnt on everything."""
    report = fit_report(looks, outside)
    text = fit_text(labelled)
    lines = ["# Weights of the scorer, made by benchmarks/scorer.py; step, log-odds, feature."]
    lines.append(f"threshold\t{THRESHOLD:.2f}\t")
    lines.append(f"threshold\t{TEXT_THRESHOLD:.2f}\ttext")
    lines += [f"report\t{weight:.3f}\t{name}" for name, weight in report.items()]
    lines += [f"text\t{weight:.2f}\t{name}" for name, weight in sorted(text.items())]
    OUT.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{OUT.relative_to(ROOT)}: {len(text)} + {len(report)} weights")


def look(paths: list[Path], catalog: Catalog) -> None:
    """Add to the first looks what the rules, without the scorer, tell of texts they have not learnt from."""
    with LOOKS.open("a", encoding="utf-8") as out:
        for path in paths:
            for row in rows(path):
                expect = row["expect"]
                at = datetime.fromisoformat(row["published"].replace("Z", "+00:00"))
                article = Article(
                    id=row["id"], feed="blind", publisher="blind", title=row["title"],
                    body=row.get("body") or "", first_seen_at=at, published_at=at, revision="1",
                )  # fmt: skip
                found = understand(article, catalog, _WITHOUT_SCORER)
                told = alerting(found.candidates)
                if expect.get("ambiguous") or not told:
                    continue
                title, lead = kinds(row["title"], row.get("body") or "", row["lang"], catalog)
                features = scorer.report_features(
                    told, found.candidates, 0.0, has_lead=bool(row.get("body"))
                )
                del features["text"], features["text, bare"]
                record = {
                    "id": row["id"],
                    "incursion": expect["incursion"],
                    "strictly": scorer.weighable(told, len(row.get("body") or "")),
                    "title": title,
                    "lead": lead,
                    "features": features,
                }
                out.write(json.dumps(record, ensure_ascii=False) + "\n")


def main(arguments: list[str]) -> None:
    """Run the command."""
    catalog = load_catalog(None)
    if arguments[:1] == ["look"]:
        look([Path(name) for name in arguments[1:]], catalog)
        return
    labelled, looks = list(texts(catalog)), list(rows(LOOKS))
    print(
        f"{len(labelled)} texts, {sum(one.incursion for one in labelled)} of them hits; {len(looks)} first looks"
    )
    outside = score_outside(labelled, looks)
    validate(looks, outside)
    if arguments[:1] == ["train"]:
        train(labelled, looks, outside)


if __name__ == "__main__":
    main(sys.argv[1:])
