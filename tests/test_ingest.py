"""Own articles go in by line, and come out in the form in which they went in."""
# ruff: noqa: F811 (fixtures are imported)

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from mock_broker import MockBroker, mock_broker  # noqa: F401

from streams.cli import main


@pytest.fixture
def run(
    mock_broker: MockBroker,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> CliRunner:
    prefix = request.node.name.removeprefix("test_").replace("_", "-") + "."
    monkeypatch.setenv("FLANKWATCH_KAFKA", mock_broker.address)
    monkeypatch.setenv("FLANKWATCH_PREFIX", prefix)
    monkeypatch.setenv("FLANKWATCH_STATE_DIR", str(tmp_path))
    return CliRunner()


def line(number: int, **more: object) -> str:
    article = {
        "id": f"mine-{number}",
        "title": f"Title {number}",
        "body": "<p>Körper – тіло</p>",
        "published": "2026-05-01T06:30:00+00:00",
        "source": "Own Desk",
        "link": f"https://news.example/{number}",
        "declared_language": "en",
    }
    return json.dumps(article | more)


def test_lines_come_back_as_they_went_in(run: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text("\n".join(line(n) for n in range(30)) + "\n")
    done = run.invoke(main, ["ingest", str(file), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"sent": 30, "skipped": 0}
    again = run.invoke(main, ["ingest", str(file)])  # a repeat: the same ids and revisions
    assert again.exit_code == 0, again.output
    out = run.invoke(main, ["articles", "export", "--since", "1h"])
    assert out.exit_code == 0, out.output
    found = {told["id"]: told for told in map(json.loads, out.stdout.splitlines())}
    assert len(out.stdout.splitlines()) == 30, "each revision once"
    assert found["mine-7"] == {
        "id": "mine-7",
        "title": "Title 7",
        "body": "Körper – тіло",
        "published": "2026-05-01T06:30:00+00:00",
        "link": "https://news.example/7",
        "source": "Own Desk",
        "declared_language": "en",
    }
    none = run.invoke(main, ["articles", "export", "--since", "1h", "--theatre", "canary"])
    assert none.exit_code == 0
    assert none.stdout == ""


def test_broken_lines_are_told_by_number_and_the_rest_goes_on(run: CliRunner) -> None:
    huge = line(4, body="x" * 5_000_000)
    text = "\n".join([line(1), "{nope", line(2), "[]", "", huge, line(3)])
    done = run.invoke(main, ["ingest", "-"], input=text)
    assert done.exit_code == 1
    assert "skipped: <stdin>:2: " in done.stderr
    assert "skipped: <stdin>:4: " in done.stderr
    assert "4 articles sent, 2 lines skipped" in done.stderr, "the long body was cut, not refused"
    assert "Traceback" not in done.output


def test_a_line_beyond_the_limit_is_one_bad_line(run: CliRunner) -> None:
    beyond = line(1, body="x" * (16 * 1024 * 1024 + 5))
    done = run.invoke(main, ["ingest", "-"], input="\n".join([beyond, line(2), "{nope"]))
    assert done.exit_code == 1
    assert "skipped: <stdin>:1: is longer than 16777216 bytes" in done.stderr
    assert "skipped: <stdin>:3: " in done.stderr
    assert "1 articles sent, 2 lines skipped" in done.stderr


def test_invalid_utf8_costs_its_line(run: CliRunner) -> None:
    done = run.invoke(main, ["ingest", "-"], input=b'{"id": "\xff"}\n' + line(1).encode())
    assert done.exit_code == 1
    assert "1 articles sent, 1 lines skipped" in done.stderr


def test_unreachable_kafka_is_one_clear_line(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("FLANKWATCH_KAFKA", f"127.0.0.1:{free_port}")
    done = run.invoke(main, ["ingest", "-"], input=line(1))
    assert done.exit_code == 3
    assert done.stderr.splitlines()[-1].startswith("error: cannot reach Kafka")


def test_since_that_is_no_time_is_told(run: CliRunner) -> None:
    for text in ("yesterday", "99999999999d"):
        done = run.invoke(main, ["articles", "export", "--since", text])
        assert done.exit_code == 2
        assert "expected 2026-05-01" in done.stderr
