"""A real deliver process on a real wire, with rooms of a test and a kill at a chosen point.

Run as `python deliver_process.py JSON`. Points: read, planned, committed (the alert's side) and,
of a room's rows, `before:STATE` and `after:STATE` around the write of a row of that state.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from streams import deliver  # noqa: E402
from streams.catalog.channels import Channels, Room, Route  # noqa: E402
from streams.engine import tail  # noqa: E402
from streams.engine.bus import Bus, read_latest  # noqa: E402
from streams.engine.role import Role, run_role  # noqa: E402
from streams.records import Alert, Delivery, Link, content_id  # noqa: E402
from streams.settings import Settings  # noqa: E402
from streams.topics import ALERTS, DELIVERIES  # noqa: E402


def kill_at(point: str, nth: int) -> Callable[[str], None]:
    """Return a hook that ends this process with SIGKILL at the nth passing of a point."""
    left = nth

    def reached(found: str) -> None:
        nonlocal left
        if found == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached


def tell_writes(reached: Callable[[str], None]) -> None:
    """Let the hook see every write of a delivery row."""
    real = Bus.send

    async def send(self: Bus, topic: Any, key: Any, record: Any, headers: Any = None) -> int:
        if isinstance(record, Delivery):
            reached(f"before:{record.state}")
        offset = await real(self, topic, key, record, headers)
        if isinstance(record, Delivery):
            reached(f"after:{record.state}")
        return offset

    Bus.send = send  # type: ignore[method-assign]


def main() -> int:
    """Run deliver as the argument says."""
    told = json.loads(sys.argv[1])
    settings = Settings(**told["settings"])
    channels = Channels(
        tuple(Room.model_validate(room) for room in told["rooms"]),
        tuple(Route.model_validate(route) for route in told["routes"]),
    )
    tail.SESSION_MS = 6000  # the mock cluster must miss a killed member before it lets another in
    reached = kill_at(told["kill_at"], told["nth"]) if told.get("kill_at") else deliver.pass_by
    if told.get("kill_at"):
        tell_writes(reached)

    words = deliver.read_seeds(settings)[1]

    async def run(settings: Settings, role: Role) -> None:
        await deliver.serve(
            settings, role, channels, words, told.get("deliver_replay", False), reached
        )

    return run_role("deliver", settings, run, worker=told.get("worker", 0))


class DeliverProcess:
    """Deliver as a process of its own, with its log and what it prints."""

    def __init__(self, settings: Settings, rooms: list[dict[str, Any]], **options: Any) -> None:
        stem = f"deliver-{time.monotonic_ns()}"
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        self.log = settings.state_dir / f"{stem}.log"
        self.out = settings.state_dir / f"{stem}.out"
        given = settings.model_dump(mode="json", exclude_defaults=True)
        told = {
            "settings": given | {"health_port": 0, "log_format": "json"},
            "rooms": rooms,
            "routes": [{"id": "all", "rooms": [room["id"] for room in rooms]}],
            **options,
        }
        with self.log.open("wb") as log, self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, __file__, json.dumps(told)], stdout=out, stderr=log
            )

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        return self.wait()

    def wait(self, seconds: float = 30.0) -> int:
        """Return the exit code once it has ended."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running:\n{self.told()}") from None

    def told(self) -> str:
        """Return its log."""
        return self.log.read_text(errors="replace")


Start = Callable[..., DeliverProcess]


@pytest.fixture
def start_deliver() -> Iterator[Start]:
    """Return what starts deliver; whatever still runs after the test is killed."""
    started: list[DeliverProcess] = []

    def start(settings: Settings, rooms: list[dict[str, Any]], **options: Any) -> DeliverProcess:
        started.append(DeliverProcess(settings, rooms, **options))
        return started[-1]

    yield start
    for process in started:
        process.stop(signal.SIGKILL)


# --- what tests use ---------------------------------------------------------------------------


def alert(subject: str, n: int = 1, **given: Any) -> Alert:
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "id": content_id(subject, str(n)),
        "subject": subject,
        "n": n,
        "action": "new" if n == 1 else "update",
        "level": "normal",
        "at": now,
        "expires_at": now + timedelta(hours=6),
        "policy": "incidents",
        "status": "reported",
        "country": "LT",
        "headline": f"Drone over Lithuania, version {n}",
        "facts": {"what": f"{n} drones", "where": "Vilnius"},
        "links": (
            Link(title="Dronas", url="https://lrt.example/1", publisher="LRT", language="lt"),
        ),
        "first_seen_at": now,
    }
    return Alert(**(fields | given))


async def send(settings: Settings, *alerts: Alert | bytes, headers: Any = None) -> None:
    async with Bus(settings, "test") as bus:
        for one in alerts:
            key = one.subject if isinstance(one, Alert) else "broken"
            await bus.send(ALERTS, key, one, headers)


async def rows(settings: Settings) -> dict[str, Delivery]:
    return await read_latest(settings, DELIVERIES, Delivery)


async def until(
    settings: Settings, process: DeliverProcess, check: Any, most: float = 90
) -> dict[str, Delivery]:
    """Return the rows once `check` likes them."""
    deadline = time.monotonic() + most
    while True:
        found = await rows(settings)
        if check(found):
            return found
        if process.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{found}\n{process.told()}")
        await asyncio.sleep(0.2)


def shown(count: int) -> Any:
    return lambda found: sum(row.state == "shown" for row in found.values()) == count


KILLS = [
    ("before:pending", 1, False),
    ("after:pending", 1, False),
    ("after:pending", 3, False),
    ("planned", 2, False),
    ("committed", 1, False),
    ("before:sending", 1, False),
    ("after:sending", 1, True),
    ("before:shown", 1, True),
    ("after:shown", 1, False),
]


async def kill_and_restart(
    settings: Settings,
    start_deliver: Start,
    point: str,
    nth: int,
    is_unknown: bool,
    provision: Any = None,
) -> None:
    """Kill deliver at a point, start it again, and check that nothing is lost or doubled."""
    case = content_id(point, str(nth), length=6)
    settings = settings.model_copy(
        update={"prefix": f"kill-{case}.", "state_dir": settings.state_dir / case}
    )
    if provision is not None:
        async with provision(settings) as provisioner:
            await provisioner.create()
    subjects = ["a", "b", "c"]
    async with ChatServer() as server:
        rooms = [{"id": "one", "kind": "webhook", "url": server.url("webhook", "one")}]
        await send(settings, *(alert(subject) for subject in subjects))
        dying = start_deliver(settings, rooms, kill_at=point, nth=nth)
        code = await asyncio.to_thread(dying.wait, 60)
        assert code == -signal.SIGKILL, f"{point}: {dying.told()}"
        living = start_deliver(settings, rooms)
        await until(settings, living, shown(3))
        assert await asyncio.to_thread(living.stop) == 0, living.told()
    told = [call.body["data"] for call in server.accepted]
    unmarked = [data["subject"] for data in told if not data["possible_repeat"]]
    marked = [data["subject"] for data in told if data["possible_repeat"]]
    assert set(unmarked + marked) == set(subjects), f"{point}: lost"
    assert len(unmarked) == len(set(unmarked)), f"{point}: an unmarked repeat"
    if is_unknown:
        assert len(marked) == 1, f"{point}: {marked}"
    elif point.startswith(("before", "after")):
        # Reading and sending go on side by side: at most one send was under way.
        assert len(marked) <= (0 if point.endswith("sending") else 1), f"{point}: {marked}"


if __name__ == "__main__":
    sys.exit(main())
