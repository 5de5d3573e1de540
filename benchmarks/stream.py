"""A stream of articles as feeds give it: 80 % up to 400 characters, 20 % about 4,500.

Made of the replay corpus's own sentences, so nearly every article speaks of drones, borders and
armies: more work for detection than ordinary news. One in a hundred is an incident of the corpus.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from streams.records import Article, content_id

CORPUS = Path(__file__).resolve().parent.parent / "seeds" / "articles"
SHORT_CHARS = 400
LONG_CHARS = 4500
START = datetime(2026, 1, 1, tzinfo=UTC)


def corpus(name: str) -> list[dict[str, Any]]:
    """Return the lines of one corpus file."""
    text = (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def articles(count: int, seed: int = 1) -> Iterator[Article]:
    """Yield `count` articles, the same for the same seed."""
    chance = random.Random(seed)
    by_language: dict[str, list[dict[str, Any]]] = {}
    for line in corpus("traps"):
        by_language.setdefault(line.get("lang", "en"), []).append(line)
    incidents = corpus("incidents")
    languages = sorted(by_language)
    for number in range(count):
        language = chance.choice(languages)
        texts = by_language[language]
        title = chance.choice(texts)["title"]
        if chance.random() < 0.01:
            line = chance.choice(incidents)
            title, body = line["title"], line["body"]
        elif chance.random() < 0.8:
            body = chance.choice(texts)["body"][: SHORT_CHARS - len(title)]
        else:
            body = ""
            while len(body) < LONG_CHARS:
                body += chance.choice(texts)["body"] + "\n"
        yield Article(
            id=f"bench-{seed}-{number}",
            feed=f"bench-{number % 50}",
            publisher=f"publisher-{number % 50}",
            title=title,
            body=body,
            revision=content_id(title, body, str(number)),
            first_seen_at=START + timedelta(seconds=number),
            published_at=START + timedelta(seconds=number),
            theatre="replay",
        )
