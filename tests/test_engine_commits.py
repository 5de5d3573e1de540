"""No commit passes work that is not done; one bad record costs one record."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from faust.types import TP
from faust.types.tuples import ConsumerMessage

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
