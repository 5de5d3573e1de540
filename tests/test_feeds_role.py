"""The fetch role whole: embedded broker, real processes for parsing, a real local publisher."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from feed_server import Answer, Request, stories

from connectors.clock import Clock
from streams import topics
from streams.engine.bus import Bus, Tail, read_latest
from streams.engine.embedded import EmbeddedBroker
from streams.engine.role import Role, read_role_file
from streams.fetch import run
from streams.records import Article, FeedState, Incident, Thing, When, decode
from streams.settings import Settings

pytestmark = pytest.mark.slow

SPEED = 120.0  # times as fast as the world: a minute is half a second


def write_seeds(folder: Path, *feeds: dict[str, str]) -> Path:
    (folder / "feeds").mkdir(parents=True, exist_ok=True)
    lines = ["replace_shipped = true"]
    for feed in feeds:
        lines += ["[[feed]]", *(f"{key} = {json.dumps(value)}" for key, value in feed.items())]
    (folder / "feeds" / "own.toml").write_text("\n".join(lines))
    return folder


def settings_for(tmp_path: Path, seeds: Path) -> Settings:
    return Settings(
        state_dir=tmp_path / "state", seeds=seeds, allow_addresses="127.0.0.1", health_port=0
    )


@asynccontextmanager
async def fetching(settings: Settings, **options: object) -> AsyncIterator[Role]:
    """Run the role until the block ends; its errors are the test's."""
    role = Role(settings, "fetch")
    clock = Clock(SPEED, datetime.now(UTC))
    task = asyncio.create_task(run(settings, role, clock=clock, **options))  # type: ignore[arg-type]
    try:
        yield role
    finally:
        role.stopping.set()
        await asyncio.wait_for(task, 15)


@asynccontextmanager
async def broker_of(settings: Settings) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker(settings)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


class Detect:
    """Stands in for detect: takes articles over and commits them."""

    def __init__(self, settings: Settings) -> None:
        self.articles: list[Article] = []
        self.came_at: list[float] = []  # seconds of the loop's clock
        self._tail = Tail(settings, topics.ARTICLES, settings.group("detect"))
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Detect:
        await self._tail.__aenter__()
        self._task = asyncio.create_task(self._take())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._tail.__aexit__(None, None, None)

    async def _take(self) -> None:
        async for message in self._tail:
            self.articles.append(decode(Article, message.value or b""))
            self.came_at.append(asyncio.get_running_loop().time())
            await self._tail.commit(message)

    def titles(self) -> list[str]:
        return sorted(article.title for article in self.articles)


async def until(condition, seconds: float = 20.0) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_backfill_then_news_then_restart_without_repeats(tmp_path, publisher) -> None:
    served = [1, 2, 3]

    def serve(request: Request) -> Answer:
        tag = f'"{len(served)}"'
        if request.headers.get("if-none-match") == tag:
            return Answer(304)
        return Answer(200, stories(*reversed(served)), {"ETag": tag})

    feed = {"id": "paper", "url": publisher.handle("/feed", serve), "publisher": "P", "every": "1m"}
    settings = settings_for(tmp_path, write_seeds(tmp_path / "seeds", feed))
    async with broker_of(settings), Detect(settings) as detect:
        async with fetching(settings):
            await until(lambda: len(detect.articles) == 3)
            assert all(article.backfill for article in detect.articles)
            served.append(4)
            await until(lambda: len(detect.articles) == 4)
            assert detect.articles[-1].title == "Story 4 of the day"
            assert not detect.articles[-1].backfill
            await until(lambda: len(publisher.requests) >= 6)
        conditional = ["if-none-match" in request.headers for request in publisher.requests]
        assert conditional == [False] + [True] * (len(conditional) - 1)
        states = await read_latest(settings, topics.FEEDS, FeedState)
        assert len(states["paper"].seen) == 4
    asked = len(publisher.requests)
    served.append(5)
    async with broker_of(settings), Detect(settings) as detect, fetching(settings):
        await until(lambda: len(detect.articles) == 1)
        assert detect.titles() == ["Story 5 of the day"]
        assert "if-none-match" in publisher.requests[asked].headers


