"""Where the topics end and where the groups are: lag, without joining any group."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from streams import topics
from streams.engine.connect import connection, unreachable
from streams.errors import BrokerError
from streams.settings import Settings
from streams.topics import Topic

#: Who must have committed a record before nothing waits for it any more.
CONSUMERS: dict[str, str] = {
    topics.ARTICLES.name: "detect",
    topics.LEDGER.name: "merge",
    topics.ALERTS.name: "deliver",
}


class Offsets:
    """Reads end and committed offsets; an async context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: Any = None
        self._admin: Any = None
        self._known: dict[str, list[TopicPartition]] = {}

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            BrokerError: Kafka cannot be reached.
        """
        arguments = connection(self._settings)
        self._consumer = AIOKafkaConsumer(**arguments, enable_auto_commit=False)
        self._admin = AIOKafkaAdminClient(**arguments, request_timeout_ms=10_000)
        try:
            await self._consumer.start()
            await self._admin.start()
        except (KafkaError, OSError) as error:
            await self.close()
            raise unreachable(self._settings, error) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self.close()

    async def close(self) -> None:
        """Disconnect; safe to call twice."""
        await self._consumer.stop()
        await self._admin.close()

    async def ends(self, topic: Topic) -> dict[int, int]:
        """Return the end offset of each partition; empty when the topic does not exist."""
        try:
            parts = await self._partitions(topic)
            found = await self._consumer.end_offsets(parts) if parts else {}
        except KafkaError as error:
            raise BrokerError(f"{topic.name}: end offsets unknown: {error}") from error
        return {part.partition: offset for part, offset in found.items()}

    async def committed(self, topic: Topic, role: str) -> dict[int, int]:
        """Return the role's next offset per partition; the beginning where it never committed."""
        try:
            parts = await self._partitions(topic)
            if not parts:
                return {}
            begins = await self._consumer.beginning_offsets(parts)
            group = self._settings.group(role)
            found = await self._admin.list_consumer_group_offsets(group, partitions=parts)
        except GroupCoordinatorNotAvailableError:
            found = {}  # a new Kafka on which no group has ever been
        except KafkaError as error:
            raise BrokerError(f"{topic.name}: committed offsets unknown: {error}") from error
        return {
            part.partition: max(found[part].offset if part in found else 0, begins[part])
            for part in parts
        }

    async def lag(self, topic: Topic) -> dict[int, int]:
        """Return records not yet committed by the topic's consumer, per partition."""
        committed = await self.committed(topic, CONSUMERS[topic.name])
        ends = await self.ends(topic)
        return {part: max(0, end - committed.get(part, 0)) for part, end in ends.items()}

    async def _partitions(self, topic: Topic) -> list[TopicPartition]:
        name = self._settings.topic(topic.name)
        if not self._known.get(name):
            (found,) = await self._admin.describe_topics([name])
            self._known[name] = [
                TopicPartition(name, part["partition"]) for part in found["partitions"]
            ]
        return self._known[name]
