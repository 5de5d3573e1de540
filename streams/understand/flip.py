"""The smallest change that turns a verdict, found by trying; for `explain`. Pure.

First single words: the one that closed a gate, or filled a role, is taken out of the text. Where
no word does it, slots and gates of one candidate are changed, as few as possible.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from streams.catalog import Catalog
from streams.catalog.concepts import WATCHED
from streams.records import Article
from streams.understand.lexicon import Hit
from streams.understand.report import PROMINENCE, Candidate
from streams.understand.text import Field
from streams.understand.verdict import Understanding, understand
from streams.understand.whatif import WhatIf

#: Changes to one candidate at most; more than so many is another story.
MAX_CHANGES = 4
_MAX_CANDIDATES = 12
_NO_LAND = ("no_territory", "other_theatre", "near_border")


@dataclass(frozen=True, slots=True)
class Flip:
    """The smallest change that turned the verdict."""

    verdict: bool  #: incursion, after the change
    field: str | None = None  #: of the word that is taken out
    start: int = 0
    end: int = 0
    removed: str | None = None  #: the word
    what: str = ""  #: which role or gate the word was
    what_if: WhatIf | None = None  #: changes of slots and gates, when no word does it
    sentence: int = 0  #: number of the candidate that they change, from 1, as explain prints it

    def as_json(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return {
            "incursion": self.verdict,
            "field": self.field,
            "start": self.start,
            "end": self.end,
            "word": self.removed,
            "what": self.what,
            "changes": self.what_if.changes if self.what_if else [],
            "sentence": self.sentence or None,
        }


def find_flip(found: Understanding, catalog: Catalog) -> Flip | None:
    """Return the smallest change that flips the verdict; None when none of those tried does.

    Args:
        found: The article, understood.
        catalog: The seeds in force.
    """
    return _by_word(found, catalog) or _by_slots(found, catalog)


def without(article: Article, word: str) -> Article:
    """Return the article with every occurrence of a word taken out."""
    changes = {
        name: getattr(article, name).replace(word, " ") for name in ("title", "summary", "body")
    }
    return msgspec.structs.replace(article, **changes)


def _by_word(found: Understanding, catalog: Catalog) -> Flip | None:
    trials: list[tuple[str, Hit, Field]] = []
    for ordinal in nearest_first(found.candidates):
        candidate = found.candidates[ordinal]
        line, gate = candidate.frame.line, candidate.gate
        if gate is not None and gate.hit is not None and not found.tagged.incursion:
            trials.append((f"gate {gate.name}", gate.hit, _field_of(gate.hit, candidate, found)))
        if gate is None and found.tagged.incursion:
            part = candidate.found.part if candidate.found else None
            for what, hit in (
                ("action", candidate.frame.action_hit),
                ("object", candidate.frame.object_hit),
                ("territory", part.hit if part else None),
            ):
                if hit is not None:
                    trials.append((what, hit, line.field))
    for what, hit, field in trials:
        word = field.text[hit.start : hit.end]
        verdict = understand(without(found.article, word), catalog).tagged.incursion
        if verdict != found.tagged.incursion:
            span = field.span(hit.start, hit.end)
            return Flip(verdict, field.name, span.start, span.end, word, what)
    return None


def _by_slots(found: Understanding, catalog: Catalog) -> Flip | None:
    """Return the fewest changes to one candidate that turn a miss into a hit."""
    if found.tagged.incursion:
        return None
    named = [part.country for line in found.lines for part in line.parts]
    country = next((code for code in named if code in WATCHED), None)
    best: Flip | None = None
    for ordinal in nearest_first(found.candidates)[:_MAX_CANDIDATES]:
        candidate = found.candidates[ordinal]
        change: WhatIf | None = WhatIf(ordinal)
        then: Candidate | None = candidate
        for number in range(1, MAX_CHANGES + 1):
            if best is not None and best.what_if and number >= len(best.what_if.changes):
                break
            change = _answer(change, then, country) if change and then else None
            if change is None:
                break
            other = understand(found.article, catalog, change)
            if other.tagged.incursion:
                best = Flip(True, what_if=change, sentence=ordinal + 1)
                break
            then = other.candidates[ordinal] if ordinal < len(other.candidates) else None
    return best


def nearest_first(candidates: list[Candidate]) -> list[int]:
    """Return the candidates' indexes: reports first, then what came nearest to being one."""
    return sorted(
        range(len(candidates)),
        key=lambda n: (
            candidates[n].gate is not None,
            candidates[n].kind is None,
            PROMINENCE.index(candidates[n].prominence),
        ),
    )


def _answer(change: WhatIf, candidate: Candidate, country: str | None) -> WhatIf | None:
    """Return the change with one more that answers what keeps the candidate from being told."""
    gate = candidate.gate
    if candidate.kind is None:
        if not change.is_hostile:
            return replace(change, is_hostile=True)
        return None if change.action else replace(change, action="enter")
    if gate is None:
        return None if change.is_fresh else replace(change, is_fresh=True)
    if gate.name in _NO_LAND and change.country is None:
        own = candidate.found.country if candidate.found else None
        return replace(change, country=own if own in WATCHED else country or "PL")
    if gate.name == "background" and not change.is_lead:
        return replace(change, is_lead=True)
    if gate.name == "past" and gate.hit is None and not change.is_fresh:
        return replace(change, is_fresh=True)
    return None if gate.name in change.open else replace(change, open=change.open | {gate.name})


def _field_of(hit: Hit, candidate: Candidate, found: Understanding) -> Field:
    """Return the field that a gate's word stands in: the frame's own, else the title."""
    line = candidate.frame.line
    if line.sentence.start <= hit.start < line.sentence.end:
        return line.field
    return found.lines[0].field if found.lines else line.field
