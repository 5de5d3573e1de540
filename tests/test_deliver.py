# ruff: noqa: F811
"""The deliver role as a real process: alerts on a real wire in, requests at a real server out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
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
from mock_broker import MockBroker, mock_broker  # noqa: F401

from streams.engine.bus import read_all
from streams.records import content_id
from streams.settings import Settings
from streams.topics import DEAD_LETTERS

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(mock_broker: MockBroker, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    return Settings(
        kafka=mock_broker.address,
        prefix=content_id(request.node.name, length=8) + ".",
        state_dir=tmp_path,
        allow_addresses="127.0.0.1",
    )


@pytest.fixture
async def server() -> AsyncIterator[ChatServer]:
    async with ChatServer() as running:
        yield running


async def test_an_alert_reaches_every_room_and_no_repeat_posts_again(
    settings: Settings, server: ChatServer, start_deliver: Start
) -> None:
    rooms = [
        {"id": "hook", "kind": "webhook", "url": server.url("webhook")},
        {"id": "slack", "kind": "slack", "url": server.url("slack")},
        {"id": "out", "kind": "console", "level": "digest"},
    ]
    first = start_deliver(settings, rooms)
    await send(settings, alert("a"), alert("b"), alert("a"))
    await until(settings, first, shown(6))
    await send(settings, alert("a", 1), alert("b", 1))
    assert first.stop() == 0, first.told()
    second = start_deliver(settings, rooms)
    await send(settings, alert("a", 2))
    found = await until(
        settings, second, lambda f: all(r.shown_n == 2 for k, r in f.items() if k[0] == "a")
    )
    assert second.stop() == 0, second.told()
    hooks = [call for call in server.accepted if call.kind == "webhook"]
    assert [(c.body["data"]["subject"], c.body["data"]["n"]) for c in hooks] == [
        ("a", 1), ("b", 1), ("a", 2),
    ]  # fmt: skip
    assert not server.faults and len(server.accepted) == 6
    printed = first.out.read_text() + second.out.read_text()
    assert printed.count("Drone over Lithuania, version 1") == 2
    assert "2 drones" in found["a|slack"].shown_text


async def test_a_kill_at_a_write_point_loses_nothing_and_marks_what_may_be_a_repeat(
    settings: Settings, start_deliver: Start
) -> None:
    # All at once: most of the time the group waits until it misses the killed member.
    # The other points, and these again, are in test_deliver_kafka.py, where a restart is quick.
    points = ("before:pending", "after:pending", "after:sending", "before:shown")
    cases = [case for case in KILLS if case[0] in points and case[1] == 1]
    await asyncio.gather(*(kill_and_restart(settings, start_deliver, *case) for case in cases))


async def test_a_broken_alert_goes_to_dead_letters_and_the_stream_goes_on(
    settings: Settings, server: ChatServer, start_deliver: Start
) -> None:
    rooms = [{"id": "hook", "kind": "webhook", "url": server.url("webhook")}]
    role = start_deliver(settings, rooms)
    await send(settings, b"{nope", alert("a"))
    await until(settings, role, shown(1))
    letters = [message async for message in read_all(settings, DEAD_LETTERS)]
    assert [letter.value for letter in letters] == [b"{nope"]
    assert letters[0].headers["flankwatch.dlq.reason"] == b"unreadable"
    assert role.stop() == 0, role.told()
