"""Alerts in, requests at a real server out, with rows in memory: who is told what, and who is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from chat_room import MemoryBus
from chat_server import ChatServer
from deliver_process import alert

from connectors.guard import Guard
from connectors.send import Sender
from streams.catalog.channels import Channels, Room, Route
from streams.catalog.messages import read
from streams.catalog.sources import Sources
from streams.deliver import Office
from streams.engine.bus import Received
from streams.outbox import Outbox
from streams.records import Alert, Delivery, encode
from streams.settings import Settings

WORDS = read(Sources.of(), [])


class Desk(Office):
    """An office whose rows and letters can be looked at."""

    letters: list[Any]

    async def tell(self, *alerts: Alert | bytes, **headers: str) -> None:
        for one in alerts:
            value = one if isinstance(one, bytes) else encode(one)
            packed = {f"flankwatch.{name}": text.encode() for name, text in headers.items()}
            await self.take(Received("news.alerts.v1", "k", value, packed, 0, 0, 0))

    async def until(self, check: Callable[[dict[str, Delivery]], Any]) -> dict[str, Delivery]:
        for _ in range(500):
            found = {
                f"{row.subject}|{row.room}": row
                for room in self.tasks
                for row in self.outbox.of_room(room)
            }
            if check(found):
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(found)


@asynccontextmanager
async def desk(
    rooms: list[dict[str, Any]], routed: list[str] | None = None, **options: Any
) -> AsyncIterator[Desk]:
    made = tuple(Room.model_validate(room) for room in rooms)
    names = tuple(routed or [room.id for room in made])
    match = options.pop("match", {})
    route = Route.model_validate({"id": "all", "rooms": names, "match": match})
    settings, bus = Settings(allow_addresses="127.0.0.1"), MemoryBus()
    async with Sender(Guard(settings.allow_addresses)) as sender:
        outbox = Outbox(settings, bus)  # type: ignore[arg-type]
        office = Desk(settings, Channels(made, (route,)), WORDS, outbox, sender, **options)
        office.letters = bus.letters
        office.start()
        try:
            yield office
        finally:
            await office.close()


@pytest.fixture
async def server() -> AsyncIterator[ChatServer]:
    async with ChatServer() as running:
        yield running


def hook(server: ChatServer, **given: Any) -> dict[str, Any]:
    return {"id": "hook", "kind": "webhook", "url": server.url("webhook"), **given}


def told(server: ChatServer) -> list[tuple[str, int]]:
    bodies = [call.body["data"] for call in server.accepted if call.kind == "webhook"]
    return [(body["subject"], body["n"]) for body in bodies]


def settled(count: int) -> Callable[[dict[str, Delivery]], Any]:
    return lambda rows: (
        len(rows) == count and all(row.state not in ("pending", "sending") for row in rows.values())
    )


async def test_hold_keeps_an_unknown_message_for_a_person(server: ChatServer) -> None:
    server.script.append("ok-then-reset")
    async with desk([hook(server, unknown="hold")]) as office:
        await office.tell(alert("a"))
        rows = await office.until(settled(1))
        assert (rows["a|hook"].state, rows["a|hook"].reason) == ("held", "reset")
        await office.tell(alert("a"), order="release", room="hook")
        await office.until(lambda rows: rows["a|hook"].state == "shown")
    assert server.calls[1].body["marks"] == ["possible repeat"]
    assert server.calls[0].headers["webhook-id"] == server.calls[1].headers["webhook-id"]


async def test_a_refused_alert_is_shortened_then_buried_and_told_elsewhere(
    server: ChatServer,
) -> None:
    server.script += ["413", "413"]
    slack = {"id": "slack", "kind": "slack", "url": server.url("slack"), "fallback": "hook"}
    async with desk([slack, hook(server)], routed=["slack"]) as office:
        await office.tell(alert("a"))
        rows = await office.until(settled(2))
        assert rows["a|slack"].state == "rejected" and rows["a|hook"].state == "shown"
        assert [letter[2] for letter in office.letters] == ["rejected"]
        assert office.letters[0][1].headers["flankwatch.room"] == b"slack"
    sizes = [len(call.raw) for call in server.calls if call.kind == "slack"]
    assert len(sizes) == 2 and sizes[1] < sizes[0]


async def test_updates_supersede_what_is_queued(server: ChatServer) -> None:
    server.script.append("429-seconds")  # the room is quiet for two seconds
    async with desk([hook(server)]) as office:
        await office.tell(alert("other"), alert("a"), alert("a", 2), alert("a", 3), alert("a", 2))
        await office.until(settled(2))
    assert sorted(told(server)) == [("a", 3), ("other", 1)]
    first = next(call.body["data"] for call in server.accepted if call.body["data"]["n"] == 3)
    assert (first["action"], first["is_first"]) == ("new", True)


async def test_replay_and_canary_never_reach_people(
    server: ChatServer, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    then = datetime(2025, 9, 10, tzinfo=UTC)
    old = {"theatre": "replay", "at": then, "expires_at": then}
    rooms = [hook(server), {"id": "out", "kind": "console"}]
    async with desk(rooms) as office:
        await office.tell(alert("r", **old), alert("c", theatre="canary"), alert("live"))
        rows = await office.until(settled(3))
        assert sorted(rows) == ["live|hook", "live|out", "r|out"]
    assert told(server) == [("live", 1)]
    assert b"[REPLAY] Drone over Lithuania" in capfdbinary.readouterr().out
    async with desk(rooms, deliver_replay=True) as office:
        await office.tell(alert("r2", **old))
        await office.until(settled(2))
    assert server.calls[-1].body["marks"] == ["REPLAY"]


async def test_a_correction_reaches_whoever_saw_the_first_message(server: ChatServer) -> None:
    match = {"statuses": ["reported"], "level": "normal"}
    async with desk([hook(server)], match=match) as office:
        await office.tell(alert("a"), alert("b", level="digest"))
        await office.until(settled(1))
        gone = {"status": "false_alarm", "level": "digest", "action": "correction"}
        await office.tell(alert("a", 2, **gone), alert("b", 2, **gone))
        await office.until(lambda rows: settled(1)(rows) and rows["a|hook"].shown_n == 2)
    assert told(server) == [("a", 1), ("a", 2)]


async def test_what_cannot_be_read_or_obeyed_costs_itself(server: ChatServer) -> None:
    async with desk([hook(server)]) as office:
        await office.tell(b"{nope", b'{"id": 1}', b"\xff")
        await office.tell(alert("x"), order="release", room="nobody")
        await office.tell(alert("x"), order="explode", room="hook")
        await office.tell(alert("a"))
        await office.until(settled(1))
        assert [letter[2] for letter in office.letters] == ["unreadable"] * 3
    assert told(server) == [("a", 1)]


async def test_a_slow_room_delays_no_other(server: ChatServer) -> None:
    server.stuck.add("slack")
    slack = {"id": "slack", "kind": "slack", "url": server.url("slack")}
    async with desk([slack, hook(server)]) as office:
        await office.tell(*(alert(f"s{n}") for n in range(20)))
        done = [f"s{n}|hook" for n in range(20)]
        await office.until(lambda rows: all(rows[key].state == "shown" for key in done))
        assert sum(call.kind == "slack" for call in server.calls) == 1
