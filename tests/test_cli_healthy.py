"""`flankwatch healthy`: what containers ask."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import main


class _Role(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        well = self.path == "/livez"
        self.send_response(200 if well else 503)
        self.end_headers()
        self.wfile.write(b"alive\n" if well else b"not ready\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def role_port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Role)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_alive(monkeypatch: pytest.MonkeyPatch, role_port: int, host: str) -> None:
    monkeypatch.setenv("FLANKWATCH_HEALTH_PORT", str(role_port - 2))  # merge is the third
    monkeypatch.setenv("FLANKWATCH_HEALTH_HOST", host)
    result = CliRunner().invoke(main, ["healthy", "merge"])
    assert (result.exit_code, result.stdout) == (0, "merge: alive\n")


def test_alive_but_not_ready(monkeypatch: pytest.MonkeyPatch, role_port: int) -> None:
    monkeypatch.setenv("FLANKWATCH_HEALTH_PORT", str(role_port))
    result = CliRunner().invoke(main, ["healthy", "fetch", "--ready"])
    assert (result.exit_code, result.stderr) == (1, "fetch: not ready\n")


def test_nobody_there(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    monkeypatch.setenv("FLANKWATCH_HEALTH_PORT", str(free_port))
    result = CliRunner().invoke(main, ["healthy", "fetch"])
    assert result.exit_code == 3
    assert f"127.0.0.1:{free_port}/livez" in result.stderr


def test_all_that_run_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, role_port: int, free_port: int
) -> None:
    monkeypatch.setenv("FLANKWATCH_STATE_DIR", str(tmp_path))
    assert CliRunner().invoke(main, ["healthy"]).exit_code == 3  # none

    def tell(role: str, port: int) -> None:
        facts = {"pid": 1, "host": "127.0.0.1", "port": port, "ready": True}
        (tmp_path / f"{role}.json").write_text(json.dumps(facts), encoding="utf-8")

    tell("detect", role_port)
    result = CliRunner().invoke(main, ["healthy"])
    assert (result.exit_code, result.stdout) == (0, "detect: alive\n")
    tell("merge", free_port)  # it has died without a word
    assert CliRunner().invoke(main, ["healthy"]).exit_code == 3
