"""Records onto Kafka and back: what every role uses, Faust's own consumers excepted.

Delivery: `send` returns once the broker has confirmed (acks=all, idempotent); a repeat after a
crash is possible, a loss is not. On the embedded broker a record that must outlive it is in the
state file first, and a producer waits while its topic's consumer lags (engine/embedded.py).
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from msgspec import DecodeError, Struct

from streams import metrics, topics
from streams.engine import state
from streams.engine.connect import connection, ledger_base, unreachable
from streams.engine.offsets import Offsets
from streams.engine.pressure import Pressure
from streams.engine.tail import Received, Tail, received
from streams.errors import BrokerError, RecordError
from streams.records import Record, Tick, decode, encode
from streams.settings import Settings
from streams.topics import Topic

__all__ = [
    "Bus",
    "Outgoing",
    "Received",
    "Tail",
    "connection",
    "ledger_base",
    "read_all",
    "read_latest",
]

REQUEST_TIMEOUT_MS = 30_000
LINGER_MS = 5
#: Room for Kafka's own framing and our headers within a topic's limit, in bytes.
FRAMING_BYTES = 4096
STACK_CHARS = 8000
READ_STALL_SECONDS = 30.0

R = TypeVar("R", bound=Record)
Headers = Mapping[str, str | bytes]


class Outgoing(NamedTuple):
    """One record to send; see `Bus.send`."""

    topic: Topic
    key: str | None
    record: Struct | bytes | None
    headers: Headers | None = None


class Bus:
    """A confirmed producer; an async context manager."""

    def __init__(self, settings: Settings, role: str) -> None:
        self._settings = settings
        self.role = role
        self._producer: Any = None
        self._pressure: Pressure | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            BrokerError: Kafka cannot be reached.
        """
        arguments = connection(self._settings)
        self._producer = AIOKafkaProducer(
            **arguments,
            acks="all",
            enable_idempotence=True,
            linger_ms=LINGER_MS,
            compression_type="lz4",
            max_batch_size=131_072,
            max_request_size=topics.DEAD_LETTER_MAX_BYTES + FRAMING_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await self._producer.start()
        except (KafkaError, OSError) as error:
            await self._producer.stop()
            raise unreachable(self._settings, error) from error
        if self._settings.is_embedded:
            self._pressure = Pressure(self._settings)
            await self._pressure.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send what is buffered and disconnect."""
        await self._producer.stop()
        if self._pressure:
            await self._pressure.stop()

    async def send(
        self,
        topic: Topic,
        key: str | None,
        record: Struct | bytes | None,
        headers: Headers | None = None,
    ) -> int:
        """Send one record and wait until the broker has it.

        Args:
            topic: One of streams/topics.py.
            key: Partitions and compacts; None: any partition.
            record: A struct is encoded as JSON; bytes go as they are; None is a tombstone.
            headers: Go along, `traceparent` for one; `schema` and `content-type` are added.

        Returns:
            The record's offset in its partition.

        Raises:
            RecordError: `too_large` for the topic; nothing was sent.
            BrokerError: not confirmed; the record may or may not be there.
        """
        value = encode(record) if isinstance(record, Struct) else record
        packed = _headers(record, headers)
        size = len(value or b"") + len(key or "") + sum(len(n) + len(v) for n, v in packed)
        if size > topic.max_bytes - FRAMING_BYTES:
            raise RecordError(
                "too_large", f"{topic.name} takes {topic.max_bytes} bytes, got {size}"
            )
        if self._pressure is None:
            return int((await self._confirm(topic, key, value, packed)).offset)
        kept = not isinstance(record, Tick) or record.final  # a tick is out of date at once
        ticket = await self._pressure.before(topic, key, value, packed, size, kept)
        try:
            confirmed = await self._confirm(topic, key, value, packed)
        except BaseException:
            self._pressure.failed(ticket)
            raise
        self._pressure.after(ticket, confirmed.partition, confirmed.offset)
        return int(confirmed.offset)

    async def send_all(self, records: Iterable[Outgoing]) -> list[int]:
        """Send many at once, in order within a partition; return their offsets.

        Raises:
            As `send`, for the first that failed; the others may have been sent.
        """
        return list(await asyncio.gather(*(self.send(*record) for record in records)))

    async def dead_letter(
        self, stage: str, message: Any, reason: str, error: BaseException | None = None
    ) -> None:
        """Put an unreadable or undeliverable record aside, untouched, with the reason; counted.

        Args:
            stage: Role that gave up.
            message: What was read: anything with topic, partition, offset, timestamp, key, value,
                headers (ours, aiokafka's and Faust's messages have them).
            reason: unreadable | failed | rejected | too_large.
            error: What went wrong, if an exception.

        Raises:
            BrokerError: not confirmed: the input must not be committed.
        """
        original = message.headers or ()
        pairs = original.items() if isinstance(original, Mapping) else original
        told = {
            "topic": message.topic,
            "partition": message.partition,
            "offset": message.offset,
            "timestamp": message.timestamp,
            "stage": stage,
            "reason": reason,
            "exception": type(error).__name__ if error else "",
            "message": str(error or "")[:STACK_CHARS],
            "stack": "".join(traceback.format_exception(error))[-STACK_CHARS:] if error else "",
        }
        headers: dict[str, str | bytes] = {name: value for name, value in pairs}
        headers |= {f"flankwatch.dlq.{name}": str(value) for name, value in told.items()}
        key = (
            message.key.decode("utf-8", "replace")
            if isinstance(message.key, bytes)
            else message.key
        )
        await self.send(topics.DEAD_LETTERS, key, message.value, headers)
        metrics.dead_letters.labels(stage, reason).inc()

    async def backlog(self, topic: Topic) -> int:
        """Return how many records of the topic its consumer has not committed yet."""
        async with Offsets(self._settings) as offsets:
            return sum((await offsets.lag(topic)).values())

    async def _confirm(
        self, topic: Topic, key: str | None, value: bytes | None, headers: state.Headers
    ) -> Any:
        try:
            return await self._producer.send_and_wait(
                self._settings.topic(topic.name),
                value,
                key=None if key is None else key.encode(),
                partition=topic.partition_for,
                headers=headers,
            )
        except MessageSizeTooLargeError as error:
            raise RecordError("too_large", f"{topic.name} refused it: {error}") from error
        except (KafkaError, OSError) as error:
            raise BrokerError(
                f"{topic.name}: not confirmed: {str(error) or type(error).__name__}"
            ) from error


async def read_all(settings: Settings, topic: Topic) -> AsyncIterator[Received]:
    """Yield a topic's records from its beginning to its present end.

    On the embedded broker, what the state file keeps of the topic is read instead.

    Raises:
        BrokerError: Kafka cannot be reached, or stops answering.
    """
    if settings.is_embedded and topic in (*state.LATEST, *state.LOGGED):
        kept = state.StateFile(settings.state_dir)
        try:
            for row in kept.read(topic):
                yield Received(
                    settings.topic(topic.name),
                    row.key,
                    row.value,
                    dict(row.headers),
                    0,
                    row.seq,
                    int(row.at * 1000),
                )
        finally:
            kept.close()
        return
    async with Offsets(settings) as offsets:
        ends = await offsets.ends(topic)
    if not any(ends.values()):
        return  # aiokafka's stop() right after start() would raise CancelledError
    consumer = AIOKafkaConsumer(
        **connection(settings), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        name = settings.topic(topic.name)
        open_parts = {TopicPartition(name, part): end for part, end in ends.items() if end > 0}
        begins = await consumer.beginning_offsets(list(open_parts)) if open_parts else {}
        open_parts = {part: end for part, end in open_parts.items() if begins[part] < end}
        consumer.assign(list(open_parts))
        while open_parts:
            found = await consumer.getmany(timeout_ms=int(READ_STALL_SECONDS * 1000))
            if not found:
                raise BrokerError(f"{topic.name}: nothing read for {READ_STALL_SECONDS:.0f} s")
            for part, messages in found.items():
                for message in messages:
                    if message.offset < ends[part.partition]:
                        yield received(message)
                if await consumer.position(part) >= ends[part.partition]:
                    open_parts.pop(part, None)
    except KafkaError as error:
        raise BrokerError(f"{topic.name}: cannot be read: {error}") from error
    finally:
        await consumer.stop()


async def read_latest(settings: Settings, topic: Topic, kind: type[R]) -> dict[str, R]:
    """Return the highest version of each key of a compacted topic, tombstones left out.

    A record that cannot be read is counted and skipped: one bad row must not hold up recovery.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    found: dict[str, R] = {}
    async for message in read_all(settings, topic):
        if message.key is None:
            continue
        if message.value is None:
            found.pop(message.key, None)
            continue
        try:
            record = decode(kind, message.value)
        except DecodeError:
            metrics.dropped.labels("recovery", "unreadable").inc()
            continue
        older = found.get(message.key)
        if older is None or _rank(record) >= _rank(older):
            found[message.key] = record
    return found


def _rank(record: Any) -> int:
    return int(getattr(record, "version", getattr(record, "through", 0)))


def _headers(record: Any, given: Headers | None) -> state.Headers:
    packed: dict[str, bytes] = {}
    if isinstance(record, Record):
        packed = {"schema": record.schema_name().encode(), "content-type": b"application/json"}
    for name, value in (given or {}).items():
        packed[name] = value.encode() if isinstance(value, str) else value
    return list(packed.items())
