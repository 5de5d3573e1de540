"""Detect: articles a second on one core, and the role's memory. Run by hand.

    python benchmarks/detect.py                        the pure step alone
    python benchmarks/detect.py --kafka HOST:PORT      also the whole role on that Kafka

The whole role reads a preloaded topic and confirms every output; it is pinned to one core. Besides
the clock's, the rate by CPU time is told, which holds on a busy machine too. Topics are made under
a prefix of their own and left there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stream import articles

from streams import topics
from streams.catalog import load_catalog
from streams.engine.bus import Bus, Outgoing
from streams.engine.offsets import Offsets
from streams.engine.provision import Provisioner
from streams.settings import Settings
from streams.understand import understand


def rss_megabytes(pid: int | str, which: str = "VmRSS") -> float:
    """Return a process's resident memory, now; at most so far with `VmHWM`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_pure(count: int) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    began = time.perf_counter()
    catalog = load_catalog()
    print(f"catalog loaded in {time.perf_counter() - began:.2f} s")
    stream = list(articles(count))
    for article in stream[:50]:
        understand(article, catalog)  # caches and automata are built at first use
    each = []
    for article in stream:
        used = time.process_time()
        understand(article, catalog)
        each.append(time.process_time() - used)
    cuts = statistics.quantiles(each, n=100)
    print(
        f"pure: {count / sum(each):.0f} articles per CPU second;"
        f" p50 {cuts[49] * 1000:.2f} ms, p99 {cuts[98] * 1000:.2f} ms, RSS {rss_megabytes('self'):.0f} MB"
    )


async def measure_role(kafka: str, count: int) -> None:
    prefix = f"bench-{os.getpid()}."
    settings = Settings(kafka=kafka, prefix=prefix, state_dir=Path(tempfile.mkdtemp()))
    async with Provisioner(settings) as provisioner:
        await provisioner.create()
    async with Bus(settings, "fetch") as bus:
        batch = [Outgoing(topics.ARTICLES, article.id, article) for article in articles(count)]
        for start in range(0, count, 500):
            await bus.send_all(batch[start : start + 500])
    environment = os.environ | {
        "FLANKWATCH_KAFKA": kafka,
        "FLANKWATCH_PREFIX": prefix,
        "FLANKWATCH_STATE_DIR": str(settings.state_dir),
        "FLANKWATCH_HEALTH_PORT": "0",
        "FLANKWATCH_LOG_LEVEL": "warning",
    }
    core = str(max(os.sched_getaffinity(0)))
    began = time.perf_counter()
    role = subprocess.Popen(  # noqa: ASYNC220
        ["taskset", "-c", core, sys.executable, "-m", "streams", "detect"], env=environment
    )
    first: tuple[float, int, float] | None = None
    try:
        async with Offsets(settings) as offsets:
            while True:
                await asyncio.sleep(0.25)
                if role.poll() is not None:
                    sys.exit(f"detect ended with exit code {role.returncode}")
                done = count - sum((await offsets.lag(topics.ARTICLES)).values())
                now = time.perf_counter()
                if done and first is None:
                    first = now, done, cpu_seconds(role.pid)
                    print(f"first commit after {now - began:.1f} s")
                if done >= count:
                    break
        assert first is not None
        rate = (count - first[1]) / (now - first[0])
        by_cpu = (count - first[1]) / (cpu_seconds(role.pid) - first[2])
        print(
            f"role: {rate:.0f} articles/s, confirmed; {by_cpu:.0f} per CPU second;"
            f" RSS {rss_megabytes(role.pid):.0f} MB"
        )
    finally:
        role.terminate()
        role.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", help="HOST:PORT of a Kafka to measure the whole role on")
    parser.add_argument("--count", type=int, default=3000)
    arguments = parser.parse_args()
    if arguments.kafka:
        asyncio.run(measure_role(arguments.kafka, arguments.count * 3))
    measure_pure(arguments.count)


if __name__ == "__main__":
    main()
