"""Killed at any write point, the merge role loses nothing and doubles nothing (real Kafka)."""
# ruff: noqa: F811 (fixtures are imported)

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest
from kafka_server import KafkaServer
from role_process import (  # noqa: F401
    CountryLedger,
    Start,
    article,
    make_topics,
    read,
    report_of,
    send,
    set_of,
    start_role,
    wait_done,
)

from streams.engine.bus import Outgoing, read_latest
from streams.records import Alert, Incident, Outcome, decode
from streams.settings import Settings
from streams.topics import ALERTS, ARTICLES, DEAD_LETTERS, INCIDENTS, LEDGER, OUTCOMES, TAGGED

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

STORY = [("a1", "PL"), ("a2", "LT"), ("a3", "PL"), ("a4", "RO"), ("a5", "PL"), ("a6", "LT")]


@pytest.fixture
async def settings(kafka: KafkaServer, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    words = "".join(c if c.isalnum() else "-" for c in request.node.name.removeprefix("test_"))
    return Settings(kafka=kafka.address, prefix=words.strip("-") + ".", state_dir=tmp_path)


async def check_story(settings: Settings) -> None:
    """Compare what is on Kafka with an undisturbed fold of the same sets at the same offsets."""
    ledger = CountryLedger()
    alerts: dict[str, Alert] = {}
    outcomes: dict[str, Outcome] = {}
    offsets = [m.offset for m in await read(settings, LEDGER) if b"report_set" in (m.value or b"")]
    for offset, (name, country) in zip(offsets, STORY, strict=True):
        effects = ledger.fold(offset, set_of(name, (report_of(name, country),)))
        alerts |= {alert.id: alert for alert in effects.alerts}
        outcomes |= {outcome.article: outcome for outcome in effects.outcomes}
    told = [decode(Alert, m.value or b"") for m in await read(settings, ALERTS)]
    assert {alert.id: alert for alert in told} == alerts, "none lost, none of another content"
    order = list(dict.fromkeys(alert.id for alert in told))
    assert order == list(alerts), "first occurrences in order"
    repeats = Counter(alert.id for alert in told)
    assert sum(repeats.values()) <= len(alerts) + 1, "only the step in hand may be repeated"
    assert await read_latest(settings, INCIDENTS, Incident) == ledger.incidents
    assert await read_latest(settings, OUTCOMES, Outcome) == outcomes
    assert not await read(settings, DEAD_LETTERS)


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("point", ["folded", "alerts", "touched", "last", "outcomes"])
async def test_kill_at(settings: Settings, start_role: Start, point: str, nth: int) -> None:
    await make_topics(settings)
    sets = [
        Outgoing(LEDGER, name, set_of(name, (report_of(name, country),))) for name, country in STORY
    ]
    await send(settings, sets)
    victim = start_role(settings, "merge", kill_at=point, nth=nth)
    assert victim.wait() == -signal.SIGKILL, victim.told()
    heir = start_role(settings, "merge")
    await wait_done(settings, LEDGER, heir)
    assert heir.stop() == 0, heir.told()
    await check_story(settings)


async def test_kill_after_everything_was_committed(settings: Settings, start_role: Start) -> None:
    await make_topics(settings)
    sets = [
        Outgoing(LEDGER, name, set_of(name, (report_of(name, country),))) for name, country in STORY
    ]
    await send(settings, sets[:4])
    victim = start_role(settings, "merge")
    await wait_done(settings, LEDGER, victim)
    victim.stop(signal.SIGKILL)
    await send(settings, sets[4:])
    heir = start_role(settings, "merge")
    await wait_done(settings, LEDGER, heir)
    assert heir.stop() == 0, heir.told()
    await check_story(settings)


async def test_standby_takes_over(settings: Settings, start_role: Start) -> None:
    await make_topics(settings)
    sets = [
        Outgoing(LEDGER, name, set_of(name, (report_of(name, country),))) for name, country in STORY
    ]
    await send(settings, sets[:3])
    active = start_role(settings, "merge")
    await wait_done(settings, LEDGER, active)
    standby = start_role(settings, "merge", worker=1)
    await standby.until_told("ledger assigned")
    active.stop(signal.SIGKILL)
    await send(settings, sets[3:])
    await wait_done(settings, LEDGER, standby)
    assert standby.stop() == 0, standby.told()
    await check_story(settings)


async def test_refused_dead_letter_ends_the_role_without_losing_the_record(
    settings: Settings, start_role: Start
) -> None:
    await make_topics(settings, dead_letters={"max.message.bytes": "200"})
    good = [Outgoing(ARTICLES, f"a{n}", article(n, "calm")) for n in range(3)]
    await send(settings, [*good, Outgoing(ARTICLES, "bad", b"{nope")])
    role = start_role(settings, "detect")
    assert role.wait() == 1, role.told()
    assert "dead letter refused" in role.told()
    await set_limit(settings, 2_000_000)
    again = start_role(settings, "detect")
    await wait_done(settings, ARTICLES, again)
    assert again.stop() == 0, again.told()
    assert [m.value for m in await read(settings, DEAD_LETTERS)] == [b"{nope"]
    assert {m.key for m in await read(settings, TAGGED)} == {"a0", "a1", "a2"}


async def set_limit(settings: Settings, limit_bytes: int) -> None:
    """Let dead letters be as large as they may be."""
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        topic = settings.topic(DEAD_LETTERS.name)
        change = {"max.message.bytes": str(limit_bytes)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=change)])
    finally:
        await admin.close()
