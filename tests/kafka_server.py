"""A real Kafka for tests: one KRaft node from deploy/kafka, in a folder of its own, on free ports.

Use the session fixture `kafka` (registered in conftest.py), or `KafkaServer` to stop and restart
one within a test.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

START = Path(__file__).resolve().parent.parent / "deploy" / "kafka" / "start.sh"
START_SECONDS = 60
PREPARE_SECONDS = 300


def free_ports(count: int) -> list[int]:
    """Return loopback ports that were free a moment ago, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def is_listening(port: int) -> bool:
    """Return whether somebody accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class KafkaServer:
    """One node; `start`, `stop` and `kill` may be called over and over, the data stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._controller_port = free_ports(2)
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the node and wait for its port.

        Raises:
            RuntimeError: it ended, or did not listen within `START_SECONDS`; with its log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "kafka.log"
        environment = os.environ | {
            "KAFKA_DATA": str(self.folder),
            "KAFKA_PORT": str(self.port),
            "KAFKA_CONTROLLER_PORT": str(self._controller_port),
            "KAFKA_HEAP": "256m",
            "KAFKA_EXTRA": str(self._extra()),
        }
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(START)], env=environment, stdout=output, stderr=output
            )
        deadline = time.monotonic() + START_SECONDS
        while not is_listening(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill -9."""
        self._end(signal.SIGKILL)

    def _end(self, sign: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(sign)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(20)
        self._process = None

    def _extra(self) -> Path:
        """Write what only a test wants: groups form at once, small buffers."""
        extra = self.folder / "extra.properties"
        extra.write_text(
            "group.initial.rebalance.delay.ms=0\n"
            "offsets.topic.num.partitions=4\n"
            "transaction.state.log.num.partitions=4\n"
            "log.cleaner.dedupe.buffer.size=16777216\n"
        )
        return extra


def prepare() -> None:
    """Fetch Kafka's jars once; skip (or fail where all is required) without Java or Maven."""
    from conftest import need  # conftest.py imports this file's fixture

    need("java", "Kafka runs on it")
    need("mvn", "it fetches Kafka's jars")
    done = subprocess.run(
        [str(START), "--prepare"], capture_output=True, text=True, timeout=PREPARE_SECONDS
    )
    if done.returncode != 0:
        message = f"Kafka could not be fetched: {done.stderr.strip()[-500:]}"
        if os.environ.get("FLANKWATCH_REQUIRE_ALL") == "1":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A running node without topics; tests keep apart by `FLANKWATCH_PREFIX`."""
    prepare()
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server
    server.stop()
