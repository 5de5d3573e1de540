"""Labels of recorded articles: read apart from the articles, so that they cannot leak.

A labelled line carries `expect` (see streams/scorecard.py) beside the article's own keys.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from streams.scorecard import Pair


def labelled(files: Iterable[str], rows: Sequence[dict[str, Any]]) -> list[Pair]:
    """Return the verdicts that have labels, each with its label.

    Args:
        files: As given to backtest; plain texts have no labels.
        rows: What `backtest --json` prints, in input order. Of equal ids the first row meets the
            first label.
    """
    waiting: dict[str, deque[dict[str, Any]]] = defaultdict(deque)
    for name in files:
        path = Path(name)
        if path.suffix in (".jsonl", ".ndjson", ".json") and path.is_file():
            for label in _labels(path):
                waiting[str(label["id"])].append(label)
    pairs = []
    for row in rows:
        labels = waiting.get(row["id"])
        if labels:
            label = labels.popleft()
            pairs.append(Pair(row, label, str(label.get("title") or label.get("body") or "")))
    return pairs


def _labels(path: Path) -> Iterable[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue  # told already when the article was read
        expect = value.get("expect") if isinstance(value, dict) else None
        if isinstance(expect, dict) and "incursion" in expect and "id" in value:
            yield value
