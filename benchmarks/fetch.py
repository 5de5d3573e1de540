"""Fetch at scale: thousands of feeds every five minutes, from a newsstand on loopback.

    python benchmarks/fetch.py --feeds 5000 --minutes 15

The fetch role runs as its own process on the embedded broker; the newsstand, the broker, a
stand-in for detect and a scrape of /metrics every 15 s run in this one. Told: CPU and memory of the
fetcher (its parse workers apart), how long its event loop was away, the share of conditional
requests once each feed was seen, and how late stories were seen beyond their feed's interval.
`--speed` runs the schedule so many times fast, which multiplies the load.

The loop's absence is sampled every 20 ms, on the clock and in the loop's own CPU time: on a
machine that others use, the first tells of them too, and only the second is ours alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from feed_stand import SHOWN, START, Stand, StandServer, make_feeds  # noqa: E402

from connectors.clock import Clock  # noqa: E402
from streams import topics  # noqa: E402
from streams.engine.bus import Tail  # noqa: E402
from streams.engine.embedded import EmbeddedBroker  # noqa: E402
from streams.engine.role import read_role_file  # noqa: E402
from streams.records import Article, decode  # noqa: E402
from streams.settings import Settings  # noqa: E402

INTERVAL_SECONDS = 300.0
#: A first start is spread over five minutes.
FIRST_ROUND_SECONDS = 330.0
SCRAPE_SECONDS = 15.0
BEAT_SECONDS = 0.02


async def measure(feeds: int, hosts: int, minutes: float, speed: float) -> dict[str, object]:
    clock = Clock(speed, START)
    stand = Stand(make_feeds(feeds, hosts, 3 * 3600.0), clock.now)
    delays: list[float] = []
    articles = 0
    with tempfile.TemporaryDirectory() as folder:
        async with StandServer(stand) as server:
            seeds = server.write_seeds(Path(folder) / "seeds", "5m")
            options = {
                "state_dir": f"{folder}/state", "seeds": str(seeds), "health_port": 0,
                "allow_addresses": "127.0.0.0/8", "log_level": "warning", "log_format": "json",
            }  # fmt: skip
            settings = Settings(**options)  # type: ignore[arg-type]
            broker = EmbeddedBroker(settings)
            await broker.start()
            by_id = {feed.id: feed for feed in stand.feeds}

            async def take() -> None:
                nonlocal articles
                quiet_until = 0.0
                async with Tail(settings, topics.ARTICLES, settings.group("detect")) as tail:
                    async for message in tail:
                        article = decode(Article, message.value or b"")
                        articles += 1
                        if articles % 100 == 0 or time.monotonic() > quiet_until:
                            await tail.commit(message)  # as detect does: not one by one
                        quiet_until = time.monotonic() + 0.05
                        if not article.backfill:
                            story = int((article.guid or "").rpartition(":")[2])
                            came = by_id[article.feed].published_at(story)
                            delays.append((article.first_seen_at - came).total_seconds())

            taker = asyncio.create_task(take())
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, __file__, "--child", f"{folder}/loop.json", json.dumps(options)),
                *(str(speed), clock.now().isoformat()),
            )
            began = time.monotonic()
            warm = None
            try:
                load: list[float] = []
                while time.monotonic() - began < minutes * 60 / speed:
                    await asyncio.sleep(SCRAPE_SECONDS)
                    load.append(os.getloadavg()[0])
                    await asyncio.to_thread(scrape, settings)
                    if warm is None and time.monotonic() - began > FIRST_ROUND_SECONDS / speed:
                        warm = (cpu_seconds(process.pid), time.monotonic(), len(stand.requests))
                used = cpu_seconds(process.pid)
                assert warm is not None, "--minutes must be over six"
                wall = time.monotonic() - warm[1]
                memory = memory_mib(process.pid)
            finally:
                process.terminate()
                await process.wait()
                taker.cancel()
                await asyncio.gather(taker, return_exceptions=True)
                await broker.stop()
        loop = read_json(f"{folder}/loop.json")
    later: Counter[bool] = Counter()
    seen: set[str] = set()
    for feed, is_conditional, _ in stand.requests:
        if feed.id in seen and feed.validators != "none":
            later[is_conditional] += 1
        seen.add(feed.id)
    delays.sort()
    return {
        "feeds": feeds,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "schedule_speed": speed,
        "requests": len(stand.requests),
        "requests_per_second": round((len(stand.requests) - warm[2]) / wall, 1),
        "articles": articles,
        "fetcher_cpu_share_of_one_core": round((used - warm[0]) / wall, 3),
        "fetcher_rss_mib": round(memory, 1),
        **loop,
        "load_of_the_machine": [min(load), max(load)],
        "conditional_share_of_later_requests": round(later[True] / max(1, sum(later.values())), 4),
        "seen_late_max_seconds": round(delays[-1], 1) if delays else None,
        "seen_late_beyond_interval_and_2_s": sum(d > INTERVAL_SECONDS + 2 for d in delays),
        "stories_timed": len(delays),
        "entries_shown": SHOWN,
    }


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def scrape(settings: Settings) -> None:
    port = (read_role_file(settings, "fetch") or {}).get("port")
    if port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
            page.read()


def child(told: str, *arguments: str) -> None:
    """Be the fetch role, with an eye on its loop from the moment it is ready."""
    from streams.engine.role import Role, run_role
    from streams.fetch import run

    settings = Settings(**json.loads(arguments[0]))
    clock = Clock(float(arguments[1]), datetime.fromisoformat(arguments[2]))

    async def watched(settings: Settings, role: Role) -> None:
        away: list[tuple[float, float]] = []

        async def watch() -> None:
            while not role.health.is_ready:  # noqa: ASYNC110
                await asyncio.sleep(BEAT_SECONDS)
            while True:
                began, used = time.monotonic(), time.thread_time()
                await asyncio.sleep(BEAT_SECONDS)
                passed = time.monotonic() - began
                away.append((max(0.0, passed - BEAT_SECONDS), time.thread_time() - used))

        watcher = asyncio.create_task(watch())
        try:
            await run(settings, role, clock=clock)
        finally:
            watcher.cancel()
            lags, cpus = (sorted(part) for part in zip(*away, strict=True))
            facts = {
                "loop_lag_ms": figures(lags),
                "loop_own_cpu_between_samples_ms": figures(cpus),
                "loop_over_100_ms": sum(lag > 0.1 for lag in lags),
                "loop_over_100_ms_by_own_cpu": sum(cpu > 0.1 for cpu in cpus),
            }
            write_json(told, facts)

    sys.exit(run_role("fetch", settings, watched, parent=os.getppid()))


def read_json(path: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(path).read_text())
    return found


def write_json(path: str, facts: dict[str, object]) -> None:
    Path(path).write_text(json.dumps(facts))


def figures(values: list[float]) -> dict[str, float]:
    """Return quantiles of sorted seconds, in ms."""
    at = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    return {
        name: round(values[min(len(values) - 1, int(len(values) * share))] * 1000, 1)
        for name, share in at.items()
    }


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=5000)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=15.0, help="of the schedule, over 6")
    parser.add_argument("--speed", type=float, default=1.0)
    given = parser.parse_args()
    told = asyncio.run(measure(given.feeds, given.hosts, given.minutes, given.speed))
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
