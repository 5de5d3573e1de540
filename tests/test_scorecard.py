"""The committed scorecard: what the corpora gave when it was written; a fall fails."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SHARED
from test_understand import catalog

from streams.articles import articles_from_files
from streams.backtest import run_backtest
from streams.labels import labelled
from streams.records import Article
from streams.scorecard import scorecard

CARD = ROOT / "tests" / "data" / "scorecard.json"
CORPORA = {
    "incidents and traps": ("seeds/articles/incidents.jsonl", "seeds/articles/traps.jsonl"),
    "blind round 1, now training": ("tests/data/blind/round-1.jsonl",),
    "blind round 2, now training": ("tests/data/blind/round-2.jsonl",),
    "blind round 3, now training": ("tests/data/blind/round-3.jsonl",),
    "blind round 4, now training": ("tests/data/blind/round-4.jsonl",),
    "blind round 5, now training": ("tests/data/blind/round-5.jsonl",),
    "blind round 6, now training": ("tests/data/blind/round-6.jsonl",),
    "blind round 7, now training": ("tests/data/blind/round-7.jsonl",),
    "blind round 8, now training": ("tests/data/blind/round-8.jsonl",),
    "blind round 9, now training": ("tests/data/blind/round-9.jsonl",),
    "blind round 10, now training": ("tests/data/blind/round-10.jsonl",),
    "blind round 11, now training": ("tests/data/blind/round-11.jsonl",),
    "blind round 12": ("tests/data/blind/round-12.jsonl",),
    "shared sample": ("articles/sample.jsonl",),
}
SHARES = ("precision", "recall", "country", "date", "language")
#: Rounding, and the edge of one text more or less in a hundred, is no fall.
TOLERANCE = 0.011


def measured(files: list[Path]) -> dict[str, float]:
    """Return the shares of the unambiguous texts of some files, three digits."""
    names = [str(path) for path in files]
    articles = [found for found in articles_from_files(names) if isinstance(found, Article)]
    rows = [verdict.as_json() for verdict in run_backtest(articles, catalog()).verdicts]
    card: dict[str, Any] = scorecard(labelled(names, rows))
    clear = card["unambiguous"]
    found = {key: clear[key]["value"] for key in ("precision", "recall")}
    found |= {key: card[key].value for key in ("country", "date", "language")}
    return {key: round(value, 3) for key, value in found.items() if value is not None}


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_no_corpus_falls_below_the_committed_scorecard(name: str) -> None:
    root = SHARED if name == "shared sample" else ROOT
    files = [root / path for path in CORPORA[name]]
    if not all(path.exists() for path in files):
        pytest.skip(f"{name} is missing: the shared material is not beside the project")
    now = measured(files)
    card = json.loads(CARD.read_text(encoding="utf-8")) if CARD.exists() else {}
    if os.environ.get("UPDATE_GOLDEN"):
        CARD.write_text(json.dumps(card | {name: now}, indent=1, sort_keys=True) + "\n")
        return
    fallen = {
        key: (now.get(key), was)
        for key, was in card[name].items()
        if now.get(key, 0.0) < was - TOLERANCE
    }
    assert not fallen, f"{name}: now, committed: {fallen}"
