"""What the embedded broker asks of a producer: write through, wait, and save feeds late.

The broker keeps about 5 MiB a partition and then drops the oldest silently; so a producer of a
topic with a consumer waits while that consumer has not committed enough of what this process has
sent. A feed's state is written to the state file only when everything sent before it is committed
by detect: after a kill the feed is then fetched again from before what was in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict, deque
from dataclasses import dataclass, field

import structlog

from streams import topics
from streams.engine.connect import run_id
from streams.engine.offsets import CONSUMERS, Offsets
from streams.engine.state import LATEST, LOGGED, Headers, StateFile
from streams.errors import FlankwatchError
from streams.settings import Settings
from streams.topics import Topic

#: Bytes of one partition that one producer may have under way. The broker drops at 5 MiB, and a
#: topic has two producers at most: a role and an operator's command.
LIMIT_BYTES = 2 * 1024 * 1024
POLL_SECONDS = 0.2
#: How long a stop waits for feeds' states that are not yet safe to save.
STOP_SECONDS = 2.0

log = structlog.get_logger()


@dataclass
class _Ticket:
    topic: Topic
    size: int
    seq: int | None  #: row in the log, when it has one


@dataclass
class _Flow:
    """One topic's records that its consumer has not committed."""

    entering: int = 0  #: bytes not yet confirmed
    sent: dict[int, deque[tuple[int, int]]] = field(default_factory=lambda: defaultdict(deque))
    under_way: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def commit(self, partition: int, offset: int) -> None:
        """Take off what the consumer has committed (`offset` is its next)."""
        queue = self.sent[partition]
        while queue and queue[0][0] < offset:
            self.under_way[partition] -= queue.popleft()[1]

    @property
    def fullest(self) -> int:
        """Bytes under way in the fullest partition, unconfirmed ones counted into it."""
        return self.entering + max(self.under_way.values(), default=0)

    @property
    def ends(self) -> dict[int, int]:
        """Offset after the last record under way, per partition."""
        return {part: queue[-1][0] + 1 for part, queue in self.sent.items() if queue}


class Pressure:
    """One process's producer side of the embedded broker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._run = run_id(settings)
        self._state = StateFile(settings.state_dir)
        self._flows: dict[str, _Flow] = {name: _Flow() for name in CONSUMERS}
        self._moved = asyncio.Condition()
        self._late: dict[str, tuple[dict[int, int], bytes | None, Headers]] = {}
        self._follower: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow the consumers' commits from now on."""
        self._follower = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Save the feeds whose articles were taken over in time, and let go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS), self._moved:
                await self._moved.wait_for(lambda: not self._late)
        if self._late:
            log.info("feeds not saved", feeds=len(self._late), why="articles not yet detected")
        if self._follower:
            self._follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._follower
        self._state.close()

    async def before(
        self,
        topic: Topic,
        key: str | None,
        value: bytes | None,
        headers: Headers,
        size: int,
        kept: bool,
    ) -> _Ticket:
        """Wait for room, then write through what must outlive the broker."""
        flow = self._flows.get(topic.name)
        if flow is not None:
            async with self._moved:
                await self._moved.wait_for(
                    lambda: flow.fullest == 0 or flow.fullest + size <= LIMIT_BYTES
                )
                flow.entering += size
        seq = None
        if topic is topics.FEEDS and key is not None:
            behind = self._flows[topics.ARTICLES.name].ends
            self._late.pop(key, None)
            if behind:
                self._late[key] = (behind, value, headers)
            else:
                self._state.keep_latest(topic, key, value, headers)
        elif topic in LATEST and key is not None:
            self._state.keep_latest(topic, key, value, headers)
        elif topic in LOGGED and kept:
            seq = self._state.append(topic, self._run, key, value, headers)
        return _Ticket(topic, size, seq)

    def after(self, ticket: _Ticket, partition: int, offset: int) -> None:
        """Note where the broker put the record."""
        flow = self._flows.get(ticket.topic.name)
        if flow is not None:
            flow.entering -= ticket.size
            flow.sent[partition].append((offset, ticket.size))
            flow.under_way[partition] += ticket.size
        if ticket.seq is not None:
            self._state.set_offset(ticket.seq, self._run, offset)

    def failed(self, ticket: _Ticket) -> None:
        """Give the room back; a logged record stays and is produced again at the next start."""
        flow = self._flows.get(ticket.topic.name)
        if flow is not None:
            flow.entering -= ticket.size

    async def _follow(self) -> None:
        async with Offsets(self._settings) as offsets:
            while True:
                await asyncio.sleep(POLL_SECONDS)
                try:
                    await self._take_over(offsets)
                except FlankwatchError as error:
                    log.warning("commits unknown", error=str(error))

    async def _take_over(self, offsets: Offsets) -> None:
        """Read the consumers' commits, wake who waits, save the feeds that are safe now."""
        for topic in (topics.ARTICLES, topics.LEDGER, topics.ALERTS):
            flow = self._flows[topic.name]
            if not flow.ends:
                continue
            committed = await offsets.committed(topic, CONSUMERS[topic.name])
            for partition, offset in committed.items():
                flow.commit(partition, offset)
        articles = self._flows[topics.ARTICLES.name]
        for key, (ends, value, headers) in list(self._late.items()):
            if all(
                not (queue := articles.sent.get(partition)) or queue[0][0] >= end
                for partition, end in ends.items()
            ):
                self._state.keep_latest(topics.FEEDS, key, value, headers)
                del self._late[key]
        async with self._moved:
            self._moved.notify_all()
