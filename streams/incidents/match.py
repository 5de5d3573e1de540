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

from streams.incidents.fit import REMEMBERED_SECONDS, Fit, fit, may_meet, same_night
from streams.incidents.frame import DAY, FIND_SECONDS, PRECISE, UNDATED, Frame

Stage = tuple[bool, int, int]


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
    return sorted(join_links(groups, links), key=lambda group: group.seed)


class Seeds:
    """Seeds by country, so that an account is compared only with those it could belong to."""

    def __init__(self) -> None:
        self._all: list[Frame] = []
        self._by_country: dict[str, list[Frame]] = {}

    def add(self, seed: Frame) -> None:
        """Take a seed in."""
        self._all.append(seed)
        self._by_country.setdefault(seed.country, []).append(seed)

    def join(self, other: Seeds) -> None:
        """Take all seeds of another one in."""
        for seed in other._all:
            self.add(seed)

    def near(self, frame: Frame) -> Sequence[Frame]:
        """Return the seeds that are not abroad to a frame; all, if it withholds its country."""
        return self._by_country.get(frame.country, ()) if frame.country else self._all


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
        return (-apart / DAY, seed) if same_night(seed, frame) else None
    found = fit(frame, seed)
    if found is None and frame.tier == UNDATED:
        # Of two undated accounts neither need come first.
        back = fit(seed, frame)
        found = (back[0], seed) if back is not None else None
    return found


def may_move(frame: Frame, new: Frame) -> bool:
    """Return quickly whether a new seed could draw an account at all."""
    if frame.family and new.family and frame.family != new.family:
        return False
    if frame.tier < new.tier and bool(frame.country) >= bool(new.country):
        return False  # placed before it
    reach = REMEMBERED_SECONDS if frame.tier == UNDATED else FIND_SECONDS
    return new.start - frame.end <= reach and frame.start - new.end <= reach


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


def join_links(groups: list[Group], links: Sequence[frozenset[Frame]]) -> list[Group]:
    """Join groups that an operator's must-link names."""
    for link in links:
        named = [group for group in groups if not link.isdisjoint(group.frames)]
        if len(named) > 1:
            joined = Group([frame for group in named for frame in group.frames])
            groups = [group for group in groups if group not in named] + [joined]
    return groups
