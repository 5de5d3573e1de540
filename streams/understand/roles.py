"""Where, whence, whither: the role that a preposition gives a name. Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from streams.catalog.concepts import AGGRESSORS
from streams.catalog.languages import Language
from streams.understand.lexicon import Hit

if TYPE_CHECKING:
    from streams.catalog.places import Place
    from streams.understand.sentence import Clause, Line, Part

_LOOK_BACK_WORDS = 4
_ADJECTIVE_REACH = 2  # "in the Polish city", not "in the maize field, Russian"
#: Words that may stand between a preposition and the name it belongs to.
_TRANSPARENT = (
    "locality",
    "many",
    "unidentified",
    "airspace",
    "soil",
    "border",
    "airport",
    "base",
    "critical",
    "near",
)


#: Cases that a preposition may govern: "iš Lietuvos" is no genitive.
BARE_CASES = ("of", "acc", "nom")


#: Units of distance, folded: "30 km from Chișinău" is near it.
_UNITS = re.compile(
    r"^(?:km|kilom|kilóm|km|км|килом|кілом|mil[ejy]|mijl|meil|m|metr|mete|méte|μετρ|χλμ|χιλιομ|метр|м)"
)

_LONG_UNITS = re.compile(r"kilom|килом|кілом|mijl|meil|metr|mete|μετρ|χιλιομ|метр")


def is_distance(words: list[str], language: Language) -> bool:
    """Tell whether a number and a unit of distance stand before a preposition."""
    return any(
        (n[:1].isdigit() or n in language.numbers) and _UNITS.match(unit)
        for n, unit in pairwise(words)
    )


def is_metres_off(words: list[str]) -> bool:
    """Tell whether a name follows a unit of distance: "a few hundred metres from Romania"."""
    return any(map(_LONG_UNITS.match, words[-2:]))


def is_measured(line: Line, clause: Clause) -> bool:
    """Tell whether a clause says how far off something is: "some kilometres from Čierna"."""
    words = line.field.folded[clause.start : clause.end].split()
    return any(map(_LONG_UNITS.match, words)) or "km" in words or "км" in words


def right_before(folded: str, clause: Clause, hit: Hit, language: Language) -> str | None:
    """Return the role of a preposition that stands right before the hit."""
    words = folded[max(clause.start, hit.start - 30) : hit.start].split()[-2:]
    if not words:
        return None
    return language.prepositions.get(" ".join(words)) or language.prepositions.get(words[-1])


def preposition(
    folded: str, clause: Clause, hit: Hit, index: int, language: Language
) -> str | None:
    """Return the role of the nearest preposition before the hit, none if another noun stands between."""
    start = clause.start
    for earlier in clause.hits[:index]:
        is_place = earlier.term.country is not None or earlier.term.place is not None
        if is_place:  # "in Poland and Lithuania", not "the drone of Galați was Russian"
            if len(folded[earlier.end : hit.start].split()) > 1:
                start = max(start, earlier.end)
        elif not earlier.says(*_TRANSPARENT):
            # a verb may end in the preposition: "inn í", "останаа во"
            start = max(start, folded.rfind(" ", earlier.start, earlier.end) + 1, earlier.start)
    reach = _ADJECTIVE_REACH if hit.term.form == "adj" else _LOOK_BACK_WORDS
    words = folded[max(start, hit.start - 80) : hit.start].split()[-reach:]
    if folded[hit.end : hit.end + 3] in (" s ", " s") and language.id == "en":
        return "of"
    for count, word in enumerate(reversed(words)):
        pair = " ".join(words[len(words) - 2 - count : len(words) - count])
        role = language.prepositions.get(pair) or language.prepositions.get(word)
        if role:
            return role
    return None


_LONG = re.compile("[āēīū]")


def is_short_locative(text: str, hit: Hit, language: Language) -> bool:
    """Tell whether a Latvian name only looks like a locative without its accents: Maskava, Maskavā."""
    is_short = language.id == "lv" and text[hit.end - 1] in "aeiu"
    return is_short and _LONG.search(text) is not None


#: Nouns that a region of a state may be called by, between its preposition and the state's name.
_OF_REGIONS = ("locality", "soil", "many")
_REGION_WORDS = 3
_REGION_REACH = 6


def region_role(
    folded: str, clause: Clause, hit: Hit, index: int, language: Language
) -> str | None:
    """Return the role of a region's preposition for the state it is of: "in the east of Poland"."""
    start = clause.start
    for earlier in clause.hits[:index]:
        if not earlier.says(*_OF_REGIONS):
            start = max(start, earlier.end)
    words = folded[start : hit.start].split()
    if hit.term.country in AGGRESSORS:
        return None  # ro "pe ambasadorul Rusiei": its envoy is no region of it
    if is_distance(words, language) or any(map(_LONG_UNITS.match, words)):
        return None  # "three kilometres from Lithuania"
    if hit.role == "near":  # "in the north of Romania"
        pair = " ".join(words[-2:])
        before = words[-4:-2] if language.prepositions.get(pair) == "near" else []
        role = language.prepositions.get(before[0]) if len(before) > 1 else None
        return role if role in ("in", "over", "at") else None
    words = words[-_REGION_REACH:]
    for first in range(len(words) - 1):  # "au-dessus de la Pologne"
        for length in (3, 2):
            role = language.prepositions.get(" ".join(words[first : first + length]))
            if role in ("in", "over", "at"):
                return role
    while words and language.prepositions.get(words[-1]) == "of":
        words.pop()
    for count, word in enumerate(reversed(words[-_REGION_WORDS:])):
        role = language.prepositions.get(word)
        if role in ("in", "into", "over", "at", "on") and count:
            return "in" if role == "on" else role
    return None