async def test_an_unreachable_feed_is_one_clear_line_and_others_go_on(
    tmp_path, publisher, free_port, capsys
) -> None:
    from streams.engine.logs import setup_logging

    feeds = [
        {"id": "dead", "url": f"http://127.0.0.1:{free_port}/feed", "publisher": "A"},
        {"id": "page", "url": publisher.on("/p", Answer(200, b"<!doctype html><html></html>")),
         "publisher": "B"},
        {"id": "fine", "url": publisher.on("/feed", Answer(200, stories(1))), "publisher": "C"},
        {"id": "locked", "url": publisher.on("/l", Answer(200, stories(9))), "publisher": "D"},
    ]  # fmt: skip
    seeds = write_seeds(tmp_path / "seeds", *feeds)
    with (seeds / "feeds" / "own.toml").open("a") as file:
        file.write('\nauth = { type = "bearer", secret = "NOT_SET" }\n')
    settings = settings_for(tmp_path, seeds)
    setup_logging(settings, "fetch")
    async with broker_of(settings), Detect(settings) as detect, fetching(settings):
        await until(lambda: detect.titles() == ["Story 1 of the day"])
        await asyncio.sleep(2.0)
    told = capsys.readouterr().err
    assert "Traceback" not in told
    failed = [json.loads(line) for line in told.splitlines() if '"feed failed"' in line]
    by_feed = {line["feed"]: line for line in failed if line["failures"] == 1}
    assert set(by_feed) == {"dead", "page", "locked"}
    assert by_feed["dead"]["outcome"] == "connect_error"
    assert "HTML page" in by_feed["page"]["why"]
    assert "FLANKWATCH_SECRET_NOT_SET" in by_feed["locked"]["why"]
    assert all(line["again_in"] >= 110 for line in failed)


async def test_feed_state_is_not_saved_before_detection_took_its_articles(
    tmp_path, publisher
) -> None:
    feed = {"id": "paper", "url": publisher.on("/feed", Answer(200, stories(1))), "publisher": "P"}
    settings = settings_for(tmp_path, write_seeds(tmp_path / "seeds", feed))
    async with broker_of(settings), fetching(settings):
        await until(lambda: publisher.requests)
        await asyncio.sleep(1.0)
        assert await read_latest(settings, topics.FEEDS, FeedState) == {}
    async with broker_of(settings), Detect(settings) as detect, fetching(settings):
        await until(lambda: len(detect.articles) == 1)  # fetched again, nothing lost


async def test_surge_brings_the_country_to_its_permitted_minimum(tmp_path, publisher) -> None:
    calm = publisher.on("/calm", Answer(200, stories(1)))
    near = publisher.on("/near", Answer(200, stories(1)))
    feeds = [
        {"id": "near", "url": near, "publisher": "N", "country": "PL", "every": "1h"},
        {"id": "calm", "url": calm, "publisher": "C", "country": "PT", "every": "1h"},
    ]
    settings = settings_for(tmp_path, write_seeds(tmp_path / "seeds", *feeds))
    now = datetime.now(UTC)
    incident = Incident(
        id="pl-x", theatre="europe", kind="drone_incursion", level="urgent", status="reported",
        happened=When(start=now, end=now, precision="minute"), object=Thing(what="drone"),
        first_reported_at=now, last_reported_at=now, country="PL",
    )  # fmt: skip
    async with broker_of(settings), Detect(settings), fetching(settings):
        await until(lambda: len(publisher.requests) == 2)
        async with Bus(settings, "merge") as bus:
            await bus.send(topics.INCIDENTS, incident.id, incident)
        await until(lambda: len(publisher.asked("/near")) >= 4)
        assert len(publisher.asked("/calm")) == 1


async def test_replay_is_sent_in_order_of_time_and_tells_when_it_is_done(tmp_path) -> None:
    lines = tmp_path / "old.jsonl"
    lines.write_text(
        '{"id": "b", "title": "Second", "published": "2025-09-10T05:00:00Z"}\n'
        "{broken\n"
        '{"id": "a", "title": "First", "published": "2025-09-10T04:00:00Z"}\n'
    )
    text = tmp_path / "note.txt"
    text.write_text("A title\n\nA body of one line.")
    settings = settings_for(tmp_path, write_seeds(tmp_path / "seeds"))
    replay = [lines, f"{text}@2025-09-11"]
    async with (
        broker_of(settings),
        Detect(settings) as detect,
        fetching(settings, replay=replay),
    ):
        await until(lambda: len(detect.articles) == 3)
        await until(lambda: (read_role_file(settings, "fetch") or {}).get("replay_done"))
        told = read_role_file(settings, "fetch") or {}
    assert told["replay_articles"] == 3
    assert {article.theatre for article in detect.articles} == {"replay"}
    by_title = {article.title: article for article in detect.articles}
    assert set(by_title) == {"First", "Second", "A title"}
    assert by_title["A title"].first_seen_at == datetime(2025, 9, 11, 12, tzinfo=UTC)
    assert by_title["First"].first_seen_at == by_title["First"].published_at


