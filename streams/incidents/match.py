"""Accounts → groups that tell one event. Grouping is a function of the set, never of arrival.

In:  frames of a neighbourhood.   Out: groups of frames, in canonical order.
Pure. The order of work is from sure to unsure, and within one stage nothing depends on order:

1. Precisely dated accounts of one country: those of one night and one object family are one event.
2. Loosely dated ones go to the best event there is, or make one of their own among themselves.
3. Undated ones go to the best event that was already known when they were said, likewise.

In 2 and 3 accounts of the event itself come before reactions, and those before denials.
Accounts that withhold the country come last: they join the best event of the night and never
draw others, so that countries can be grouped apart.

A group is known by its seed, the surest and earliest of its accounts, and everything is compared
with the seed alone: so an account that makes no new seed moves no other account.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from streams.incidents.frame import (
    ATTACHED,
    CORE,
    DAY,
    FIND_SECONDS,
    HOUR,
    PRECISE,
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

Stage = tuple[bool, int, int]
Fit = tuple[float, Frame]
#: Memory of a pure function: the same few hundred fits are asked for again at every set.
MAX_FITS = 60_000
_FITS: dict[tuple[Frame, Frame], Fit | None] = {}


@dataclass
class Group:
    """Frames that tell one event."""

    frames: list[Frame]  #: sorted
    seed: Frame = field(init=False)

    def __post_init__(self) -> None:
        """Find the seed."""
        self.frames = sorted(set(self.frames))
        self.seed = min(self.frames, key=seed_order)

    @property
    def country(self) -> str:
        """The event's country; "" when every account withholds it."""
        return self.seed.country

    @cached_property
    def family(self) -> str:
        """The object family; "" when no account knows it."""
        known = [frame for frame in self.frames if frame.family]
        return min(known, key=seed_order).family if known else ""

    @cached_property
    def window(self) -> tuple[int, int]:
        """Return first and last second of the event, by its surest accounts."""
        sure = [frame for frame in self.frames if stage_of(frame) == stage_of(self.seed)]
        if self.seed.tier == PRECISE:
            return (min(frame.start for frame in sure), max(frame.end for frame in sure))
        # Loose intervals: the stretch they share when there is one, else the seed's.
        first, last = max(frame.start for frame in sure), min(frame.end for frame in sure)
        return (first, last) if first <= last else (self.seed.start, self.seed.end)


def stage_of(frame: Frame) -> Stage:
    """Return the stage in which a frame is placed; the lower comes first."""
    return (not frame.country, frame.tier, frame.rank)


def seed_order(frame: Frame) -> tuple[object, ...]:
    """Return the order in which frames may become seeds."""
    if frame.tier == PRECISE:
        return (stage_of(frame), False, 0, frame)
    # Known objects first, or a nameless one would tie a drone and a missile together; and flights
    # before what is found of them.
    return (stage_of(frame), frame.find, not frame.family, frame.end - frame.start, frame)


def group_frames(frames: Iterable[Frame], links: Sequence[frozenset[Frame]] = ()) -> list[Group]:
    """Return the groups of a neighbourhood, in canonical order.

    Args:
        frames: Each once; equal frames belong together anyway.
        links: Sets of frames that an operator joined.

    Guarantee: depends on the set of frames alone.
    """
    clusters: dict[Frame, list[Frame]] = {}
    settled = Seeds()
    stages: dict[Stage, list[Frame]] = {}
    for frame in set(frames):
        stages.setdefault(stage_of(frame), []).append(frame)
    for stage in sorted(stages):
        left = []
        for frame in stages[stage]:
            seed = best_seed(frame, settled.near(frame)) if not frame.find else None
            if seed is None:
                left.append(frame)
            else:
                clusters[seed].append(frame)
        founded = Seeds()
        for frame in sorted(left, key=seed_order):
            earlier = settled.near(frame) if frame.find else ()
            seed = seed_for(frame, earlier, founded.near(frame))
            if seed is None:
                founded.add(frame)
                clusters[frame] = [frame]
            else:
                clusters[seed].append(frame)
        settled.join(founded)
    groups = [Group(found) for found in clusters.values()]
    return sorted(_join_links(groups, links), key=lambda group: group.seed)


