# ruff: noqa: F811
"""The deliver role as a real process: alerts on a real wire in, requests at a real server out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
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


async def test_a_kill_at_any_write_point_loses_nothing_and_marks_what_may_be_a_repeat(
    settings: Settings, start_deliver: Start
) -> None:
    # All at once: most of the time the group waits until it misses the killed member.
    await asyncio.gather(*(kill_and_restart(settings, start_deliver, *case) for case in KILLS))


async def test_hold_keeps_an_unknown_message_for_a_person(
    settings: Settings, server: ChatServer, start_deliver: Start
) -> None:
    held = settings.model_copy(update={"unknown_delivery": "hold"})
    rooms = [{"id": "slack", "kind": "slack", "url": server.url("slack")}]
    server.script.append("ok-then-reset")
    role = start_deliver(held, rooms)
    await send(settings, alert("a"))
    found = await until(settings, role, lambda f: any(r.state == "held" for r in f.values()))
    assert found["a|slack"].reason == "reset" and len(server.calls) == 1
    order = {"flankwatch.order": "release", "flankwatch.room": "slack"}
    await send(settings, alert("a"), headers=order)
    await until(settings, role, shown(1))
    assert len(server.calls) == 2 and "possible repeat" in server.calls[1].body["text"]
    assert role.stop() == 0, role.told()


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


async def test_a_refused_alert_is_shortened_then_dead_lettered_and_told_elsewhere(
    settings: Settings, server: ChatServer, start_deliver: Start
) -> None:
    rooms = [
        {"id": "slack", "kind": "slack", "url": server.url("slack"), "fallback": "hook"},
        {"id": "hook", "kind": "webhook", "url": server.url("webhook")},
    ]
    routes = [{"id": "all", "rooms": ["slack"]}]
    server.script += ["413", "413"]
    role = start_deliver(settings, rooms, routes=routes)
    await send(settings, alert("a"))
    found = await until(settings, role, shown(1))
    assert found["a|slack"].state == "rejected" and found["a|hook"].state == "shown"
    sizes = [len(call.raw) for call in server.calls if call.kind == "slack"]
    assert len(sizes) == 2 and sizes[1] < sizes[0]
    letters = [message async for message in read_all(settings, DEAD_LETTERS)]
    assert letters[0].headers["flankwatch.room"] == b"slack"
    assert role.stop() == 0, role.told()


async def test_updates_supersede_what_is_queued(
    settings: Settings, server: ChatServer, start_deliver: Start
) -> None:
    server.script.append("429-seconds")  # the room is quiet for two seconds
    rooms = [{"id": "hook", "kind": "webhook", "url": server.url("webhook")}]
    role = start_deliver(settings, rooms)
    await send(settings, alert("other"), alert("a"), alert("a", 2), alert("a", 3))
    await until(settings, role, lambda found: len(found) == 2 and shown(2)(found))
    assert role.stop() == 0, role.told()
    told = [call.body["data"] for call in server.accepted]
    assert [data["n"] for data in told if data["subject"] == "a"] == [3]
    assert next(data for data in told if data["subject"] == "a")["action"] == "new"


async def test_replay_and_canary_never_reach_people(
    settings: Settings, server: ChatServer, start_deliver: Start
) -> None:
    rooms = [
        {"id": "hook", "kind": "webhook", "url": server.url("webhook")},
        {"id": "out", "kind": "console"},
    ]
    then = datetime(2025, 9, 10, tzinfo=UTC)
    old = {"theatre": "replay", "at": then, "expires_at": then}
    role = start_deliver(settings, rooms)
    await send(settings, alert("r", **old), alert("c", theatre="canary"), alert("live"))
    found = await until(settings, role, shown(3))
    assert sorted(found) == ["live|hook", "live|out", "r|out"]
    assert role.stop() == 0
    assert [call.body["data"]["subject"] for call in server.calls] == ["live"]
    assert "[REPLAY] Drone over Lithuania" in role.out.read_text()
    marked = start_deliver(settings, rooms, deliver_replay=True)
    await send(settings, alert("r2", **old))
    await until(settings, marked, shown(5))
    assert marked.stop() == 0
    assert server.calls[-1].body["marks"] == ["REPLAY"]
