"""Health pages and the role process: ready, alive, port taken, crash, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from conftest import ROOT

from streams.engine.health import Health
from streams.engine.role import Role, read_role_file
from streams.errors import FlankwatchError
from streams.settings import load_settings

STANDIN = Path(__file__).with_name("standin.py")


async def get(port: int, page: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/{page}") as answer,
    ):
        return answer.status, await answer.text()


async def test_ready_follows_the_role() -> None:
    health = Health("fetch")
    await health.start("127.0.0.1", 0)
    try:
        assert (await get(health.port, "readyz"))[0] == 503
        health.set_ready(True)
        assert (await get(health.port, "readyz"))[0] == 200
        status, metrics = await get(health.port, "metrics")
        assert status == 200
        assert 'flankwatch_ready{stage="fetch"} 1.0' in metrics
        assert "flankwatch_event_loop_lag_seconds_count" in metrics
    finally:
        await health.stop()


async def test_alive_needs_progress() -> None:
    health = Health("merge", live_seconds=0.0)
    await health.start("127.0.0.1", 0)
    try:
        assert (await get(health.port, "livez"))[0] == 200  # never beat: the loop alone counts
        health.beat()
        status, why = await get(health.port, "livez")
        assert (status, why.startswith("no progress")) == (503, True)
    finally:
        await health.stop()


async def test_taken_port_is_named() -> None:
    first, second = Health("fetch"), Health("fetch")
    await first.start("127.0.0.1", 0)
    try:
        with pytest.raises(FlankwatchError, match=f"127.0.0.1:{first.port} is in use"):
            await second.start("127.0.0.1", first.port)
    finally:
        await first.stop()


async def test_role_file_tells_facts(tmp_path: Path) -> None:
    settings = load_settings({"FLANKWATCH_STATE_DIR": str(tmp_path)})
    role = Role(settings, "detect", 2)
    role.tell(replay_done=True, port=1)
    role.tell(port=2)
    assert read_role_file(settings, "detect", 2) == {"replay_done": True, "port": 2}
    assert read_role_file(settings, "detect") is None
    role.forget()
    assert read_role_file(settings, "detect", 2) is None


def start(tmp_path: Path, behaviour: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "FLANKWATCH_STATE_DIR": str(tmp_path),
        "FLANKWATCH_HEALTH_PORT": "0",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen(
        [sys.executable, str(STANDIN), "merge", "--behaviour", behaviour],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("behaviour", "code", "told"),
    [("crash", 1, "RuntimeError: stand-in crash"), ("fault", 2, "seeds/x.toml: key")],
)
def test_failed_role_exits_with_its_code(
    tmp_path: Path, behaviour: str, code: int, told: str
) -> None:
    process = start(tmp_path, behaviour)
    _, log = process.communicate(timeout=30)
    assert process.returncode == code
    assert told in log
    assert not (tmp_path / "merge.json").exists()


def test_second_signal_ends_a_lone_role_at_once(tmp_path: Path) -> None:
    process = start(tmp_path, "deaf")
    settings = load_settings({"FLANKWATCH_STATE_DIR": str(tmp_path)})
    deadline = time.monotonic() + 30
    while not (read_role_file(settings, "merge") or {}).get("ready"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)
    assert process.returncode == 130
