"""How many: the number of objects that a sentence gives, and whose number it is. Pure."""

from __future__ import annotations

import re

from streams.catalog.languages import Language
from streams.understand.frame import Frame
from streams.understand.lexicon import Hit
from streams.understand.sentence import Line
from streams.understand.text import fold

#: The number of a model, or of the clock, counts nothing: F-35, Su-30, Geran-2, 21.30.
_NO_COUNT = re.compile(r"[^\W\d_]-?\d+|(?<!\d)\d{1,2}[.:]\d\d(?!\d)")
_YEAR = re.compile(r"(?:19|20)\d\d$")
_COUNTED_WORDS = 2  # between a deed and the number of those it was done to


def _as_letters(match: re.Match[str]) -> str:
    return "x" * len(match.group())


def count_of(frame: Frame, language: Language) -> tuple[int | None, int | None]:
    """Return how many objects, from a number within three words before the object."""
    hit = frame.object_hit
    if hit is None:
        return None, None
    number = _number_before(hit, frame.line, language)
    deed, clause = frame.action_hit, frame.clause
    is_elsewhere = not clause.start <= hit.start < clause.end
    if is_elsewhere and deed is not None and deed.says("enter", "crash", "violate"):
        own = _number_before(deed, frame.line, language)  # "600 drones; 19 entered Poland"
        number = own if own is not None else number
    if number is None and deed is not None and deed.says("incursion") and deed.start < hit.start:
        number = _number_before(deed, frame.line, language)  # "19 violations by drones"
    if number is not None:
        return number, number
    if any(abs(m.start - hit.start) < 30 for m in frame.line.clauses[0].all("many")):
        return 2, None
    return None, None


def _number_before(hit: Hit, line: Line, language: Language) -> int | None:
    """Return the number within three words before a noun, in its clause; of nothing in between.

    "12 balloons", "12 from Belarus drifted-in balloons".
    """
    clause = next((c for c in line.clauses if any(hit is one for one in c.hits)), None)
    if clause is None:
        return None  # the noun is borrowed from another sentence
    begin = max([clause.start, *(one.end for one in clause.hits if _has_number(one, hit))])
    first = max(begin, hit.start - 40)
    text = _NO_COUNT.sub(_as_letters, line.field.text[first : hit.start])
    came = any(part.role == "from" and first <= part.hit.start < hit.start for part in clause.parts)
    for word in reversed(fold(text).split()[-(5 if came else 3) :]):
        if (number := _number(word, language)) is not None:
            return number
    return None


def _has_number(one: Hit, thing: Hit) -> bool:
    """Tell whether a number before this word is its own: "two reports of drones"."""
    is_noun = one.says("said", "official", "incident", "incursion")
    return one.end <= thing.start and (is_noun or (one.says("sighted") and " " in one.term.text))


def _number(word: str, language: Language) -> int | None:
    if word.isdigit() and len(word) <= 4 and not _YEAR.match(word):
        return int(word)
    return language.numbers.get(word)


def has_own_number(frame: Frame, language: Language) -> bool:
    """Tell whether a deed has its own number beside that of an object elsewhere: "four shot down"."""
    deed, thing, clause = frame.action_hit, frame.object_hit, frame.clause
    if deed is None or thing is None or clause.start <= thing.start < clause.end:
        return False
    folded = frame.line.field.folded
    beside = folded[clause.start : deed.start].split()[-_COUNTED_WORDS:]
    beside += folded[deed.end : clause.end].split()[:_COUNTED_WORDS]
    return any(_number(word, language) is not None for word in beside)
