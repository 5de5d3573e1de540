"""The merge role as a real process: one order, one active worker, memory that is read back."""
# ruff: noqa: F811 (fixtures are imported)

from __future__ import annotations

from datetime import timedelta

import pytest
from mock_broker import mock_broker, settings  # noqa: F401
from msgspec.structs import replace
from role_process import (  # noqa: F401
    EPOCH,
    CountryLedger,
    Start,
    read,
    report_of,
    send,
    set_of,
    start_role,
    wait_done,
)

from streams.engine.bus import Bus, Outgoing
from streams.engine.store import Store
from streams.incidents.ledger import Effects
from streams.records import Alert, Decision, Incident, LedgerRecord, Tick, decode, decode_ledger
from streams.settings import Settings
from streams.topics import ALERTS, DEAD_LETTERS, INCIDENTS, LEDGER, OUTCOMES

pytestmark = pytest.mark.slow


def reported(article: str, country: str) -> Outgoing:
    return Outgoing(LEDGER, article, set_of(article, (report_of(article, country),)))


async def merge_all(settings: Settings, start_role: Start) -> None:
    """Run the role until it has folded all that is on the ledger, and stop it."""
    role = start_role(settings, "merge")
    await wait_done(settings, LEDGER, role)
    assert role.stop() == 0, role.told()


async def test_state_is_read_back_after_a_stop(settings: Settings, start_role: Start) -> None:
    await send(settings, [reported("a1", "PL"), reported("a2", "LT")])
    await merge_all(settings, start_role)
    await send(settings, [reported("a3", "PL")])
    await merge_all(settings, start_role)
    alerts = [decode(Alert, m.value or b"") for m in await read(settings, ALERTS)]
    assert [(a.subject, a.n) for a in alerts] == [
        ("incident-PL", 1),
        ("incident-LT", 1),
        ("incident-PL", 2),
    ]
    incidents = await read(settings, INCIDENTS)
    assert all(m.partition == 0 and m.headers["schema"] == b"Incident/1" for m in incidents)
    latest = {m.key: decode(Incident, m.value or b"") for m in incidents}
    assert [a.article for a in latest["incident-PL"].accounts] == ["a1", "a3"]
    assert {m.key for m in await read(settings, OUTCOMES)} == {"a1", "a2", "a3"}


async def test_bad_records_cost_themselves_alone(settings: Settings, start_role: Start) -> None:
    bad = [
        Outgoing(LEDGER, "broken", b"{nope"),
        Outgoing(LEDGER, "unknown", b'{"type":"surprise"}'),
        Outgoing(LEDGER, "gone", None),
        reported("failing", "XX"),
    ]
    await send(settings, [reported("a1", "PL"), *bad, reported("a2", "PL")])
    await merge_all(settings, start_role)
    letters = {
        m.key: m.headers["flankwatch.dlq.reason"] for m in await read(settings, DEAD_LETTERS)
    }
    assert letters == {
        "broken": b"unreadable",
        "unknown": b"unreadable",
        "gone": b"unreadable",
        "failing": b"failed",
    }
    alerts = [decode(Alert, m.value or b"") for m in await read(settings, ALERTS)]
    assert [a.n for a in alerts] == [1, 2], "the fold that failed spoilt nothing"


async def test_active_worker_sends_the_clock(settings: Settings, start_role: Start) -> None:
    await send(settings, [reported("a1", "PL")])
    await merge_all(settings, start_role)
    found = [decode_ledger(m.value or b"") for m in await read(settings, LEDGER)]
    ticks = [record for record in found if isinstance(record, Tick)]
    assert ticks
    assert all(tick.theatre == "europe" and not tick.final for tick in ticks)


async def test_forgotten_incident_gets_a_tombstone_and_stays_forgotten(
    settings: Settings, start_role: Start
) -> None:
    await send(settings, [reported("a1", "PL"), reported("a2", "LT"), reported("forget PL", "PL")])
    await merge_all(settings, start_role)
    latest = {m.key: m.value for m in await read(settings, INCIDENTS)}
    assert latest["incident-PL"] is None and latest["incident-LT"] is not None
    await send(settings, [reported("a3", "PL"), reported("a4", "LT")])
    await merge_all(settings, start_role)
    alerts = [decode(Alert, m.value or b"") for m in await read(settings, ALERTS)]
    assert [(a.subject, a.n) for a in alerts] == [
        ("incident-PL", 1),
        ("incident-LT", 1),
        ("incident-PL", 1),  # of the one before, nothing is known any more
        ("incident-LT", 2),
    ]


class Remembering:
    """Takes down what it is given."""

    def __init__(self) -> None:
        self.loaded: list[Incident] = []

    def load(self, incident: Incident) -> None:
        self.loaded.append(incident)

    def unload(self, incident: str) -> None:
        self.loaded = [found for found in self.loaded if found.id != incident]

    def fold(self, offset: int, record: LedgerRecord) -> Effects:
        raise AssertionError("recovery reads; merge folds")


async def test_recovery_reads_incidents_decisions_and_the_clock(settings: Settings) -> None:
    def tick(minutes: int, theatre: str = "europe") -> Outgoing:
        return Outgoing(LEDGER, None, Tick(at=EPOCH + timedelta(minutes=minutes), theatre=theatre))

    decided = Decision(id="d1", at=EPOCH, who="me", action="silence", why="quiet")
    ledger = CountryLedger()
    effects = ledger.fold(0, set_of("a1", (report_of("a1", "PL"),)))
    assert effects.last is not None
    newer = ledger.fold(1, set_of("a2", (report_of("a2", "PL"),))).last
    assert newer is not None
    await send(
        settings,
        [
            Outgoing(INCIDENTS, newer.id, newer),
            Outgoing(INCIDENTS, newer.id, effects.last),  # a stale writer
            Outgoing(INCIDENTS, "gone", replace(effects.last, id="gone")),
            Outgoing(INCIDENTS, "gone", None),
            Outgoing(INCIDENTS, "bad", b"{"),
            tick(0),
            tick(1),
            reported("a1", "PL"),
            Outgoing(LEDGER, "d1", decided),
            tick(2),
            Outgoing(LEDGER, "bad", b"{"),
            tick(3),
            tick(3, "canary"),
            tick(4),  # offset 8
            tick(5),
        ],
    )
    remembering = Remembering()
    beats: list[int] = []
    async with Bus(settings, "merge") as bus:
        past = await Store(settings, bus).recover(remembering, 9, lambda: beats.append(1))
    assert remembering.loaded == [newer]
    told = [
        (offset, record.id if isinstance(record, Decision) else record.at.minute)
        for offset, record in past
        if isinstance(record, Decision | Tick)
    ]
    assert told == [(0, 0), (1, 1), (3, "d1"), (7, 3), (8, 4)]
    assert beats


async def test_recovery_of_an_empty_ledger(settings: Settings) -> None:
    async with Bus(settings, "merge") as bus:
        assert await Store(settings, bus).recover(Remembering(), 0, lambda: None) == []
