"""How fast one report set folds, how fast the ledger is rebuilt, how much memory it takes.

    python -m benchmarks.ledger [fold] [rebuild] [memory]

Bars: one set against 500 open incidents <= 3 ms; 100,000 incident records read back <= 20 s;
5,000 incidents of 50 accounts in <= 300 MB.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streams.catalog.concepts import WATCHED
from streams.catalog.messages import read as read_messages
from streams.catalog.policies import read as read_policies
from streams.catalog.publishers import Publishers
from streams.catalog.sources import Sources
from streams.incidents.ledger import Ledger
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
        started = time.perf_counter()
        ledger.fold(offset, found)
        times.append(time.perf_counter() - started)
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
        started = time.perf_counter()
        ledger.fold(offset + index, found)
        fresh.append(time.perf_counter() - started)
    show("while filling", times)
    show(f"against {number} open incidents", fresh)
    started = time.perf_counter()
    ledger.fold(offset + 1000, Tick(at=START + timedelta(days=5)))
    print(f"a tick: {1000 * (time.perf_counter() - started):.1f} ms")


def bench_rebuild() -> None:
    """Time reading 100,000 incident records back (8 accounts each on average)."""
    ledger = new_ledger()
    fill(ledger, 400, 8, 100.0)
    raws = [encode(found) for found in ledger.incidents("europe")]
    size = sum(map(len, raws)) / len(raws)
    number = 100_000
    fresh = new_ledger()
    started = time.perf_counter()
    for index in range(number):
        raw = raws[index % len(raws)]
        record = decode(Incident, raw)
        fresh.load(
            Incident(**{**_fields(record), "id": f"{record.id}-{index // 10}", "version": index})
        )
    fresh.fold(10**9, Tick(at=START + timedelta(days=120)))
    print(
        f"rebuild: {number} records of {size / 1024:.1f} KiB on average, "
        f"{len(fresh.incidents('europe'))} incidents, in {time.perf_counter() - started:.1f} s; "
        f"{resident_mb():.0f} MB"
    )


def bench_memory() -> None:
    """Measure what 5,000 incidents of 50 accounts take."""
    before = resident_mb()
    ledger = new_ledger()
    small = new_ledger()
    fill(small, 50, 50, 40.0)
    raws = [encode(found) for found in small.incidents("europe") if found.accounts]
    for index in range(5000):
        raw = raws[index % len(raws)].replace(b"Village", f"V{index}".encode())
        record = decode(Incident, raw)
        ledger.load(Incident(**{**_fields(record), "id": f"{record.id}-{index}"}))
    ledger.fold(10**9, Tick(at=START + timedelta(days=45)))
    accounts = sum(len(found.accounts) for found in ledger.incidents("europe"))
    print(
        f"memory: {len(ledger.incidents('europe'))} incidents with {accounts} accounts: "
        f"{resident_mb():.0f} MB, of which {before:.0f} MB before"
    )


def _fields(record: Incident) -> dict:
    return {name: getattr(record, name) for name in record.__struct_fields__}


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
    chosen = sys.argv[1:] or ["fold", "rebuild", "memory"]
    for name in chosen:
        {"fold": bench_fold, "rebuild": bench_rebuild, "memory": bench_memory}[name]()
