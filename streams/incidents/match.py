"""Accounts → groups that tell one event. Grouping is a function of the set, never of arrival.

In:  frames of a neighbourhood.   Out: groups of frames, in canonical order.
Pure. The order of work is from sure to unsure, and within one stage nothing depends on order:

1. Precisely dated accounts of one country: those of one night and one object family are one event.
2. Loosely dated ones go to the best event there is, or make one of their own among themselves.
3. Undated ones go to the best event that was already known when they were said, likewise.

In 2 and 3 accounts of the event itself come before reactions, and those before denials.
Accounts that withhold the country come last: they join the best event of the night and never
draw others, so that countries can be grouped apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from streams.incidents.frame import (
    ATTACHED,
    CORE,
    DATED,
    DAY,
    FIND_SECONDS,
    HOUR,
    PRECISE,
    REACTION,
    UNDATED,
    Frame,
    distance_km,
)
from streams.signature import similarity

#: Two precise accounts of one night: dusk to dawn and a little; the next night begins 14 h later.
NIGHT_SECONDS = 9 * HOUR
#: A loosely dated account may miss the event by this much, when either is dated this shortly.
LOOSE_SECONDS = 3 * HOUR
SHORT_SECONDS = 10 * HOUR
#: An undated account speaks of something at most this old, unless it names the very place.
RECENT_SECONDS = 10 * DAY
#: … and then of something at most this old.
REMEMBERED_SECONDS = 45 * DAY
#: An event older than this when told is no news (three calendar days).
FRESH_SECONDS = 72 * HOUR
#: Two sites further apart than this are two events, even in one night.
SITES_KM = 250.0
NEAR_KM = 40.0
#: Share of common shingles from which two texts are copies.
COPY_RATIO = 0.5
#: Score from which an account belongs to an event, and the least that time must give to it.
JOIN_SCORE = 1.0
LEAST_TIME = 0.5


Fit = tuple[float, int, str, Frame]


@dataclass
class Group:
    """Frames that tell one event, and what they say together."""

    frames: list[Frame]
    country: str = ""
    families: set[str] = field(default_factory=set)
    start: int = 0
    end: int = 0
    places: dict[str, Frame] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)
    actors: set[str] = field(default_factory=set)
    signatures: set[str] = field(default_factory=set)
    sited: bool = False

    @classmethod
    def of(cls, frames: Iterable[Frame]) -> Group:
        """Return the group of these frames."""
        group = cls(sorted(frames))
        group.settle()
        return group

    @property
    def first(self) -> Frame:
        """The frame that the group is known by among its like; one with a country if any."""
        return min(self.frames, key=_known_by)

    def settle(self) -> None:
        """Draw window, places and words from the frames; only the surest tier gives the window."""
        # Accounts that withhold the country follow; they do not draw others after them.
        telling = [frame for frame in self.frames if frame.country] or self.frames
        surest = min((frame.tier, frame.rank) for frame in telling)
        sure = [frame for frame in telling if (frame.tier, frame.rank) == surest]
        if surest[0] == PRECISE:
            self.start = min(frame.start for frame in sure)
            self.end = max(frame.end for frame in sure)
        else:
            # Loose intervals: the stretch they share when there is one, else the tightest.
            self.start = max(frame.start for frame in sure)
            self.end = min(frame.end for frame in sure)
            if self.start > self.end:
                tight = min(sure, key=lambda frame: (frame.end - frame.start, frame))
                self.start, self.end = tight.start, tight.end
        self.country = min(telling, key=_surest).country
        self.families = {frame.family for frame in telling if frame.family}
        self.places = {
            frame.place or f"{frame.lat},{frame.lon}": frame for frame in telling if frame.has_place
        }
        self.models = {frame.model for frame in telling if frame.model}
        self.actors = {frame.actor for frame in telling if frame.actor}
        self.signatures = {frame.signature for frame in telling if frame.signature}
        self.sited = any(frame.sited for frame in sure)


def group_frames(frames: Iterable[Frame], links: Sequence[frozenset[Frame]] = ()) -> list[Group]:
    """Return the groups of a neighbourhood, in canonical order.

    Args:
        frames: Each once; equal frames belong together anyway.
        links: Sets of frames that an operator joined.

    Guarantee: depends on the set of frames alone.
    """
    pool = sorted(set(frames))
    groups = _nights([frame for frame in pool if frame.tier == PRECISE])
    for is_named in (True, False):
        for tier in (DATED, UNDATED):
            for rank in (CORE, REACTION, ATTACHED):
                stage = [
                    frame
                    for frame in pool
                    if frame.tier == tier and frame.rank == rank and bool(frame.country) == is_named
                ]
                groups = _place(stage, groups) if stage else groups
    groups = _join_links(groups, links)
    return sorted(groups, key=lambda group: group.frames[0])


def best_group(frame: Frame, groups: Iterable[Group]) -> Group | None:
    """Return the group a frame belongs to, or None; the latest of equally good ones."""
    best: Fit | None = None
    found = None
    for group in groups:
        rank = fit(frame, group)
        if rank is not None and (best is None or rank > best):
            best, found = rank, group
    return found


def fit(frame: Frame, group: Group) -> Fit | None:
    """Return how well a frame fits a group, to be compared with other groups; None: not at all."""
    points = score(frame, group)
    if points is None or points < JOIN_SCORE:
        return None
    if frame.country and frame.country == group.country:
        points += 1.0
    return (round(points, 6), group.end, group.country, group.first)


def score(frame: Frame, group: Group) -> float | None:
    """Return how well a loosely dated account fits an event; None when it cannot."""
    when = _score_time(frame, group)
    if when is None:
        return None
    points = when
    if (
        frame.country
        and group.country
        and frame.country != group.country
        and group.country not in frame.related
    ):
        return None
    if frame.family and group.families:
        if frame.family not in group.families:
            return None
        points += 0.5
    where = _score_place(frame, group)
    if where is None:
        return None
    points += where
    if frame.model and frame.model in group.models:
        points += 0.5
    if frame.actor and group.actors and frame.actor not in group.actors:
        points -= 0.25
    if frame.signature and any(_is_copy(frame.signature, known) for known in group.signatures):
        points += 2.0
    elif when < LEAST_TIME and frame.tier != UNDATED:
        return None  # neither place nor object makes up for another night
    return points


def _score_time(frame: Frame, group: Group) -> float | None:
    if frame.tier == UNDATED:
        lag = frame.said - group.end
        if group.start > frame.said + 2 * HOUR or lag > REMEMBERED_SECONDS:
            return None
        if lag <= FRESH_SECONDS:
            return 1.0 - 0.5 * max(0, lag) / FRESH_SECONDS
        # Older: late at best. Beyond RECENT_SECONDS only the very place makes up for it.
        return 0.5 if lag <= RECENT_SECONDS else 0.0
    gap = max(group.start - frame.end, frame.start - group.end, 0)
    if frame.find and gap and frame.start > group.end:
        return 1.0 - 0.5 * gap / FIND_SECONDS if gap <= FIND_SECONDS else None
    length = max(HOUR, min(frame.end - frame.start, group.end - group.start))
    if gap:
        # An evening and the morning after it are one night.
        return 0.6 if gap <= LOOSE_SECONDS and length <= SHORT_SECONDS else None
    shared = min(frame.end, group.end) - max(frame.start, group.start)
    if length <= SHORT_SECONDS:
        return 0.6 + 0.9 * min(1.0, shared / length)
    return 0.3 + 1.2 * min(1.0, shared / length)


def _score_place(frame: Frame, group: Group) -> float | None:
    if not frame.has_place or not group.places:
        return 0.0
    if frame.place and frame.place in group.places:
        return 1.0
    nearest = min(distance_km(frame, other) for other in group.places.values())
    if nearest <= NEAR_KM:
        return 0.75
    if frame.sited and group.sited and nearest > SITES_KM:
        return None
    return -0.25


def _is_copy(one: str, other: str) -> bool:
    share = similarity(one, other)
    return share is not None and share >= COPY_RATIO


def _nights(frames: list[Frame]) -> list[Group]:
    """Return precise accounts by night: the earliest takes all that share its night, and so on."""
    groups = []
    left = frames  # sorted by the event's end
    while left:
        seed = left[0]
        taken = [frame for frame in left if _same_night(seed, frame)]
        left = [frame for frame in left if not _same_night(seed, frame)]
        groups.append(Group.of(taken))
    return groups


def _same_night(seed: Frame, frame: Frame) -> bool:
    if seed.country != frame.country or seed.family != frame.family:
        return False
    if frame.start - seed.end > NIGHT_SECONDS or seed.lone != frame.lone:
        return False
    return not (seed.sited and frame.sited and distance_km(seed, frame) > SITES_KM)


def _place(stage: list[Frame], groups: list[Group]) -> list[Group]:
    """Put each frame of a stage into the best group; the rest make groups among themselves."""
    joined: dict[int, list[Frame]] = {}
    left = []
    for frame in stage:
        group = best_group(frame, groups) if not frame.lone else None
        if group is None:
            left.append(frame)
        else:
            joined.setdefault(id(group), []).append(frame)
    made = []
    left.sort(key=lambda frame: (frame.end - frame.start, frame))
    while left:
        seed, *rest = left
        group = Group.of([seed])
        others = [] if seed.lone else [frame for frame in rest if _fits_seed(frame, group)]
        taken = set(others)
        left = [frame for frame in rest if frame not in taken]
        made.append(Group.of([seed, *others]))
    for group in groups:
        if id(group) in joined:
            group.frames = sorted(group.frames + joined[id(group)])
            group.settle()
    return groups + made


def _fits_seed(frame: Frame, group: Group) -> bool:
    if frame.lone:
        return False
    points = score(frame, group)
    if points is not None and points >= JOIN_SCORE:
        return True
    # Of two undated accounts neither need come first.
    seed = group.frames[0]
    if frame.tier == UNDATED and seed.tier == UNDATED:
        mirrored = score(seed, Group.of([frame]))
        return mirrored is not None and mirrored >= JOIN_SCORE
    return False


def _join_links(groups: list[Group], links: Sequence[frozenset[Frame]]) -> list[Group]:
    """Join groups that an operator's must-link names."""
    for link in links:
        named = [group for group in groups if not link.isdisjoint(group.frames)]
        if len(named) > 1:
            joined = Group.of([frame for group in named for frame in group.frames])
            groups = [group for group in groups if group not in named] + [joined]
    return groups


def _known_by(frame: Frame) -> tuple[bool, int, int, Frame]:
    return (not frame.country, frame.tier, frame.rank, frame)


def _surest(frame: Frame) -> tuple[int, int, Frame]:
    return (frame.tier, frame.rank, frame)
