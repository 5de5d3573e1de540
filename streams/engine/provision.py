"""The topics on a real Kafka: made as declared in streams/topics.py, and compared with it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from streams import topics
from streams.engine.connect import connection, unreachable
from streams.errors import BrokerError
from streams.settings import Settings
from streams.topics import Topic

TIMEOUT_MS = 30_000
KNOWN_SECONDS = 30.0
_ALREADY_EXISTS = 36


@dataclass(frozen=True, order=True)
class Difference:
    """One point in which a topic is not as declared."""

    topic: str
    what: str  #: "missing", "partitions", or a Kafka setting
    declared: str
    found: str

    def __str__(self) -> str:
        """Return the difference as one line."""
        if self.what == "missing":
            return f"{self.topic}: missing; run `flankwatch topics create`"
        return f"{self.topic}: {self.what} is {self.found or 'unset'}, declared {self.declared}"


class Provisioner:
    """An async context manager around Kafka's admin protocol."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: Any = None

    async def __aenter__(self) -> Provisioner:
        """Connect.

        Raises:
            BrokerError: Kafka cannot be reached.
        """
        self._admin = AIOKafkaAdminClient(
            **connection(self._settings), request_timeout_ms=TIMEOUT_MS
        )
        try:
            await self._admin.start()
        except (KafkaError, OSError) as error:
            await self._admin.close()
            raise unreachable(self._settings, error) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._admin.close()

    async def create(self) -> list[str]:
        """Make the topics that are missing; return their names. Existing ones are left alone.

        Raises:
            BrokerError: Kafka refused, with its reason for each topic.
        """
        missing = [topic for topic in topics.ALL if await self._partitions(topic) is None]
        if not missing:
            return []
        wanted = [
            NewTopic(
                self._settings.topic(topic.name),
                topic.partitions,
                self._settings.kafka_replication,
                topic_configs=self._declared(topic),
            )
            for topic in missing
        ]
        try:
            answer = await self._admin.create_topics(wanted, timeout_ms=TIMEOUT_MS)
        except (KafkaError, OSError) as error:
            raise BrokerError(f"topics not created: {error}") from error
        refused = [
            f"{name}: {text or for_code(code).__name__}"
            for name, code, text in answer.topic_errors
            if code not in (0, _ALREADY_EXISTS)
        ]
        if refused:
            raise BrokerError("topics not created: " + "; ".join(refused))
        await self._until_known(missing)
        return [topic.name for topic in wanted]

    async def _until_known(self, made: list[Topic]) -> None:
        """Wait until the broker knows what its controller has made, so that `run` may follow."""
        try:
            async with asyncio.timeout(KNOWN_SECONDS):
                while True:
                    if all([await self._partitions(topic) for topic in made]):
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise BrokerError(
                f"topics were made but are not visible after {KNOWN_SECONDS:.0f} s"
            ) from error

    async def compare(self) -> list[Difference]:
        """Return every difference between the topics and their declaration, sorted."""
        found: list[Difference] = []
        for topic in topics.ALL:
            name = self._settings.topic(topic.name)
            partitions = await self._partitions(topic)
            if partitions is None:
                found.append(Difference(name, "missing", f"{topic.partitions} partitions", ""))
                continue
            if partitions != topic.partitions:
                declared = str(topic.partitions)
                found.append(Difference(name, "partitions", declared, str(partitions)))
            actual = await self._config(name)
            for key, value in self._declared(topic).items():
                if _normal(actual.get(key, "")) != _normal(value):
                    found.append(Difference(name, key, value, actual.get(key, "")))
        return sorted(found)

    def _declared(self, topic: Topic) -> dict[str, str]:
        """Return the topic's settings; with three replicas, two must have a record to confirm it."""
        replicas = self._settings.kafka_replication
        return topic.config() | ({"min.insync.replicas": "2"} if replicas >= 3 else {})

    async def _partitions(self, topic: Topic) -> int | None:
        """Return how many partitions the topic has; None: there is no such topic."""
        try:
            (told,) = await self._admin.describe_topics([self._settings.topic(topic.name)])
        except (KafkaError, OSError) as error:
            raise BrokerError(f"{topic.name}: cannot be described: {error}") from error
        return len(told["partitions"]) or None

    async def _config(self, name: str) -> dict[str, str]:
        try:
            answers = await self._admin.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name)]
            )
        except (KafkaError, OSError) as error:
            raise BrokerError(f"{name}: settings cannot be read: {error}") from error
        return {
            entry[0]: entry[1] or ""
            for answer in answers
            for resource in answer.resources
            for entry in resource[4]
        }


def _normal(value: str) -> str:
    """Return a setting so that equal ones are equal: lists sorted, numbers plain."""
    if re.fullmatch(r"\d+\.\d+", value):
        return str(float(value))
    return ",".join(sorted(part.strip() for part in value.split(",")))
