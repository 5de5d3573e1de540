"""The supervisor over real processes: restarts, giving up, order of stopping, no orphans."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from kafka_server import KafkaServer

from streams.engine.provision import Provisioner
from streams.engine.supervise import FAILURES_MAX
from streams.settings import load_settings

STANDIN = Path(__file__).with_name("standin.py")
ROLES = ("fetch", "detect", "merge", "deliver")
WAIT_SECONDS = 30.0

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a supervisor over stand-ins; end what is left of it."""
    started: list[subprocess.Popen[str]] = []

    def begin(*behaviours: str, **settings: str) -> subprocess.Popen[str]:
        environment = os.environ | {
            "FLANKWATCH_STATE_DIR": str(tmp_path / "state"),
            "FLANKWATCH_HEALTH_PORT": "0",
            "PYTHONPATH": str(ROOT),
            **{f"FLANKWATCH_{name.upper()}": value for name, value in settings.items()},
        }
        process = subprocess.Popen(
            [sys.executable, str(STANDIN), "supervise", *behaviours],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def told(state: Path, role: str) -> dict[str, object]:
    """Return what the role tells; empty while it has not started."""
    try:
        found = json.loads((state / f"{role}.json").read_text())
    except (OSError, ValueError):
        return {}
    assert isinstance(found, dict)
    return found


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Return whether the process lives; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def pids_when_ready(state: Path) -> dict[str, int]:
    wait_until(lambda: all(told(state, role).get("ready") for role in ROLES))
    return {role: int(str(told(state, role)["pid"])) for role in ROLES}


def test_sigterm_stops_roles_in_order(start: Start, tmp_path: Path) -> None:
    process = start()
    pids = pids_when_ready(tmp_path / "state")
    process.terminate()
    _, log = process.communicate(timeout=15)
    assert process.returncode == 0, log
    assert (tmp_path / "state" / "stopped").read_text().split() == list(ROLES)
    assert not any(is_alive(pid) for pid in pids.values())
    assert log.count("embedded broker started") == 1


@pytest.mark.slow
def test_killed_supervisor_leaves_no_orphan(start: Start, tmp_path: Path) -> None:
    process = start("merge=deaf")
    pids = pids_when_ready(tmp_path / "state")
    process.kill()
    assert process.stderr is not None
    process.stderr.close()  # a deaf role that cannot even complain must end, too
    wait_until(lambda: not any(is_alive(pid) for pid in pids.values()))


def test_died_role_is_started_again(start: Start, tmp_path: Path) -> None:
    process = start("detect=die-once")
    pids = pids_when_ready(tmp_path / "state")
    os.kill(pids["merge"], signal.SIGKILL)
    wait_until(lambda: told(tmp_path / "state", "merge").get("pid") not in (None, pids["merge"]))
    assert told(tmp_path / "state", "fetch")["pid"] == pids["fetch"]
    time.sleep(0.5)  # the supervisor looks every 0.1 s
    process.terminate()
    _, log = process.communicate(timeout=15)
    assert process.returncode == 0
    assert "all roles ready" in log
    again = [json.loads(line) for line in log.splitlines() if "starting it again" in line]
    assert {(line["child"], line["exit_code"]) for line in again} == {("detect", -9), ("merge", -9)}


@pytest.mark.slow
def test_role_that_keeps_failing_ends_everything(start: Start, tmp_path: Path) -> None:
    process = start("merge=crash")
    _, log = process.communicate(timeout=90)
    assert process.returncode == 4
    assert "giving up" in log
    assert log.count("starting it again") == 5
    assert "stand-in crash" in log


@pytest.mark.kafka
@pytest.mark.slow
async def test_outage_of_kafka_is_waited_for(
    start: Start, tmp_path: Path, kafka: KafkaServer
) -> None:
    where = {"kafka": kafka.address, "prefix": f"t{uuid.uuid4().hex[:8]}."}
    settings = load_settings({f"FLANKWATCH_{name.upper()}": text for name, text in where.items()})
    async with Provisioner(settings) as provisioner:
        await provisioner.create()
    process = start("fetch=unreachable", **where)
    assert process.stderr is not None
    restarts = 0
    while restarts <= FAILURES_MAX + 1:
        line = await asyncio.to_thread(process.stderr.readline)
        assert "giving up" not in line
        restarts += "starting it again" in line
    process.terminate()
    await asyncio.to_thread(process.communicate, timeout=15)
    assert process.returncode == 0


def test_fault_ends_everything_at_once(start: Start) -> None:
    process = start("deliver=fault")
    _, log = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "seeds/x.toml: key: stand-in fault" in log
    assert "starting it again" not in log


def test_deaf_role_is_killed_within_the_deadline(start: Start, tmp_path: Path) -> None:
    process = start("detect=deaf")
    pids_when_ready(tmp_path / "state")
    process.terminate()
    _, log = process.communicate(timeout=12)
    assert process.returncode == 0
    assert "did not stop in time" in log
    assert (tmp_path / "state" / "stopped").read_text().split() == ["fetch", "merge", "deliver"]


def test_second_signal_ends_at_once(start: Start, tmp_path: Path) -> None:
    process = start("fetch=deaf")
    pids = pids_when_ready(tmp_path / "state")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    wait_until(lambda: "stopping" in (process.stderr.readline() if process.stderr else ""))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode == 130
    wait_until(lambda: not any(is_alive(pid) for pid in pids.values()))


def test_second_instance_is_refused(start: Start, tmp_path: Path) -> None:
    first = start()
    pids_when_ready(tmp_path / "state")
    second = start()
    _, log = second.communicate(timeout=20)
    assert second.returncode == 3
    assert f"is in use by process {first.pid}" in log
    assert "FLANKWATCH_STATE_DIR" in log


def test_taken_port_is_told_before_anything_starts(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start(health_port=str(port))
        _, log = process.communicate(timeout=20)
    assert process.returncode == 3
    assert f"127.0.0.1:{port}" in log
    assert "role started" not in log


def test_unreachable_kafka_is_told(start: Start, free_port: int) -> None:
    process = start(kafka=f"127.0.0.1:{free_port}")
    _, log = process.communicate(timeout=30)
    assert process.returncode == 3
    assert f"cannot reach Kafka at 127.0.0.1:{free_port}" in log
    assert "Traceback" not in log
