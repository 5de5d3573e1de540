"""Headlines without a verb: an object and a place side by side tell that it was there. Pure."""

from __future__ import annotations

from streams.catalog.concepts import WATCHED
from streams.understand.lexicon import Hit
from streams.understand.sentence import Clause, Line, Part
from streams.understand.thing import SITE_KINDS

_NEAR_CHARS = 40
_SITES = ("airport", "base", "critical")
_VERBLESS_WORDS = 2
#: Of prepositions that are several words: "au-dessus de", "por encima de", "in the skies above".
_ABOVE = frozenset(
    [
        "au",
        "dessus",
        "de",
        "du",
        "des",
        "por",
        "encima",
        "cima",
        "em",
        "oberhalb",
        "von",
        "in",
        "the",
        "skies",
        "above",
    ]
)
_REGION_WORDS = 5
_MEASURED_WORDS = 3  #: "a drone 50 minutes over Romania"
#: What makes an object and a place news without a verb.
_TELLING = (
    "hostile",
    "unidentified",
    "airspace",
    "our",
    "home",
    "many",
    "shadow_fleet",
    "again",
    *_SITES,
)


def stands_in(line: Line, clause: Clause, thing: Hit) -> bool:
    """Tell whether a watched place right beside the object says where it is: "drones over Riga"."""
    folded = line.field.folded
    for part in clause.parts:
        is_here = part.part in ("location", "territory") or (part.part == "origin" and part.place)
        if not is_here or part.country not in WATCHED:
            continue  # "the Galați drone" came down there: it does not come from there
        is_site = part.head is not None and part.head.says(*_SITES)
        says_where = is_site or part.place is not None or _leads_to(line, thing, part)
        says_where = says_where or part.role in ("in", "into", "over", "at")
        if not says_where and part.part != "territory":
            continue
        if part.hit.start < thing.start:  # "Riga: drones", not "In Riga they watch birds by drone"
            is_title = line.field.name == "title" or clause.first(*_TELLING, "wreckage") is not None
            if is_title and len(folded[part.hit.end : thing.start].split()) <= 1:
                return True
        elif part.hit.start - thing.end <= _NEAR_CHARS:
            # with a verb that we do not know in between, it need not be there: "drones drew a horse over"
            words = [w for w in folded[thing.end : part.hit.start].split() if w not in _ABOVE]
            between = len(words)
            is_telling = is_site or part.part == "territory" or not thing.says("drone")
            is_telling = is_telling or clause.first(*_TELLING, "wreckage") is not None
            is_telling = is_telling or _leads_to(line, thing, part)
            lasted = between <= _MEASURED_WORDS and any(
                word.isdigit()
                for word in (*words, *folded[part.hit.end : part.hit.end + 20].split()[:1])
            )
            if is_telling or lasted or between <= _VERBLESS_WORDS:
                return True
    if thing.says("wreckage") and clause.first("locality", *_SITES):
        return True
    site = clause.first("base", "critical", "airport")
    if thing.says("drone") and site is not None:
        if clause.first("unidentified", "many") and not site.says("airport"):
            return True  # "unknown drones over the nuclear plant tonight", in the home press
        is_after = thing.end <= site.start
        between = len(folded[thing.end : site.start].split())
        if is_after and between <= _VERBLESS_WORDS and _is_told(line):
            return True  # "drones over the base at Karlskrona, says the army"
    if clause.first("home") and clause.first("hostile", "unidentified"):
        return True  # "because of the Russian drone in the country's airspace"
    return bool(clause.first("our", "nato_state") and clause.first("airspace", "our", "nato_state"))


def _leads_to(line: Line, thing: Hit, part: Part) -> bool:
    """Tell whether a preposition right behind the object leads to the place: "over the east of X"."""
    words = line.field.folded[thing.end : part.hit.start].split()
    pair = line.prepositions.get(" ".join(words[:2]))
    first = pair or (line.prepositions.get(words[0]) if words else None)
    if any(line.prepositions.get(word, "of") != "of" for word in words[2 if pair else 1 :]):
        return False  # "over the eruption on Reykjanes"
    is_where = first in ("in", "over", "at", "on") and len(words) <= _REGION_WORDS
    return is_where and line.field.name == "title"


def is_beside_site(line: Line, clause: Clause, thing: Hit) -> bool:
    """Tell whether a headline has a drone in one half and a watched airport or base in the other.

    "Controller sees drone: Leipzig/Halle handles no more freight": whatever the verbs are.
    """
    if line.field.name != "title" or not thing.says("drone") or clause.opener in ("if", "against"):
        return False
    return any(
        part.kind in SITE_KINDS and part.country in WATCHED
        for other in line.clauses if other is not clause
        for part in other.parts
    )  # fmt: skip


def _is_told(line: Line) -> bool:
    """Tell whether what stands there without a verb is told: an authority, a reaction, a town."""
    if line.first("official", "said", "react", "confirm") is not None:
        return True
    return any(part.place and part.country in WATCHED for part in line.parts)
