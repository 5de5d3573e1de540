"""The delivery rows of one owner: in memory, and on `news.deliveries` before a change counts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from msgspec.structs import replace

from streams.engine.bus import Bus, read_latest
from streams.errors import RecordError
from streams.records import Delivery
from streams.rows import OPEN_STATES
from streams.settings import Settings
from streams.topics import DELIVERIES

#: Rows of settled subjects are forgotten after this; the ledger forgets its incidents then too.
FORGET_AFTER = timedelta(days=400)


def key_of(subject: str, room: str) -> str:
    """Return a row's key on the topic."""
    return f"{subject}|{room}"


@dataclass
class Outbox:
    """All rows, in memory and on the topic; one owner at a time."""

    settings: Settings
    bus: Bus
    _rows: dict[str, dict[str, Delivery]] = field(default_factory=lambda: defaultdict(dict))
    #: One a row, while somebody changes it.
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def load(self, now: datetime) -> int:
        """Read the rows from the topic and return how many; old settled ones get a tombstone.

        Raises:
            BrokerError: Kafka cannot be reached.
        """
        self._rows.clear()
        for key, row in (await read_latest(self.settings, DELIVERIES, Delivery)).items():
            is_old = row.updated_at is not None and row.updated_at < now - FORGET_AFTER
            if is_old and row.state not in OPEN_STATES:
                await self.bus.send(DELIVERIES, key, None)
            else:
                self._rows[row.subject][row.room] = row
        return sum(len(rooms) for rooms in self._rows.values())

    def get(self, subject: str, room: str) -> Delivery | None:
        """Return the row, if there is one."""
        return self._rows.get(subject, {}).get(room)

    def of_subject(self, subject: str) -> dict[str, Delivery]:
        """Return the subject's rows by room."""
        return self._rows.get(subject, {})

    def of_room(self, room: str) -> Iterator[Delivery]:
        """Yield the room's rows."""
        for rooms in self._rows.values():
            if room in rooms:
                yield rooms[room]

    def unsettled(self) -> Iterator[Delivery]:
        """Yield the rows that want something to be sent or decided."""
        for rooms in self._rows.values():
            yield from (row for row in rooms.values() if row.state in OPEN_STATES)

    async def change(
        self, subject: str, room: str, decide: Callable[[Delivery | None], Delivery | None]
    ) -> Delivery | None:
        """Replace a row by what `decide` makes of it; confirmed before it counts.

        Args:
            subject: Of the row.
            room: Of the row; changes of one row happen one after another.
            decide: Gets the row as it stands; None: leave it.

        Returns:
            The new row, or None when nothing changed.

        Raises:
            BrokerError: not confirmed; the row in memory is as before.
        """
        key = key_of(subject, room)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            before = self.get(subject, room)
            after = decide(before)
            if after is None:
                return None
            after = replace(after, version=(before.version if before else 0) + 1)
            try:
                await self.bus.send(DELIVERIES, key, after)
            except RecordError:  # too large with its incident; what is shown does not need it
                after = replace(after, alert=replace(after.alert, incident=None, links=()))
                await self.bus.send(DELIVERIES, key, after)
            self._rows[subject][room] = after
            return after
