"""The merge role: folds news.ledger into incidents and alerts; one active worker, others stand by.

Delivery: at least once. For each record: alerts confirmed → other incidents → last the incident
that remembers the record → outcomes → commit. A crash anywhere repeats the whole step, and every
earlier write is idempotent.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from streams import metrics, topics
from streams.catalog import messages, policies, publishers
from streams.catalog.sources import Sources
from streams.detect import trace_of
from streams.engine.app import build_app, raw_topic, running
from streams.engine.bus import Bus, Outgoing, ledger_base
from streams.engine.commits import Guard, count_done
from streams.engine.role import Role
from streams.engine.store import Foldable, Store
from streams.errors import BrokerError, Fault, FaultsError, RecordError
from streams.incidents.effects import Effects, Rules
from streams.incidents.ledger import Ledger
from streams.records import CatalogSwitch, LedgerRecord, ReportSet, Tick, decode_ledger
from streams.reload import Reloader
from streams.settings import Settings

log = structlog.get_logger()

TICK_SECONDS = 5.0
#: The theatre that lives by the wall clock; replay and canary bring their own time.
LIVE_THEATRE = "europe"

Reached = Callable[[str], None]


def pass_by(point: str) -> None:
    """Do nothing: the hook at folded, alerts, touched, last, outcomes, where tests put a kill."""


async def run(settings: Settings, role: Role) -> None:
    """Merge until the role is told to stop.

    Raises:
        FaultsError: the seeds are wrong.
        BrokerError: Kafka cannot be reached.
    """
    here, rules = read_rules(settings)
    books = Books(rules)
    reloader = Reloader(role, here, partial(read_rules, settings), books.use)
    await serve(settings, role, books.new, reloader=reloader)


def read_rules(settings: Settings) -> tuple[str, Rules]:
    """Return the hash of all seeds, and of them what the ledger folds by.

    Places and languages are left out: they are most of a catalog, and most of its memory.

    Raises:
        FaultsError: something in what is read is wrong.
    """
    faults: list[Fault] = []
    if settings.seeds is not None and not settings.seeds.is_dir():
        faults.append(Fault(str(settings.seeds), "", "the seeds directory does not exist"))
    sources = Sources.of(settings.seeds)
    rules = Rules(
        policies.read(sources, faults),
        publishers.read(sources, faults),
        messages.read(sources, faults),
    )
    if faults:
        raise FaultsError(faults)
    return sources.content_hash(), rules


class Books:
    """Makes ledgers by the rules in force, and keeps the one in use up with them."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._ledger: Ledger | None = None

    def new(self) -> Ledger:
        """Return an empty ledger; the one made before is out of use."""
        rules = self._rules
        self._ledger = Ledger(rules.policies, rules.publishers, rules.messages)
        return self._ledger

    async def use(self, rules: Rules) -> None:
        """Fold by these rules from the next record on."""
        self._rules = rules
        if self._ledger is not None:
            self._ledger.switch(rules.policies, rules.publishers, rules.messages)


async def serve(
    settings: Settings,
    role: Role,
    new_ledger: Callable[[], Foldable],
    reached: Reached = pass_by,
    reloader: Reloader[Rules] | None = None,
) -> None:
    """Merge with ledgers made by `new_ledger` until the role is told to stop."""
    async with Bus(settings, role.name) as bus:
        app = build_app(settings, role.name, role.worker)
        merger = Merger(settings, bus, role, new_ledger, reached, reloader)

        async def fold_ledger(stream: Any) -> None:
            """Fold record by record; the ledger's order is the only order there is."""
            async for event in stream.events():
                await merger.take(event.message)

        def on_assigned(_: Any, assigned: set[Any], **__: Any) -> None:
            merger.assign(any(tp.partition == 0 for tp in assigned))

        app.agent(raw_topic(app, settings, topics.LEDGER))(fold_ledger)
        app.on_partitions_assigned.connect(on_assigned, weak=False)
        ticker = asyncio.create_task(merger.tick_on())
        try:
            async with running(app, role):
                await role.stopping.wait()
        finally:
            ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticker


