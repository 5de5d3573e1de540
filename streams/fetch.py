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
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from connectors.clock import Clock
from connectors.gate import Gate
from connectors.guard import Guard
from connectors.http import Client, user_agent
from connectors.worker import Parsers
from streams import topics
from streams.catalog import feeds as feed_seeds
from streams.catalog.feeds import FeedSpec
from streams.catalog.sources import Sources
from streams.engine.bus import Bus, read_latest
from streams.engine.follow import present_end
from streams.engine.role import Role
from streams.errors import BrokerError, Fault, FaultsError
from streams.feeds import fulltext, orders
from streams.feeds import surge as surging
from streams.feeds.fetcher import Fetcher
from streams.feeds.fulltext import FullText
from streams.feeds.poll import Poller
from streams.feeds.replay import replay as replay_files
from streams.feeds.shard import of_shard
from streams.feeds.websub import WebSub
from streams.records import FeedState, encode
from streams.reload import Reloader
from streams.settings import Settings

PARSE_WORKERS = 2
#: Names looked up at once; libuv's own 4 stand still when a few name servers do not answer.
RESOLVERS = 32
IDLE_SECONDS = 1.0

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
    os.environ.setdefault("UV_THREADPOOL_SIZE", str(RESOLVERS))
    clock = clock or Clock()
    _seeds_now(settings)  # their faults are told before anything is connected
    async with Bus(settings, "fetch") as bus:
        if replay:
            role.set_ready()
            await replay_files(bus, role, replay, speed)
        if replay and not live:
            await _idle(role)
            return
        begin = await present_end(settings, *orders.HEARD, topics.TAGGED)
        here, feeds = _seeds_now(settings)
        states = await _states(settings, feeds)
        guard = guard_of(settings)
        async with (
            Client(
                guard,
                Gate(clock),
                user_agent(settings.contact),
                proxy=settings.proxy,
            ) as client,
            Parsers(PARSE_WORKERS) as parsers,
        ):
            fetcher = Fetcher(feeds, states, bus, Poller(client, parsers, clock), clock)
            use = partial(_use, settings, fetcher)
            reloader = Reloader(role, here, partial(_seeds_now, settings), use)
            role.set_ready()
            followers = [
                surging.follow(settings, fetcher.surge, fetcher.hurry),
                orders.follow(settings, begin, fetcher.take_over, reloader.hear),
            ]
            if settings.full_text or any(feed.full_text for feed in feeds):
                fetcher.full_text = FullText(client, parsers, bus, clock)
                wants = fetcher.wants_full_text if not settings.full_text else bool
                followers.append(fulltext.follow(settings, begin, fetcher.full_text, wants))
            if settings.websub_callback is not None:
                websub = WebSub(settings, client, guard, clock, fetcher.push)
                fetcher.use_websub(websub)
                followers.append(websub.run())
            tasks = [asyncio.create_task(follower) for follower in followers]
            polling = asyncio.create_task(fetcher.run(role))
            try:
                # None of the followers ends by itself: one that does has a fault to tell.
                await asyncio.wait([*tasks, polling], return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
                await polling
            finally:
                polling.cancel()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(polling, *tasks, return_exceptions=True)


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


def _seeds_now(settings: Settings) -> tuple[str, tuple[FeedSpec, ...]]:
    """Return the hash of all seeds, and of them the enabled feeds of our share.

    Raises:
        FaultsError: with every fault of the feed files.
    """
    here = Sources.of(settings.seeds).content_hash()
    return here, of_shard(read_feeds(settings), settings.shard)


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


async def _use(settings: Settings, fetcher: Fetcher, feeds: tuple[FeedSpec, ...]) -> None:
    """Poll these feeds; one that comes back goes on where it was.

    Raises:
        FaultsError: what is saved of new ones cannot be read; nothing has changed.
    """
    unknown = fetcher.unknown(feeds)
    try:
        states = await _states(settings, unknown) if unknown else {}
    except BrokerError as error:
        raise FaultsError([Fault(topics.FEEDS.name, "", str(error))]) from error
    fetcher.use(feeds, states)


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
