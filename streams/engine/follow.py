"""Listening to what is said on a topic while a role runs: switches, hits of other workers.

No group, nothing committed: what was said before the start the role reads by itself, if it wants
to. A broken line is told and taken up again; what was said meanwhile is missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from streams.engine.connect import connection
from streams.engine.tail import Received, received
from streams.errors import BrokerError
from streams.settings import Settings
from streams.topics import Topic

RETRY_SECONDS = 15.0

log = structlog.get_logger()


async def follow(
    settings: Settings,
    topic: Topic,
    take: Callable[[Received], Awaitable[None]],
    started: asyncio.Event | None = None,
) -> None:
    """Hand each new record of a topic to `take`, for ever.

    Args:
        settings: Where Kafka is.
        topic: What to listen to, all its partitions.
        take: Gets each record; must not raise.
        started: Set once listening has begun.
    """
    while True:
        try:
            await _listen(settings, topic, take, started)
        except (BrokerError, KafkaError, OSError) as error:
            log.warning("not listening", topic=topic.name, error=str(error), again_in=RETRY_SECONDS)
        await asyncio.sleep(RETRY_SECONDS)


async def _listen(
    settings: Settings,
    topic: Topic,
    take: Callable[[Received], Awaitable[None]],
    started: asyncio.Event | None,
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
        for part in consumer.assignment():
            await consumer.position(part)  # from here on nothing is missed
        if started is not None:
            started.set()
        async for message in consumer:
            await take(received(message))
    finally:
        await asyncio.gather(starting, return_exceptions=True)
        await consumer.stop()
