"""A name beside a border, a coast or a base: whose it is, and not where something was. Pure."""

from __future__ import annotations

from streams.catalog.concepts import AGGRESSORS
from streams.catalog.languages import Language
from streams.understand.lexicon import Hit
from streams.understand.roles import right_before
from streams.understand.sentence import Clause
from streams.understand.text import Field

_AT_BORDER = 10  # characters
_S = 3  # "'s "
_COAST_WORDS = 2  #: a preposition and a noun: is "undan strönd Rúmeníu"


def is_of_base_left(clause: Clause, index: int, field: Field, language: Language) -> bool:
    """Tell whether a town is that of a base that somebody left: "from the base in Šiauliai"."""
    hit, before = clause.hits[index], clause.hits[index - 1] if index else None
    if (
        before is None
        or not before.says("base")
        or len(field.folded[before.end : hit.start].split()) > 1
    ):
        return False
    return right_before(field.folded, clause, before, language) == "from"


def is_of_coast(hit: Hit, clause: Clause, field: Field, language: Language) -> bool:
    """Tell whether what it is near is a thing of the state: "off Romania's coast", "a town in"."""
    borders = [one for one in clause.hits if one.says("border", "near")]
    near = any(abs(hit.start - one.end) <= _AT_BORDER for one in borders)
    if hit.term.form != "name" or near or any(one.start - hit.end == _S for one in borders):
        return False
    if field.text[hit.end : hit.end + 3] in ("'s ", "’s "):
        return True
    words = field.folded[clause.start : hit.start].split()[-_COAST_WORDS:]
    last = language.prepositions.get(words[-1]) if words else None
    pair = language.prepositions.get(" ".join(words[-2:]))
    if last or pair or len(words) < _COAST_WORDS:
        return False  # the preposition governs the state itself
    return language.prepositions.get(words[-2]) == "near"


#: Prepositions of "the border with": pl z, cs s, ru с, uk з; de zu, da til, sv till; en with.
_WITH = frozenset(["z", "ze", "s", "se", "so", "sa", "с", "со", "з", "із", "зі", "са", "са"])
_BORDERS_TO = frozenset(["til", "till", "zu", "with"])


def is_border_with(clause: Clause, index: int, field: Field) -> bool:
    """Tell whether a name says whose border the word before it means: "the border with Lithuania"."""
    hit, before = clause.hits[index], clause.hits[index - 1] if index else None
    if before is None or hit.term.form != "name" or hit.term.country in AGGRESSORS:
        return False
    between = field.folded[before.end : hit.start].split()
    if len(between) != 1:
        return False
    if between[0] in _WITH:
        return before.says("border")
    is_land = before.says("border", "near") or (
        before.says("airspace") and clause.first("closed") is None
    )
    return between[0] in _BORDERS_TO and is_land
