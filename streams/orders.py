"""What operators do with deliveries and dead letters: list, release, drop, put back.

An order travels as a record on `news.alerts`, in the alerts' own order, so that the one owner of
the rows carries it out; nothing here writes rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import DecodeError
from msgspec.structs import replace

from streams import topics
from streams.deliver import ORDER_HEADER, ROOM_HEADER
from streams.engine.bus import Bus, Received, read_all, read_latest
from streams.errors import FlankwatchError
from streams.records import Alert, Delivery, decode
from streams.rows import Order
from streams.settings import Settings

#: How long a released alert may be tried when its own time is over.
RELEASED_FOR = timedelta(hours=1)
_DLQ = "flankwatch.dlq."


async def deliveries(settings: Settings) -> list[Delivery]:
    """Return all rows, latest change first.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    rows = (await read_latest(settings, topics.DELIVERIES, Delivery)).values()
    return sorted(rows, key=lambda row: row.updated_at or row.alert.at, reverse=True)


async def find_delivery(settings: Settings, subject: str, room: str) -> Delivery:
    """Return one row.

    Raises:
        FlankwatchError: there is none.
        BrokerError: Kafka cannot be reached.
    """
    for row in await deliveries(settings):
        if (row.subject, row.room) == (subject, room):
            return row
    raise FlankwatchError(
        f"no delivery of {subject!r} to {room!r}; see `flankwatch deliveries list`"
    )


async def give_order(settings: Settings, row: Delivery, order: Order, now: datetime) -> None:
    """Send the order; deliver carries it out.

    Raises:
        BrokerError: not confirmed.
    """
    expires_at = max(row.alert.expires_at, now + RELEASED_FOR)
    alert = replace(row.alert, expires_at=expires_at) if order == "release" else row.alert
    headers = {ORDER_HEADER: order, ROOM_HEADER: row.room}
    async with Bus(settings, "operator") as bus:
        await bus.send(topics.ALERTS, row.subject, alert, headers)


@dataclass(frozen=True)
class Letter:
    """One dead letter; `place` is what commands call it."""

    place: str  #: partition:offset
    stage: str
    reason: str
    topic: str  #: where it came from, with the instance's prefix
    message: str
    room: str  #: of a refused alert
    record: Received

    @property
    def original_headers(self) -> dict[str, str | bytes]:
        """Return the headers as they were before the letter died."""
        return {
            name: value for name, value in self.record.headers.items() if not name.startswith(_DLQ)
        }

    def is_expired(self, now: datetime) -> bool:
        """Return whether it is an alert whose time is over."""
        try:
            return decode(Alert, self.record.value or b"").expires_at <= now
        except DecodeError:
            return False


async def letters(settings: Settings) -> AsyncIterator[Letter]:
    """Yield all dead letters that Kafka still has.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    async for record in read_all(settings, topics.DEAD_LETTERS):
        told = {
            name.removeprefix(_DLQ): value.decode("utf-8", "replace")
            for name, value in record.headers.items()
        }
        yield Letter(
            place=f"{record.partition}:{record.offset}",
            stage=told.get("stage", ""),
            reason=told.get("reason", ""),
            topic=told.get("topic", ""),
            message=told.get("message", ""),
            room=told.get(ROOM_HEADER, ""),
            record=record,
        )


async def put_back(settings: Settings, chosen: list[Letter], now: datetime) -> int:
    """Put letters back where they came from, untouched, and return how many.

    An alert that a room refused goes to that room alone, and is given an hour.

    Raises:
        FlankwatchError: a letter came from a topic that is not ours; nothing after it was sent.
        BrokerError: not confirmed.
    """
    async with Bus(settings, "operator") as bus:
        for letter in chosen:
            topic = next(
                (known for known in topics.ALL if settings.topic(known.name) == letter.topic), None
            )
            if topic is None:
                raise FlankwatchError(f"{letter.place}: from unknown topic {letter.topic!r}")
            headers = letter.original_headers
            value: bytes | Alert | None = letter.record.value
            if letter.room and letter.record.value:
                alert = decode(Alert, letter.record.value)
                value = replace(alert, expires_at=max(alert.expires_at, now + RELEASED_FOR))
                headers |= {ORDER_HEADER: "release"}
            await bus.send(topic, letter.record.key, value, headers)
    return len(chosen)