async def test_replay_at_recorded_speed_keeps_the_pauses(tmp_path) -> None:
    lines = tmp_path / "old.jsonl"
    lines.write_text(
        '{"id": "a", "title": "First", "published": "2025-09-10T04:00:00Z"}\n'
        '{"id": "b", "title": "Second", "published": "2025-09-10T05:00:00Z"}\n'
    )
    settings = settings_for(tmp_path, write_seeds(tmp_path / "seeds"))
    async with (
        broker_of(settings),
        Detect(settings) as detect,
        fetching(settings, replay=[lines], speed=1.0),
    ):
        await until(lambda: detect.titles() == ["First"])
        await asyncio.sleep(0.5)
        assert detect.titles() == ["First"]  # the second is due in an hour


async def test_a_gone_feed_stops_until_an_operator_resumes_it(tmp_path, publisher) -> None:
    from streams.feeds.orders import resume

    url = publisher.on("/feed", Answer(200, stories(1)), Answer(410), Answer(200, stories(2, 1)))
    feed = {"id": "paper", "url": url, "publisher": "P", "every": "1m"}
    settings = settings_for(tmp_path, write_seeds(tmp_path / "seeds", feed))
    async with broker_of(settings), Detect(settings) as detect:
        async with fetching(settings):
            await until(lambda: len(publisher.requests) == 2)
            await asyncio.sleep(3.0)  # six simulated minutes
            assert len(publisher.requests) == 2
            await resume(settings, "paper", "a tester")
            await until(lambda: len(detect.articles) == 2)
        publisher.on("/feed", Answer(410))
        async with fetching(settings):
            await until(lambda: len(publisher.requests) >= 4)
            await asyncio.sleep(1.0)
        asked = len(publisher.requests)
        async with fetching(settings):  # a restart does not ask again
            await asyncio.sleep(3.0)
            assert len(publisher.requests) == asked


async def test_the_page_behind_a_near_miss_becomes_a_revision(tmp_path, publisher) -> None:
    from streams.records import TaggedArticle

    lead = "The object came down near the village of Wyryki, police said on Wednesday. "
    page = f"<html><body><article><h1>Story</h1><p>{lead * 8}</p></article></body></html>"
    html = {"Content-Type": "text/html; charset=utf-8"}
    publisher.on("/robots.txt", Answer(200, b"User-agent: *\nDisallow: /private", html))
    publisher.on("/story", Answer(200, page.encode(), html))
    publisher.on("/private/story", Answer(200, page.encode(), html))

    def document(*paths: str) -> bytes:
        from feed_server import item, rss

        return rss(*(item(n, link=publisher.url(path)) for n, path in enumerate(paths)))

    first, later = document("/a"), document("/a", "/story", "/private/story")
    feed = {"id": "paper", "url": publisher.on("/feed", Answer(200, first), Answer(200, later)),
            "publisher": "P", "every": "1m"}  # fmt: skip
    seeds = write_seeds(tmp_path / "seeds", feed)
    with (seeds / "feeds" / "own.toml").open("a") as file:
        file.write("\nfull_text = true\n")
    settings = settings_for(tmp_path, seeds)
    async with (
        broker_of(settings),
        Detect(settings) as detect,
        fetching(settings),
        Bus(settings, "detect") as bus,
    ):
        await until(lambda: len(detect.articles) == 3)
        await asyncio.sleep(1.0)
        for article in detect.articles[1:]:
            tagged = TaggedArticle(
                id=article.id, revision=article.revision, feed=article.feed, title=article.title,
                publisher=article.publisher, first_seen_at=article.first_seen_at, language="en",
                language_confidence=1.0, verdict="near_miss",
            )  # fmt: skip
            await bus.send(topics.TAGGED, article.id, tagged)
        await until(lambda: len(detect.articles) == 4)
        full = detect.articles[-1]
        before = next(article for article in detect.articles if article.id == full.id)
        assert full.text == "full" and "Wyryki" in full.body
        assert full.supersedes == before.revision != full.revision
        assert full.first_seen_at == before.first_seen_at
        await asyncio.sleep(0.5)
    assert len(publisher.asked("/story")) == 1
    assert publisher.asked("/private/story") == []