#: "And" of all languages.
AND = frozenset(
    [
        "and",
        "und",
        "et",
        "y",
        "e",
        "i",
        "oraz",
        "ir",
        "un",
        "ja",
        "ning",
        "och",
        "og",
        "en",
        "és",
        "și",
        "si",
        "a",
        "in",
        "ve",
        "dhe",
        "та",
        "і",
        "й",
        "и",
        "да",
        "ды",
        "και",
    ]
)
_SHARED = ("from", "to", "in", "into", "over", "at")


def shared_roles(line: Line) -> list[tuple[Part, str]]:
    """Return the names of lists that share the first one's preposition, each with its role.

    "Flights from Frankfurt, Paris and Warsaw"; "drones over Poland and Romania". A list ends with
    "and": what follows a comma only may begin another clause.
    """
    names: dict[int, list[Part]] = {}
    for part in line.parts:
        names.setdefault(part.hit.start, []).append(part)
    found: list[tuple[Part, str]] = []
    role: str | None = None
    end = 0
    waiting: list[Part] = []
    for start in sorted(names):
        here = names[start]
        own = next((part.role for part in here if part.role in _SHARED), None)
        between = line.field.text[end:start].replace(",", " , ").lower().split()
        is_last = bool(between) and between[-1] in AND and between[:-1] in ([], [","])
        if own is None and role is not None and (is_last or between == [","]):
            waiting += [part for part in here if part.role in (None, *BARE_CASES)]
            if is_last:
                found += [(part, role) for part in waiting]
                role, waiting = None, []
        else:
            role, waiting = own, []
        end = max(part.hit.end for part in here)
    return found


#: Roles of a name that says where.
WHERE = ("in", "near", "over", "at")
#: What must stand in the clause for an ambiguous name to be a place of this kind.
_COMPANIONS = {"airport": ("airport", "closed"), "base": ("base",), "critical_site": ("critical",)}


def is_meant(place: Place, clause: Clause, hit: Hit, language: Language) -> bool:
    """Tell whether a name means the place: ambiguous ones need company, capitals may be governments."""
    if "ambiguous" in place.flags:
        if place.kind == "city" and (hit.role == "over" or _is_flown_over(clause, hit)):
            return True  # over Brussels flies nothing but what flies over the town
        if hit.role in WHERE and place.countries == language.home:
            return True  # "w Kuźnicy", in Poland's own press
        if (clause.start, clause.end) == (hit.start, hit.end + 1):
            return True  # a dateline, "Brussels:"
        return (
            clause.first(*_COMPANIONS.get(place.kind, ("locality", "airport", "base"))) is not None
        )
    if hit.role is None:
        return not any(
            other.term.form == "capital" and other.start == hit.start for other in clause.hits
        )
    return True


def _is_flown_over(clause: Clause, hit: Hit) -> bool:
    """Tell whether a term with a drone stands right before a name: "drones at the airport of"."""
    return any(one.end + 1 == hit.start and one.says("drone") for one in clause.hits)
