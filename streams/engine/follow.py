"""Listening to what is said on topics while a role runs: switches, operators, hits, verdicts.

No group, nothing committed. What was said since a given place or instant is read first; what was
said before it the role reads by itself, if it wants to. A broken line is told and taken up again
where it broke.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.engine.connect import connection
from streams.engine.offsets import Offsets
from streams.engine.tail import Received, received
from streams.errors import BrokerError
from streams.settings import Settings
from streams.topics import Topic

RETRY_SECONDS = 15.0
#: Records looked through for what was said since an instant: far more than a start takes. (By
#: offset and not by time: the embedded broker finds no offset for a time.)
BACK_RECORDS = 5000

#: The next offset of each partition.
Place = Mapping[TopicPartition, int]

log = structlog.get_logger()


async def present_end(settings: Settings, *listened: Topic) -> Place:
    """Return where the topics end now; what is said from here on, `follow` hands over.

    Take it before reading what was said so far: nothing then falls between reading and listening.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    async with Offsets(settings) as offsets:
        return {
            TopicPartition(settings.topic(topic.name), part): end
            for topic in listened
            for part, end in (await offsets.ends(topic)).items()
        }


async def follow(
    settings: Settings,
    listened: Topic | tuple[Topic, ...],
    take: Callable[[Received], Awaitable[None]],
    started: asyncio.Event | None = None,
    since: float | None = None,
    begin: Place | None = None,
) -> None:
    """Hand each new record of one or several topics to `take`, for ever.

    Args:
        settings: Where Kafka is.
        listened: What to listen to, all partitions.
        take: Gets each record; must not raise.
        started: Set once listening has begun.
        since: Seconds since the epoch; what was said from then on is handed over too.
        begin: Where to begin, from `present_end`; exact, while `since` leans on producers' clocks.
            Without either only what is said from now on is handed over.
    """
    names = tuple(one.name for one in (listened if isinstance(listened, tuple) else (listened,)))
    next_offsets = dict(begin or {})
    while True:
        try:
            await _listen(settings, names, take, started, since, next_offsets)
        except (BrokerError, KafkaError, OSError) as error:
            log.warning("not listening", topics=names, error=str(error), again_in=RETRY_SECONDS)
        await asyncio.sleep(RETRY_SECONDS)


async def _listen(
    settings: Settings,
    names: tuple[str, ...],
    take: Callable[[Received], Awaitable[None]],
    started: asyncio.Event | None,
    since: float | None,
    next_offsets: dict[TopicPartition, int],
) -> None:
    consumer: Any = AIOKafkaConsumer(
        *map(settings.topic, names),
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
    is_first = not next_offsets
    for part in parts:
        end = await consumer.position(part)
        if part not in next_offsets:  # one that came after the others is read whole
            back = end if not is_first else 0 if since is None else BACK_RECORDS
            next_offsets[part] = end - back
        consumer.seek(part, max(firsts[part], min(next_offsets[part], end)))
