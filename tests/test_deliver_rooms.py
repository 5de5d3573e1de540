"""One room against a real server that fails in every way; its secret shows up nowhere."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from chat_room import CANARY, MemoryBus, targets
from chat_server import ChatServer
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from connectors import registry, send
from connectors.guard import Guard
from connectors.room import NoAnswer, Target, kind_of
from connectors.send import Sender
from streams import metrics
from streams.catalog.channels import Room
from streams.catalog.messages import Messages, read
from streams.catalog.sources import Sources
from streams.outbox import Outbox
from streams.records import Alert, Delivery, Link, encode
from streams.rooms import RoomTask
from streams.rows import plan
from streams.settings import Settings
from streams.show import Show

WORDS: Messages = read(Sources.of(), [])


class Bench:
    """One room, its rows and a server."""

    def __init__(self, server: ChatServer, sender: Sender) -> None:
        self.server = server
        self.bus = MemoryBus()
        self.outbox = Outbox(Settings(), self.bus)  # type: ignore[arg-type]
        self.sender = sender
        self.stood_in: list[str] = []
        self.running: list[asyncio.Task[None]] = []

    def open(self, kind: str, target: Target, **given: Any) -> RoomTask:
        needs = {name: "https://x.example/" for name in kind_of(kind).NEEDS & {"url"}}
        needs |= {name: "X" for name in kind_of(kind).NEEDS - {"url"}}
        room = Room(id="r", kind=kind, per_second=200, **(needs | given))

        async def stand_in(row: Delivery, failing: Room) -> None:
            self.stood_in.append(row.subject)

        task = RoomTask(
            Show(room, WORDS), kind_of(kind), target, self.outbox, self.sender, "repeat", stand_in
        )
        self.running.append(asyncio.create_task(task.run()))
        return task

    async def tell(self, task: RoomTask, alert: Alert) -> None:
        await self.outbox.change(
            alert.subject, "r", lambda row: plan(row, alert, task.place, datetime.now(UTC))
        )
        task.wake(alert.subject)

    async def until(self, subject: str, check: Any) -> Delivery:
        for _ in range(600):
            row = self.outbox.get(subject, "r")
            if row is not None and check(row):
                return row
            await asyncio.sleep(0.02)
        raise AssertionError(row)


def alert(subject: str = "s", n: int = 1, **given: Any) -> Alert:
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "id": f"{subject}{n}",
        "subject": subject,
        "n": n,
        "action": "new" if n == 1 else "update",
        "level": "normal",
        "status": "reported",
        "at": now,
        "expires_at": now + timedelta(hours=1),
        "policy": "p",
        "headline": f"Headline {subject} {n}",
        "facts": {"what": "drone"},
        "links": (Link(title="T", url="https://a.example/1", publisher="P", language="lt"),),
    }
    return Alert(**(fields | given))


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(send, "TOTAL_SECONDS", 1.0)
    monkeypatch.setattr(send, "READ_SECONDS", 0.7)
    async with ChatServer() as server, Sender(Guard("127.0.0.1")) as sender:
        made = Bench(server, sender)
        yield made
        for task in made.running:
            task.cancel()
        await asyncio.gather(*made.running, return_exceptions=True)


def settled(row: Delivery) -> bool:
    return row.state not in ("pending", "sending") or bool(row.reason)


KINDS = sorted(registry.kinds("chat") - {"console"})
FAILURES = {
    "200-error": {"webhook": ("shown", "http_200"), "*": ("pending", "")},
    "302": {"*": ("pending", "http_302")},
    "400": {"*": ("rejected", "http_400")},
    "401": {"*": ("pending", "http_401")},
    "403": {"*": ("pending", "http_403")},
    "404": {"*": ("pending", "http_404")},
    "410": {"*": ("pending", "http_410")},
    "413": {"*": ("rejected", "http_413")},
    "429-seconds": {"*": ("pending", "http_429")},
    "429-date": {"*": ("pending", "http_429")},
    "500": {"*": ("pending", "http_500")},
    "502": {"*": ("pending", "http_502")},
    "504": {"*": ("pending", "http_504")},
    "hang": {"*": ("pending", "timeout")},
    "reset": {"*": ("pending", "reset")},
    "slow": {"webhook": ("shown", "http_200"), "*": ("pending", "")},
    "huge": {"webhook": ("shown", "http_200"), "*": ("pending", "")},
}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_failure_is_judged_and_no_secret_is_told(
    kind: str, bench: Bench, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as ours:
        await _fail_in_every_way(kind, bench)
    told = io.StringIO()
    told.write(repr(ours))
    for record in caplog.records:
        told.write(record.getMessage() + str(record.__dict__))
    out, err = capfd.readouterr()
    told.write(out + err + generate_latest(metrics.REGISTRY_IN_USE).decode())
    for record in bench.bus.sent:
        told.write(encode(record).decode())
    for letter in bench.bus.letters:
        told.write(repr(letter))
    assert ours and bench.bus.letters, "a refused alert is dead-lettered"
    assert CANARY not in told.getvalue()


async def _fail_in_every_way(kind: str, bench: Bench) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    base = f"http://127.0.0.1:{bench.server.port}"
    for target in targets(kind, base):
        for how, expected in FAILURES.items():
            bench.server.script.extend([how, how] if how in ("400", "413") else [how])
            task = bench.open(kind, target)
            subject = f"{how}-{bool(target.token)}"
            await bench.tell(task, alert(subject))
            row = await bench.until(subject, settled)
            state, reason = expected.get(kind) or expected["*"]
            assert (row.state, row.reason.startswith(reason)) == (state, True), (how, row)
            bench.running.pop().cancel()
            bench.server.script.clear()
    broken = {
        "connect": f"http://127.0.0.1:{port}/{CANARY}",
        "dns": f"http://{CANARY}.example/{CANARY}",
        "tls": f"https://127.0.0.1:{bench.server.port}/{CANARY}",
        "blocked": f"http://127.0.0.2:{bench.server.port}/{CANARY}",
        "bad_url": f"http://[{CANARY}",
    }
    for reason, url in broken.items():
        task = bench.open(kind, Target(url=url, token=CANARY, chat="1"))
        await bench.tell(task, alert(reason))
        row = await bench.until(reason, settled)
        if not (reason == "bad_url" and row.state == "rejected"):
            assert (row.state, row.reason) == ("pending", reason), row
        bench.running.pop().cancel()


async def test_redirects_are_not_followed(bench: Bench) -> None:
    bench.server.script.append("302")
    task = bench.open("webhook", Target(url=bench.server.url("webhook")))
    await bench.tell(task, alert())
    await bench.until("s", settled)
    assert [call.kind for call in bench.server.calls] == ["webhook"]


async def test_a_proxy_is_no_way_to_private_addresses(bench: Bench) -> None:
    proxy = f"http://127.0.0.1:{bench.server.port}"
    message = Show(Room(id="r", kind="console"), WORDS).message(
        Delivery(subject="s", room="r", state="sending", step="post", alert=alert())
    )
    async with Sender(Guard(""), proxy=proxy) as sender:
        for url in ("http://10.0.0.1/hook", "http://0x7f.1/hook", "http://[::1]/hook"):
            target = Target(url=url)
            request = kind_of("webhook").request(message, "post", target, datetime.now(UTC))
            assert await sender.send(request) == NoAnswer("blocked", sent=False), url
    assert not bench.server.calls


async def test_a_throttled_room_is_left_alone_as_long_as_it_says(bench: Bench) -> None:
    bench.server.script.append("429-seconds")
    task = bench.open("webhook", Target(url=bench.server.url("webhook")))
    began = asyncio.get_running_loop().time()
    await bench.tell(task, alert("a"))
    await bench.tell(task, alert("b"))
    await bench.until("b", lambda row: row.state == "shown")
    await bench.until("a", lambda row: row.state == "shown")
    assert asyncio.get_running_loop().time() - began >= 2.0
    assert len(bench.server.calls) == 3


async def test_a_bot_edits_its_message_and_replies_when_it_must(bench: Bench) -> None:
    target = Target(url=f"http://127.0.0.1:{bench.server.port}/slackbot", token="t", chat="C1")
    task = bench.open("slack", target)
    await bench.tell(task, alert())
    await bench.until("s", lambda row: row.shown_n == 1)
    await bench.tell(task, alert(n=2, notify=False))
    await bench.until("s", lambda row: row.shown_n == 2 and row.state == "shown")
    await bench.tell(task, alert(n=3, status="confirmed"))
    row = await bench.until("s", lambda row: row.shown_n == 3 and row.state == "shown")
    paths = [call.path.rsplit("/", 1)[1] for call in bench.server.calls]
    assert paths == ["chat.postMessage", "chat.update", "chat.update", "chat.postMessage"]
    assert bench.server.calls[1].body["ts"] == row.message_ref
    assert bench.server.calls[3].body["thread_ts"] == row.message_ref
    assert not bench.server.faults


async def test_what_expired_is_told_in_one_digest(bench: Bench) -> None:
    bench.server.script.extend(["500"] * 3)
    task = bench.open("webhook", Target(url=bench.server.url("webhook")))
    soon = datetime.now(UTC) + timedelta(seconds=1.2)
    for subject in ("a", "b", "c"):
        await bench.tell(task, alert(subject, expires_at=soon))
    for subject in ("a", "b", "c"):
        await bench.until(subject, lambda row: row.step == "digested" or row.state == "shown")
    rows = {s: bench.outbox.get(s, "r") for s in ("a", "b", "c")}
    missed = sorted(s for s, row in rows.items() if row and row.state == "expired")
    digests = [c.body for c in bench.server.accepted if c.body["data"]["action"] == "digest"]
    # on a loaded machine the three may not expire in one look at the clock; none is told twice
    assert bool(missed) <= len(digests) <= len(missed)
    assert sorted(s for body in digests for s in body["data"]["subjects"]) == missed
    for body in digests:
        assert body["text"].startswith(f"{len(body['data']['subjects'])} ")


async def test_a_failing_room_hands_over_to_its_fallback(bench: Bench) -> None:
    bench.server.script.append("403")
    task = bench.open("webhook", Target(url=bench.server.url("webhook")), fallback="other")
    await bench.tell(task, alert("a"))
    await bench.until("a", settled)
    await bench.tell(task, alert("b"))
    for _ in range(100):
        if set(bench.stood_in) == {"a", "b"}:
            break
        await asyncio.sleep(0.05)
    assert set(bench.stood_in) == {"a", "b"}
    assert task.breaker.state(asyncio.get_running_loop().time()) == "open"


async def test_a_message_that_cannot_be_written_costs_itself(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = bench.open("webhook", Target(url=bench.server.url("webhook"), signing=("whsec_%",)))
    await bench.tell(task, alert("a"))
    row = await bench.until("a", settled)
    assert row.state == "rejected" and row.reason.startswith("cannot be written")
    assert len(bench.bus.letters) == 1 and not bench.server.calls


async def test_console_prints_and_says_when_it_cannot(
    bench: Bench, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    task = bench.open("console", Target())
    await bench.tell(task, alert("a", headline="bad \x1b[31m title\nsecond line", theatre="replay"))
    await bench.until("a", lambda row: row.state == "shown")
    out = capfdbinary.readouterr().out
    assert b"\x1b" not in out and b"[REPLAY] bad [31m title second line" in out


async def test_low_urgency_is_gathered_into_one_digest(bench: Bench) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=2)).time()
    task = bench.open(
        "webhook",
        Target(url=bench.server.url("webhook")),
        level="digest",
        digest_at=[soon.isoformat()],
        language="pl",
    )
    for subject in ("a", "b"):
        await bench.tell(task, alert(subject, level="digest"))
    await bench.tell(task, alert("c"))
    await bench.until("c", lambda row: row.state == "shown")
    assert len(bench.server.accepted) == 1, "a louder one waits for nobody"
    for subject in ("a", "b"):
        await bench.until(subject, lambda row: row.state == "shown")
    (digest,) = [c.body for c in bench.server.accepted if c.body["data"]["action"] == "digest"]
    assert digest["data"]["subjects"] == ["a", "b"]
    assert digest["data"]["reason"] == "gathered"
    assert digest["text"].startswith("Mniej pilne, zebrane: 2")
