"""Logs: JSON lines with what every line has first; libraries cut; no control characters."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from streams.engine.logs import REPEATS, setup_logging
from streams.settings import load_settings


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Give the test runner its handlers back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_lines_are_json_with_facts(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging(load_settings({"FLANKWATCH_LOG_FORMAT": "json"}), "fetch")
    structlog.get_logger().info("feed fetched", feed="pap", text="a\nb\x1b[31m\u2028")
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "\x1b" not in line
    told = json.loads(line)
    assert list(told)[:4] == ["timestamp", "level", "role", "event"]
    assert (told["role"], told["event"], told["feed"]) == ("fetch", "feed fetched", "pap")


def test_exception_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging(load_settings({"FLANKWATCH_LOG_FORMAT": "json"}), "merge")
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger().exception("role crashed")
    told = json.loads(capsys.readouterr().err)
    assert "ValueError: broken" in told["exception"]


def test_repeating_library_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging(load_settings({"FLANKWATCH_LOG_FORMAT": "json"}), "merge")
    for _ in range(50):
        logging.getLogger("some.client").error("cannot connect")
        structlog.get_logger().info("ours")
    lines = capsys.readouterr().err.splitlines()
    assert sum("cannot connect" in line for line in lines) == REPEATS
    assert sum("ours" in line for line in lines) == 50


def test_life_cycle_of_services_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging(load_settings({"FLANKWATCH_LOG_FORMAT": "json"}), "merge")
    logging.getLogger("streams.engine.app").info("[^App]: Stopping...")
    logging.getLogger("streams.engine.app").error("[^App]: Crashed reason=%r", ValueError("x"))
    (line,) = capsys.readouterr().err.splitlines()
    assert "Crashed" in line


def test_pretty_lines_hold_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging(load_settings({"FLANKWATCH_LOG_FORMAT": "pretty"}), "fetch")
    structlog.get_logger().warning("feed failed", why="evil \x1b]0;title\x07 \x9b31m")
    logging.getLogger("some.client").warning("raw \x1b[2J")
    text = capsys.readouterr().err
    assert not any(char in text for char in "\x1b\x07\x9b")
    assert "feed failed" in text
