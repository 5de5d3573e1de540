"""`flankwatch run` end to end: real roles as processes, on both brokers, over a short replay."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from kafka_server import KafkaServer

pytestmark = pytest.mark.slow

#: A night over Poland as two papers tell it, and a text in which nothing crosses.
ARTICLES: list[dict[str, Any]] = [
    {
        "id": "t1",
        "title": "Polish jets shoot down Russian drones that entered Poland's airspace",
        "body": "Several Russian drones violated Polish airspace on the night of 9 September 2025,"
        " the Polish armed forces said.",
        "published": "2025-09-10T03:40:00Z",
        "link": "https://example.org/t1",
        "source": "First Paper",
    },
    {
        "id": "t2",
        "title": "Polish army confirms Russian drones violated Polish airspace overnight",
        "body": "The operational command said the drones had crossed into Poland and were shot down.",
        "published": "2025-09-10T06:10:00Z",
        "link": "https://example.org/t2",
        "source": "Second Paper",
    },
    {
        "id": "t3",
        "title": "Warsaw opens a new tram line",
        "body": "The line links two districts of the city.",
        "published": "2025-09-10T07:00:00Z",
        "link": "https://example.org/t3",
        "source": "First Paper",
    },
]


@dataclass
class Ran:
    """How a run ended."""

    code: int
    output: str
    events: list[dict[str, Any]]

    @property
    def headlines(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.startswith("[REPLAY]")]

    def event(self, name: str) -> dict[str, Any]:
        (found,) = [one for one in self.events if one["event"] == name]
        return found


def run(replay: Path, state: Path, **settings: str) -> Ran:
    environment = os.environ | {
        "FLANKWATCH_STATE_DIR": str(state),
        "FLANKWATCH_HEALTH_PORT": "0",
        **{f"FLANKWATCH_{name.upper()}": value for name, value in settings.items()},
    }
    arguments = ["run", "--replay", str(replay), "--exit-when-idle"]
    done = subprocess.run(
        [sys.executable, "-m", "streams", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stderr
    return Ran(done.returncode, done.stdout, events)


def new_topics(server: KafkaServer) -> dict[str, str]:
    """Return settings of topics made for one test."""
    settings = {"kafka": server.address, "prefix": f"t{uuid.uuid4().hex[:8]}."}
    environment = {f"FLANKWATCH_{name.upper()}": value for name, value in settings.items()}
    subprocess.run(
        [sys.executable, "-m", "streams", "topics", "create"],
        cwd=ROOT,
        env=os.environ | environment,
        check=True,
        capture_output=True,
    )
    return settings


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def where(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of a broker with its topics."""
    return {} if request.param == "embedded" else new_topics(request.getfixturevalue("kafka"))


def test_replay_alerts_once_and_stays_silent_the_second_time(
    where: dict[str, str], tmp_path: Path
) -> None:
    replay = tmp_path / "night.jsonl"
    lines = [json.dumps(article) for article in ARTICLES]
    replay.write_text("\n".join([lines[0], "{broken", *lines[1:]]) + "\n", encoding="utf-8")

    first = run(replay, tmp_path / "state", **where)
    assert any(re.search("Poland.*drone", line) for line in first.headlines), first.output
    result = first.event("replay finished")
    assert (result["articles"], result["incidents"], result["shown"]) == (3, 1, 1)
    bad = [one for one in first.events if one["event"] == "replay line skipped"]
    assert [one["at"].rpartition(":")[2] for one in bad] == ["2"]
    stopped = [one["role"] for one in first.events if one["event"] == "role stopped"]
    assert stopped == ["fetch", "detect", "merge", "deliver"]

    second = run(replay, tmp_path / "state", **where)
    assert second.output == ""
    again = second.event("replay finished")
    assert {key: again[key] for key in result if key != "timestamp"} == {
        key: value for key, value in result.items() if key != "timestamp"
    }


@pytest.mark.kafka
def test_two_detect_workers_share_the_work(kafka: KafkaServer, tmp_path: Path) -> None:
    replay = tmp_path / "night.jsonl"
    replay.write_text("".join(json.dumps(one) + "\n" for one in ARTICLES), encoding="utf-8")
    ran = run(replay, tmp_path / "state", **new_topics(kafka), detect_workers="2")
    assert ran.event("replay finished")["shown"] == 1
    started = [one["worker"] for one in ran.events if one["event"] == "role started"]
    assert sorted(started) == [0, 0, 0, 0, 1]
