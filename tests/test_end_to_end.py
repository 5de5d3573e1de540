"""One replay, three ways: backtest, the embedded broker and real Kafka tell the same story.

And what a user's mistakes come to, seen from the command line.
"""

from __future__ import annotations

import json
import socket
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
from streams.engine.bus import Bus, read_all
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


@pytest.fixture
async def on_kafka(kafka: KafkaServer, tmp_path: Path) -> Settings:
    """Return the settings of an instance of its own on a real Kafka, its topics made."""
    prefix = f"e{uuid.uuid4().hex[:8]}."
    settings = Settings(kafka=kafka.address, prefix=prefix, state_dir=tmp_path / "state")
    await make_topics(settings)
    return settings


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
    # Several accounts name Article 4; the shipped watch over those words tells the room once.
    assert found.watched == {"watch-replay-article-4-20250910T1200": 1}

    again = await run_replay(settings, replay, tmp_path)
    assert again.code == 0, again.log
    assert again.calls == []


@pytest.mark.slow
@pytest.mark.kafka
async def test_kafka_tells_what_backtest_does_and_nothing_twice(
    replay: Path, tmp_path: Path, on_kafka: Settings
) -> None:
    settings = on_kafka
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


# --- bad input -------------------------------------------------------------------------------

FEED = """
[[feed]]
id = "own-paper"
kind = "rsss"
url = "https://paper.example/rss"
publisher = "Own Paper"
language = "en"
country = "PL"
"""


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("channels.toml", "[[room]", ("channels.toml", "not TOML", "line 1")),
        (
            "channels.toml",
            '[[room]]\nid = "x"\nkind = "webhook"\nurll = "https://x.example/"\n',
            ("channels.toml", "room[0].urll", "did you mean 'url'?"),
        ),
        ("feeds/own.toml", FEED, ("feeds/own.toml", "feed[0].kind", "did you mean 'rss'?")),
        (None, "", ("seeds", "does not exist")),
    ],
    ids=["broken TOML", "unknown key", "unknown kind", "missing directory"],
)
def test_faults_of_seeds_end_run_before_it_starts(
    file: str | None, text: str, told: tuple[str, ...], tmp_path: Path
) -> None:
    own = tmp_path / "seeds"
    if file is not None:
        (own / file).parent.mkdir(parents=True)
        (own / file).write_text(text, encoding="utf-8")
    settings = Settings(state_dir=tmp_path / "state")
    done = flankwatch("run", env=environment(settings, SEEDS=str(own)))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("fault: ")
    assert all(word in line for word in told), line


@pytest.mark.parametrize("command", [["run"], ["ingest", "-"]])
def test_unreachable_kafka_is_one_clear_line(
    command: list[str], tmp_path: Path, free_port: int
) -> None:
    settings = Settings(kafka=f"127.0.0.1:{free_port}", state_dir=tmp_path / "state")
    done = flankwatch(*command, env=environment(settings))
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert f"127.0.0.1:{free_port}" in line
    assert line.startswith("error: ")


def test_port_in_use_is_told_before_anything_starts(tmp_path: Path, free_port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        settings = Settings(state_dir=tmp_path / "state")
        done = flankwatch("run", env=environment(settings, HEALTH_PORT=str(free_port - 1)))
    assert done.returncode == 2
    assert f"127.0.0.1:{free_port}" in done.stderr
    assert "role started" not in done.stderr


def test_replay_of_a_missing_file_is_told(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path / "state")
    missing = tmp_path / "none.txt@2025-09-11"
    done = flankwatch("run", "--replay", str(missing), env=environment(settings))
    assert done.returncode == 2
    assert f"'{tmp_path / 'none.txt'}' does not exist" in done.stderr


def test_plain_text_with_its_date_is_taken(tmp_path: Path) -> None:
    text = tmp_path / "told.txt"
    text.write_text("A drone fell near Lublin\n", encoding="utf-8")
    settings = Settings(state_dir=tmp_path / "state")
    env = environment(settings, SEEDS=str(tmp_path / "no-seeds"))
    done = flankwatch("run", "--replay", f"{text}@2025-09-11", env=env)
    assert "no-seeds: the seeds directory does not exist" in done.stderr, "not the file's fault"


def spoil(replay: Path) -> None:
    """Put bad lines among the good ones: no JSON, no UTF-8, no date, no text, 5 MB of it."""
    good = replay.read_bytes().splitlines()
    huge = json.dumps(
        {"id": "huge", "title": "Long", "body": "x" * 5_000_000, "published": "2025-09-10"}
    )
    bad = [
        b"{broken",
        b'{"id": "latin", "title": "caf\xe9", "published": "2025-09-10"}',
        b'{"id": "undated", "title": "No date"}',
        b'{"id": "empty", "published": "2025-09-10"}',
        huge.encode(),
    ]
    replay.write_bytes(b"\n".join([*bad, *good]) + b"\n")


@pytest.mark.slow
async def test_bad_lines_of_a_replay_cost_themselves_alone(replay: Path, tmp_path: Path) -> None:
    expected = story_of_backtest(replay)
    spoil(replay)
    settings = Settings(state_dir=tmp_path / "state")
    ran = await run_replay(settings, replay, tmp_path)
    skipped = [one["at"] for one in ran.events if one["event"] == "replay line skipped"]
    assert [at.rpartition(":")[2] for at in skipped] == ["1", "2", "3", "4"]
    check_told(ran, await story_of_run(settings, ran, replay), expected)


@pytest.mark.slow
@pytest.mark.kafka
async def test_unreadable_records_go_to_dead_letters_and_the_stream_goes_on(
    replay: Path, tmp_path: Path, on_kafka: Settings
) -> None:
    settings = on_kafka
    garbage = [b"\xff\x00\xfe", b"{}", b"null"]
    async with Bus(settings, "test") as bus:
        for number, raw in enumerate(garbage):
            await bus.send(topics.ARTICLES, f"bad-{number}", raw)
        await bus.send(topics.LEDGER, None, b'{"type": "no such"}')
    ran = await run_replay(settings, replay, tmp_path)
    check_told(ran, await story_of_run(settings, ran, replay), story_of_backtest(replay))
    letters = [letter async for letter in read_all(settings, topics.DEAD_LETTERS)]
    assert sorted(letter.value or b"" for letter in letters) == sorted(
        [*garbage, b'{"type": "no such"}']
    )
    told = [one for one in ran.events if one["event"] == "record sent to dead letters"]
    assert [one["reason"] for one in told] == ["unreadable"] * 4
