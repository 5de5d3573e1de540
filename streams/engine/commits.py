"""When an offset may be committed, and what becomes of a record that fails.

Guarantee: no commit passes a record whose work is not done. Faust 0.15.3 would, where acks come
out of order, a record is skipped in a rebalance, or its producer's buffer is not yet empty.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
import structlog
from faust.transport.drivers import aiokafka as driver

from streams import metrics
from streams.engine.bus import Bus, Received
from streams.engine.watchdog import ConsumerThread, fail_stop
from streams.errors import EXIT_GAVE_UP, EXIT_UNREACHABLE, BrokerError, RecordError
from streams.topics import DEAD_LETTER_MAX_BYTES

log = structlog.get_logger()
T = TypeVar("T")

#: In-place retries end well under `broker_rebalance_timeout` (60 s).
RETRY_SECONDS = 30.0
RETRY_FIRST_SECONDS = 0.2
RETRY_MOST_SECONDS = 5.0
#: What of a value fits into a dead letter beside its headers.
DEAD_LETTER_BYTES = DEAD_LETTER_MAX_BYTES - 64 * 1024


class _CommitRefused(Exception):
    """A rebalance was under way; passes through Faust's own bookkeeping."""


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer; commits end below the oldest record still in work."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Faust's own is a WeakSet: a record whose agent crashed could vanish from it unfinished.
        self._unacked_messages: set[Any] = set()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def ack(self, message: Any) -> bool:
        """Count a record as done, unless it was skipped unread because a rebalance began."""
        if not message.tracked:
            return False
        is_new = bool(super().ack(message))
        self._unacked_messages.discard(message)
        return is_new

    def _new_offset(self, tp: Any) -> int | None:
        """Return the offset to commit, or None.

        A partition's records are handed out in order, so all below the highest done one are
        either done, still in work, or never existed (gaps of compaction).
        """
        self._clean_unacked_messages()  # what was skipped twice stays behind otherwise
        in_work = [message.offset for message in self._unacked_messages if message.tp == tp]
        limit = min(in_work, default=None)
        done = {offset for offset in self._acked[tp] if limit is None or offset < limit}
        if not done:
            return None
        self._acked[tp] = [offset for offset in self._acked[tp] if offset not in done]
        self._acked_index[tp] -= done
        return int(max(done)) + 1

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        if not await super()._commit(offsets):
            raise _CommitRefused
        return True

    async def _commit_offsets(
        self, offsets: Mapping[Any, int], start_new_transaction: bool = True
    ) -> bool:
        """Commit; what a rebalance refuses is committed again with the next round.

        The original notes a refused offset as committed: it then never repeats it, and takes no
        ack below it when the records come again.
        """
        acked = {tp: self._acked_index[tp] for tp in offsets}
        try:
            return bool(await super()._commit_offsets(offsets, start_new_transaction))
        except _CommitRefused:
            log.info("commit refused in a rebalance", offsets={str(t): offsets[t] for t in offsets})
        for tp, offset in offsets.items():
            # A revoked partition has lost its index; its records come again, to whoever gets it.
            if self._acked_index.get(tp) is acked[tp] and offset - 1 not in acked[tp]:
                self._acked[tp].append(offset - 1)
                acked[tp].add(offset - 1)
        return False

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Do nothing: `_new_offset` needs no list of gaps."""

    def committed_offset(self, tp: Any) -> int | None:
        """Return the offset committed last; None before the first commit of a new group."""
        offset: int | None = self._committed_offset.get(tp)
        return offset

    def oldest_in_work(self, tp: Any) -> float | None:
        """Return when Kafka got the oldest record in work (seconds since the epoch), or None.

        The embedded broker tells no true times; those count as None.
        """
        times = [m.timestamp for m in list(self._unacked_messages) if m.tp == tp and m.timestamp]
        oldest = min(times, default=0.0)
        return float(oldest) if oldest > 1e9 else None


class Producer(driver.Producer):  # type: ignore[misc]
    """Faust's producer, made safe for whoever sends through Faust; our roles use the bus."""

    def _settings_extra(self) -> dict[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def flush(self) -> None:
        """Return only once the buffer is empty; the original gives up after 0.1 s of silence."""
        while self.buffer.size:
            await self.buffer.flush()
            await asyncio.sleep(0)
        await super().flush()


class OwnErrors:
    """Counts failures that are our own fault, and says when a rule, not a record, is broken.

    One feed's odd texts cost those texts; the same failure over several feeds would send the
    world to dead letters, so the role stops instead.
    """

    def __init__(self, most: int = 20, feeds: int = 3, window_seconds: float = 300.0) -> None:
        self._most, self._feeds, self._window = most, feeds, window_seconds
        self._seen: deque[tuple[float, str]] = deque()

    def is_too_many(self, feed: str, now: float) -> bool:
        """Note one failure at `now` (seconds, monotonic); return True when the role must stop."""
        self._seen.append((now, feed))
        while self._seen and self._seen[0][0] < now - self._window:
            self._seen.popleft()
        return len(self._seen) > self._most and len({f for _, f in self._seen}) >= self._feeds


class Guard:
    """What a role does around the work on one record, so that no exception reaches Faust.

    Unreadable or failing → dead letter, awaited. Broker away → the same again for a while, in
    place. Dead letter refused → the process ends without acknowledging.
    """

    def __init__(self, bus: Bus, stage: str, own_errors: OwnErrors | None = None) -> None:
        self._bus = bus
        self._stage = stage
        self._own_errors = own_errors or OwnErrors()

    async def reject(self, message: Any, error: Exception, feed: str = "") -> None:
        """Send a record that cannot be processed to dead letters; returns once that is confirmed.

        Args:
            message: The Kafka record, bytes untouched.
            error: A `RecordError` or decode error is the record's fault, others are ours.
            feed: The record's feed, as far as it could be read.
        """
        if isinstance(error, RecordError):
            reason = error.reason
        elif isinstance(error, msgspec.DecodeError | UnicodeDecodeError):
            reason = "unreadable"
        else:
            reason = "failed"
            if self._own_errors.is_too_many(feed, time.monotonic()):
                fail_stop(
                    EXIT_GAVE_UP,
                    "stopped: own errors over several feeds",
                    stage=self._stage,
                    error=repr(error),
                )
        log.error(
            "record sent to dead letters",
            reason=reason,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            feed=feed,
            error=str(error),
            exc_info=error if reason == "failed" else None,
        )
        letter = _as_received(message)
        await self.deliver(
            lambda: self._bus.dead_letter(self._stage, letter, reason, error), "dead letter"
        )

    async def deliver(self, send: Callable[[], Awaitable[T]], what: str = "output") -> T:
        """Talk to the broker until it confirms; the process ends when it does not in time.

        Args:
            send: Sends and awaits confirmation; called again after a `BrokerError`, so it must
                be idempotent.
            what: For the log.

        Returns:
            What `send` returned.
        """
        until = time.monotonic() + RETRY_SECONDS
        pause = RETRY_FIRST_SECONDS
        while True:
            try:
                return await send()
            except BrokerError as error:
                if time.monotonic() + pause > until:
                    fail_stop(EXIT_UNREACHABLE, f"{what} not confirmed", error=str(error))
                log.warning("not confirmed, sent again", what=what, error=str(error))
            except Exception as error:
                fail_stop(1, f"{what} refused", error=repr(error))
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, RETRY_MOST_SECONDS)


def _as_received(message: Any) -> Received:
    """Return Faust's record in the bus's form, bytes untouched.

    A value that not even dead letters can hold is cut, and a header says so: only a topic that
    somebody made with another size limit has such records, and the stream must go on.
    """
    value = message.value
    headers = dict(message.headers or ())
    if len(value or b"") > DEAD_LETTER_BYTES:
        headers["flankwatch.dlq.cut_from_bytes"] = str(len(value)).encode()
        value = value[:DEAD_LETTER_BYTES]
    return Received(
        topic=message.topic,
        key=message.key.decode("utf-8", "replace") if message.key else None,
        value=value,
        headers=headers,
        partition=message.partition,
        offset=message.offset,
        timestamp=int((message.timestamp or 0) * 1000),
    )


def count_done(stage: str, started: float, records: int = 1) -> None:
    """Count processed records and the time each took; `started` from `time.perf_counter()`."""
    if records:
        metrics.processed.labels(stage).inc(records)
        each = (time.perf_counter() - started) / records
        for _ in range(records):
            metrics.stage_duration.labels(stage).observe(each)
