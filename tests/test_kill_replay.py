"""kill -9 of any one role at a random instant of a replay on real Kafka, twenty times over.

Each try runs `flankwatch run --replay` with a webhook room, under a prefix of its own, and kills
one role's process; the supervisor starts it again. Then the webhook must have every alert that an
undisturbed run gives it: none lost, none twice but marked as a possible repeat, and that only
where deliver was killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chat_server import Call, ChatServer
from conftest import ROOT
from kafka_server import KafkaServer
from role_process import make_topics

from streams.engine.role import read_role_file
from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

TRIES = 20
AT_ONCE = 2
SEED = 20250910
ROLES = ("fetch", "detect", "merge", "deliver")
#: From `run`'s start the roles need about 4 s to be ready, and some more until all is shown.
KILL_SECONDS = (1.0, 10.0)
TRY_SECONDS = 240.0
ARTICLES = 60


@dataclass
class Try:
    """One run, and what its webhook got."""

    role: str = ""  #: whom to kill; "" nobody
    after_seconds: float = 0.0
    was_killed: bool = False
    exit_code: int | None = None
    log: str = ""
    calls: list[Call] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.role or 'nobody'} at {self.after_seconds:.2f} s"

    @property
    def shown(self) -> dict[str, dict[str, Any]]:
        """Return the last message of each subject."""
        return {call.body["data"]["subject"]: call.body for call in self.calls}


def corpus(folder: Path) -> Path:
    """Write the first incidents and traps of the replay corpus into one file."""
    lines = []
    for name in ("incidents", "traps"):
        path = ROOT / "seeds" / "articles" / f"{name}.jsonl"
        lines += path.read_text(encoding="utf-8").splitlines()[: ARTICLES // 2]
    file = folder / "corpus.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def seeds(folder: Path, url: str) -> Path:
    """Write an overlay with a webhook room that is told everything."""
    own = folder / "seeds"
    own.mkdir()
    (own / "channels.toml").write_text(
        f'[[room]]\nid = "hook"\nkind = "webhook"\nurl = "{url}"\nlevel = "digest"\n'
        'per_second = 500\n\n[[route]]\nid = "all-to-hook"\nrooms = ["hook"]\n'
    )
    return own


async def run_try(one: Try, number: int, kafka: KafkaServer, folder: Path) -> None:
    """Run a replay to its end, killing what the try says."""
    folder.mkdir()  # noqa: ASYNC240
    async with ChatServer() as hook:
        settings = Settings(
            kafka=kafka.address, prefix=f"kill-{number}.", state_dir=folder / "state"
        )
        await make_topics(settings)
        environment = os.environ | {
            "FLANKWATCH_KAFKA": kafka.address,
            "FLANKWATCH_PREFIX": settings.prefix,
            "FLANKWATCH_STATE_DIR": str(settings.state_dir),
            "FLANKWATCH_HEALTH_PORT": "0",
            "FLANKWATCH_LOG_FORMAT": "json",
            "FLANKWATCH_SEEDS": str(seeds(folder, hook.url("webhook"))),
            "FLANKWATCH_ALLOW_ADDRESSES": f"127.0.0.1:{hook.port}",
        }
        log = folder / "run.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "streams", "run", "--exit-when-idle", "--deliver-replay"),
                *("--replay", str(corpus(folder))),
                env=environment,
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
        killer = asyncio.create_task(kill(one, settings))
        try:
            one.exit_code = await asyncio.wait_for(process.wait(), TRY_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        finally:
            killer.cancel()
        one.log = log.read_text(errors="replace")
        one.calls = hook.accepted


async def kill(one: Try, settings: Settings) -> None:
    """Kill the role's process -9 at the try's instant, or as soon as it is there."""
    if not one.role:
        return
    await asyncio.sleep(one.after_seconds)
    while not one.was_killed:
        told = read_role_file(settings, one.role)
        if told is not None:
            os.kill(told["pid"], signal.SIGKILL)
            one.was_killed = True
        await asyncio.sleep(0.05)


def facts(body: dict[str, Any]) -> str:
    """Return what a message says of its event, without what the order of arrival may change.

    The incident's id is such a thing: it comes from whichever account opened it.
    """
    data = body["data"]
    names = ("kind", "status", "country", "level", "late", "headline", "facts")
    return json.dumps({name: data.get(name) for name in names}, ensure_ascii=False, sort_keys=True)


def check(one: Try, expected: Try) -> list[str]:
    """Return what is wrong with a try, measured by the undisturbed one."""
    wrong = []
    if one.exit_code != 0:
        wrong.append(f"exit code {one.exit_code}")
    shown, wanted = (
        Counter(map(facts, one.shown.values())),
        Counter(map(facts, expected.shown.values())),
    )
    wrong += [f"lost: {found}" for found in wanted - shown]
    wrong += [f"too many: {found}" for found in shown - wanted]
    by_key: dict[str, list[Call]] = defaultdict(list)
    for call in one.calls:
        by_key[call.headers["webhook-id"]].append(call)
    for key, calls in by_key.items():
        for repeat in calls[1:]:
            if "possible repeat" not in json.dumps(repeat.body["marks"]).lower().replace("_", " "):
                wrong.append(f"twice, unmarked: {key}")
            if one.role != "deliver":
                wrong.append(f"twice though deliver lived: {key}")
    firsts = Counter(
        call.body["data"]["subject"]
        for calls in by_key.values()
        for call in calls[:1]
        if call.body["data"]["action"] == "new"
    )
    wrong += [f"{count} first alerts: {name}" for name, count in firsts.items() if count > 1]
    return wrong


async def test_kill_any_role_at_any_instant(kafka: KafkaServer, tmp_path: Path) -> None:
    expected = Try()
    await run_try(expected, 0, kafka, tmp_path / "0")
    assert expected.exit_code == 0, expected.log
    assert len(expected.shown) >= 5, expected.log
    chance = random.Random(SEED)
    tries = [
        Try(ROLES[number % len(ROLES)], chance.uniform(*KILL_SECONDS)) for number in range(TRIES)
    ]
    room = asyncio.Semaphore(AT_ONCE)

    async def bounded(number: int, one: Try) -> None:
        async with room:
            await run_try(one, number, kafka, tmp_path / str(number))

    await asyncio.gather(*(bounded(number, one) for number, one in enumerate(tries, 1)))
    wrong = {one.name: found for one in tries if (found := check(one, expected))}
    told = json.dumps(wrong, indent=1, ensure_ascii=False)
    assert not wrong, f"{told}\nlogs: {tmp_path}/*/run.log"
    assert sum(one.was_killed for one in tries) >= TRIES * 3 // 4, "kills must hit living roles"
