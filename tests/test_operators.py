"""Operators' orders from the command line, over a real Kafka, to what rooms are told."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from incident_stories import told
from kafka_server import KafkaServer
from replay_stand import environment
from role_process import make_topics, read, send

from streams.engine.bus import Outgoing, read_latest
from streams.engine.offsets import Offsets
from streams.records import Alert, Incident, LedgerRecord, Outcome, decode, decode_ledger
from streams.settings import Settings
from streams.topics import ALERTS, INCIDENTS, LEDGER, OUTCOMES

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@dataclass
class Desk:
    """A merge role by the shipped seeds on a Kafka of its own prefix, and an operator."""

    settings: Settings
    process: Any
    log: Path
    env: dict[str, str] = field(default_factory=dict)

    async def tell(self, *records: LedgerRecord) -> None:
        """Put report sets on the ledger and wait until they are folded."""
        await send(self.settings, [Outgoing(LEDGER, None, record) for record in records])
        await self.folded()

    async def order(self, *words: str, code: int = 0) -> str:
        """Run `flankwatch incidents …` as ann, wait until it is folded, return what it said."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streams", "incidents", *words),
            *("--who", "ann", "--why", "for a reason", "--theatre", "replay"),
            env=self.env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == code, said.decode()
        await self.folded()
        return said.decode()

    async def folded(self) -> None:
        """Return once merge has committed everything."""
        async with Offsets(self.settings) as offsets:
            ends = await offsets.ends(LEDGER)
        deadline = time.monotonic() + 60
        while True:
            async with Offsets(self.settings) as offsets:
                lag = sum((await offsets.lag(LEDGER)).values())
                left = sum((await offsets.ends(LEDGER)).values()) - lag
            if left >= sum(ends.values()):
                return
            said = self.log.read_text()
            assert self.process.returncode is None and time.monotonic() < deadline, said
            await asyncio.sleep(0.2)

    async def incidents(self) -> dict[str, Incident]:
        """Return the incidents by the country they are of, those that hold accounts."""
        found = await read_latest(self.settings, INCIDENTS, Incident)
        return {i.id: i for i in found.values() if i.theatre == "replay"}

    async def alerts(self, skip: int = 0) -> list[Alert]:
        """Return the alerts told after the first `skip`."""
        return [decode(Alert, m.value or b"") for m in await read(self.settings, ALERTS)][skip:]

    async def of(self, article: str) -> Incident:
        """Return the incident that holds an article."""
        (found,) = [
            incident
            for incident in (await self.incidents()).values()
            if any(account.article == article for account in incident.accounts)
        ]
        return found


@pytest.fixture
async def desk(kafka: KafkaServer, tmp_path: Path) -> AsyncIterator[Desk]:
    settings = Settings(
        kafka=kafka.address, prefix=f"o{uuid.uuid4().hex[:8]}.", state_dir=tmp_path / "state"
    )
    await make_topics(settings)
    log = tmp_path / "merge.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streams", "merge"),
            env=environment(settings),
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
    found = Desk(settings, process, log, environment(settings))
    await found.tell(told("a", hours=5), told("b", hours=9), told("l", hours=9, country="LT"))
    yield found
    found.process.terminate()
    assert await asyncio.wait_for(found.process.wait(), 30) == 0, log.read_text()


async def check_audit(desk: Desk, *actions: str) -> None:
    """Assert that the ledger keeps who ordered what and why, in order."""
    records = [decode_ledger(m.value or b"") for m in await read(desk.settings, LEDGER)]
    orders: list[Any] = [one for one in records if getattr(one, "action", "")]
    assert [one.action for one in orders] == list(actions)
    assert {(one.who, one.why) for one in orders} == {("ann", "for a reason")}


async def test_close_and_ack_are_noted_with_who_and_why(desk: Desk) -> None:
    incident = await desk.of("a")
    assert "on the ledger at offset" in await desk.order("ack", incident.id)
    await desk.order("close", incident.id)
    found = await desk.of("a")
    assert found.lifecycle == "closed"
    assert [(d.action, d.who, d.why) for d in found.decisions] == [
        ("ack", "ann", "for a reason"),
        ("close", "ann", "for a reason"),
    ]
    await check_audit(desk, "ack", "close")


