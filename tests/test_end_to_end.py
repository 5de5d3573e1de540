"""One replay, three ways: backtest, the embedded broker and real Kafka tell the same story.

And what a user's mistakes come to, seen from the command line.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from conftest import ROOT
from kafka_server import KafkaServer
from replay_stand import (
    Ran,
    Story,
    environment,
    own_seeds,
    read_articles,
    run_replay,
    story_of_backtest,
    story_of_run,
)
from role_process import make_topics

from streams import topics
from streams.engine.bus import read_all
from streams.settings import Settings

#: Events of the corpus with several accounts each, in several languages.
EVENTS = {
    "pl-2025-09-10-drones",
    "lt-2025-07-10-gerbera",
    "ro-2025-09-13-chilia",
    "dk-2025-09-22-cph",
    "lv-2024-09-07-rezekne",
}
EVERY_TRAP = 9


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    """Write a part of the corpus: several accounts of five events, and traps."""
    folder = ROOT / "seeds" / "articles"
    incidents = (folder / "incidents.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [line for line in incidents if json.loads(line)["expect"]["incident_id"] in EVENTS]
    lines += (folder / "traps.jsonl").read_text(encoding="utf-8").splitlines()[::EVERY_TRAP]
    file = tmp_path / "replay.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def flankwatch(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of ours to its end."""
    return subprocess.run(
        [sys.executable, "-m", "streams", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def check_told(ran: Ran, found: Story, expected: Story) -> None:
    """Assert that a run came to the expected story, and told each incident's beginning once."""
    assert ran.code == 0, ran.log
    assert set(found.facts) == set(expected.facts), "another grouping"
    assert found.facts == expected.facts
    assert set(found.shown) == set(expected.shown)
    assert found.shown == expected.shown
    for subject, bodies in ran.by_subject.items():
        assert [body["data"]["is_first"] for body in bodies].count(True) == 1, subject
        assert bodies[0]["data"]["is_first"], subject
        assert len({body["data"]["id"] for body in bodies}) == len(bodies), subject
        assert all("REPLAY" in body["marks"] for body in bodies)


def test_backtest_prints_the_grouping_that_it_found(replay: Path, tmp_path: Path) -> None:
    expected = story_of_backtest(replay)
    assert len(expected.facts) >= len(EVENTS)
    env = environment(Settings(state_dir=tmp_path / "state"), SEEDS=str(own_seeds(tmp_path)))
    done = flankwatch("backtest", "--json", str(replay), env=env)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == [one.guid for one in read_articles(replay)]
    held = {name.split()[0] for group in expected.facts for name in group}
    assert {row["id"] for row in rows if row["incident"]} == held
    assert all(row["why"] for row in rows if row["incident"])


@pytest.mark.slow
async def test_embedded_broker_tells_what_backtest_does(replay: Path, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path / "state")
    ran = await run_replay(settings, replay, tmp_path)
    found = await story_of_run(settings, ran, replay)
    check_told(ran, found, story_of_backtest(replay))

    again = await run_replay(settings, replay, tmp_path)
    assert again.code == 0, again.log
    assert again.calls == []


@pytest.mark.slow
@pytest.mark.kafka
async def test_kafka_tells_what_backtest_does_and_nothing_twice(
    replay: Path, tmp_path: Path, kafka: KafkaServer
) -> None:
    settings = Settings(
        kafka=kafka.address, prefix=f"e{uuid.uuid4().hex[:8]}.", state_dir=tmp_path / "state"
    )
    await make_topics(settings)
    ran = await run_replay(settings, replay, tmp_path)
    found = await story_of_run(settings, ran, replay)
    check_told(ran, found, story_of_backtest(replay))

    again = await run_replay(settings, replay, tmp_path)
    assert again.code == 0, again.log
    assert again.calls == []
    left = await story_of_run(settings, again, replay)
    assert set(left.facts) == set(found.facts)
    changed = {
        (*sorted(group), name): (was, left.facts[group][name])
        for group, facts in found.facts.items()
        for name, was in facts.items()
        if left.facts[group][name] != was
    }
    assert changed == {}
    letters = [letter async for letter in read_all(settings, topics.DEAD_LETTERS)]
    assert letters == []
