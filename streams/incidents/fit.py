"""How well an account fits an event: by time, place, object and words. Two frames, nothing else.

In:  an account and the seed of an event.   Out: a score, or None when they cannot be one.
Pure; language plays no part.
"""

from __future__ import annotations

from streams.incidents.frame import (
    ATTACHED,
    CORE,
    DAY,
    FIND_SECONDS,
    HOUR,
    REGION_KM,
    UNDATED,
    Frame,
    distance_km,
)
from streams.signature import LONG, similarity

#: Two precise accounts of one night: dusk to dawn and a little; the next night begins 14 h later.
NIGHT_SECONDS = 9 * HOUR
#: A loosely dated account may miss the event by this much, when either is dated this shortly.
LOOSE_SECONDS = 3 * HOUR
SHORT_SECONDS = 10 * HOUR
#: An undated account may be said this long before the first precise word of its event begins.
BEFORE_SECONDS = 2 * HOUR
#: … and a denial this long: it answers what somebody told, if not one that we read.
DENIAL_SECONDS = HOUR // 2
#: An undated account speaks of something at most this old, unless it names the very place.
RECENT_SECONDS = 10 * DAY
#: … and then of something at most this old.
REMEMBERED_SECONDS = 45 * DAY
#: An event older than this when told is no news (three calendar days).
FRESH_SECONDS = 72 * HOUR
#: Two sites further apart than this are two events, even in one night.
SITES_KM = 45.0
NEAR_KM = 40.0
#: What crosses may pass over half a country; beyond this, only in the very same hours.
WAVE_KM = 150.0
#: Share of common shingles from which two texts are copies.
COPY_RATIO = 0.5
#: Score from which an account belongs to an event, and the least that time must give to it.
JOIN_SCORE = 1.0
LEAST_TIME = 0.5

#: Families that pass and leave no wreckage, unless it is said to be theirs.
_WHOLE = frozenset({"aircraft", "ship", "troops"})

Fit = tuple[float, Frame]
#: Memory of a pure function: the same few hundred fits are asked for again at every set.
MAX_FITS = 60_000
_FITS: dict[tuple[Frame, Frame], Fit | None] = {}


def fit(frame: Frame, seed: Frame) -> Fit | None:
    """Return how well a frame fits a seed, to be compared with other seeds; None: not at all."""
    if not may_meet(frame, seed):
        return None
    asked = (frame, seed)
    if asked not in _FITS:
        if len(_FITS) > MAX_FITS:
            _FITS.clear()  # forgetting costs time only
        points = score(frame, seed)
        is_same_country = bool(frame.country) and frame.country == seed.country
        _FITS[asked] = (
            (round(points + is_same_country, 6), seed)  # of equally good ones the latest
            if points is not None and points >= JOIN_SCORE
            else None
        )
    return _FITS[asked]


def may_meet(frame: Frame, seed: Frame) -> bool:
    """Return quickly whether an account could belong to a seed's event at all."""
    if frame.family and seed.family and frame.family != seed.family:
        return False
    if frame.tier == UNDATED:
        # What has no date began, as far as we know, when it was first told.
        first = seed.end if seed.assumed else seed.start
        before = DENIAL_SECONDS if frame.rank == ATTACHED else BEFORE_SECONDS
        return frame.said - first >= -before and frame.said - seed.end <= REMEMBERED_SECONDS
    late = FIND_SECONDS if frame.find else LOOSE_SECONDS
    return seed.start - frame.end <= LOOSE_SECONDS and frame.start - seed.end <= late


def score(frame: Frame, seed: Frame) -> float | None:
    """Return how well a loosely dated account fits an event; None when it cannot."""
    if frame.lone != seed.lone:
        return None
    if _is_abroad(frame, seed):
        return None
    if frame.find and not frame.family and seed.family in _WHOLE:
        return None
    when = _score_time(frame, seed)
    where = _score_place(frame, seed)
    if when is None or where is None:
        return None
    points = when + where
    points += 0.5 if frame.family and seed.family else 0.25
    if frame.model and frame.model == seed.model:
        points += 0.5
    if frame.actor and seed.actor and frame.actor != seed.actor:
        points -= 0.25
    if frame.rank == ATTACHED and frame.tier == UNDATED and seed.rank == CORE:
        points += 0.25  # a denial is a denial of something
    if _is_copy(frame.signature, seed.signature):
        points += 2.0
    elif when < LEAST_TIME and frame.tier != UNDATED:
        return None  # neither place nor object makes up for another night
    return points