class Seeds:
    """Seeds by country, so that an account is compared only with those it could belong to."""

    def __init__(self, seeds: Iterable[Frame] = ()) -> None:
        self._all: dict[Frame, int] = {}  #: in the order in which they came
        self._by_country: dict[str, list[Frame]] = {}
        for seed in seeds:
            self.add(seed)

    def add(self, seed: Frame) -> None:
        """Take a seed in."""
        self._all.setdefault(seed, len(self._all))
        for country in (seed.country, *seed.related) if seed.country else ("",):
            self._by_country.setdefault(country, []).append(seed)

    def join(self, other: Seeds) -> None:
        """Take all seeds of another one in."""
        for seed in other._all:
            self.add(seed)

    def near(self, frame: Frame) -> Sequence[Frame]:
        """Return the seeds that are not abroad to a frame, in the order in which they came."""
        if not frame.country:
            return tuple(self._all)
        here = self._by_country.get(frame.country, [])
        others = [
            seed for country in ("", *frame.related) for seed in self._by_country.get(country, ())
        ]
        if not others:
            return here
        return sorted({*here, *others}, key=self._all.__getitem__)


def seed_for(frame: Frame, earlier: Iterable[Frame], same: Iterable[Frame]) -> Frame | None:
    """Return the seed that a frame goes to; None: it is a seed itself.

    Args:
        frame: Not yet placed.
        earlier: Seeds of earlier stages; they come first, but for a find.
        same: Seeds of its own stage before it in `seed_order`.
    """
    best = best_seed(frame, earlier)
    if best is not None and not frame.find:
        return best
    taker = first_seed(frame, same)
    if best is None or taker is None:
        return best or taker
    one, other = fit(frame, best), takes(taker, frame)
    return best if one is not None and (other is None or one >= other) else taker


def best_seed(frame: Frame, seeds: Iterable[Frame]) -> Frame | None:
    """Return the seed of an earlier stage that a frame belongs to, or None."""
    best: Fit | None = None
    for seed in seeds:
        if not may_meet(frame, seed):
            continue
        found = fit(frame, seed)
        if found is not None and (best is None or found > best):
            best = found
    return best[1] if best is not None else None


def first_seed(frame: Frame, seeds: Iterable[Frame]) -> Frame | None:
    """Return the seed of a frame's own stage that takes it, or None: it is a seed itself.

    Args:
        frame: Not yet placed.
        seeds: Those before it in `seed_order`.
    """
    found = [taken for seed in seeds if (taken := takes(seed, frame)) is not None]
    return max(found)[1] if found else None


def takes(seed: Frame, frame: Frame) -> Fit | None:
    """Return how well a seed takes a later frame of its own stage; None: not at all."""
    if seed.tier == PRECISE:
        apart = frame.start - seed.end
        return (-apart / DAY, seed) if _same_night(seed, frame) else None
    found = fit(frame, seed)
    if found is None and frame.tier == UNDATED:
        # Of two undated accounts neither need come first.
        back = fit(seed, frame)
        found = (back[0], seed) if back is not None else None
    return found


def prefers(frame: Frame, seed: Frame, new: Frame) -> bool:
    """Return whether an account leaves its seed for a new one, or is taken in by it as a seed.

    Args:
        frame: The account; equal to `seed` when it is one.
        seed: Of the event that holds it.
        new: A seed that was not there when it was placed.
    """
    stage, own = stage_of(frame), stage_of(seed)
    if stage < stage_of(new):
        return False
    if stage == stage_of(new):
        if (own != stage and not frame.find) or seed_order(frame) < seed_order(new):
            return False
        better = takes(new, frame)
        present = None
        if frame != seed:
            present = takes(seed, frame) if own == stage else fit(frame, seed)
        return better is not None and (present is None or better > present)
    better = fit(frame, new)
    if better is None:
        return False
    if own == stage and not frame.find:  # seeds of earlier stages come first
        return True
    present = fit(frame, seed) if frame != seed else None
    return present is None or better > present


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
        return frame.said - first >= -BEFORE_SECONDS and frame.said - seed.end <= REMEMBERED_SECONDS
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


def _same_night(seed: Frame, frame: Frame) -> bool:
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


def _join_links(groups: list[Group], links: Sequence[frozenset[Frame]]) -> list[Group]:
    """Join groups that an operator's must-link names."""
    for link in links:
        named = [group for group in groups if not link.isdisjoint(group.frames)]
        if len(named) > 1:
            joined = Group([frame for group in named for frame in group.frames])
            groups = [group for group in groups if group not in named] + [joined]
    return groups
