"""Own articles onto Kafka, and articles back out, in one and the same form.

A line is `{"id", "title", "body", "published", "link"?, "source"?, "declared_language"?}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import DecodeError

from streams import metrics, topics
from streams.articles import BadLine, articles_from_lines
from streams.engine.bus import Bus, read_all
from streams.errors import RecordError
from streams.records import Article, decode
from streams.settings import Settings

#: Feed id of ingested articles.
FEED = "ingest"
#: Articles sent and not yet confirmed.
UNDER_WAY = 500


@dataclass
class Ingested:
    """What became of the lines."""

    sent: int = 0  #: confirmed by the broker
    bad: int = 0  #: lines that were not sent


async def ingest(
    settings: Settings,
    lines: Iterable[bytes],
    file: str,
    now: datetime,
    say: Callable[[BadLine], None],
    theatre: str = "europe",
) -> Ingested:
    """Send one article a line to news.articles; each goes out as soon as its line is there.

    Args:
        settings: Where the broker is.
        lines: JSON Lines; may block, as standard input does.
        file: Its name, for messages.
        now: Instant of first sight; aware UTC.
        say: Told of each line that cannot be sent; the others go on.
        theatre: Where the articles count.

    Raises:
        BrokerError: not confirmed; lines after the last confirmed one may or may not be there.
    """
    result = Ingested()
    found = articles_from_lines(lines, file, feed=FEED, theatre=theatre, now=now)
    room = asyncio.Semaphore(UNDER_WAY)

    async def send(bus: Bus, article: Article) -> None:
        try:
            await bus.send(topics.ARTICLES, article.id, article)
            result.sent += 1
        except RecordError as error:
            result.bad += 1
            metrics.dropped.labels("fetch", "too_large").inc()
            say(BadLine(file, 0, f"{article.title[:60]!r}: {error}"))
        finally:
            room.release()

    async with Bus(settings, FEED) as bus, asyncio.TaskGroup() as sending:
        while (item := await asyncio.to_thread(next, found, None)) is not None:
            if isinstance(item, BadLine):
                result.bad += 1
                say(item)
                continue
            await room.acquire()
            sending.create_task(send(bus, item))
    return result


async def export(
    settings: Settings, since: datetime, theatre: str | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Yield the articles on news.articles first seen at or after `since`, as ingest takes them.

    A repeated revision is given once. Unreadable records are counted and left out. Order: as read.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    given: set[int] = set()
    async for article in recorded(settings, "export", since, theatre):
        mark = hash((article.id, article.revision))
        if mark not in given:
            given.add(mark)
            yield as_line(article)


async def recorded(
    settings: Settings, reader: str, since: datetime, theatre: str | None = None
) -> AsyncIterator[Article]:
    """Yield what news.articles holds that was first seen at or after `since`.

    Revisions of one article come in order, and perhaps more than once. Unreadable records are
    counted and left out.

    Args:
        settings: Where the broker is.
        reader: For whom, in the counter.
        since: Aware.
        theatre: None: all.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    async for message in read_all(settings, topics.ARTICLES):
        try:
            article = decode(Article, message.value or b"")
        except DecodeError:
            metrics.dropped.labels(reader, "unreadable").inc()
            continue
        if article.first_seen_at >= since and theatre in (None, article.theatre):
            yield article


def as_line(article: Article) -> dict[str, Any]:
    """Return an article in the form that ingest, replay and backtest read.

    `published` is the instant of first sight where the feed gave none, so that it can be replayed.
    """
    line = {
        "id": article.guid if article.feed == FEED and article.guid else article.id,
        "title": article.title,
        "body": article.body or article.summary,
        "published": (article.published_at or article.first_seen_at).isoformat(),
        "link": article.url,
        "source": article.source_name or article.publisher,
        "declared_language": article.declared_language,
    }
    return {name: value for name, value in line.items() if value is not None}
