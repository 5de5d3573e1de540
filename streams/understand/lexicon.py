"""One Aho-Corasick pass over folded text gives the hits of a language's terms. Pure.

The automaton finds the first word's stem of each term; what stands behind it (the ending, further
words, gaps) is checked on the spot. A hit inside a longer hit is its part and falls away: "drone"
in "drone wall" is no drone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick, Implementation

from streams.catalog.languages import GAP, GAP_WORDS, Term, Word


@dataclass(slots=True)
class Hit:
    """A term in a field; offsets in characters of the field's text."""

    start: int
    end: int
    term: Term
    role: str | None = None  #: of a place: from its ending, or the preposition before it

    @property
    def concepts(self) -> tuple[str, ...]:
        """Return the concepts said here; empty for countries and places."""
        return self.term.concepts

    def says(self, *concepts: str) -> bool:
        """Tell whether one of these concepts is said here."""
        return any(concept in concepts for concept in self.term.concepts)


class Lexicon:
    """The terms of one language (and those of all languages), compiled."""

    def __init__(self, terms: Iterable[Term]) -> None:
        by_pattern: dict[str, list[Term]] = defaultdict(list)
        for term in terms:
            by_pattern[_pattern(term.words[0])].append(term)
        self._terms = list(by_pattern.values())
        patterns = list(by_pattern)
        self._automaton = (
            AhoCorasick(patterns, implementation=Implementation.ContiguousNFA) if patterns else None
        )

    def find(self, folded: str) -> list[Hit]:
        """Return all hits in a folded text, sorted, those inside longer ones included."""
        if self._automaton is None:
            return []
        padded = f" {folded} "
        hits: list[Hit] = []
        seen: set[tuple[int, int, int]] = set()
        for index, start, end in self._automaton.find_matches_as_indexes(padded, overlapping=True):
            for term in self._terms[index]:
                hit = _complete(padded, start, end, term)
                if hit is not None and (key := (hit.start, hit.end, id(term))) not in seen:
                    seen.add(key)
                    hits.append(hit)
        hits.sort(key=lambda hit: (hit.start, -hit.end))
        return hits


def outermost(hits: list[Hit]) -> list[Hit]:
    """Return the hits that are not a part of a longer one; equal spans stay, equal words once.

    A term with a gap covers nothing: what stands in its gap is another matter.

    Args:
        hits: Sorted by start, longest first.
    """
    kept: list[Hit] = []
    reach_start, reach_end = 0, -1
    said: set[tuple[object, ...]] = set()
    for hit in hits:
        meaning = (
            hit.start,
            hit.end,
            hit.term.concepts,
            hit.term.country,
            hit.term.form,
            hit.term.place,
        )
        if meaning in said:
            continue
        is_gapped = any(word is GAP for word in hit.term.words)
        if hit.end > reach_end and not is_gapped:
            reach_start, reach_end = hit.start, hit.end
        elif not is_gapped and not (hit.start == reach_start and hit.end == reach_end):
            continue
        said.add(meaning)
        kept.append(hit)
    return kept


def _pattern(word: Word) -> str:
    if word.is_head:
        return word.stem
    return f" {word.stem} " if word.endings == frozenset({""}) else f" {word.stem}"


def _complete(padded: str, start: int, end: int, term: Term) -> Hit | None:
    """Return the hit when the ending and the further words fit; `start`, `end` of the pattern."""
    first = term.words[0]
    if not first.is_head and len(term.words) == 1 and padded[end - 1] == " ":
        return Hit(start, end - 2, term, first.roles.get("") if first.roles else None)
    if first.is_head:
        token_start = padded.rfind(" ", 0, start) + 1
        stem_end = end
    else:
        token_start = start + 1
        stem_end = token_start + len(first.stem)
    token_end = padded.find(" ", stem_end)
    if token_end < 0:
        token_end = len(padded)
    ending = padded[stem_end:token_end]
    if first.endings is not None and ending not in first.endings:
        return None
    role = first.roles.get(ending)
    position = token_end
    gap = 0
    for word in term.words[1:]:
        if word is GAP:
            gap = GAP_WORDS
            continue
        while True:
            token_start_next, token_end_next = _next_token(padded, position)
            if token_start_next < 0:
                return None
            token = padded[token_start_next:token_end_next]
            position = token_end_next
            if word.matches(token):
                role = word.roles.get(token[len(word.stem) :], role)
                gap = 0
                break
            if gap == 0:
                return None
            gap -= 1
    return Hit(token_start - 1, position - 1, term, role)


def _next_token(padded: str, position: int) -> tuple[int, int]:
    length = len(padded)
    while position < length and padded[position] == " ":
        position += 1
    if position >= length:
        return -1, -1
    end = padded.find(" ", position)
    return position, end if end >= 0 else length
