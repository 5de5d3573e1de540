"""What operators tell a running fetcher: poll a feed again, or use the seeds as they are now.

Only what is said while it runs is listened to; at a start the state and the seeds are read anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from msgspec import DecodeError
from msgspec.structs import replace

from connectors.clock import Clock
from streams import topics
from streams.engine.bus import Bus, connection, read_latest
from streams.engine.state import StateFile
from streams.errors import BrokerError, FlankwatchError
from streams.feeds.memory import extra_of, with_extra
from streams.records import CatalogSwitch, FeedState, decode, decode_ledger, encode
from streams.settings import Settings

#: Header of a state that an operator wrote; a fetcher's own have none.
OPERATOR = "operator"
RETRY_SECONDS = 15.0

log = structlog.get_logger()


async def follow(
    settings: Settings,
    on_state: Callable[[FeedState], None],
    on_switch: Callable[[CatalogSwitch], Awaitable[None]],
) -> None:
    """Pass operators' words on, for ever.

    Args:
        settings: Where Kafka is.
        on_state: Gets a feed's state that an operator wrote.
        on_switch: Gets each switch to another catalog.
    """
    while True:
        try:
            await _listen(settings, on_state, on_switch)
        except (BrokerError, KafkaError, OSError) as error:
            log.warning("orders not followed", error=str(error), again_in=RETRY_SECONDS)
        await asyncio.sleep(RETRY_SECONDS)


async def _listen(
    settings: Settings,
    on_state: Callable[[FeedState], None],
    on_switch: Callable[[CatalogSwitch], Awaitable[None]],
) -> None:
    consumer: Any = AIOKafkaConsumer(
        settings.topic(topics.FEEDS.name),
        settings.topic(topics.LEDGER.name),
        **connection(settings),
        enable_auto_commit=False,
        auto_offset_reset="latest",
    )
    starting = asyncio.ensure_future(consumer.start())
    try:
        await asyncio.shield(starting)  # entered whole, so that it can be left properly
        async for message in consumer:
            headers = dict(message.headers)
            try:
                if OPERATOR in headers and message.value is not None:
                    on_state(decode(FeedState, message.value))
                elif headers.get("schema", b"").startswith(b"CatalogSwitch/"):
                    switch = decode_ledger(message.value)
                    if isinstance(switch, CatalogSwitch):
                        await on_switch(switch)
            except DecodeError as error:
                log.warning("order not understood", error=str(error))
    finally:
        await asyncio.gather(starting, return_exceptions=True)
        await consumer.stop()


async def resume(settings: Settings, feed: str, who: str) -> FeedState:
    """Make a feed due again: one that is gone, or waits out a long pause.

    Args:
        settings: Where Kafka is; an embedded broker need not run.
        feed: Its id.
        who: The operator.

    Raises:
        FlankwatchError: nothing is known of the feed.
        BrokerError: Kafka cannot be reached.
    """
    known = (await read_latest(settings, topics.FEEDS, FeedState)).get(feed)
    if known is None:
        raise FlankwatchError(f"{feed}: nothing is known of it; it was never polled")
    extra = replace(extra_of(known), why="", failing_since=None)
    state = replace(
        known,
        outcome="",
        failures=0,
        next_poll_at=Clock().now(),
        extra=with_extra(extra),
        version=known.version + 1,
    )
    try:
        async with Bus(settings, "fetch") as bus:
            await bus.send(topics.FEEDS, feed, state, {OPERATOR: who})
    except BrokerError:
        if not settings.is_embedded:
            raise
        file = StateFile(settings.state_dir)  # nothing runs: the next start reads it
        try:
            file.keep_latest(topics.FEEDS, feed, encode(state), [])
        finally:
            file.close()
    return state
