"""How fast one report set folds, how fast the ledger is rebuilt, how much memory it takes.

Times are of the CPU: what else runs on the machine does not count.

    python -m benchmarks.ledger [fold] [rebuild] [memory]

Bars: one set against 500 open incidents <= 3 ms; 100,000 incident records read back <= 20 s;
5,000 incidents of 50 accounts in <= 300 MB.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from streams.catalog.concepts import WATCHED
from streams.catalog.messages import read as read_messages
from streams.catalog.policies import read as read_policies
from streams.catalog.publishers import Publishers
from streams.catalog.sources import Sources
from streams.incidents.ledger import Ledger
from streams.merge import read_rules
from streams.records import (
    Incident,
    Report,
    ReportSet,
    Territory,
    Thing,
    Tick,
    When,
    content_id,
    decode,
    encode,
)
from streams.settings import load_settings

START = datetime(2025, 9, 1, tzinfo=UTC)
COUNTRIES = sorted(WATCHED)
WHATS = ("drone", "drone", "drone", "balloon", "aircraft", "missile")


def new_ledger() -> Ledger:
    faults: list = []
    sources = Sources.of()
    return Ledger(read_policies(sources, faults), Publishers(), read_messages(sources, faults))


def a_set(choice: random.Random, number: int, event: int, spread_days: float) -> ReportSet:
    """One account of one of many events: mixed precision, some reactions, some without country."""
    place = random.Random(event)
    country = place.choice(COUNTRIES)
    at = START + timedelta(days=place.random() * spread_days)
    lat, lon = 40 + 25 * place.random(), 5 + 25 * place.random()
    said = at + timedelta(hours=choice.expovariate(1 / 8))
    kind = choice.random()
    freshness, follow_up = "fresh", kind > 0.8
    if kind < 0.4:
        happened = When(start=at, end=at + timedelta(hours=8), precision="part")
    elif kind < 0.7:
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        happened = When(
            start=day - timedelta(hours=6), end=day + timedelta(hours=24), precision="day"
        )
    else:
        happened = When(start=said - timedelta(hours=24), end=said, precision="assumed")
        freshness = "undated" if follow_up else "fresh"
    article = content_id("article", str(number))
    report = Report(
        id=content_id(article, "r"),
        article=article,
        revision=content_id(article, "rev"),
        kind="drone_incursion",
        object=Thing(what=place.choice(WHATS)),
        action="enter",
        territory=Territory(
            country=None if choice.random() < 0.03 else country,
            place=f"{country.lower()}-{event}",
            place_name=f"Village {event}",
            lat=lat,
            lon=lon,
        ),
        happened=happened,
        freshness=freshness,
        realis="asserted",
        certainty=0.8,
        rule="drone_incursion/enter/clause",
        catalog="0123456789ab",
        follow_up=follow_up,
        official=country if choice.random() < 0.1 else None,
        signature="x1:" + content_id(article, "text"),
    )
    return ReportSet(
        article=article,
        revision=report.revision,
        feed=f"feed-{number % 300}",
        publisher=f"Publisher {number % 300}",
        first_seen_at=said,
        published_at=said,
        title=f"A headline of about the length that headlines have, number {number}",
        url=f"https://example.org/news/2025/09/{number}/a-headline-of-about-this-length",
        language="en",
        reports=(report,),
    )


def fill(ledger: Ledger, events: int, accounts: int, spread_days: float) -> tuple[int, list[float]]:
    """Fold events x accounts sets, shuffled within time; return the next offset and all times."""
    choice = random.Random(1)
    sets = [
        a_set(choice, event * accounts + account, event, spread_days)
        for event in range(events)
        for account in range(accounts)
    ]
    sets.sort(key=lambda found: found.first_seen_at)
    times = []
    offset = 0
    ledger.fold(offset, Tick(at=START))
    for found in sets:
        offset += 1
        started = time.process_time()
        ledger.fold(offset, found)
        times.append(time.process_time() - started)
    return offset + 1, times


def bench_fold() -> None:
    """Time one set against 500 open incidents of 20 accounts within five days."""
    ledger = new_ledger()
    offset, times = fill(ledger, 500, 20, 5.0)
    number = len([found for found in ledger.incidents("europe") if found.accounts])
    choice = random.Random(2)
    fresh = []
    for index in range(300):
        found = a_set(choice, 10_000_000 + index, choice.randrange(500), 5.0)
        started = time.process_time()
        ledger.fold(offset + index, found)
        fresh.append(time.process_time() - started)
    opened, is_new = [], []
    for index in range(300):
        found = a_set(choice, 20_000_000 + index, 10_000 + index, 5.0)
        started = time.process_time()
        effects = ledger.fold(offset + 400 + index, found)
        opened.append(time.process_time() - started)
        is_new.append(effects.last is not None and effects.last.version == 1)
    show("while filling", times)
    show(f"against {number} open incidents", fresh)
    show(f"… of events not heard of before ({sum(is_new)} opened an incident)", opened)
    ticks = []
    for index in range(60):
        tick = Tick(at=START + timedelta(days=5, seconds=5 * index))
        started = time.process_time()
        ledger.fold(offset + 1000 + index, tick)
        ticks.append(time.process_time() - started)
    show("a tick, the first with all that waited", ticks)


def write_incidents(path: Path, number: int, versions: int, events: int, accounts: int) -> None:
    """Write incident records as they lie on the topic: oldest version first, one a line."""
    ledger = new_ledger()
    fill(ledger, events, accounts, 100.0)
    enough = accounts * 2 // 3
    ready = [found for found in ledger.incidents("europe") if len(found.accounts) >= enough]
    with path.open("wb") as file:
        for index in range(number):
            record = ready[index // versions % len(ready)]
            copied = copy_of(record, index // versions, index % versions + 1)
            file.write(encode(copied) + b"\n")


def read_back(name: str, *sizes: int) -> None:
    """Load records written by another process, as recovery does, and say what it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "incidents.jsonl"
        words = [sys.executable, "-m", "benchmarks.ledger", "write", str(path), *map(str, sizes)]
        subprocess.run(words, check=True)
        size = path.stat().st_size / sizes[0]
        _, rules = read_rules(load_settings({}))  # as the merge role begins
        ledger = Ledger(rules.policies, rules.publishers, rules.messages)
        before = resident_mb()
        started = time.process_time()
        with path.open("rb") as file:
            for line in file:
                ledger.load(decode(Incident, line))
        ledger.fold(10**9, Tick(at=START + timedelta(days=120)))
        took = time.process_time() - started
    theatre = ledger.theatre("europe")
    print(
        f"{name}: {sizes[0]} records of {size / 1024:.1f} KiB, {len(theatre.held)} incidents, "
        f"{len(theatre.by_article)} articles: {took:.1f} s, {resident_mb():.0f} MB "
        f"({before:.0f} MB before)"
    )


