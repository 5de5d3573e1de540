"""Every test: no packet leaves loopback, no setting leaks in, a missing tool skips (or fails in CI)."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from feed_server import publisher as publisher  # fixtures, for every test
from kafka_server import kafka as kafka

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("FLANKWATCH_SHARED", ROOT.parent / "shared"))
REQUIRE_ALL = os.environ.get("FLANKWATCH_REQUIRE_ALL") == "1"


def need(tool: str, why: str) -> str:
    """Return the tool's path; without it skip with one line, or fail where all is required."""
    found = shutil.which(tool)
    if found:
        return found
    message = f"{tool} is not installed: {why}"
    if REQUIRE_ALL:
        pytest.fail(message)
    pytest.skip(message)


def _check_loopback(address: Any) -> None:
    if isinstance(address, tuple):
        host = str(address[0])
        if host in ("localhost", ""):
            return
        try:
            if ipaddress.ip_address(host.split("%")[0]).is_loopback:
                return
        except ValueError:
            pass
        raise AssertionError(f"a test tried to reach {address!r}; tests contact loopback only")


def _guard_sockets() -> None:
    """Make any packet to another address than loopback an error, name look-ups included."""
    original = socket.socket
    for name in ("connect", "connect_ex", "sendto"):
        method = getattr(original, name)

        def guarded(self: Any, *args: Any, _method: Any = method) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                _check_loopback(args[-1])
            return _method(self, *args)

        setattr(original, name, guarded)
    real_getaddrinfo = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in (None, "localhost"):
            try:
                ipaddress.ip_address(name.split("%")[0])
            except ValueError:
                raise socket.gaierror(f"tests resolve no names, asked for {name!r}") from None
        return real_getaddrinfo(host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo


_guard_sockets()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the slow tests to CI, so that a newcomer's `make test` ends within minutes."""
    if REQUIRE_ALL:
        return
    later = pytest.mark.skip(reason="slow: part of .ci/run; FLANKWATCH_REQUIRE_ALL=1 runs it")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(later)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the developer's own settings and keep state out of the home folder."""
    for name in list(os.environ):
        if name.startswith("FLANKWATCH_") and name not in (
            "FLANKWATCH_REQUIRE_ALL",
            "FLANKWATCH_SHARED",
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state-home"))


@pytest.fixture
def shared() -> Path:
    """Return the shared folder; skip (or fail where all is required) without it."""
    if not SHARED.is_dir():
        if REQUIRE_ALL:
            pytest.fail(f"{SHARED} is missing")
        pytest.skip(f"{SHARED} is missing: the shared material is not beside the project")
    return SHARED


@pytest.fixture
def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
