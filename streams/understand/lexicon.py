"""One Aho-Corasick pass over folded text gives the hits of a language's terms. Pure.

The automaton finds a term up to its first changing ending: whole words in a row are one pattern,
so that "in the night" costs nothing where only "in the" stands. What comes behind (the ending,
further words, gaps) is checked on the spot. A hit inside a longer hit is its part and falls away:
"drone" in "drone wall" is no drone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from ahocorasick_rs import AhoCorasick, Implementation

from streams.catalog.concepts import ACTIONS
from streams.catalog.languages import GAP, GAP_WORDS, Term, Word
from streams.collecting import paused


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
        for concept in self.term.concepts:  # noqa: SIM110 - the innermost loop: a generator costs
            if concept in concepts:
                return True
        return False


_WHOLE = frozenset({""})


class _Rest(NamedTuple):
    """What of a term its pattern leaves to be checked; unpacked at each match, for speed."""

    term: Term
    word: Word | None  #: whose ending follows the pattern; None: the pattern ends with a word
    tail: tuple[Word, ...]  #: words and gaps after it
    role: str | None  #: from the whole words of the pattern
    comes: str = ""  #: how the tail must begin: most matches end at this look, before `_tail`


class Lexicon:
    """The terms of one language (and those of all languages), compiled."""

    def __init__(
        self, terms: Iterable[Term], is_first: Callable[[Term], bool] = lambda _: True
    ) -> None:
        """Compile the terms.

        Args:
            terms: Of the language, and of all languages.
            is_first: Whether a term belongs to the first look; all of them do unless it says no.
        """
        with paused():
            by_pattern: dict[str, list[_Rest]] = defaultdict(list)
            for term in terms:
                pattern, rest = _split(term)
                by_pattern[pattern].append(rest)
            self._rests = [tuple(rests) for rests in by_pattern.values()]
            self._first = [
                tuple(rest for rest in rests if is_first(rest.term)) for rests in self._rests
            ]
            patterns = list(by_pattern)
        self._automaton = (
            AhoCorasick(patterns, implementation=Implementation.ContiguousNFA) if patterns else None
        )

    def find(self, folded: str, *, is_first_look: bool = False) -> list[Hit]:
        """Return the hits in a folded text, sorted, those inside longer ones included.

        Args:
            folded: The text.
            is_first_look: Only the terms of the first look: a quarter of the time.
        """
        if self._automaton is None:
            return []
        text = f" {folded} "
        squeezed = text
        while "  " in squeezed:  # two or three rounds: half the time of an expression
            squeezed = squeezed.replace("  ", " ")
        rests_of = self._first if is_first_look else self._rests
        hits: list[Hit] = []
        heads: set[tuple[int, int, int]] = set()
        for index, start, end in self._automaton.find_matches_as_indexes(
            squeezed, overlapping=True
        ):
            token_end, ending = -1, ""
            for term, word, tail, role, comes in rests_of[index]:
                begin = start
                if word is None:
                    finish = end - 1
                else:
                    if token_end < 0:
                        token_end = squeezed.find(" ", end)
                        ending = squeezed[end:token_end]
                    if word.endings is not None and ending not in word.endings:
                        continue
                    if word.roles:
                        role = word.roles.get(ending, role)
                    finish = token_end
                    if word.is_head:
                        begin = squeezed.rfind(" ", 0, start)
                if comes and not squeezed.startswith(comes, finish):
                    continue
                if tail:
                    finish, role = _tail(squeezed, finish, tail, role)
                    if finish < 0:
                        continue
                if word is not None and word.is_head:
                    key = (begin, finish, id(term))
                    if key in heads:
                        continue
                    heads.add(key)
                hits.append(Hit(begin, finish - 1, term, role))
        if squeezed is not text and hits:
            _stretch(hits, text)
        hits.sort(key=lambda hit: (hit.start, -hit.end))
        return hits


def _stretch(hits: list[Hit], text: str) -> None:
    """Move offsets of the squeezed text to those of the text."""
    is_space = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32) == ord(" ")
    is_kept = np.ones(len(text), dtype=bool)
    is_kept[1:] = ~(is_space[1:] & is_space[:-1])
    origin = np.flatnonzero(is_kept)  # of each squeezed character, its offset in the text
    # offsets of the field: the text begins with one space more
    starts = origin[[hit.start + 1 for hit in hits]].tolist()
    ends = origin[[hit.end for hit in hits]].tolist()
    for hit, start, end in zip(hits, starts, ends, strict=True):
        hit.start, hit.end = start - 1, end


def as_written(hits: list[Hit], text: str, language: str) -> list[Hit]:
    """Return the hits without places whose name stands there in small letters: it is another word.

    "resztki przewodów" are wires, not Przewodów. Hungarian writes what belongs to a town small.

    Args:
        hits: Of the folded text.
        text: As written.
        language: Its tag.
    """
    if language == "hu":
        return hits
    return [
        hit for hit in hits
        if hit.term.place is None
        or hit.term.text.islower()
        or not text[hit.start : hit.end].islower()
    ]  # fmt: skip


_DEEDS = (*ACTIONS, "incursion", "incident", "jet", "helicopter", "ship")


def outermost(hits: list[Hit]) -> list[Hit]:
    """Return the hits that are not a part of a longer one; equal spans stay, equal words once.

    A term with a gap covers nothing: what stands in its gap is another matter. Nor does a deed
    cover the land that its words name ("flew to Poland" still names Poland), nor a craft whose it is.

    Args:
        hits: Sorted by start, longest first.
    """
    kept: list[Hit] = []
    reach_start, reach_end = 0, -1
    cover: Hit | None = None
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
        words = hit.term.words  # a gap has a word on each side
        is_gapped = len(words) > 2 and any(word is GAP for word in words)
        if hit.end > reach_end and not is_gapped:
            reach_start, reach_end, cover = hit.start, hit.end, hit
        elif not is_gapped and not (hit.start == reach_start and hit.end == reach_end):
            names_land = hit.term.country is not None or hit.term.place is not None
            if not (names_land and cover is not None and cover.says(*_DEEDS)):
                continue
        if meaning not in said:
            said.add(meaning)
            kept.append(hit)
    return kept


def _split(term: Term) -> tuple[str, _Rest]:
    """Return a term's pattern, up to its first changing ending, and what remains to be checked."""
    role: str | None = None
    pattern = ""
    for number, word in enumerate(term.words):
        if word is GAP or (word.is_head and number):
            return f"{pattern} ", _rest(term, None, number, role)
        if word.is_head:
            return word.stem, _rest(term, word, number + 1, role)
        pattern = f"{pattern} {word.stem}"
        if word.endings != _WHOLE:
            return pattern, _rest(term, word, number + 1, role)
        role = word.roles.get("", role)
    return f"{pattern} ", _rest(term, None, len(term.words), role)


def _rest(term: Term, word: Word | None, after: int, role: str | None) -> _Rest:
    tail = term.words[after:]
    is_plain = bool(tail) and tail[0] is not GAP and not tail[0].is_head
    return _Rest(term, word, tail, role, f" {tail[0].stem}" if is_plain else "")


def _tail(
    text: str, position: int, words: tuple[Word, ...], role: str | None
) -> tuple[int, str | None]:
    """Return where the further words of a term end, and their role; -1 when they do not stand there.

    Args:
        text: Squeezed: one space between tokens, one at the end.
        position: Offset of the space before the next token.
        words: What must follow; a gap skips up to `GAP_WORDS` tokens.
        role: What the term's earlier words gave.
    """
    gap = 0
    last = len(text) - 1
    for word in words:
        if word is GAP:
            gap = GAP_WORDS
            continue
        while True:
            if position >= last:
                return -1, None
            end = text.find(" ", position + 1)
            token = text[position + 1 : end]
            position = end
            if word.matches(token):
                role = word.roles.get(token[len(word.stem) :], role)
                gap = 0
                break
            if gap == 0:
                return -1, None
            gap -= 1
    return position, role
