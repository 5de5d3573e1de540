"""No commit passes work that is not done; one bad record costs one record."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from faust.types import TP
from faust.types.tuples import ConsumerMessage
from mode.utils.logging import CompositeLogger

from streams.engine.commits import Consumer, OwnErrors, Producer

PART = TP("articles", 0)


class AckingTopics:
    """The only thing that `Consumer.ack` asks of an app."""

    topics: Any

    def __init__(self) -> None:
        self.topics = self

    def acks_enabled_for(self, topic: str) -> bool:
        return True


def new_consumer(committed: int | None = None) -> Consumer:
    """Return our consumer as far as acks go, without a broker."""
    consumer: Consumer = Consumer.__new__(Consumer)
    consumer.app = AckingTopics()
    consumer._acked = defaultdict(list)
    consumer._acked_index = defaultdict(set)
    consumer._committed_offset = defaultdict(lambda: None, {PART: committed})
    consumer._unacked_messages = set()
    consumer._n_acked = 0
    consumer._waiting_for_ack = None
    return consumer


def hand_out(consumer: Consumer, *offsets: int) -> dict[int, ConsumerMessage]:
    """Give records to the stream, as Faust's iterator does."""
    messages = {}
    for offset in offsets:
        message = ConsumerMessage("articles", 0, offset, 0.0, 0, None, None, b"", None, tp=PART)
        message.incref()
        message.tracked = True
        consumer._unacked_messages.add(message)
        messages[offset] = message
    return messages


def test_new_offset_with_first_record_in_work_commits_nothing() -> None:
    consumer = new_consumer()
    messages = hand_out(consumer, 0, 1, 2, 3)
    messages[3].ack(consumer)  # Faust's own would commit 4
    assert consumer._new_offset(PART) is None
    for offset in (0, 1):
        messages[offset].ack(consumer)
    assert consumer._new_offset(PART) == 2
    messages[2].ack(consumer)
    assert consumer._new_offset(PART) == 4, "3 was done long ago"


def test_new_offset_next_to_committed_commits_nothing() -> None:
    consumer = new_consumer(committed=31)
    messages = hand_out(consumer, 31, 32)
    messages[32].ack(consumer)  # Faust's own would commit 33: off by one
    assert consumer._new_offset(PART) is None
    messages[31].ack(consumer)
    assert consumer._new_offset(PART) == 33


def test_new_offset_over_gaps_of_compaction() -> None:
    consumer = new_consumer(committed=1)
    messages = hand_out(consumer, 1, 2, 15, 16)
    for offset in (1, 2, 16):
        messages[offset].ack(consumer)
    assert consumer._new_offset(PART) == 3  # Faust's own would count 15 as done: 17
    messages[15].ack(consumer)
    assert consumer._new_offset(PART) == 17


def test_record_skipped_in_a_rebalance_is_not_done() -> None:
    consumer = new_consumer()
    skipped = ConsumerMessage("articles", 0, 50, 0.0, 0, None, None, b"", None, tp=PART)
    skipped.incref()
    skipped.ack(consumer)  # Faust's Python iterator acks what it skips
    assert consumer._new_offset(PART) is None


class Broker:
    """Stands for the consumer's thread, the app's producer, tables and monitor around a commit."""

    def __init__(self, consumer: Consumer, *answers: bool) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []
        self.during_commit: Callable[[], None] = lambda: None
        consumer._thread = self
        app: Any = consumer.app
        app.producer = app.tables = app.monitor = self
        app._attachments = self
        app.in_transaction = False
        consumer.in_transaction = False
        consumer.log = CompositeLogger(logging.getLogger("faust"))

    def assignment(self) -> set[TP]:
        return {PART}

    async def commit(self, offsets: dict[TP, int]) -> bool:
        self.asked.append(offsets[PART])
        self.during_commit()
        return self.answers.pop(0)

    async def flush(self) -> None: ...

    async def publish_for_tp_offset(self, tp: TP, offset: int) -> list[Any]:
        return []

    def on_commit(self, offsets: dict[TP, int]) -> None: ...

    def on_tp_commit(self, offsets: dict[TP, int]) -> None: ...


