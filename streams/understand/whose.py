"""What a sentence says of whose land it speaks of, for the territory ladder. Pure."""

from __future__ import annotations

from streams.catalog.concepts import AGGRESSORS, WATCHED
from streams.understand.lexicon import Hit
from streams.understand.sentence import Clause, Line, Part

_AT = ("location", "territory")


def is_named_beside(line: Line, clause: Clause) -> bool:
    """Tell whether another clause of the sentence says where it was."""
    return any(
        part.place and part.part in _AT and part.role != "into" and part.country in WATCHED
        for other in line.clauses
        if other is not clause
        for part in other.parts
    )


def is_shot_out_of(part: Part, action: Hit | None) -> bool:
    """Tell whether "out of the Polish sky" says where something was shot down."""
    if part.part != "origin" or action is None or not action.says("shot_down"):
        return False
    return part.country in WATCHED and part.head is not None and part.head.says("airspace")


def is_guarded(clause: Clause) -> bool:
    """Tell whether a home paper's headline needs no country: "Unknown drones over the barracks"."""
    marked = clause.first("unidentified", "many", "hostile") is not None
    return marked and clause.first("base", "critical", "home", "our") is not None


def is_about_us(line: Line) -> bool:
    """Tell whether Ukraine is named only as whose object it is, or where it came from."""
    return any(part.country == "UA" and part.part in ("owner", "origin") for part in line.parts)


def is_foreign(part: Part) -> bool:
    """Tell whether a part is of a state at war that is neither watched nor the aggressor."""
    return is_elsewhere(part) and part.role != "near"


def is_elsewhere(part: Part) -> bool:
    """Tell whether a part is of a state that is neither watched nor the one that is accused."""
    return bool(part.country) and part.country not in WATCHED | AGGRESSORS


def is_namesake(part: Part, line: Line) -> bool:
    """Tell whether a town shares its name with one of another state that the sentence names."""
    twins = {p.country for p in line.parts if p.place and p.hit.start == part.hit.start}
    named = {p.country for p in line.parts if p.place is None and p.role != "from"}
    return (
        part.place is not None
        and part.country not in named
        and bool((twins - {part.country}) & named)
    )
