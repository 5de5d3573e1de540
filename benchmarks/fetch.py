"""Fetch at scale: thousands of feeds every five minutes, from a newsstand on loopback.

    python benchmarks/fetch.py --feeds 5000 --minutes 15

The fetch role runs as its own process on the embedded broker; the newsstand, the broker and a
stand-in for detect run in this one. Told: CPU and memory of the fetcher (its parse workers
apart), its event loop's lag, the share of conditional requests once each feed was seen, and how
late stories were seen beyond their feed's interval. `--speed` runs the schedule so many times
fast, which multiplies the load.
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
                *(sys.executable, str(ROOT / "tests" / "feed_stand.py"), json.dumps(options)),
                *(str(speed), clock.now().isoformat()),
            )
            began = time.monotonic()
            warm = None
            try:
                while time.monotonic() - began < minutes * 60 / speed:
                    await asyncio.sleep(2)
                    if warm is None and time.monotonic() - began > 400 / speed:
                        warm = (cpu_seconds(process.pid), time.monotonic(), len(stand.requests))
                        lag_before = lag_buckets(settings)
                used = cpu_seconds(process.pid)
                assert warm is not None, "--minutes must be over seven"
                wall = time.monotonic() - warm[1]
                lag = lag_p99(lag_before, lag_buckets(settings))
                memory = memory_mib(process.pid)
            finally:
                process.terminate()
                await process.wait()
                taker.cancel()
                await asyncio.gather(taker, return_exceptions=True)
                await broker.stop()
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
        "loop_lag_p99_seconds_at_most": lag,
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


def lag_buckets(settings: Settings) -> dict[float, float]:
    port = (read_role_file(settings, "fetch") or {})["port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    found = re.findall(r'event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', text)
    return {float(bound): float(count) for bound, count in found}


def lag_p99(before: dict[float, float], after: dict[float, float]) -> float:
    """Return the bucket's bound below which 99 % of the samples since `before` lie."""
    counts = {bound: count - before.get(bound, 0.0) for bound, count in after.items()}
    total = max(counts.values())
    return min(bound for bound, count in counts.items() if count >= 0.99 * total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=5000)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=15.0, help="of the schedule, over 7")
    parser.add_argument("--speed", type=float, default=1.0)
    given = parser.parse_args()
    told = asyncio.run(measure(given.feeds, given.hosts, given.minutes, given.speed))
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