async def test_merge_points_one_message_to_the_other(desk: Desk) -> None:
    older, other = await desk.of("a"), await desk.of("l")
    before = len(await desk.alerts())
    await desk.order("merge", older.id, other.id)
    found = await desk.incidents()
    (winner,) = [i for i in found.values() if i.accounts]
    (loser,) = [i for i in found.values() if not i.accounts]
    assert winner.id == older.id
    assert {account.article for account in winner.accounts} == {"a", "b", "l"}
    assert (loser.lifecycle, loser.merged_into) == ("merged_into", winner.id)
    said = {alert.subject: alert for alert in await desk.alerts(before)}
    assert said[loser.id].action == "correction"
    assert "turned out to be" in said[loser.id].headline


async def test_split_gives_the_article_an_incident_of_its_own(desk: Desk) -> None:
    incident = await desk.of("a")
    assert incident.id == (await desk.of("b")).id
    await desk.order("split", incident.id, "b")
    assert (await desk.of("a")).id == incident.id
    own = await desk.of("b")
    assert own.id != incident.id
    # A later account of the same night does not draw it back.
    await desk.tell(told("c", hours=10))
    assert (await desk.of("c")).id == incident.id
    assert [account.article for account in (await desk.of("b")).accounts] == ["b"]


async def test_mark_false_corrects_what_rooms_show(desk: Desk, tmp_path: Path) -> None:
    incident = await desk.of("a")
    before = len(await desk.alerts())
    await desk.order("mark-false", incident.id)
    (correction,) = await desk.alerts(before)
    assert (correction.action, correction.status, correction.level, correction.notify) == (
        "correction", "false_alarm", "digest", True,
    )  # fmt: skip
    case = tmp_path / "wrong.jsonl"
    said = await desk.order("mark-false", "--article", "l", "--case", str(case))
    assert "test case added" in said
    line = json.loads(case.read_text())
    assert (line["id"], line["expect"]["incursion"]) == ("wrong-l", False)
    assert (await desk.of("l")).status == "false_alarm"


@pytest.mark.parametrize(
    "named", [("--country", "ro"), ("INCIDENT",)], ids=["a country", "an incident"]
)
async def test_silence_holds_alerts_until_it_is_ended(desk: Desk, named: tuple[str, ...]) -> None:
    if named[0] == "INCIDENT":
        await desk.tell(told("r", hours=5, country="RO"))
        named = ((await desk.of("r")).id,)
    before = len(await desk.alerts())
    await desk.order("silence", *named, "--for", "2d")
    await desk.tell(told("r2", hours=9, country="RO"), told("f", hours=9, country="FI"))
    held = await desk.alerts(before)
    assert {alert.country for alert in held} == {"FI"}
    outcomes = await read_latest(desk.settings, OUTCOMES, Outcome)
    if named[0] == "--country":
        assert outcomes["r2"].what == "suppressed"
    await desk.order("silence", *named, "--end")
    await desk.tell(told("r3", hours=9.5, country="RO"))
    assert "RO" in {alert.country for alert in await desk.alerts(before)}


async def test_silenced_room_and_orders_survive_a_restart_of_merge(
    desk: Desk, kafka: KafkaServer
) -> None:
    await desk.order("silence", "--room", "newsroom", "--for", "2d")
    desk.process.kill()
    await desk.process.wait()
    with desk.log.open("ab") as output:
        desk.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streams", "merge"),
            env=desk.env,
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
    before = len(await desk.alerts())
    await desk.tell(told("f", hours=9, country="FI"))
    assert [alert.silenced_rooms for alert in await desk.alerts(before)] == [("newsroom",)]


async def test_orders_that_make_no_sense_are_refused_or_change_nothing(desk: Desk) -> None:
    before = len(await desk.alerts())
    assert "name one of" in await desk.order("silence", code=2)
    assert "expected 90m" in await desk.order("silence", "--country", "PL", "--for", "x", code=2)
    assert "name an incident" in await desk.order("mark-false", code=2)
    await desk.order("close", "pl-2020-01-01-drone-none")
    assert await desk.alerts(before) == []
    assert all(incident.lifecycle == "open" for incident in (await desk.incidents()).values())