async def test_commit_refused_in_a_rebalance_is_repeated() -> None:
    consumer = new_consumer(committed=5)
    broker = Broker(consumer, False, False, True)
    for message in hand_out(consumer, 5, 6).values():
        message.ack(consumer)
    assert not await consumer._commit_tps([PART], False)
    assert consumer.committed_offset(PART) == 5, "the broker did not take it"
    assert not await consumer._commit_tps([PART], False)
    assert await consumer._commit_tps([PART], False)
    assert broker.asked == [7, 7, 7]
    assert consumer.committed_offset(PART) == 7
    assert not await consumer._commit_tps([PART], False)
    assert broker.asked == [7, 7, 7], "nothing is left to commit"


async def test_commit_refused_then_more_done_commits_the_newest() -> None:
    consumer = new_consumer()
    broker = Broker(consumer, False, True)
    first = hand_out(consumer, 0, 1)
    first[0].ack(consumer)
    assert not await consumer._commit_tps([PART], False)
    later = hand_out(consumer, 2)
    later[2].ack(consumer)
    first[1].ack(consumer)
    assert await consumer._commit_tps([PART], False)
    assert broker.asked == [1, 3]


async def test_commit_refused_for_a_revoked_partition_waits_for_its_records() -> None:
    consumer = new_consumer()
    broker = Broker(consumer, False, True)

    def revoke() -> None:  # as Faust's on_partitions_revoked does
        for of_part in (consumer._acked, consumer._acked_index, consumer._committed_offset):
            of_part.pop(PART, None)

    broker.during_commit = revoke
    for message in hand_out(consumer, 0, 1).values():
        message.ack(consumer)
    assert not await consumer._commit_tps([PART], False)
    assert consumer._new_offset(PART) is None, "the next owner's progress is not ours to set"
    again = hand_out(consumer, 0, 1)  # the group never committed, so it starts at the beginning
    for message in again.values():
        message.ack(consumer)
    assert await consumer._commit_tps([PART], False), "acks below the refused offset count"
    assert broker.asked == [2, 2]


def test_record_in_work_is_held_strongly() -> None:
    consumer = new_consumer()
    hand_out(consumer, 7)  # nobody else keeps it
    for message in hand_out(consumer, 8).values():
        message.ack(consumer)
    assert consumer._new_offset(PART) is None


async def test_flush_returns_only_once_the_buffer_is_empty() -> None:
    class SlowBuffer:
        """Gives up after each message, as Faust's does after 0.1 s of silence."""

        size = 5

        async def flush(self) -> None:
            await asyncio.sleep(0)
            self.size = max(0, self.size - 1)

    producer: Producer = Producer.__new__(Producer)
    producer.buffer = SlowBuffer()
    producer._producer = None
    producer._transaction_producers = {}
    await producer.flush()
    assert producer.buffer.size == 0
    assert producer._settings_extra() == {"acks": "all", "enable_idempotence": True}


def test_own_errors_of_one_feed_never_stop_the_role() -> None:
    errors = OwnErrors(most=3, feeds=2, window_seconds=60)
    assert not any(errors.is_too_many("odd", at) for at in range(50))


def test_own_errors_over_several_feeds_stop_the_role() -> None:
    errors = OwnErrors(most=3, feeds=2, window_seconds=60)
    assert [errors.is_too_many(f"feed{n % 2}", n) for n in range(4)] == [False, False, False, True]


def test_own_errors_long_ago_do_not_count() -> None:
    errors = OwnErrors(most=3, feeds=2, window_seconds=60)
    assert not any(errors.is_too_many(f"feed{n}", n * 30.0) for n in range(20))
