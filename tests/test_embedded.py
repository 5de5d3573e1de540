"""The embedded broker: bounded, locked, and after a kill -9 nothing that matters is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from conftest import ROOT

from streams import topics
from streams.engine.bus import Bus, Outgoing, Tail, ledger_base, read_all, read_latest
from streams.engine.embedded import EmbeddedBroker, lock_state
from streams.engine.state import FILE, StateFile
from streams.errors import BrokerError, StateError
from streams.records import CatalogSwitch, Decision, FeedState, Outcome, Tick, decode_ledger
from streams.settings import Settings, load_settings

NOW = datetime(2025, 9, 10, 4, 0, tzinfo=UTC)
SWITCH = CatalogSwitch(catalog="c1", at=NOW)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"FLANKWATCH_STATE_DIR": str(tmp_path / "state")})


async def commit_all(settings: Settings, topic: topics.Topic, role: str, count: int) -> None:
    """Read and commit so many records as the role would."""
    async with asyncio.timeout(30), Tail(settings, topic, settings.group(role)) as tail:
        for _ in range(count):
            await tail.commit(await anext(tail))


async def eventually(check: Callable[[], bool]) -> None:
    """Wait until the check holds."""
    async with asyncio.timeout(15):
        while True:
            if check():
                return
            await asyncio.sleep(0.05)


def test_state_directory_has_one_owner(settings: Settings) -> None:
    with (
        lock_state(settings.state_dir),
        pytest.raises(StateError, match=f"in use by process {os.getpid()}"),
    ):
        lock_state(settings.state_dir)
    lock_state(settings.state_dir).close()


def test_damaged_state_file_is_named(settings: Settings) -> None:
    settings.state_dir.mkdir()
    (settings.state_dir / FILE).write_bytes(b"not a database, " * 100)
    with pytest.raises(StateError, match=r"state\.sqlite: cannot be used"):
        StateFile(settings.state_dir)


def test_state_of_another_version_is_refused(settings: Settings) -> None:
    StateFile(settings.state_dir).close()
    with sqlite3.connect(settings.state_dir / FILE) as other:
        other.execute("UPDATE meta SET value = '99'")
    other.close()
    with pytest.raises(StateError, match="has schema 99"):
        StateFile(settings.state_dir)


def test_old_records_leave_the_state_file(settings: Settings) -> None:
    state = StateFile(settings.state_dir)
    state.append(topics.DEAD_LETTERS, "run", "k", b"v", [])
    state.keep_latest(topics.OUTCOMES, "a", b'{"through":1}', [])
    state.keep_latest(topics.INCIDENTS, "i", b'{"version":1}', [])
    later = (datetime.now(UTC) + timedelta(days=31)).timestamp()
    for topic in topics.ALL:
        state.forget_expired(topic, later)
    counts = [state.count(t) for t in (topics.DEAD_LETTERS, topics.OUTCOMES, topics.INCIDENTS)]
    assert counts == [0, 0, 1]
    state.close()


async def test_feed_is_saved_once_its_articles_are_detected(settings: Settings) -> None:
    broker = EmbeddedBroker(settings)
    await broker.start()
    async with Bus(settings, "fetch") as bus:
        for number in range(5):
            await bus.send(topics.ARTICLES, f"a{number}", b"{}")
        await bus.send(topics.FEEDS, "pap", FeedState(id="pap", url="u", version=1))
        await asyncio.sleep(0.5)
        assert await read_latest(settings, topics.FEEDS, FeedState) == {}
        await commit_all(settings, topics.ARTICLES, "detect", 5)
        kept = StateFile(settings.state_dir)
        await eventually(lambda: kept.count(topics.FEEDS) == 1)
        kept.close()
        await bus.send(topics.FEEDS, "lrt", FeedState(id="lrt", url="u", version=1))
        assert set(await read_latest(settings, topics.FEEDS, FeedState)) == {"pap", "lrt"}
    await broker.stop()


@pytest.mark.slow
async def test_producer_waits_and_nothing_is_lost(settings: Settings) -> None:
    """24 MB through one partition that keeps 5: possible only if the producer waits."""
    broker = EmbeddedBroker(settings)
    await broker.start()
    count, size = 240, 100_000
    sent = 0

    async with Bus(settings, "detect") as bus:

        async def send() -> None:
            nonlocal sent
            for number in range(count):
                await bus.send(topics.LEDGER, None, b"%08d" % number + b"x" * size)
                sent += 1

        sender = asyncio.create_task(send())
        await asyncio.sleep(1.0)
        stood_at = sent
        assert 10 <= stood_at <= 25  # 2 MiB under way, then it waits
        seen = []
        async with asyncio.timeout(60), Tail(settings, topics.LEDGER, "flankwatch-merge") as tail:
            async for message in tail:
                seen.append(int((message.value or b"")[:8]))
                if len(seen) % 8 == 0:
                    await tail.commit(message)
                if len(seen) == count:
                    break
        await sender
    assert seen == list(range(count))
    await broker.stop()


@pytest.mark.slow
async def test_what_waits_is_produced_again_and_what_is_done_is_not(settings: Settings) -> None:
    broker = EmbeddedBroker(settings)
    await broker.start()
    async with Bus(settings, "detect") as bus:
        for number in range(4):
            await bus.send(topics.LEDGER, None, CatalogSwitch(catalog=f"c{number}", at=NOW))
        await bus.send(topics.LEDGER, None, Tick(at=NOW))  # out of date at once: not kept
        await commit_all(settings, topics.LEDGER, "merge", 2)
        kept = StateFile(settings.state_dir)
        await eventually(lambda: kept.count(topics.LEDGER) == 2)
        kept.close()
    await broker.stop()

    broker = EmbeddedBroker(settings)
    await broker.start()
    async with asyncio.timeout(30), Tail(settings, topics.LEDGER, "flankwatch-merge") as tail:
        again = [decode_ledger((await anext(tail)).value or b"") for _ in range(2)]
    assert [one.catalog for one in again if isinstance(one, CatalogSwitch)] == ["c2", "c3"]
    await broker.stop()


async def test_silences_outlive_what_merge_has_consumed(settings: Settings) -> None:
    def said(name: str, action: Literal["silence", "unsilence", "ack"]) -> Decision:
        return Decision(id=name, at=NOW, who="ann", action=action, why="", country="PL")

    broker = EmbeddedBroker(settings)
    await broker.start()
    async with Bus(settings, "office") as bus:
        for decision in (said("d1", "silence"), said("d2", "ack"), said("d3", "unsilence")):
            await bus.send(topics.LEDGER, decision.id, decision)
        await bus.send(topics.LEDGER, None, b"{nope")
        await commit_all(settings, topics.LEDGER, "merge", 4)
    for _ in range(2):  # and a second restart
        await broker.stop()
        broker = EmbeddedBroker(settings)
        await broker.start()
        async with asyncio.timeout(30), Tail(settings, topics.LEDGER, "flankwatch-merge") as tail:
            again = [decode_ledger((await anext(tail)).value or b"") for _ in range(2)]
        assert again == [said("d1", "silence"), said("d3", "unsilence")]
    await broker.stop()


async def test_ledger_offsets_rise_over_restarts(settings: Settings) -> None:
    broker = EmbeddedBroker(settings)
    await broker.start()
    assert ledger_base(settings) == 0
    async with Bus(settings, "merge") as bus:
        for through in (3, 7, 5):
            outcome = Outcome(article=f"a{through}", revision="r", what="new", through=through)
            await bus.send(topics.OUTCOMES, outcome.article, outcome)
    await broker.stop()
    broker = EmbeddedBroker(settings)
    await broker.start()
    assert ledger_base(settings) == 8
    await broker.stop()


_TO_BE_KILLED = """
import asyncio, os, signal
from streams import topics
from streams.engine.bus import Bus
from streams.engine.embedded import EmbeddedBroker
from streams.settings import load_settings