def _is_abroad(frame: Frame, seed: Frame) -> bool:
    """Tell whether two accounts are of two countries: an article that names both has one of each."""
    return bool(frame.country and seed.country) and frame.country != seed.country


def _score_time(frame: Frame, seed: Frame) -> float | None:
    if frame.tier == UNDATED:
        lag = frame.said - seed.end
        if lag <= FRESH_SECONDS:
            return 1.0 - 0.5 * max(0, lag) / FRESH_SECONDS
        # Older: late at best. Beyond RECENT_SECONDS only the very place makes up for it.
        return 0.5 if lag <= RECENT_SECONDS else 0.0
    gap = max(seed.start - frame.end, frame.start - seed.end, 0)
    if frame.find and gap and frame.start > seed.end:
        return 1.0 - 0.5 * gap / FIND_SECONDS if gap <= FIND_SECONDS else None
    if frame.assumed or seed.assumed:
        return _score_assumed(frame, seed)
    length = max(HOUR, min(frame.end - frame.start, seed.end - seed.start))
    if gap:
        # An evening and the morning after it are one night.
        return 0.6 if gap <= LOOSE_SECONDS and length <= SHORT_SECONDS else None
    shared = min(1.0, (min(frame.end, seed.end) - max(frame.start, seed.start)) / length)
    if length <= SHORT_SECONDS:
        return 0.6 + 0.9 * shared
    return 0.3 + 1.2 * shared


def _score_assumed(frame: Frame, seed: Frame) -> float | None:
    """Return how well an account without a date fits: by how long before it the event can be."""
    if frame.assumed and seed.assumed:
        if frame.rank != CORE and frame.end < seed.end - BEFORE_SECONDS:
            return None  # nobody reacts to what is not told yet
        lag, limit = abs(frame.end - seed.end), min(_span(frame), _span(seed))
    else:
        loose, dated = (frame, seed) if frame.assumed else (seed, frame)
        if dated.start > loose.end:
            return None
        lag, limit = max(0, loose.end - dated.end), _span(loose)
    return 1.5 - lag / limit if lag <= limit else None


def _span(frame: Frame) -> int:
    return frame.end - frame.start


def _score_place(frame: Frame, seed: Frame) -> float | None:
    if not (frame.has_place and seed.has_place):
        return 0.0
    if frame.place and frame.place == seed.place:
        return 1.0
    apart = distance_km(frame, seed)
    if apart <= NEAR_KM:
        return 0.75
    if frame.sited and seed.sited and apart > SITES_KM:
        return None
    if frame.rank == ATTACHED and apart <= REGION_KM:
        return 0.25  # who calls it off speaks from the county town
    if frame.rank == ATTACHED or not (frame.family and seed.family):
        return None  # a denial, or a thing without a name, of another place is of another event
    return -0.25 if apart <= WAVE_KM else -0.75


def _is_copy(one: str, other: str) -> bool:
    if not one or not other:
        return False
    if one == other:
        return True
    # Short texts are copies only when they are equal.
    return one.startswith(LONG) and (similarity(one, other) or 0.0) >= COPY_RATIO


def same_night(seed: Frame, frame: Frame) -> bool:
    """Return whether two precisely dated accounts tell one night's event."""
    if seed.country != frame.country or seed.family != frame.family or seed.lone != frame.lone:
        return False
    if frame.start - seed.end > NIGHT_SECONDS:
        return False
    return not (
        seed.sited
        and frame.sited
        and seed.has_place
        and frame.has_place
        and distance_km(seed, frame) > SITES_KM
    )