def bench_rebuild() -> None:
    """Time reading 100,000 incident records back: 10,000 incidents in ten versions."""
    read_back("rebuild", 100_000, 10, 300, 8)


def bench_memory() -> None:
    """Measure what 5,000 incidents of 50 accounts take."""
    read_back("memory", 5000, 1, 35, 55)


def copy_of(record: Incident, index: int, version: int = 1) -> Incident:
    """Return the incident under other ids, as it comes from the topic."""
    accounts = []
    for account in record.accounts:
        article = content_id(account.article, str(index))
        report = replace(account.report, id=content_id(article, "r"), article=article)
        url = f"{account.url}-{index}"
        accounts.append(replace(account, article=article, report=report, url=url))
    found = replace(
        record, id=f"{record.id}-{index}", accounts=tuple(accounts), version=version, leaving=()
    )
    return decode(Incident, encode(found))


def show(name: str, times: list[float]) -> None:
    """Print median, 95th percentile and worst in ms."""
    ordered = sorted(times)
    p95 = ordered[int(len(ordered) * 0.95)]
    print(
        f"{name}: median {1000 * statistics.median(times):.2f} ms, "
        f"p95 {1000 * p95:.2f} ms, worst {1000 * ordered[-1]:.2f} ms"
    )


def resident_mb() -> float:
    """Return the process's resident memory in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write_incidents(Path(sys.argv[2]), *map(int, sys.argv[3:]))
        sys.exit()
    chosen = sys.argv[1:] or ["fold", "rebuild", "memory"]
    for name in chosen:
        {"fold": bench_fold, "rebuild": bench_rebuild, "memory": bench_memory}[name]()
