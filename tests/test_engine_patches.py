"""What we override in Faust and aiokafka is private: it must still be what we read."""

from __future__ import annotations

import hashlib
import inspect
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.app.base import App, BootStrategy
from faust.streams import Stream
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Producer, Transport
from faust.transport.drivers.aiokafka import Consumer as DriverConsumer
from faust.transport.producer import ProducerBuffer
from faust.types.tuples import ConsumerMessage, Message

#: What engine/commits.py, watchdog.py and app.py replace or rely on → start of its source's SHA-256.
READ: list[tuple[Any, str]] = [
    (GroupCoordinator.check_errors, "ba6ca51ad34838d9"),
    (GroupCoordinator._push_error_to_user, "743ff515bd7e2e38"),
    (AIOKafkaConsumerThread.on_start, "38b4e8bd1e10723a"),
    (AIOKafkaConsumerThread._commit, "932852ce7a23f658"),
    (AIOKafkaConsumerThread.highwaters, "b49ed48ec1731816"),
    (AIOKafkaConsumerThread.earliest_offsets, "5d697cd768735af7"),
    (DriverConsumer._new_consumer_thread, "0870ec53dea75083"),
    (DriverConsumer._commit, "a20eec84e4b2ed50"),
    (Consumer.__init__, "302410d59e6972d1"),
    (Consumer.ack, "5fcf41cf45153475"),
    (Consumer._new_offset, "1d2c7ea89a7ad4f1"),
    (Consumer._add_gap, "4df2573ded7c1c2c"),
    (Consumer._clean_unacked_messages, "11be2587e71c9162"),
    (Consumer._commit_tps, "a20e230b05ae8b15"),
    (Consumer._commit_offsets, "1a69799041188441"),
    (Consumer._should_commit, "5ce941793947ad42"),
    (Consumer.on_partitions_revoked, "d04b7ae72c6fc206"),
    (Consumer.perform_seek, "0e8c130ff4b0afd8"),
    (Consumer.wait_empty, "e4662fe24f094819"),
    (ConsumerMessage.on_final_ack, "45d670b6a8ac4bd0"),
    (Message.ack, "4751b72c4ed84153"),
    (Stream._c_aiter, "fa44582a5882e9df"),
    (Stream._py_aiter, "3a48ee257a65435b"),
    (Stream.take_events, "607d48aead118ba8"),
    (Producer._settings_extra, "a4c7bc41b6382223"),
    (Producer.flush, "36d0cb3615f65b01"),
    (ProducerBuffer.flush_atmost, "4966e8c5f9b42eb9"),
    (App._new_transport, "42db531312dd776f"),
    (App._new_producer_transport, "eb3b4aa6a8961275"),
    (App._create_directories, "a9f571c3b04abec3"),
    (App._on_partitions_revoked, "d5c895bbe57dc73a"),
    (App._stop_consumer, "55854a5de12c3f52"),
    (BootStrategy.server, "97e47ea1dec34b55"),
    (BootStrategy._should_enable_kafka_producer, "c2633729cf04b7b0"),
    (BootStrategy._should_enable_web, "2b6c66a4448a58f3"),
    (Transport, "966a67907f33524d"),
]


@pytest.mark.parametrize(("private", "digest"), READ, ids=lambda v: getattr(v, "__qualname__", ""))
def test_private_source_is_what_we_read(private: Any, digest: str) -> None:
    source = inspect.getsource(private)
    found = hashlib.sha256(source.encode()).hexdigest()[:16]
    assert found == digest, (
        f"{private.__qualname__} changed: read it again beside streams/engine, then put"
        f" {found} here\n{source}"
    )
