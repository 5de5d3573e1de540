"""A few changed accounts → where accounts stand now, without looking at all the others.

In:  the incidents held, frames that go and frames that come.   Out: seed → frames, of what changed.
Pure. The result is exactly that of `match.group_frames` over everything: there a frame is placed
by the seeds before it in `seed_order` alone, so a change can only move frames after it. They are
placed anew in that order, and what is not reached by a change is never looked at.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from streams.incidents.frame import Frame
from streams.incidents.match import group_frames, may_move, prefers, seed_for, seed_order, stage_of
from streams.incidents.memory import Held, Theatre


class Resettlement:
    """One change of the set of accounts, worked out over a theatre that stays as it is."""

    def __init__(self, theatre: Theatre) -> None:
        self._theatre = theatre
        self._seats: dict[str, dict[Frame, Frame]] = {}  #: incident → frame → seed, before
        self._dead: set[Frame] = set()  #: seeds that are none any more
        self._born: list[Frame] = []  #: new seeds, in order
        self._home: dict[Frame, Frame] = {}  #: placed anew: frame → seed
        self._gone: set[Frame] = set()
        self._queue: list[tuple[tuple[object, ...], Frame]] = []
        self._queued: set[Frame] = set()
        self.reached: set[str] = set()  #: incidents that lose or gain frames

    def remove(self, held: Held, frames: Iterable[Frame]) -> None:
        """Take frames out of an incident; without its seed the others are placed anew."""
        self.reached.add(held.id)
        seats = self._seats_of(held)
        self._gone.update(frames)
        for frame in sorted(self._gone & seats.keys()):
            if seats[frame] == frame:
                self._dissolve(held, frame)

    def scatter(self, held: Held) -> None:
        """Place all frames of an incident anew: an operator changed what they are."""
        self.reached.add(held.id)
        for seed in held.seeds:
            self._dissolve(held, seed)
        for frame in self._seats_of(held):
            self._push(frame)

    def settle(self, frames: Iterable[Frame]) -> None:
        """Place new frames, and all that they move."""
        for frame in frames:
            self._push(frame)
        while self._queue:
            _, frame = heapq.heappop(self._queue)
            seed = self._choose(frame)
            if seed is None:
                self._found(frame)
            else:
                self._home[frame] = seed

    def clusters(self, ids: Iterable[str]) -> dict[Frame, set[Frame]]:
        """Return seed → frames: those of incidents `ids`, and all that were placed anew."""
        found: dict[Frame, set[Frame]] = {}
        for incident_id in ids:
            for frame, seed in self._seats_of(self._theatre.held[incident_id]).items():
                if frame not in self._gone and frame not in self._home:
                    found.setdefault(seed, set()).add(frame)
        for frame, seed in self._home.items():
            found.setdefault(seed, set()).add(frame)
        return found

    def _push(self, frame: Frame) -> None:
        if frame not in self._queued:
            self._queued.add(frame)
            heapq.heappush(self._queue, (seed_order(frame), frame))

    def _seats_of(self, held: Held) -> dict[Frame, Frame]:
        """Return frame → seed of an incident, as they were; several seeds: an operator joined it."""
        if held.id not in self._seats:
            frames = held.frames.values()
            if len(held.seeds) == 1:
                seats = dict.fromkeys(frames, held.seeds[0])
            else:
                seats = {f: group.seed for group in group_frames(frames) for f in group.frames}
            self._seats[held.id] = seats
        return self._seats[held.id]

    def _dissolve(self, held: Held, seed: Frame) -> None:
        """A seed is none any more: all that it held is placed anew."""
        self._dead.add(seed)
        self.reached.add(held.id)
        for frame, its in self._seats_of(held).items():
            if its == seed and frame not in self._gone:
                self._push(frame)

    def _choose(self, frame: Frame) -> Frame | None:
        """Return the seed that takes a frame; None: it is one itself."""
        stage, order = stage_of(frame), seed_order(frame)
        earlier: dict[Frame, str] = {}
        same: dict[Frame, str] = {}
        for held in self._theatre.speaking_of(frame):
            for seed in held.seeds:
                if seed in self._dead:
                    continue
                if seed == frame:
                    self.reached.add(held.id)
                    return seed
                if stage_of(seed) < stage:
                    earlier[seed] = held.id
                elif stage_of(seed) == stage and seed_order(seed) < order:
                    same[seed] = held.id
        for seed in self._born:
            (earlier if stage_of(seed) < stage else same)[seed] = ""
        best = seed_for(frame, earlier, same)
        owner = earlier.get(best, same.get(best)) if best is not None else None
        if owner:
            self.reached.add(owner)
        return best

    def _found(self, new: Frame) -> None:
        """Make a frame a seed, and place anew whatever would rather be with it."""
        self._born.append(new)
        self._home[new] = new
        for held, frame in self._hearing(new):
            if frame in self._queued or frame in self._gone:
                continue
            seed = held.seeds[0] if len(held.seeds) == 1 else self._seats_of(held)[frame]
            if not prefers(frame, seed, new):
                continue
            self._push(frame)
            self.reached.add(held.id)
            if frame == seed:
                self._dissolve(held, seed)

    def _hearing(self, new: Frame) -> list[tuple[Held, Frame]]:
        """Return the frames that a new seed could move, by stage, object and time alone."""
        theatre = self._theatre
        found: list[tuple[Held, Frame]] = []
        here = theatre.by_country.get(new.country, ())
        for incident_id in here:
            held = theatre.held[incident_id]
            if held.may_meet(new):
                found += [(held, frame) for frame in held.distinct if may_move(frame, new)]
        if new.country:  # those that withhold the country go anywhere
            for incident_id in theatre.with_nameless:
                if incident_id in here:
                    continue
                held = theatre.held[incident_id]
                found += [(held, frame) for frame in held.nameless if may_move(frame, new)]
        return found
