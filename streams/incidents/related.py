"""Incidents of neighbouring countries in one night name each other; they stay two.

Pure; a function of the incidents held.
"""

from __future__ import annotations

from functools import cache

from streams.incidents.fit import NIGHT_SECONDS
from streams.incidents.memory import Held, Theatre

#: Countries that share a land border or a narrow sea on the flank: what crosses one often
#: crosses the other.
_REGIONS = (
    ("EE", "LV", "LT", "FI", "PL"),
    ("PL", "SK", "CZ", "DE"),
    ("RO", "MD", "BG", "HU", "TR"),
    ("DK", "NO", "SE", "FI", "DE"),
    ("BE", "NL", "LU", "FR", "DE", "GB"),
    ("HU", "HR", "SI", "SK"),
)
MAX_RELATED = 8


@cache
def neighbours_of(country: str) -> frozenset[str]:
    """Return the countries whose incidents of the same night are named as related."""
    found = {other for region in _REGIONS if country in region for other in region}
    return frozenset(found - {country})


def related_of(held: Held, theatre: Theatre) -> tuple[str, ...]:
    """Return the related incidents' ids, sorted."""
    if held.seed is None or not held.seed.country or not held.core:
        return ()
    first, last = held.window
    found = set()
    for country in neighbours_of(held.seed.country):
        for other_id in theatre.by_country.get(country, ()):
            other = theatre.held[other_id]
            start, end = other.window
            if start - last > NIGHT_SECONDS or first - end > NIGHT_SECONDS or other_id == held.id:
                continue
            if other.core and other.seeds and other.family == held.family:
                found.add(other_id)
    return tuple(sorted(found)[:MAX_RELATED])
