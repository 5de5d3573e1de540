"""Fetchers that share the work, and state that moves with it: to another share, to another machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import ROOT
from feed_server import Answer, Publisher, Request, stories
from hypothesis import given
from hypothesis import strategies as st
from kafka_server import KafkaServer
from role_process import make_topics
from test_feeds_role import Detect, broker_of, until, write_seeds

from streams import topics
from streams.catalog.feeds import FeedSpec
from streams.cli import main
from streams.engine.bus import read_latest
from streams.feeds.shard import domain_of, of_shard
from streams.records import FeedState
from streams.settings import Settings


@given(
    st.lists(st.from_regex(r"[a-c]\.(one|two|three)\.example", fullmatch=True), max_size=20),
    st.integers(1, 9),
)
def test_every_feed_has_one_fetcher_and_a_domain_stays_whole(hosts: list[str], count: int) -> None:
    feeds = [
        FeedSpec(id=f"feed-{n}", url=f"https://{host}/{n}", publisher=f"P{n}")
        for n, host in enumerate(hosts)
    ]
    shares = [of_shard(feeds, (number, count)) for number in range(1, count + 1)]
    assert sorted(f.id for share in shares for f in share) == sorted(f.id for f in feeds)
    domains = [{domain_of(feed.url) for feed in share} for share in shares]
    assert sum(map(len, domains)) == len(set().union(*domains))


@pytest.mark.parametrize("command", ["run", "fetch"])
@pytest.mark.parametrize("share", ["5/4", "0/4", "one", "1/0"])
def test_a_share_that_is_none_is_a_fault(monkeypatch, command: str, share: str) -> None:
    monkeypatch.setenv("FLANKWATCH_FETCH_SHARD", "1/1")  # so that what the option sets goes again
    done = CliRunner().invoke(main, [command, "--shard", share])
    assert done.exit_code == 2
    assert "fetch_shard" in done.output.lower()


# --- real processes ---------------------------------------------------------------------------


@asynccontextmanager
async def fetcher(settings: Settings, share: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `flankwatch fetch --shard …` until the block ends; then kill -9, as a lost machine ends."""
    environment = {
        "PATH": os.environ["PATH"],
        "FLANKWATCH_STATE_DIR": str(settings.state_dir),
        "FLANKWATCH_SEEDS": str(settings.seeds),
        "FLANKWATCH_ALLOW_ADDRESSES": "127.0.0.0/8",
        "FLANKWATCH_HEALTH_PORT": "0",
        "FLANKWATCH_PREFIX": settings.prefix,
        **({"FLANKWATCH_KAFKA": settings.kafka} if settings.kafka else {}),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streams", "fetch", "--shard", share),
        cwd=ROOT,
        env=environment,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Papers:
    """Feeds on several loopback hosts that answer by ETag, and remember who asked how."""

    def __init__(self, publisher: Publisher, count: int) -> None:
        self.publisher = publisher
        self.count = count
        self.feeds: list[dict[str, str]] = []
        for number in range(count):
            publisher.handle(f"/{number}", self._serve)
            url = publisher.url(f"/{number}", host=f"127.0.0.{number + 1}")
            self.feeds.append({"id": f"feed-{number}", "url": url, "publisher": f"P{number}"})

    def _serve(self, request: Request) -> Answer:
        if request.headers.get("if-none-match") == '"1"':
            return Answer(304)
        return Answer(200, stories(1), {"ETag": '"1"'})

    def asked(self, *, conditional: bool) -> set[str]:
        return {
            request.path
            for request in self.publisher.requests
            if ("if-none-match" in request.headers) is conditional
        }

    @property
    def paths(self) -> set[str]:
        return {f"/{number}" for number in range(self.count)}


class Everywhere(Publisher):
    """Listens on several loopback addresses, so that feeds have different hosts."""

    async def __aenter__(self) -> Publisher:
        await super().__aenter__()
        self._more = [
            await asyncio.start_server(self._serve, f"127.0.0.{number}", self.port)
            for number in range(2, 10)
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._more:
            server.close()
        await super().__aexit__()


async def all_saved(settings: Settings, count: int) -> None:
    async with asyncio.timeout(40):
        while len(await read_latest(settings, topics.FEEDS, FeedState)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.3)


async def make_due(settings: Settings, count: int) -> None:
    """Let every feed be due now, as after a long pause."""
    from streams.feeds.orders import resume

    for number in range(count):
        await resume(settings, f"feed-{number}", "a tester")


@pytest.mark.slow
async def test_two_shares_poll_every_feed_once_between_them(tmp_path: Path) -> None:
    async with Everywhere() as publisher:
        papers = Papers(publisher, 8)
        seeds = write_seeds(tmp_path / "seeds", *papers.feeds)
        settings = Settings(state_dir=tmp_path / "state", seeds=seeds)
        async with broker_of(settings), Detect(settings) as detect:
            async with fetcher(settings, "1/2"):
                await until(lambda: len(publisher.requests) >= 1, 40)
                await asyncio.sleep(7.0)  # a first start is spread over 5 s
                first = papers.asked(conditional=False)
                assert first and first != papers.paths
                async with fetcher(settings, "2/2"):
                    await until(lambda: papers.asked(conditional=False) == papers.paths, 40)
                    await until(lambda: len(detect.articles) == 8)
                    await all_saved(settings, 8)
            assert len(publisher.requests) == 8
            # Another split of the work: states go with their feeds, so all requests are conditional.
            await make_due(settings, 8)
            async with fetcher(settings, "1/1"):
                await until(lambda: papers.asked(conditional=True) == papers.paths, 40)
            assert len(detect.articles) == 8


@pytest.mark.slow
@pytest.mark.kafka
async def test_feeds_move_to_another_machine_with_all_that_is_known_of_them(
    tmp_path: Path, kafka: KafkaServer
) -> None:
    prefix = f"e{uuid.uuid4().hex[:8]}."
    async with Everywhere() as publisher:
        papers = Papers(publisher, 6)
        seeds = write_seeds(tmp_path / "seeds", *papers.feeds)
        machines = [
            Settings(kafka=kafka.address, prefix=prefix, state_dir=tmp_path / name, seeds=seeds)
            for name in ("one", "other", "third")
        ]
        await make_topics(machines[0])
        async with Detect(machines[0]) as detect:
            async with fetcher(machines[0], "1/1"):
                await all_saved(machines[0], 6)
            known = await read_latest(machines[0], topics.FEEDS, FeedState)
            await make_due(machines[0], 6)
            # Two other machines, with state directories of their own, take the work over.
            async with fetcher(machines[1], "1/2"), fetcher(machines[2], "2/2"):
                await until(lambda: papers.asked(conditional=True) == papers.paths, 40)
                await until(lambda: len(publisher.requests) >= 12)
                await asyncio.sleep(1.0)
            moved = await read_latest(machines[1], topics.FEEDS, FeedState)
        assert len(detect.articles) == 6
        assert all(article.backfill for article in detect.articles)
        for id, state in moved.items():
            before = known[id]
            assert state.version > before.version
            assert (state.seen, state.etag, state.url) == (before.seen, before.etag, before.url)
            assert state.outcome == "not_modified"
        assert set(moved) == set(known)
