"""A worker that Faust would leave standing goes on, or ends loudly."""
# ruff: noqa: F811 (fixtures are imported)

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from mock_broker import MockBroker, mock_broker  # noqa: F401
from role_process import Start, article, read, send, start_role, wait_done  # noqa: F401

from streams.engine.bus import Outgoing
from streams.engine.watchdog import Progress
from streams.settings import Settings
from streams.topics import ARTICLES, TAGGED


@pytest.fixture
def settings(mock_broker: MockBroker, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    prefix = request.node.name.removeprefix("test_").replace("_", "-").lower() + "."
    return Settings(kafka=mock_broker.address, prefix=prefix, state_dir=tmp_path)


def some(count: int) -> list[Outgoing]:
    return [Outgoing(ARTICLES, f"a{n}", article(n, "calm")) for n in range(count)]


@pytest.mark.slow
async def test_coordinator_errors_do_not_leave_a_standing_worker(
    settings: Settings, start_role: Start
) -> None:
    await send(settings, some(100))
    role = start_role(settings, "detect", coordinator_errors=2)
    await wait_done(settings, ARTICLES, role)
    assert len({m.key for m in await read(settings, TAGGED)}) == 100
    assert role.told().count("coordinator error") == 2
    assert role.stop() == 0, role.told()


@pytest.mark.slow
async def test_too_many_coordinator_errors_end_the_process(
    settings: Settings, start_role: Start
) -> None:
    role = start_role(settings, "detect", coordinator_errors=99, coordinator_errors_max=3)
    assert role.wait() == 1
    assert "too many coordinator errors" in role.told()


class Consumer:
    """What `Progress` asks of a consumer, with offsets that the test sets."""

    def __init__(self) -> None:
        self.end, self.committed, self.start = 0, None, 0
        self.parts: set[Any] = {Part()}

    def assignment(self) -> set[Any]:
        return self.parts

    async def highwaters(self, *parts: Any) -> dict[Any, int]:
        return dict.fromkeys(parts, self.end)

    async def earliest_offsets(self, *parts: Any) -> dict[Any, int]:
        return dict.fromkeys(parts, self.start)

    def committed_offset(self, part: Any) -> int | None:
        return self.committed

    def oldest_in_work(self, part: Any) -> float | None:
        return None


class Part:
    topic, partition = "news.articles.v1", 0


class FakeApp:
    stage = "detect"

    def __init__(self) -> None:
        self.consumer = Consumer()


async def test_progress_is_idleness_or_a_moving_commit() -> None:
    app = FakeApp()
    progress, consumer = Progress(app), app.consumer
    assert await progress.look(), "nothing waits"
    consumer.end = 10
    consumer.committed = 3
    assert await progress.look(), "the commit moved"
    consumer.end = 20
    assert not await progress.look(), "more came in, and nothing was committed"
    consumer.committed = 20
    assert await progress.look()
    assert await progress.look(), "idle"
    consumer.parts = set()
    assert await progress.look(), "a standby"


async def test_progress_of_a_new_group_on_an_emptied_topic_is_idleness() -> None:
    app = FakeApp()
    app.consumer.end = app.consumer.start = 50  # all expired before the group's first commit
    progress = Progress(app)
    for _ in range(3):
        assert await progress.look()


async def test_watch_beats_only_with_progress() -> None:
    app = FakeApp()
    app.consumer.end = 5
    app.consumer.committed = 1
    beats = []
    progress = Progress(app)
    import streams.engine.watchdog as watchdog

    watchdog.LAG_EVERY_SECONDS, before = 0.01, watchdog.LAG_EVERY_SECONDS
    try:
        task = asyncio.create_task(progress.watch(lambda: beats.append(1)))
        await asyncio.sleep(0.2)
        task.cancel()
    finally:
        watchdog.LAG_EVERY_SECONDS = before
    assert len(beats) == 1, "the first look sees a change, then nothing moves"


def test_fail_stop_ends_also_when_nobody_reads_stderr() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    script = (
        "import io, os, sys\n"
        "from streams.engine.watchdog import fail_stop\n"
        "raw = io.FileIO(2, 'w', closefd=False)\n"
        "sys.stderr = io.TextIOWrapper(io.BufferedWriter(raw))  # says nothing until flushed\n"
        "sys.stderr.write('waiting')\n"
        "try:\n"
        "    fail_stop(7, 'stopped', reason='test')\n"
        "finally:\n"
        "    os._exit(99)  # stands for Faust, which acknowledges the record in hand here\n"
    )
    try:
        ended = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, stderr=writer, stdout=subprocess.DEVNULL
        )
    finally:
        os.close(writer)
    assert ended.returncode == 7