class Merger:
    """Holds the ledger of the active worker and writes what each fold says."""

    def __init__(
        self,
        settings: Settings,
        bus: Bus,
        role: Role,
        new_ledger: Callable[[], Foldable],
        reached: Reached = pass_by,
        reloader: Reloader[Rules] | None = None,
    ) -> None:
        self._reloader = reloader
        self._bus = bus
        self._role = role
        self._store = Store(settings, bus)
        self._guard = Guard(bus, role.name)
        self._new_ledger = new_ledger
        self._ledger: Foldable | None = None
        self._base = ledger_base(settings)
        self._is_active = asyncio.Event()
        self._reached = reached

    def assign(self, is_active: bool) -> None:
        """Take note of a rebalance: what is in memory may be stale now, so it is read again."""
        self._ledger = None
        if is_active:
            self._is_active.set()
        else:
            self._is_active.clear()
            self._role.set_ready()  # ready to take over
        log.info("ledger assigned", active=is_active)

    async def tick_on(self) -> None:
        """Send the live theatre's clock while this worker is the active one.

        The first tick goes out at once: it also makes an idle ledger recover its state.
        """
        while True:
            await self._is_active.wait()
            try:
                now = datetime.now(UTC)
                await self._bus.send(topics.LEDGER, None, Tick(at=now, theatre=LIVE_THEATRE))
            except BrokerError as error:
                log.warning("tick not sent", error=str(error))
            await asyncio.sleep(TICK_SECONDS)

    async def take(self, message: Any) -> None:
        """Fold one record of the ledger and write its effects, in the order of design §2."""
        started = time.perf_counter()
        ledger = self._ledger or await self._recover(message.offset)
        feed = ""
        try:
            record = read_record(message.value)
            feed = record.feed if isinstance(record, ReportSet) else ""
            await self._heed([record])
            effects = ledger.fold(self._base + message.offset, record)
        except Exception as error:
            self._ledger = None  # perhaps half folded
            await self._guard.reject(message, error, feed)
            return
        await self._write(effects, trace_of(message))
        self._role.beat()
        count_done("merge", started)

    async def _recover(self, offset: int) -> Foldable:
        async def read() -> tuple[Foldable, list[tuple[int, LedgerRecord]]]:
            ledger = self._new_ledger()
            return ledger, await self._store.recover(ledger, offset, self._role.beat)

        ledger, past = await self._guard.deliver(read, "state")
        await self._heed([record for _, record in past])
        for earlier, record in past:
            try:
                effects = ledger.fold(earlier, record)
            except Exception as error:  # it went to dead letters when it was first folded
                log.error("past record left out", offset=earlier, error=repr(error))
                continue
            await self._write(effects, {})
        gc.collect()
        gc.freeze()  # what was read back stays; collections need not walk it
        self._ledger = ledger
        self._role.set_ready()
        return ledger

    async def _heed(self, records: Sequence[LedgerRecord]) -> None:
        """Follow the last catalog switch among the records, if there is one.

        A standby that takes over may have read its seeds long before the switch.
        """
        switches = [record for record in records if isinstance(record, CatalogSwitch)]
        if switches and self._reloader is not None:
            await self._reloader.take(switches[-1])

    async def _write(self, effects: Effects, trace: dict[str, str]) -> None:
        """Write one fold's effects; returns once the last is confirmed."""
        deliver, store = self._guard.deliver, self._store
        self._reached("folded")
        if effects.alerts:
            alerts = [Outgoing(topics.ALERTS, a.subject, a, trace) for a in effects.alerts]
            await deliver(lambda: self._bus.send_all(alerts), "alerts")
            self._reached("alerts")
        if effects.touched:
            await deliver(lambda: store.put_incidents(effects.touched, trace), "incidents")
            self._reached("touched")
        if effects.last is not None:
            last = effects.last
            await deliver(lambda: store.put_incidents([last], trace), "incident")
            self._reached("last")
        if effects.forgotten:
            await deliver(lambda: store.forget(effects.forgotten), "tombstones")
        if effects.outcomes:
            await deliver(lambda: store.put_outcomes(effects.outcomes, trace), "outcomes")
            self._reached("outcomes")
        for alert in effects.alerts:
            metrics.alerts.labels(alert.action, alert.level).inc()
        for outcome in effects.outcomes:
            metrics.outcomes.labels(outcome.what).inc()
        for reason, number in effects.silenced.items():
            metrics.suppressed.labels(reason).inc(number)


def read_record(raw: bytes | None) -> LedgerRecord:
    """Return the ledger record in a record's value.

    Raises:
        RecordError: there is no value.
        msgspec.DecodeError: not JSON, or of no known type.
    """
    if raw is None:
        raise RecordError("unreadable", "no value")
    return decode_ledger(raw)
