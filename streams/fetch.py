"""The role fetch: feeds → news.articles.

state read (news.feeds) → what is due → one polite request → parsed in a worker → folded into the
feed's memory → articles confirmed → state saved → next poll planned.

Delivery: at least once; the state is saved after its articles are confirmed, so a crash repeats
ids with the same revision. A failing feed costs one clear line and a growing pause, and is polled
for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from connectors.clock import Clock
from connectors.gate import Gate
from connectors.guard import Guard
from connectors.http import Client, user_agent
from connectors.worker import Parsers
from streams import metrics, topics
from streams.catalog import feeds as feed_seeds
from streams.catalog.feeds import FeedSpec
from streams.catalog.sources import Sources
from streams.engine.bus import Bus, read_latest
from streams.engine.role import Role
from streams.errors import BrokerError, Fault, FaultsError
from streams.feeds import surge as surging
from streams.feeds.poll import Polled, Poller
from streams.feeds.queue import Queue
from streams.feeds.replay import replay as replay_files
from streams.feeds.replay import send_articles
from streams.feeds.shard import of_shard
from streams.feeds.tell import tell
from streams.records import FeedState, decode, encode
from streams.settings import Settings

#: Polls under way at most, those that wait for detection to catch up counted.
ACTIVE_MAX = 64
PARSE_WORKERS = 2
IDLE_SECONDS = 1.0
#: After the broker refused, or a poll crashed.
AGAIN_SECONDS = 15.0
CRASHED_SECONDS = 900.0
STOP_SECONDS = 2.0

log = structlog.get_logger()


async def run(
    settings: Settings,
    role: Role,
    *,
    replay: Sequence[str | Path] = (),
    speed: float | None = None,
    live: bool = False,
    clock: Clock | None = None,
) -> None:
    """Fetch until told to stop.

    Args:
        settings: Where to run.
        role: This process.
        replay: Files to replay first; without `live` nothing follows them.
        speed: Of the replay, times recorded speed; None: without pauses.
        live: Go on with the live feeds after a replay.
        clock: Another one only in simulations.

    Raises:
        FaultsError: the feeds' seeds or FLANKWATCH_ALLOW_ADDRESSES are wrong.
        BrokerError: Kafka cannot be reached at the start.
    """
    clock = clock or Clock()
    shard = settings.shard
    feeds = of_shard(read_feeds(settings), shard)
    async with Bus(settings, "fetch") as bus:
        states = {} if replay and not live else await _states(settings, feeds)
        role.set_ready()
        if replay:
            await replay_files(bus, role, replay, speed)
        if replay and not live:
            await _idle(role)
            return
        async with (
            Client(
                guard_of(settings),
                Gate(clock),
                user_agent(settings.contact),
                proxy=settings.proxy,
            ) as client,
            Parsers(PARSE_WORKERS) as parsers,
        ):
            fetcher = Fetcher(feeds, states, bus, Poller(client, parsers, clock), clock)
            group = settings.group("fetch") + f"-surge-{shard[0]}-of-{shard[1]}"
            follower = asyncio.create_task(
                surging.follow(settings, fetcher.surge, group, fetcher.hurry)
            )
            try:
                await fetcher.run(role)
            finally:
                follower.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await follower


def read_feeds(settings: Settings) -> tuple[FeedSpec, ...]:
    """Return the enabled feeds of all seeds layers.

    Raises:
        FaultsError: with every fault of the feed files.
    """
    faults: list[Fault] = []
    found = feed_seeds.read(Sources.of(settings.seeds), faults)
    if faults:
        raise FaultsError(faults)
    return found


def guard_of(settings: Settings) -> Guard:
    """Return the address guard with the operator's list.

    Raises:
        FaultsError: FLANKWATCH_ALLOW_ADDRESSES cannot be read.
    """
    try:
        return Guard(settings.allow_addresses)
    except ValueError as error:
        raise FaultsError(
            [Fault("environment", "FLANKWATCH_ALLOW_ADDRESSES", str(error))]
        ) from None


async def _states(settings: Settings, feeds: tuple[FeedSpec, ...]) -> dict[str, bytes]:
    """Return what is saved of these feeds, as JSON: thousands of decoded states are heavy."""
    wanted = {feed.id for feed in feeds}
    saved = await read_latest(settings, topics.FEEDS, FeedState)
    return {id: encode(state) for id, state in saved.items() if id in wanted}


async def _idle(role: Role) -> None:
    while not role.stopping.is_set():
        role.beat()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(role.stopping.wait(), IDLE_SECONDS)


class Fetcher:
    """Polls what is due, for as long as the role runs."""

    def __init__(
        self,
        feeds: tuple[FeedSpec, ...],
        states: dict[str, bytes],
        bus: Bus,
        poller: Poller,
        clock: Clock,
    ) -> None:
        self.surge = surging.Surge()
        self._feeds = {feed.id: feed for feed in feeds}
        self._states = states
        self._bus = bus
        self._poller = poller
        self._clock = clock
        self._queue = Queue(clock.now(), feeds, self._state)
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._sending: set[str] = set()
        self._woken = asyncio.Event()
        for group in sorted({feed.group for feed in feeds}):
            count = sum(feed.group == group for feed in feeds)
            metrics.feeds_configured.labels(group).set(count)
            metrics.feed_group_last_new_item.labels(group).set(clock.now().timestamp())

    async def run(self, role: Role) -> None:
        """Poll until the role is to stop; then finish what is being sent."""
        log.info("fetching", feeds=len(self._feeds), remembered=len(self._states))
        stopping = asyncio.create_task(role.stopping.wait())
        try:
            while not role.stopping.is_set():
                role.beat()
                self._start_due()
                await self._until_due(stopping)
        finally:
            stopping.cancel()
            await self._finish()

    def hurry(self) -> None:
        """Bring forward the polls of feeds where something is happening now."""
        now = self._clock.now()
        for feed in self._feeds.values():
            if self.surge.covers(feed, now):
                self._queue.hurry(feed, self._state(feed))
        self._woken.set()

    def _state(self, feed: FeedSpec) -> FeedState:
        raw = self._states.get(feed.id)
        return FeedState(id=feed.id, url="") if raw is None else decode(FeedState, raw)

    def _start_due(self) -> None:
        now = self._clock.now()
        while len(self._polls) < ACTIVE_MAX and (feed := self._queue.pop_due(now)) is not None:
            task = asyncio.create_task(self._poll(feed))
            self._polls[feed.id] = task
            task.add_done_callback(partial(self._done, feed))

    def _done(self, feed: FeedSpec, _task: asyncio.Task[None]) -> None:
        self._polls.pop(feed.id, None)
        self._sending.discard(feed.id)
        self._queue.free(feed)
        self._woken.set()

    async def _until_due(self, stopping: asyncio.Task[bool]) -> None:
        """Wait until a feed is due, a poll has ended, something happened or the role stops."""
        wait = IDLE_SECONDS
        if len(self._polls) < ACTIVE_MAX:
            due = self._queue.seconds_until_due(self._clock.now()) / self._clock.speed
            wait = min(wait, max(due, 0.01))
        self._woken.clear()
        woken = asyncio.create_task(self._woken.wait())
        await asyncio.wait({stopping, woken}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()

    async def _poll(self, feed: FeedSpec) -> None:
        """Poll one feed, send what is new, save its state; no error leaves this."""
        state = self._state(feed)
        now = self._clock.now()
        try:
            polled = await self._poller.poll(
                feed, state, luck=random.random(), is_surge=self.surge.covers(feed, now)
            )
            self._sending.add(feed.id)
            await send_articles(self._bus, polled.articles)
            await self._bus.send(topics.FEEDS, feed.id, polled.state)
        except BrokerError as error:
            log.warning("feed not saved", feed=feed.id, why=str(error), again_in=AGAIN_SECONDS)
            self._queue.push_in(feed, now, AGAIN_SECONDS)
            return
        except asyncio.CancelledError:
            raise
        except Exception:  # a bug: it costs this feed this poll, and is told in full
            log.exception("feed crashed", feed=feed.id)
            self._queue.push_in(feed, now, CRASHED_SECONDS)
            return
        self._states[feed.id] = encode(polled.state)
        self._plan(feed, polled)
        tell(feed, state, polled, self._clock.now())

    def _plan(self, feed: FeedSpec, polled: Polled) -> None:
        """Queue the next poll; a Retry-After may hold back a whole host or domain."""
        at = polled.state.next_poll_at or self._clock.now()
        self._queue.push(feed, at)
        if polled.outcome == "throttled" and polled.retry_after_seconds:
            self._queue.hold(feed, at)

    async def _finish(self) -> None:
        """Give what is being sent a little time; drop what is only being fetched."""
        for id, task in self._polls.items():
            if id not in self._sending:
                task.cancel()
        if self._polls:
            await asyncio.wait(list(self._polls.values()), timeout=STOP_SECONDS)
        for task in list(self._polls.values()):
            task.cancel()
        await asyncio.gather(*self._polls.values(), return_exceptions=True)
