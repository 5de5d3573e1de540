"""The text behind a headline: asked for once, kept for edits and for other feeds, never put upon an older text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from feed_server import Answer, Publisher
from msgspec.structs import replace

from connectors.clock import Clock
from connectors.gate import Gate
from connectors.guard import Guard
from connectors.http import Client
from connectors.worker import Parsers
from streams import metrics
from streams.articles import revision_of
from streams.feeds.fulltext import FullText
from streams.records import Article, TaggedArticle

HTML = {"Content-Type": "text/html; charset=utf-8"}
LEAD = "The object came down near the village of Wyryki, police said on Wednesday. " * 8
PAGE = f"<html><body><article><h1>Story</h1><p>{LEAD}</p></article></body></html>".encode()


@dataclass
class Records:
    """Keeps what is sent, as a topic would."""

    articles: list[Article] = field(default_factory=list)

    async def send(self, topic: Any, key: str, record: Article, headers: Any = None) -> int:
        self.articles.append(record)
        return len(self.articles)


@dataclass
class Bench:
    publisher: Publisher
    full_text: FullText
    sent: list[Article]

    def article(self, title: str = "Story", id: str = "a", path: str = "/story") -> Article:
        url = self.publisher.url(path)
        return Article(
            id=id, feed="paper", publisher="P", title=title, first_seen_at=datetime.now(UTC),
            revision=revision_of(title, "", ""), url=url, canonical_url=url,
        )  # fmt: skip

    def judge(self, article: Article, verdict: str = "hit") -> None:
        self.full_text.judge(
            TaggedArticle(
                id=article.id,
                revision=article.revision,
                feed=article.feed,
                title=article.title,
                publisher="P",
                first_seen_at=article.first_seen_at,
                language="en",
                language_confidence=1.0,
                verdict=verdict,
            )  # fmt: skip
        )

    async def sends(self, count: int) -> list[Article]:
        async with asyncio.timeout(20):
            while len(self.sent) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return self.sent


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    clock, records = Clock(60.0), Records()
    async with (
        Publisher() as publisher,
        Client(Guard("127.0.0.1"), Gate(clock), "test") as client,
        Parsers(1) as parsers,
    ):
        publisher.on("/robots.txt", Answer(200, b"User-agent: *\nDisallow: /private", HTML))
        publisher.on("/story", Answer(200, PAGE, HTML))
        full_text = FullText(client, parsers, records, clock)  # type: ignore[arg-type]
        worker = asyncio.create_task(full_text.work())
        yield Bench(publisher, full_text, records.articles)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def test_a_page_is_asked_for_once_and_kept(bench: Bench) -> None:
    first = bench.article()
    bench.full_text.remember([first])
    bench.judge(first)
    (full,) = await bench.sends(1)
    assert full.text == "full" and full.supersedes == first.revision and "Wyryki" in full.body
    bench.judge(full)  # the verdict on what we sent ourselves asks for nothing

    edited = replace(bench.article("Story, corrected"), supersedes=first.revision)
    bench.full_text.remember([edited])
    bench.judge(edited, "near_miss")
    other = bench.article(id="b")  # another feed with the same link
    bench.full_text.remember([other])
    bench.judge(other)
    _, again, elsewhere = await bench.sends(3)
    assert again.title == "Story, corrected" and again.body == full.body
    assert again.supersedes == edited.revision
    assert (elsewhere.id, elsewhere.body) == ("b", full.body)
    assert len(bench.publisher.asked("/story")) == 1


async def test_a_text_is_not_put_upon_a_headline_that_was_edited_meanwhile(bench: Bench) -> None:
    async def slow(_request: object) -> Answer:
        bench.full_text.remember([bench.article("Story, corrected")])  # while the page is under way
        return Answer(200, PAGE, HTML)

    bench.publisher.handle("/story", slow)
    first = bench.article()
    bench.full_text.remember([first])
    before = metrics.pages.labels("overtaken")._value.get()
    bench.judge(first)
    async with asyncio.timeout(20):
        while metrics.pages.labels("overtaken")._value.get() == before:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert bench.sent == []
    bench.judge(bench.article("Story, corrected"))
    (full,) = await bench.sends(1)
    assert full.title == "Story, corrected"


async def test_misses_backfill_and_forbidden_pages_are_left_alone(bench: Bench) -> None:
    miss, old = bench.article(id="m"), replace(bench.article(id="o"), backfill=True)
    private = bench.article(id="p", path="/private/story")
    bench.full_text.remember([miss, old, private])
    before = metrics.pages.labels("robots")._value.get()
    bench.judge(miss, "miss")
    bench.judge(old)
    bench.judge(private)
    async with asyncio.timeout(20):
        while metrics.pages.labels("robots")._value.get() == before:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert [request.path for request in bench.publisher.requests] == ["/robots.txt"]