async def test_a_catalog_switch_makes_new_seeds_count_and_wrong_ones_not(
    tmp_path, publisher
) -> None:
    from streams.catalog.sources import Sources
    from streams.records import CatalogSwitch

    one = {"id": "one", "url": publisher.on("/one", Answer(200, stories(1))), "publisher": "A"}
    two = {"id": "two", "url": publisher.on("/two", Answer(200, stories(2))), "publisher": "B"}
    seeds = write_seeds(tmp_path / "seeds", one)
    settings = settings_for(tmp_path, seeds)

    async def switch(bus: Bus, catalog: str) -> None:
        record = CatalogSwitch(catalog=catalog, at=datetime.now(UTC), who="tester")
        await bus.send(topics.LEDGER, None, record)

    async with (
        broker_of(settings),
        Detect(settings) as detect,
        fetching(settings),
        Bus(settings, "cli") as bus,
    ):
        await until(lambda: detect.titles() == ["Story 1 of the day"])
        await asyncio.sleep(1.0)
        write_seeds(tmp_path / "seeds", one, two | {"kind": "no such kind"})
        await switch(bus, Sources.of(seeds).content_hash())
        write_seeds(tmp_path / "seeds", two)
        await switch(bus, "another hash")
        await asyncio.sleep(2.0)
        assert publisher.asked("/two") == []
        await switch(bus, Sources.of(seeds).content_hash())
        await until(lambda: "Story 2 of the day" in detect.titles())


async def test_what_operators_say_while_a_fetcher_starts_is_heard(
    tmp_path, publisher, monkeypatch
) -> None:
    from streams import fetch
    from streams.catalog.sources import Sources
    from streams.feeds.orders import resume
    from streams.records import CatalogSwitch

    lost = publisher.on("/lost", Answer(410), Answer(200, stories(1)))
    gone = {"id": "gone", "url": lost, "publisher": "A", "every": "1m"}
    new = {"id": "new", "url": publisher.on("/new", Answer(200, stories(2))), "publisher": "B"}
    seeds = write_seeds(tmp_path / "seeds", gone)
    settings = settings_for(tmp_path, seeds)
    read_states = fetch._states

    async def read_then_wait(*arguments: object) -> dict[str, bytes]:
        states = await read_states(*arguments)  # the fetcher knows all, and hears nothing yet
        await resume(settings, "gone", "a tester")
        write_seeds(tmp_path / "seeds", gone, new)
        async with Bus(settings, "cli") as bus:
            switch = CatalogSwitch(catalog=Sources.of(seeds).content_hash(), at=datetime.now(UTC))
            await bus.send(topics.LEDGER, None, switch)
        return states

    async with broker_of(settings), Detect(settings) as detect:
        async with fetching(settings):
            await until(lambda: publisher.asked("/lost"))
            await asyncio.sleep(1.0)
        monkeypatch.setattr(fetch, "_states", read_then_wait)
        async with fetching(settings):
            await until(lambda: detect.titles() == ["Story 1 of the day", "Story 2 of the day"])
            told = read_role_file(settings, "fetch") or {}
            assert told["catalog"] == Sources.of(seeds).content_hash()


async def test_a_feed_that_comes_back_by_a_reload_goes_on_where_it_was(tmp_path, publisher) -> None:
    from streams.catalog.sources import Sources
    from streams.records import CatalogSwitch

    def serve(request: Request) -> Answer:
        return Answer(
            304 if "if-none-match" in request.headers else 200, stories(1), {"ETag": '"1"'}
        )

    one = {"id": "one", "url": publisher.handle("/one", serve), "publisher": "A", "every": "1m"}
    two = {"id": "two", "url": publisher.handle("/two", serve), "publisher": "B", "every": "1m"}
    seeds = write_seeds(tmp_path / "seeds", one, two)
    settings = settings_for(tmp_path, seeds)
    async with broker_of(settings), Detect(settings) as detect:
        async with fetching(settings):
            await until(lambda: len(publisher.asked("/two")) >= 3 and len(detect.articles) == 2)
        known = (await read_latest(settings, topics.FEEDS, FeedState))["two"]
        write_seeds(tmp_path / "seeds", one)
        async with fetching(settings), Bus(settings, "cli") as bus:
            await asyncio.sleep(1.0)
            write_seeds(tmp_path / "seeds", one, two)
            asked = len(publisher.asked("/two"))
            switch = CatalogSwitch(catalog=Sources.of(seeds).content_hash(), at=datetime.now(UTC))
            await bus.send(topics.LEDGER, None, switch)
            await until(lambda: len(publisher.asked("/two")) > asked + 1)
        again = (await read_latest(settings, topics.FEEDS, FeedState))["two"]
    assert "if-none-match" in publisher.asked("/two")[asked].headers
    assert len(detect.articles) == 2
    assert again.version > known.version and again.seen == known.seen
