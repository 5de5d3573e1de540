"""A Kafka node and role processes for benchmarks that need the real ones."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from kafka_server import KafkaServer, prepare  # noqa: E402

from streams.engine.role import read_role_file  # noqa: E402
from streams.settings import Settings  # noqa: E402


@contextlib.contextmanager
def kafka_node() -> Iterator[str]:
    """Run a node of deploy/kafka in a temporary folder (JDK and Maven); yields its address."""
    prepare()
    server = KafkaServer(Path(tempfile.mkdtemp()))
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def running(
    settings: Settings, names: Sequence[str], more: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[dict[str, subprocess.Popen[bytes]], float]]:
    """Run roles as processes; yields them by name once all are ready, and the seconds that took.

    Args:
        settings: Broker, prefix, state directory.
        names: Of the roles.
        more: Further settings, as environment variables.
    """
    environment = os.environ | {
        "FLANKWATCH_KAFKA": str(settings.kafka),
        "FLANKWATCH_PREFIX": settings.prefix,
        "FLANKWATCH_STATE_DIR": str(settings.state_dir),
        "FLANKWATCH_HEALTH_PORT": "0",
        "FLANKWATCH_LOG_LEVEL": "warning",
        **(more or {}),
    }
    began = time.monotonic()
    roles = {
        name: subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-m", "streams", name],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        for name in names
    }
    try:
        while not all((read_role_file(settings, name) or {}).get("ready") for name in names):
            for name, process in roles.items():
                if process.poll() is not None:
                    raise SystemExit(f"{name} ended with {process.returncode}")
            await asyncio.sleep(0.1)
        yield roles, time.monotonic() - began
    finally:
        for process in roles.values():
            process.terminate()
        for process in roles.values():
            process.wait(20)
