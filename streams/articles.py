"""Entries and recorded lines → Articles: one way in for fetch, replay, ingest, backtest, explain.

Pure but for reading the files it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from connectors.base import Entry
from connectors.feeds.replay import BadLine, Recorded, read_files, read_lines, read_text
from streams.records import Article, content_id

__all__ = [
    "BadLine",
    "article_from_entry",
    "article_from_text",
    "articles_from_files",
    "articles_from_lines",
    "article_id",
    "revision_of",
]

REPLAY = "replay"


def article_id(feed: str, rule: str, identity: str) -> str:
    """Return the id of a feed's entry: the same for the same entry, for ever."""
    return content_id(feed, rule, identity)


def revision_of(title: str, summary: str, body: str) -> str:
    """Return the revision: changes when the text does, and only then."""
    return content_id(title, summary, body)


def article_from_entry(
    entry: Entry,
    *,
    id: str,
    feed: str,
    publisher: str,
    first_seen_at: datetime,
    language: str | None = None,
    supersedes: str | None = None,
    backfill: bool = False,
    theatre: str = "europe",
) -> Article:
    """Return the article of one entry.

    Args:
        entry: Cleaned by its connector.
        id: From `article_id`.
        feed: The feed's id.
        publisher: Who publishes the feed.
        first_seen_at: Aware UTC; starts the latency clock.
        language: The catalog's word on the feed, before the feed's own.
        supersedes: The earlier revision, if one was seen.
        backfill: It comes from a feed's first document.
        theatre: europe, replay or canary.
    """
    return Article(
        id=id,
        feed=feed,
        publisher=publisher,
        title=entry.title,
        summary=entry.summary,
        body=entry.body,
        first_seen_at=first_seen_at,
        revision=revision_of(entry.title, entry.summary, entry.body),
        url=entry.url,
        canonical_url=entry.canonical_url,
        guid=entry.guid,
        published_at=entry.published_at,
        updated_at=entry.updated_at,
        declared_language=language or entry.language,
        source_name=entry.source_name,
        supersedes=supersedes,
        backfill=backfill,
        theatre=theatre,
    )


def articles_from_lines(
    lines: Iterable[bytes | str],
    file: str,
    *,
    feed: str = REPLAY,
    theatre: str = REPLAY,
    now: datetime | None = None,
) -> Iterator[Article | BadLine]:
    """Yield one article a line of JSON Lines, in order, or what is wrong with the line.

    Args:
        lines: See connectors/feeds/replay.py for their form.
        file: Name of the file, for messages: `file:line: reason`.
        feed: Feed id that the articles get.
        theatre: replay; `europe` when they are people's own news (ingest).
        now: Instant of first sight; None: the recorded time, and a line needs `published`.
    """
    yield from _articles(read_lines(lines, file, need_date=now is None), feed, theatre, now)


def articles_from_files(
    targets: Iterable[str],
    *,
    feed: str = REPLAY,
    theatre: str = REPLAY,
    now: datetime | None = None,
) -> Iterator[Article | BadLine]:
    """Yield the articles of `FILE.jsonl` and `FILE@2025-09-11` targets; see `articles_from_lines`."""
    yield from _articles(read_files(targets, need_date=now is None), feed, theatre, now)


def article_from_text(
    text: str,
    published: datetime | None,
    file: str = "text",
    *,
    feed: str = REPLAY,
    theatre: str = REPLAY,
    now: datetime | None = None,
) -> Article:
    """Return a plain text as an article; its first line is the title when it is short.

    Raises:
        ValueError: neither `published` nor `now` is given.
    """
    return _article(read_text(text, file, published), feed, theatre, now)


def _articles(
    found: Iterator[Recorded | BadLine], feed: str, theatre: str, now: datetime | None
) -> Iterator[Article | BadLine]:
    """Yield articles; an id seen before in these files is a revision of it."""
    revisions: dict[str, str] = {}
    for item in found:
        if isinstance(item, BadLine):
            yield item
            continue
        article = _article(item, feed, theatre, now)
        before = revisions.get(article.id)
        if before is not None and before != article.revision:
            article = msgspec.structs.replace(article, supersedes=before)
        revisions[article.id] = article.revision
        yield article


def _article(item: Recorded, feed: str, theatre: str, now: datetime | None) -> Article:
    seen = now or item.entry.published_at
    if seen is None:
        raise ValueError(f"{item.file}: a date is needed")
    entry = item.entry
    host = (urlsplit(entry.url).hostname or "").removeprefix("www.") if entry.url else ""
    return article_from_entry(
        entry,
        id=article_id(feed, "guid", item.id),
        feed=feed,
        publisher=entry.source_name or host or feed,
        first_seen_at=seen,
        theatre=theatre,
    )
