"""A real detect or merge process with small pure stand-ins, so that engine tests stay theirs.

Run as `python role_process.py ROLE JSON`; the JSON says broker, prefix, state_dir, and what is to
go wrong. The stand-ins keep the contracts: `understand` is pure, the ledger folds deterministically
and takes back what was written.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from streams import detect, merge, topics  # noqa: E402
from streams.catalog.policies import Watch  # noqa: E402
from streams.engine import app, watchdog  # noqa: E402
from streams.engine.bus import Bus, Outgoing, Received, read_all  # noqa: E402
from streams.engine.offsets import Offsets  # noqa: E402
from streams.engine.role import Role, run_role  # noqa: E402
from streams.incidents.ledger import Effects  # noqa: E402
from streams.records import (  # noqa: E402
    Account,
    Alert,
    Article,
    Incident,
    LedgerRecord,
    Outcome,
    Report,
    ReportSet,
    TaggedArticle,
    Territory,
    Thing,
    When,
    content_id,
)
from streams.settings import Settings  # noqa: E402
from streams.topics import Topic  # noqa: E402

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


# --- stand-ins -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Understanding:
    """What the real one has, as far as detect looks."""

    tagged: TaggedArticle
    report_set: ReportSet


def understand(article: Article) -> Understanding:
    """Find one report in articles whose title says `report CC`; fail or dawdle when told to."""
    words = article.title.split()
    if "boom" in words:
        raise ValueError("a rule failed")
    if "slow" in words:
        time.sleep(0.03)
    reports = (report_of(article.id, words[1]),) if words[:1] == ["report"] else ()
    return Understanding(
        tagged=TaggedArticle(
            id=article.id,
            revision=article.revision,
            feed=article.feed,
            publisher=article.publisher,
            title=article.title,
            first_seen_at=article.first_seen_at,
            language="en",
            language_confidence=1.0,
            theatre=article.theatre,
        ),
        report_set=set_of(article.id, reports, article.feed),
    )


def report_of(article: str, country: str) -> Report:
    """Return a report of a drone in the country."""
    return Report(
        id=content_id(article, country),
        article=article,
        revision="r1",
        kind="drone",
        object=Thing(what="drone"),
        action="cross",
        territory=Territory(country=country),
        happened=When(start=EPOCH, end=EPOCH, precision="day"),
        freshness="fresh",
        realis="asserted",
        certainty=1.0,
        rule="stand-in",
        catalog="stand-in",
    )


def set_of(article: str, reports: tuple[Report, ...], feed: str = "feed") -> ReportSet:
    """Return a report set of the replay theatre, so that live ticks do not touch it."""
    return ReportSet(
        article=article,
        revision="r1",
        feed=feed,
        publisher=feed,
        first_seen_at=EPOCH,
        theatre="replay",
        reports=reports,
    )


class CountryLedger:
    """One incident a country; each new account updates it, and touches the one named before."""

    def __init__(self) -> None:
        self.incidents: dict[str, Incident] = {}

    def load(self, incident: Incident) -> None:
        """Take an incident back."""
        self.incidents[incident.id] = incident

    def unload(self, incident: str) -> None:
        """Leave an incident out."""
        self.incidents.pop(incident, None)

    def fold(self, offset: int, record: LedgerRecord) -> Effects:
        """Fold a set; a set already folded gives its outcome again and nothing else."""
        if not isinstance(record, ReportSet) or not record.reports:
            return Effects()
        if record.article.startswith("forget "):
            name = f"incident-{record.reports[0].territory.country}"
            self.unload(name)
            return Effects(forgotten=(name,))
        report = record.reports[0]
        if report.territory.country == "XX":
            raise ValueError("a fold failed")
        name = f"incident-{report.territory.country}"
        old = self.incidents.get(name)
        outcome = Outcome(
            article=record.article,
            revision=record.revision,
            what="new" if old is None else "joined",
            incidents=(name,),
            through=offset,
            theatre="replay",
        )
        if old is not None and record.article in {a.article for a in old.accounts}:
            what = "new" if old.accounts[0].article == record.article else "joined"
            return Effects(outcomes=(msgspec.structs.replace(outcome, what=what),))
        number = old.alert_counter + 1 if old else 1
        last = self._next(name, old, record, report, number, offset)
        alert = Alert(
            id=content_id(name, str(number)),
            subject=name,
            n=number,
            action="new" if old is None else "update",
            level="normal",
            at=EPOCH,
            expires_at=EPOCH,
            policy="stand-in",
            theatre="replay",
        )
        touched = []
        for other in self.incidents.values():
            if other.id != name and record.article not in other.related:
                touched.append(
                    msgspec.structs.replace(
                        other,
                        related=(*other.related, record.article),
                        version=other.version + 1,
                        through=offset,
                    )
                )
        for incident in (*touched, last):
            self.incidents[incident.id] = incident
        return Effects(alerts=(alert,), touched=tuple(touched), last=last, outcomes=(outcome,))

    @staticmethod
    def _next(
        name: str, old: Incident | None, record: ReportSet, report: Report, number: int, offset: int
    ) -> Incident:
        account = Account(
            article=record.article,
            revision=record.revision,
            publisher=record.publisher,
            family=record.publisher,
            origin=record.article,
            language="en",
            title="",
            report=report,
        )
        base = old or Incident(
            id=name,
            theatre="replay",
            kind="drone",
            level="normal",
            status="reported",
            happened=report.happened,
            object=report.object,
            first_reported_at=EPOCH,
            last_reported_at=EPOCH,
        )
        return msgspec.structs.replace(
            base,
            accounts=(*base.accounts, account),
            alert_counter=number,
            version=base.version + 1,
            through=offset,
        )


# --- the process -----------------------------------------------------------------------------


def kill_at(point: str, nth: int) -> merge.Reached:
    """Return a hook that ends this process with SIGKILL at the nth passing of a write point."""
    left = nth

    def reached(found: str) -> None:
        nonlocal left
        if found == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached


def break_coordinator(times: int) -> None:
    """Let the group coordinator fail unexpectedly for the first `times` joins."""
    from aiokafka.consumer.group_coordinator import GroupCoordinator
    from aiokafka.errors import UnknownError

    real = GroupCoordinator.ensure_active_group
    left = times

    async def ensure_active_group(self: Any, *args: Any) -> Any:
        nonlocal left
        if left > 0:
            left -= 1
            raise UnknownError("injected")
        return await real(self, *args)

    GroupCoordinator.ensure_active_group = ensure_active_group


def main() -> int:
    """Run the role that the arguments name."""
    name, options = sys.argv[1], json.loads(sys.argv[2])
    settings = Settings(
        kafka=options["broker"],
        prefix=options["prefix"],
        state_dir=Path(options["state_dir"]),
        health_port=0,
        log_format="json",
    )
    app.SESSION_SECONDS = 6.0  # the least that Kafka allows
    if "coordinator_errors" in options:
        break_coordinator(options["coordinator_errors"])
        watchdog.COORDINATOR_ERRORS_MAX = options.get("coordinator_errors_max", 20)

    async def run(settings: Settings, role: Role) -> None:
        if name == "detect":
            watches = tuple(Watch.model_validate(watch) for watch in options.get("watches", ()))
            await detect.serve(settings, role, detect.Desk(understand, watches))
        else:
            reached = merge.pass_by
            if "kill_at" in options:
                reached = kill_at(options["kill_at"], options["nth"])
            await merge.serve(settings, role, CountryLedger, reached)

    return run_role(name, settings, run, worker=options.get("worker", 0))


# --- what tests use --------------------------------------------------------------------------


Start = Callable[..., "RoleProcess"]


@pytest.fixture
def start_role() -> Iterator[Start]:
    """Return what starts a role process; whatever still runs after the test is killed."""
    started: list[RoleProcess] = []

    def start(settings: Settings, name: str, **options: Any) -> RoleProcess:
        started.append(RoleProcess(settings, name, **options))
        return started[-1]

    yield start
    for role in started:
        role.stop(signal.SIGKILL)


class RoleProcess:
    """A role as a process of its own, with its log."""

    def __init__(self, settings: Settings, name: str, **options: Any) -> None:
        self.log = settings.state_dir / f"{name}-{time.monotonic_ns()}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        told = {
            "broker": settings.kafka,
            "prefix": settings.prefix,
            "state_dir": str(settings.state_dir),
            **options,
        }
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, __file__, name, json.dumps(told)], stdout=output, stderr=output
            )

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        return self.wait()

    async def until_told(self, words: str) -> None:
        """Wait until the log holds these words; the role must not end before."""
        while words not in self.told():
            assert self.process.poll() is None, self.told()
            await asyncio.sleep(0.05)

    def wait(self, seconds: float = 90.0) -> int:
        """Return the exit code once it has ended by itself."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running:\n{self.told()}") from None

    def told(self) -> str:
        """Return its log."""
        return self.log.read_text(errors="replace")


