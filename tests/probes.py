"""Grammars of headlines: slots of whole phrases, templates of hits and misses, drawn at random.

`python tests/probes.py tests/data/probes/nl.toml` prints what share of some thousand drawn sentences
is judged right, and the slot values whose share of failures stands out, each with an example and why:
how a gap in a lexicon, or a rule that stumbles over word order, is found before a reader finds it.

A grammar is TOML: `lang`; `[slots]` of phrases; `[[hit]]` and `[[miss]]` with `text`, where `{slot}`
stands for any of its phrases and " || " parts the title from the text. Its sentences are dated
13 March 2026, a Friday, so that Tuesday to Friday are fresh.
"""

from __future__ import annotations

import random
import re
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streams.catalog import Catalog, load_catalog
from streams.records import Article
from streams.understand import understand

PUBLISHED = datetime(2026, 3, 13, 8, tzinfo=UTC)
_SLOT = re.compile(r"\{(\w+)\}")
_STANDS_OUT = 0.1


@dataclass(frozen=True)
class Drawn:
    """A drawn sentence, what filled its slots, and what became of it."""

    is_hit: bool
    text: str
    filled: tuple[tuple[str, str], ...]
    is_right: bool
    why: tuple[str, ...]


def draw(path: Path, catalog: Catalog, count: int, seed: int = 7) -> list[Drawn]:
    """Return about `count` judged sentences of a grammar, half hits and half misses."""
    grammar = tomllib.loads(path.read_text(encoding="utf-8"))
    rng = random.Random(seed)
    found: list[Drawn] = []
    for kind in ("hit", "miss"):
        templates = grammar.get(kind, [])
        seen: set[str] = set()
        for number in range(count // 2 if templates else 0):
            template = templates[number % len(templates)]["text"]
            filled = [
                (name, rng.choice(grammar["slots"][name])) for name in _SLOT.findall(template)
            ]
            parts = iter(filled)
            text = " ".join(_SLOT.sub(lambda _, parts=parts: next(parts)[1], template).split())
            text = re.sub(r" ([,:.])", r"\1", text)
            text = text[:1].upper() + text[1:]
            if text not in seen:
                seen.add(text)
                found.append(_judged(text, kind == "hit", filled, grammar["lang"], catalog))
    return found


def _judged(
    text: str, is_hit: bool, filled: list[tuple[str, str]], language: str, catalog: Catalog
) -> Drawn:
    title, _, body = text.partition(" || ")
    article = Article(
        id="probe", revision="1", feed="probe", publisher="Probe", title=title, body=body,
        first_seen_at=PUBLISHED, published_at=PUBLISHED, declared_language=language,
    )  # fmt: skip
    tagged = understand(article, catalog).tagged
    return Drawn(is_hit, text, tuple(filled), tagged.incursion == is_hit, tagged.why[:2])


def share(drawn: list[Drawn], *, is_hit: bool) -> float:
    """Return the share of hits, or of misses, that are judged right; 1.0 if there are none."""
    told = [one.is_right for one in drawn if one.is_hit == is_hit]
    return sum(told) / len(told) if told else 1.0


def main(paths: list[str]) -> None:
    """Print shares and the phrases that fail."""
    catalog = load_catalog()
    for path in map(Path, paths):
        drawn = draw(path, catalog, 2000)
        print(
            f"{path.stem}: hits {share(drawn, is_hit=True):.3f}, misses {share(drawn, is_hit=False):.3f} right"
        )
        all_of = Counter((one.is_hit, slot) for one in drawn for slot in one.filled)
        wrong = Counter(
            (one.is_hit, slot) for one in drawn if not one.is_right for slot in one.filled
        )
        for key, count in wrong.most_common():
            if count / all_of[key] < _STANDS_OUT or count < 2:
                continue
            example = next(one for one in drawn if not one.is_right and key[1] in one.filled)
            print(f"  {count} of {all_of[key]}: {key[1][0]} = {key[1][1]!r}")
            print(f"      {example.text}\n      {'; '.join(example.why)[:200]}")


if __name__ == "__main__":
    main(sys.argv[1:])
