"""An attack on another state that is seen, heard or felt in a watched one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.catalog.concepts import AGGRESSORS, OBJECTS, WATCHED
from streams.understand.lexicon import Hit
from streams.understand.sentence import PASSING, Line, Part

if TYPE_CHECKING:
    from streams.understand.frame import Frame

_ORIGINS = ("origin", "person", "speaker", "near", "border")


def felt_from_afar(frame: Frame, title: Line | None) -> Hit | None:
    """Return the attack on another state whose blast or glow is all that reached this one.

    "The drone's strike on a Ukrainian port rattled panes in Plauru": no drone was in Plauru.
    """
    if not frame.actions <= PASSING:
        return None
    line, thing = frame.line, frame.object_hit
    attack = line.first("attack", "strike")
    named = [*line.parts, *(title.parts if title else [])]
    if attack is None or thing is None or not any(map(_is_struck, named)):
        return None
    there = next((c for c in line.clauses if c.start <= attack.start < c.end), None)
    if there is None or not there.start <= thing.start < there.end:
        return None  # "the port was attacked; one drone was seen over Tulcea"
    if any(p.country in WATCHED and p.hit.start < attack.start for p in there.parts):
        return None  # "drones over Romania during an attack on Ukraine"
    return attack


def _is_struck(part: Part) -> bool:
    """Tell whether a part is of a state at war, and not whose drone it is or where it came from."""
    if not part.country or part.country in WATCHED:
        return False
    if part.country in AGGRESSORS:
        return part.part == "location" and part.place is not None  # "blasts in Ust-Luga"
    is_its = part.head is not None and part.head.says(*OBJECTS)
    return part.part not in _ORIGINS and not is_its


def is_its_fire(line: Line, others: list[Line]) -> bool:
    """Tell whether what was seen or heard without an object is of the attack that stands above.

    "Drone attack on Izmail || The explosions were heard as far as Tulcea".
    """
    return any(
        one.first("attack", "strike") is not None
        and any(map(_is_struck, one.parts))
        and not any(p.country in WATCHED and p.part == "location" for p in one.parts)
        for one in others
        if one is not line and one.field.name == "title"
    )


def on_other_side(frame: Frame) -> Hit | None:
    """Return the word that puts a strike across the border: "shot down over the other bank, heard in"."""
    own = any(part.country in WATCHED for part in frame.clause.parts)
    if own or not frame.actions & {"strike", "shot_down"}:
        return None
    return frame.clause.first("near")
