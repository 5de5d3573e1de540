"""Listening to what is said on a topic while a role runs: switches, hits of other workers.

No group, nothing committed. What was said since a given instant is read first; what was said
before it the role reads by itself, if it wants to. A broken line is told and taken up again where
it broke.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.engine.connect import connection
from streams.engine.tail import Received, received
from streams.errors import BrokerError
from streams.settings import Settings
from streams.topics import Topic

RETRY_SECONDS = 15.0
#: Records looked through for what was said since an instant: far more than a start takes. (By
#: offset and not by time: the embedded broker finds no offset for a time.)
BACK_RECORDS = 5000

log = structlog.get_logger()


async def follow(
    settings: Settings,
    topic: Topic,
    take: Callable[[Received], Awaitable[None]],
    started: asyncio.Event | None = None,
    since: float | None = None,
) -> None:
    """Hand each new record of a topic to `take`, for ever.

    Args:
        settings: Where Kafka is.
        topic: What to listen to, all its partitions.
        take: Gets each record; must not raise.
        started: Set once listening has begun.
        since: Seconds since the epoch; what was said from then on is handed over too. None: only
            what is said from now on.
    """
    next_offsets: dict[TopicPartition, int] = {}
    while True:
        try:
            await _listen(settings, topic, take, started, since, next_offsets)
        except (BrokerError, KafkaError, OSError) as error:
            log.warning("not listening", topic=topic.name, error=str(error), again_in=RETRY_SECONDS)
        await asyncio.sleep(RETRY_SECONDS)


async def _listen(
    settings: Settings,
    topic: Topic,
    take: Callable[[Received], Awaitable[None]],
    started: asyncio.Event | None,
    since: float | None,
    next_offsets: dict[TopicPartition, int],
) -> None:
    consumer: Any = AIOKafkaConsumer(
        settings.topic(topic.name),
        **connection(settings),
        enable_auto_commit=False,
        auto_offset_reset="latest",
    )
    starting = asyncio.ensure_future(consumer.start())
    try:
        await asyncio.shield(starting)  # entered whole, so that it can be left properly
        await _begin(consumer, since, next_offsets)
        if started is not None:
            started.set()
        async for message in consumer:
            next_offsets[TopicPartition(message.topic, message.partition)] = message.offset + 1
            if since is None or message.timestamp >= since * 1000:
                await take(received(message))
    finally:
        await asyncio.gather(starting, return_exceptions=True)
        await consumer.stop()


async def _begin(
    consumer: Any, since: float | None, next_offsets: dict[TopicPartition, int]
) -> None:
    """Stand each partition where listening begins: from there on nothing is missed."""
    parts = sorted(consumer.assignment())
    firsts = await consumer.beginning_offsets(parts)
    for part in parts:
        end = await consumer.position(part)
        if part not in next_offsets:
            next_offsets[part] = end if since is None else end - BACK_RECORDS
        consumer.seek(part, max(firsts[part], min(next_offsets[part], end)))
