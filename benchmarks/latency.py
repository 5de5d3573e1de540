"""Publish → webhook: latency at a steady rate on real Kafka, readiness and memory. Run by hand.

    python benchmarks/latency.py [--kafka HOST:PORT] [--rate 50] [--seconds 60]

Without --kafka a node of deploy/kafka is started in a temporary folder (JDK and Maven). Detect,
merge and deliver run as processes; a webhook on loopback is told everything. Among ordinary
articles every thirtieth reports an incident of its own. Latency is from the call that sends the
article to Kafka until the webhook's first byte of its first message about it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import msgspec  # noqa: E402
from chat_server import Call, ChatServer  # noqa: E402
from detect import rss_megabytes  # noqa: E402
from on_kafka import kafka_node, running  # noqa: E402
from stream import articles  # noqa: E402

from streams import topics  # noqa: E402
from streams.engine.bus import Bus  # noqa: E402
from streams.engine.provision import Provisioner  # noqa: E402
from streams.records import Article  # noqa: E402
from streams.settings import Settings  # noqa: E402

ROLES = ("detect", "merge", "deliver")
COUNTRIES = [
    "Poland",
    "Lithuania",
    "Latvia",
    "Estonia",
    "Finland",
    "Norway",
    "Sweden",
    "Denmark",
    "Germany",
    "Slovakia",
    "Hungary",
    "Romania",
    "Bulgaria",
    "Moldova",
    "France",
]
THINGS = ("drone", "cruise missile", "fighter jet", "warship")


def incidents(now: datetime) -> Iterator[Article]:
    """Yield articles that report one incident each, all different."""
    for thing, country in itertools.product(THINGS, COUNTRIES):
        title = f"Russian {thing} violated the airspace of {country}, army says"
        if thing == "warship":
            title = f"Russian warship entered the territorial waters of {country}, navy says"
        yield Article(
            id=f"incident-{country}-{thing}",
            feed="wire",
            publisher="wire",
            title=title,
            body=f"{title}. It happened this morning, the armed forces of {country} confirmed.",
            url=f"https://wire.example/{country}/{thing}".replace(" ", "-"),
            revision="r1",
            first_seen_at=now,
            published_at=now,
        )


async def measure(kafka: str, rate: float, seconds: float) -> None:
    folder = Path(tempfile.mkdtemp())
    settings = Settings(kafka=kafka, prefix=f"latency-{os.getpid()}.", state_dir=folder)
    async with Provisioner(settings) as provisioner:
        await provisioner.create()
    arrived: dict[str, float] = {}

    def on_call(call: Call) -> None:
        for link in call.body["data"].get("links") or ():
            arrived.setdefault(link["url"], time.monotonic())

    async with ChatServer(on_call=on_call) as hook:
        own = folder / "seeds"
        own.mkdir()
        (own / "channels.toml").write_text(
            f'[[room]]\nid = "hook"\nkind = "webhook"\nurl = "{hook.url("webhook")}"\n'
            'level = "digest"\n\n[[route]]\nid = "all-to-hook"\nrooms = ["hook"]\n'
        )
        more = {
            "FLANKWATCH_SEEDS": str(own),
            "FLANKWATCH_ALLOW_ADDRESSES": f"127.0.0.1:{hook.port}",
        }
        async with running(settings, ROLES, more) as (roles, took):
            print(f"all roles ready after {took:.1f} s")
            sent = await publish(settings, rate, seconds)
            await asyncio.sleep(5.0)
            report(sent, arrived)
            for name, process in roles.items():
                print(f"RSS {name}: {rss_megabytes(process.pid):.0f} MB")


async def publish(settings: Settings, rate: float, seconds: float) -> dict[str, float]:
    """Send articles at the rate; return when each incident's article was sent, by URL."""
    sent: dict[str, float] = {}
    reporting = incidents(datetime.now(UTC))
    total = int(rate * seconds)
    async with Bus(settings, "fetch") as bus, asyncio.TaskGroup() as sending:
        began = time.monotonic()
        for number, ordinary in enumerate(articles(total)):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            now = datetime.now(UTC)
            article = next(reporting, None) if number % 30 == 0 and number else None
            if article is None:
                article = msgspec.structs.replace(ordinary, published_at=now)
            else:
                sent[str(article.url)] = time.monotonic()
            article = msgspec.structs.replace(article, first_seen_at=now)
            sending.create_task(bus.send(topics.ARTICLES, article.id, article))
    return sent


def report(sent: dict[str, float], arrived: dict[str, float]) -> None:
    waits = sorted(arrived[url] - at for url, at in sent.items() if url in arrived)
    print(f"{len(sent)} incidents published, {len(waits)} shown at the webhook")
    for url in sorted(sent.keys() - arrived.keys())[:10]:
        print(f"  not shown by itself: {url}")
    if len(waits) >= 2:
        cuts = statistics.quantiles(waits, n=100, method="inclusive")
        print(
            f"publish → webhook: p50 {cuts[49]:.3f} s, p99 {cuts[98]:.3f} s, most {waits[-1]:.3f} s"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", help="HOST:PORT; without it a node is started")
    parser.add_argument("--rate", type=float, default=50.0, help="articles a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    if arguments.kafka:
        asyncio.run(measure(arguments.kafka, arguments.rate, arguments.seconds))
        return
    with kafka_node() as address:
        asyncio.run(measure(address, arguments.rate, arguments.seconds))


if __name__ == "__main__":
    main()