async def main():
    settings = load_settings()
    await EmbeddedBroker(settings).start()
    async with Bus(settings, "merge") as bus:
        await bus.send(topics.ARTICLES, "a1", b"{}")
        await bus.send(topics.FEEDS, "pap", b'{"id":"pap","url":"u","version":1}')
        await bus.send(topics.ALERTS, "i1", b'{"n":1}')
        await bus.send(topics.INCIDENTS, "i1", b'{"version":2,"through":9}')
        await bus.send(topics.INCIDENTS, "i1", b'{"version":1,"through":8}')
        await bus.send(topics.DELIVERIES, "i1|room", b'{"state":"sending","version":1}')
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_killed_broker_comes_back_with_its_state(settings: Settings) -> None:
    environment = os.environ | {
        "FLANKWATCH_STATE_DIR": str(settings.state_dir),
        "PYTHONPATH": str(ROOT),
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _TO_BE_KILLED],
        env=environment,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with pytest.raises(BrokerError, match="no embedded broker runs"):
        ledger_base(settings)

    broker = EmbeddedBroker(settings)
    await broker.start()

    async def values(topic: topics.Topic) -> list[bytes | None]:
        return [message.value async for message in read_all(settings, topic)]

    assert await values(topics.INCIDENTS) == [b'{"version":2,"through":9}']
    assert await values(topics.DELIVERIES) == [b'{"state":"sending","version":1}']
    assert await values(topics.FEEDS) == []  # its article was in flight: to be fetched again
    async with asyncio.timeout(30), Tail(settings, topics.ALERTS, "flankwatch-deliver") as tail:
        assert (await anext(tail)).value == b'{"n":1}'
    assert ledger_base(settings) == 10
    await broker.stop()


async def test_many_small_records_pass(settings: Settings) -> None:
    broker = EmbeddedBroker(settings)
    await broker.start()
    async with Bus(settings, "detect") as bus:
        sent = await bus.send_all(Outgoing(topics.LEDGER, None, SWITCH) for _ in range(1000))
    assert sent == list(range(1000))
    await broker.stop()