async def send(settings: Settings, records: Sequence[Outgoing]) -> None:
    """Put records on their topics, in order, confirmed."""
    async with Bus(settings, "test") as bus:
        for record in records:
            await bus.send(*record)


async def wait_done(
    settings: Settings, topic: Topic, process: RoleProcess, most: float = 120
) -> None:
    """Return once the topic's consumer has committed everything."""
    deadline = time.monotonic() + most
    while time.monotonic() < deadline:
        if process.process.poll() is not None:
            raise AssertionError(f"ended with {process.process.returncode}:\n{process.told()}")
        async with Offsets(settings) as offsets:
            lag = await offsets.lag(topic)
            ends = await offsets.ends(topic)
        if sum(ends.values()) and not sum(lag.values()):
            return
        await asyncio.sleep(0.3)
    raise AssertionError(f"not done within {most:.0f} s:\n{process.told()}")


async def read(settings: Settings, topic: Topic) -> list[Received]:
    """Return a topic's records."""
    return [message async for message in read_all(settings, topic)]


async def make_topics(settings: Settings, **overrides: dict[str, str]) -> None:
    """Create this instance's topics on a real Kafka; `overrides` maps a topic's word to settings."""
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        await admin.create_topics(
            [
                NewTopic(
                    settings.topic(topic.name),
                    topic.partitions,
                    1,
                    topic_configs=topic.config()
                    | overrides.get(topic.name.split(".")[1].replace("-", "_"), {}),
                )
                for topic in topics.ALL
            ]
        )
    finally:
        await admin.close()


def article(number: int, title: str, feed: str = "feed") -> Article:
    """Return an article with an id of its own."""
    return Article(
        id=f"a{number}",
        feed=feed,
        publisher=feed,
        title=title,
        first_seen_at=EPOCH,
        revision="r1",
        theatre="replay",
    )


if __name__ == "__main__":
    sys.exit(main())
