# ruff: noqa: F811
"""Deliver on a real Kafka: killed at every write point, and a standby that takes over."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from chat_server import ChatServer
from deliver_process import (
    KILLS,
    Start,
    alert,
    kill_and_restart,
    send,
    shown,
    start_deliver,  # noqa: F401
    until,
)
from kafka_server import KafkaServer

from streams.engine.provision import Provisioner
from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def make_settings(kafka: KafkaServer, folder: Path, prefix: str) -> Settings:
    settings = Settings(
        kafka=kafka.address, prefix=prefix, state_dir=folder, allow_addresses="127.0.0.1"
    )
    async with Provisioner(settings) as provisioner:
        await provisioner.create()
    return settings


async def test_a_kill_at_any_write_point_on_a_real_kafka(
    kafka: KafkaServer, tmp_path: Path, start_deliver: Start
) -> None:
    settings = Settings(kafka=kafka.address, state_dir=tmp_path, allow_addresses="127.0.0.1")
    for case in KILLS:
        await kill_and_restart(settings, start_deliver, *case, provision=Provisioner)


async def test_a_standby_takes_over_and_repeats_nothing(
    kafka: KafkaServer, tmp_path: Path, start_deliver: Start
) -> None:
    settings = await make_settings(kafka, tmp_path / "one", "standby.")
    async with ChatServer() as server:
        rooms = [{"id": "hook", "kind": "webhook", "url": server.url("webhook")}]
        first = start_deliver(settings, rooms)
        await send(settings, alert("a"))
        await until(settings, first, shown(1))
        second = start_deliver(
            settings.model_copy(update={"state_dir": tmp_path / "two"}), rooms, worker=1
        )
        await asyncio.sleep(3)
        assert first.stop(signal.SIGKILL) == -signal.SIGKILL
        await send(settings, alert("b"), alert("a", 2))
        await until(settings, second, lambda rows: len(rows) == 2 and shown(2)(rows))
        assert await asyncio.to_thread(second.stop) == 0, second.told()
        told = [(c.body["data"]["subject"], c.body["data"]["n"]) for c in server.accepted]
    assert sorted(told) == [("a", 1), ("a", 2), ("b", 1)]
