"""All that Flankwatch remembers, to a file and back: for a move to another broker.

One JSON object a line: a header, then a record of a compacted topic, or an operator's silence that
still holds. Offsets of the ledger mean nothing on another broker, so they are reset on the way in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import DecodeError
from msgspec.structs import replace

from streams import topics
from streams.engine.bus import Bus, read_all
from streams.engine.connect import connection
from streams.engine.state import LATEST, StateFile, version_of
from streams.errors import BrokerError, FlankwatchError
from streams.records import (
    Decision,
    Delivery,
    FeedState,
    Incident,
    Outcome,
    Record,
    decode,
    decode_ledger,
    encode,
)
from streams.settings import Settings
from streams.topics import Topic

FORMAT = 1
_KINDS: dict[str, tuple[Topic, type[Record]]] = {
    topics.INCIDENTS.name: (topics.INCIDENTS, Incident),
    topics.OUTCOMES.name: (topics.OUTCOMES, Outcome),
    topics.DELIVERIES.name: (topics.DELIVERIES, Delivery),
    topics.FEEDS.name: (topics.FEEDS, FeedState),
}


class Line(msgspec.Struct, omit_defaults=True):
    """One line of the file; `flankwatch_state` marks the header."""

    flankwatch_state: int = 0
    at: datetime | None = None
    topic: str = ""
    key: str | None = None
    value: msgspec.Raw = msgspec.Raw(b"null")


async def export_state(settings: Settings, now: datetime) -> AsyncIterator[bytes]:
    """Yield the file's lines: the newest version of every record that is remembered.

    Run it while the roles stand still, or what they write meanwhile may be missing.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    yield msgspec.json.encode({"flankwatch_state": FORMAT, "at": now})
    for topic in LATEST:
        newest: dict[str, bytes] = {}
        async for message in read_all(settings, topic):
            if message.key is None:
                continue
            if message.value is None:
                newest.pop(message.key, None)
            elif version_of(message.value) >= version_of(newest.get(message.key)):
                newest[message.key] = message.value
        for key, value in newest.items():
            yield msgspec.json.encode(Line(topic=topic.name, key=key, value=msgspec.Raw(value)))
    for decision in await _silences(settings, now):
        value = msgspec.Raw(encode(decision))
        yield msgspec.json.encode(Line(topic=topics.LEDGER.name, value=value))


async def _silences(settings: Settings, now: datetime) -> list[Decision]:
    held: dict[tuple[str | None, ...], Decision] = {}
    try:
        async for message in read_all(settings, topics.LEDGER):
            try:
                record = decode_ledger(message.value or b"")
            except DecodeError:
                continue
            if isinstance(record, Decision) and record.action in ("silence", "unsilence"):
                held[record.theatre, record.incident, record.country, record.room] = record
    except BrokerError:
        if not settings.is_embedded:
            raise
    return [
        found
        for found in held.values()
        if found.action == "silence" and (found.until is None or found.until > now)
    ]


def read_lines(lines: Iterable[bytes]) -> Iterator[tuple[Topic, str | None, Record]]:
    """Yield what a file holds, each record checked, and fit for another broker.

    Raises:
        FlankwatchError: not such a file, or a line of it cannot be read; with its number.
    """
    for number, raw in enumerate(lines, 1):
        try:
            line = msgspec.json.decode(raw, type=Line)
            if number == 1:
                if line.flankwatch_state != FORMAT:
                    raise FlankwatchError("line 1: not a state export of this version")
                continue
            if line.topic == topics.LEDGER.name:
                record: Any = decode_ledger(bytes(line.value))
                yield topics.LEDGER, line.key, record
                continue
            if line.topic not in _KINDS:
                raise FlankwatchError(f"line {number}: unknown topic {line.topic!r}")
            topic, kind = _KINDS[line.topic]
            record = decode(kind, bytes(line.value))
        except DecodeError as error:
            raise FlankwatchError(f"line {number}: cannot be read: {error}") from error
        if isinstance(record, Incident):
            record = replace(record, through=-1, leaving=(), remembers=None)
        elif isinstance(record, Outcome):
            record = replace(record, through=-1)
        yield topic, line.key, record


async def import_state(
    settings: Settings, records: Iterable[tuple[Topic, str | None, Record]]
) -> dict[str, int]:
    """Write what `read_lines` gave to a broker without incidents; return how many of each topic.

    The roles must not run: they read their memory when they start.

    Raises:
        FlankwatchError: there are incidents already, or the embedded broker runs.
        BrokerError: Kafka cannot be reached, or did not confirm.
    """
    if settings.is_embedded:
        return _import_embedded(settings, records)
    async for _ in read_all(settings, topics.INCIDENTS):
        raise FlankwatchError("there are incidents on this broker already; import only into none")
    counts: Counter[str] = Counter()
    async with Bus(settings, "operator") as bus:
        for topic, key, record in records:
            await bus.send(topic, key, record)
            counts[topic.name] += 1
    return dict(counts)


def _import_embedded(
    settings: Settings, records: Iterable[tuple[Topic, str | None, Record]]
) -> dict[str, int]:
    try:
        connection(settings)
    except BrokerError:
        pass  # nothing runs: the next start reads the file
    else:
        raise FlankwatchError("flankwatch runs on this state directory; stop it first")
    counts: Counter[str] = Counter()
    state = StateFile(settings.state_dir)
    try:
        if state.count(topics.INCIDENTS):
            raise FlankwatchError(f"{state.path} holds incidents already; import only into none")
        for topic, key, record in records:
            headers = [("schema", record.schema_name().encode())]
            if topic in LATEST and key is not None:
                state.keep_latest(topic, key, encode(record), headers)
            else:
                state.append(topic, "", key, encode(record), headers)
            counts[topic.name] += 1
    finally:
        state.close()
    return dict(counts)


def utc_now() -> datetime:
    """Return the present instant, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)
