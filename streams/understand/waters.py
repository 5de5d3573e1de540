"""How far off a coast: beyond twelve sea miles no state's waters reach. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.understand.sentence import Line

#: Miles, folded; on land a mile is none of the sea's: a sea, a ship or its own word must say so.
_MILES = re.compile(
    r"\b(\d{1,3}) ((?!km)\w+ )?("
    r"miles?|millas|milhas|miglia|milles|mile|milj[ea]?|mil|zeemijl\w*|mijl|seemeilen|sjomil\w*|"
    r"somil|мил\w*|μιλι\w*|meripeninkulm\w*|meremiil\w*|jurmyli\w*|judz\w*)( morsk\w+)?\b"
)
_AT_SEA = re.compile(r"nau|nav|namor|mor|deniz|sea|sjo|so|zee|mer|jur|мор|нау|ναυ")
_TERRITORIAL_MILES = 12


def is_beyond_waters(line: Line) -> bool:
    """Tell whether a sentence puts it more than twelve miles off a coast."""
    off = _MILES.search(line.field.folded, line.sentence.start, line.sentence.end)
    if off is None or int(off[1]) <= _TERRITORIAL_MILES:
        return False
    named = any(
        map(_AT_SEA.match, filter(None, ((off[2] or "").strip(), off[3], (off[4] or "").strip())))
    )
    at_sea = line.first("ship", "waters") or any(part.part == "shared" for part in line.parts)
    return bool(named or at_sea)
