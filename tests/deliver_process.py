"""A real deliver process on a real wire, with rooms of a test and a kill at a chosen point.

Run as `python deliver_process.py JSON`. Points: read, planned, committed (the alert's side) and,
of a room's rows, `before:STATE` and `after:STATE` around the write of a row of that state.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from streams import deliver  # noqa: E402
from streams.catalog.channels import Channels, Room, Route  # noqa: E402
from streams.engine import bus  # noqa: E402
from streams.engine.bus import Bus  # noqa: E402
from streams.engine.role import Role, run_role  # noqa: E402
from streams.records import Delivery  # noqa: E402
from streams.settings import Settings  # noqa: E402


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
    bus.SESSION_MS = 6000  # the mock cluster must miss a killed member before it lets another in
    reached = kill_at(told["kill_at"], told["nth"]) if told.get("kill_at") else deliver.pass_by
    if told.get("kill_at"):
        tell_writes(reached)

    words = deliver.read_seeds(settings)[1]

    async def run(settings: Settings, role: Role) -> None:
        await deliver.serve(
            settings, role, channels, words, told.get("deliver_replay", False), reached
        )

    return run_role("deliver", settings, run)


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


if __name__ == "__main__":
    sys.exit(main())
