"""A plain consumer: one record after another, committed one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.engine.connect import connection, unreachable
from streams.errors import BrokerError
from streams.settings import Settings
from streams.topics import Topic

SESSION_MS = 20_000
FETCH_WAIT_MS = 500
#: The embedded broker knows no static membership: a dead member must be missed before another is
#: let in; and it answers an empty fetch only when the wait is over, new records or not.
EMBEDDED_SESSION_MS = 6_000
EMBEDDED_FETCH_WAIT_MS = 50


@dataclass(frozen=True)
class Received:
    """One record as read."""

    topic: str  #: with the instance's prefix
    key: str | None
    value: bytes | None  #: None is a tombstone
    headers: dict[str, bytes]
    partition: int
    offset: int
    timestamp: int  #: when it was produced, ms since the epoch; never data


def received(message: Any) -> Received:
    """Return aiokafka's message as ours."""
    return Received(
        topic=message.topic,
        key=None if message.key is None else message.key.decode("utf-8", "replace"),
        value=message.value,
        headers=dict(message.headers),
        partition=message.partition,
        offset=message.offset,
        timestamp=message.timestamp,
    )


class Tail:
    """A plain consumer in the role's group, from its committed offset on.

    Delivery: at least once; nothing is committed but by `commit`. An aiokafka rebalance `listener`
    is told which partitions come and go. A stable, unique `instance` makes a restart quick: the
    group takes the new process for the old one instead of waiting until that is missed.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        group: str,
        listener: Any = None,
        instance: str | None = None,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._group = group
        self._listener = listener
        self._instance = instance
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        """Join the group (`settings.group(...)`).

        Raises:
            BrokerError: Kafka cannot be reached.
        """
        embedded = self._settings.is_embedded
        self._consumer = AIOKafkaConsumer(
            **connection(self._settings),
            group_id=self._group,
            group_instance_id=self._instance,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=EMBEDDED_SESSION_MS if embedded else SESSION_MS,
            fetch_max_wait_ms=EMBEDDED_FETCH_WAIT_MS if embedded else FETCH_WAIT_MS,
            heartbeat_interval_ms=1000,
            max_poll_interval_ms=300_000,
        )
        self._consumer.subscribe([self._settings.topic(self._topic.name)], listener=self._listener)
        try:
            await self._consumer.start()
        except (KafkaError, OSError) as error:
            await self._consumer.stop()
            raise unreachable(self._settings, error) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the group."""
        await self._consumer.stop()

    def __aiter__(self) -> AsyncIterator[Received]:
        """Return itself."""
        return self

    async def __anext__(self) -> Received:
        """Return the next record, waiting for it.

        Raises:
            BrokerError: the consumer cannot go on.
        """
        try:
            return received(await self._consumer.getone())
        except KafkaError as error:
            raise BrokerError(f"{self._topic.name}: cannot read on: {error}") from error

    async def commit(self, message: Received) -> None:
        """Say that everything up to and with this record is done.

        Raises:
            BrokerError: not committed; the record will be read again.
        """
        part = TopicPartition(message.topic, message.partition)
        try:
            await self._consumer.commit({part: message.offset + 1})
        except KafkaError as error:
            raise BrokerError(f"{self._topic.name}: not committed: {error}") from error
