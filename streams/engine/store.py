"""The merge role's memory: read from Kafka before the first fold, written record by record.

Not a Faust table: a table writes to the source event's partition, unawaited and without headers.
Guarantee: `put` returns once the broker has confirmed. Readers take the highest version of an id,
so a stale writer, or the same step written twice, does no harm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import DecodeError

from streams import metrics, topics
from streams.engine.bus import Bus, Outgoing, connection, ledger_base, read_all
from streams.errors import BrokerError
from streams.incidents.ledger import Effects
from streams.records import (
    CatalogSwitch,
    Decision,
    Incident,
    LedgerRecord,
    Outcome,
    Tick,
    decode,
    decode_ledger,
)
from streams.settings import Settings

log = structlog.get_logger()

READ_MILLISECONDS = 2000
#: Incidents read between two signs of life.
BEAT_RECORDS = 500
FETCH_BYTES = 8 * 1024 * 1024
_SET = b'"type":"report_set"'

Ids = dict[str, tuple[str, str]]


class Foldable(Protocol):
    """What the store needs of `streams.incidents.ledger.Ledger`."""

    def load(self, incident: Incident) -> None:
        """Take back one written incident; of one id the highest version wins."""

    def unload(self, incident: str) -> None:
        """Leave out an incident that was loaded and then forgotten."""

    def fold(self, offset: int, record: LedgerRecord) -> Effects:
        """Fold one record."""


class Store:
    """Incidents on `news.incidents`, outcomes on `news.outcomes`."""

    def __init__(self, settings: Settings, bus: Bus) -> None:
        self._settings = settings
        self._bus = bus
        self._open: Ids = {}

    async def recover(
        self, ledger: Foldable, before: int, beat: Callable[[], None]
    ) -> list[tuple[int, LedgerRecord]]:
        """Load all incidents into a fresh ledger and return what it must fold once more.

        No incident remembers the clock, operators' decisions and catalog switches; they are read
        back from the ledger's own past. What they changed was written when they were first
        folded; folding them again changes nothing, unless the catalog has changed since.

        Args:
            ledger: A fresh one.
            before: Offset (Kafka's) of the record that is to be folded next.
            beat: Called while there is progress.

        Returns:
            Ledger offsets (rising over restarts) and records, all below `before`.

        Raises:
            BrokerError: Kafka cannot be reached.
        """
        started = time.monotonic()
        await self._load(ledger, beat)
        base = ledger_base(self._settings)
        past = [(base + offset, record) for offset, record in await self._past(before, beat)]
        seconds = time.monotonic() - started
        metrics.recovery_seconds.labels("merge").set(seconds)
        log.info(
            "state recovered", incidents=len(self._open), past=len(past), seconds=round(seconds, 2)
        )
        return past

    async def _load(self, ledger: Foldable, beat: Callable[[], None]) -> None:
        """Load record by record: what lies on the topic may be far more than fits into memory."""
        self._open.clear()
        versions: dict[str, int] = {}
        count = 0
        async for message in read_all(self._settings, topics.INCIDENTS):
            count += 1
            if count % BEAT_RECORDS == 0:
                beat()
                await asyncio.sleep(0)
            if message.key is None:
                continue
            if message.value is None:
                ledger.unload(message.key)
                versions.pop(message.key, None)
                self._open.pop(message.key, None)
                continue
            try:
                if _version_of(message.value) < versions.get(message.key, 0):
                    continue
                incident = decode(Incident, message.value)
            except DecodeError:  # one bad row must not hold up recovery
                metrics.dropped.labels("recovery", "unreadable").inc()
                continue
            versions[message.key] = incident.version
            ledger.load(incident)
            self._count(incident)
        self._publish_counts()
        beat()

    async def put_incidents(self, incidents: Iterable[Incident], trace: dict[str, str]) -> None:
        """Write incidents, confirmed.

        Raises:
            BrokerError: not confirmed.
        """
        written = list(incidents)
        await self._bus.send_all(
            Outgoing(topics.INCIDENTS, incident.id, incident, trace) for incident in written
        )
        for incident in written:
            self._count(incident)
        self._publish_counts()

    async def forget(self, incidents: Iterable[str]) -> None:
        """Write tombstones for incident ids, confirmed.

        Raises:
            BrokerError: not confirmed.
        """
        ids = list(incidents)
        await self._bus.send_all(Outgoing(topics.INCIDENTS, name, None) for name in ids)
        for name in ids:
            self._open.pop(name, None)

    async def put_outcomes(self, outcomes: Iterable[Outcome], trace: dict[str, str]) -> None:
        """Write outcomes, confirmed.

        Raises:
            BrokerError: not confirmed.
        """
        await self._bus.send_all(
            Outgoing(topics.OUTCOMES, outcome.article, outcome, trace) for outcome in outcomes
        )

    def _count(self, incident: Incident) -> None:
        self._open[incident.id] = (incident.theatre, incident.lifecycle)

    def _publish_counts(self) -> None:
        theatres = {theatre for theatre, _ in self._open.values()} | {"europe"}
        for theatre in theatres:
            number = sum(found == (theatre, "open") for found in self._open.values())
            metrics.incidents_open.labels(theatre).set(number)

    async def _past(self, before: int, beat: Callable[[], None]) -> list[tuple[int, LedgerRecord]]:
        """Return what of the ledger below offset `before` must be folded again, in order."""
        past = _Past()
        consumer = AIOKafkaConsumer(
            **connection(self._settings),
            enable_auto_commit=False,
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        part = TopicPartition(self._settings.topic(topics.LEDGER.name), 0)
        try:
            await consumer.start()
            consumer.assign([part])
            await consumer.seek_to_beginning(part)
            while await consumer.position(part) < before:
                found = await consumer.getmany(part, timeout_ms=READ_MILLISECONDS)
                beat()
                if not found:
                    end = (await consumer.end_offsets([part]))[part]
                    if await consumer.position(part) >= min(before, end):
                        break
                    continue
                for message in found[part]:
                    if message.offset < before:
                        past.read(message.offset, message.value)
        except KafkaError as error:
            raise BrokerError(f"{topics.LEDGER.name}: cannot be read: {error}") from error
        finally:
            await consumer.stop()
        return list(past.records())


class _Head(msgspec.Struct):
    """Of an incident record only what says whether it is the newest; read without the rest."""

    version: int = 0


_heads = msgspec.json.Decoder(_Head)


def _version_of(raw: bytes) -> int:
    return _heads.decode(raw).version


class _Past:
    """Keeps decisions and switches, the ticks that set the clock for each, and the first tick.

    The first tick tells how long this ledger has been learning.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[int, LedgerRecord]] = []
        self._clock: dict[str, tuple[int, Tick]] = {}

    def read(self, offset: int, raw: bytes | None) -> None:
        """Take one ledger record in; sets are told by their bytes and left alone."""
        if not raw or _SET in raw[:64]:
            return
        try:
            record = decode_ledger(raw)
        except DecodeError:
            return  # dead-lettered when it was first read
        if isinstance(record, Tick):
            if record.theatre not in self._clock:
                self._kept.append((offset, record))
            self._clock[record.theatre] = (offset, record)
        elif isinstance(record, Decision | CatalogSwitch):
            self._kept += [*self._ticks(), (offset, record)]

    def records(self) -> Iterator[tuple[int, LedgerRecord]]:
        """Yield what was kept, in offset order, each record once; last the clock's ticks."""
        seen = set()
        for offset, record in [*self._kept, *self._ticks()]:
            if offset not in seen:
                seen.add(offset)
                yield offset, record

    def _ticks(self) -> list[tuple[int, LedgerRecord]]:
        return sorted(self._clock.values(), key=lambda found: found[0])
