"""librdkafka's mock cluster in a process of its own: a broker for tests without Java.

Every topic has 4 partitions and appears by itself. Dies with its standard input.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.settings import Settings


class MockBroker:
    """One mock cluster; `address` is where it listens."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()

    def stop(self) -> None:
        """End it, with all that it holds."""
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def mock_broker() -> Iterator[MockBroker]:
    """A broker for one test file; tests keep apart by `FLANKWATCH_PREFIX`."""
    broker = MockBroker()
    yield broker
    broker.stop()


@pytest.fixture
def settings(mock_broker: MockBroker, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """The settings of an instance of its own on the file's broker, named after the test."""
    prefix = request.node.name.removeprefix("test_").replace("_", "-").lower() + "."
    return Settings(kafka=mock_broker.address, prefix=prefix, state_dir=tmp_path)


def main() -> None:
    """Serve until standard input ends."""
    import confluent_kafka

    # The log line on stderr tells the address too, but only the metadata is a promise.
    cluster = confluent_kafka.Producer(
        {"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0}
    )
    found = cluster.list_topics(timeout=10).brokers.values()
    print(",".join(f"{broker.host}:{broker.port}" for broker in found), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
