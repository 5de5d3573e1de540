"""The text behind a headline: fetch the page of an article that is a hit or a near miss.

The alert does not wait for it: the text arrives as a new revision of the same article, and the
verdict is revised. Optional (a feed's `full_text`, or FLANKWATCH_FULL_TEXT). robots.txt is obeyed,
the gate spaces requests, each page is asked for once: its text is kept for a later revision of the
entry, and for another feed that links to it.

Delivery: best effort, while the fetcher that sent the article runs; the article itself is safe.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TypeVar

import structlog
from msgspec import DecodeError
from msgspec.structs import replace

from connectors.base import Hints
from connectors.clock import Clock
from connectors.errors import ConnectorError
from connectors.http import Client
from connectors.robots import Robots
from connectors.worker import Parsers
from streams import metrics, topics
from streams.articles import revision_of
from streams.engine.bus import Bus, Received
from streams.engine.follow import Place
from streams.engine.follow import follow as listen
from streams.errors import BrokerError
from streams.feeds.replay import send_articles
from streams.records import Article, TaggedArticle, decode
from streams.settings import Settings

ROBOT_NAME = "Flankwatch"
#: Articles that wait for their verdict, and addresses not to be asked again.
REMEMBERED_MAX = 5000
PAGE_MAX_BYTES = 3 * 1024 * 1024
WORKERS = 2
WAITING_MAX = 500
#: Texts kept, of at most 32 KiB each.
TEXTS_MAX = 400
#: A page must bring so much more text than the feed did.
WORTH_RATIO = 1.2

V = TypeVar("V")

log = structlog.get_logger()


class FullText:
    """Fetches pages for the articles that this fetcher has sent.

    Args:
        client: With guard and gate.
        parsers: Extract the main text in their processes.
        bus: Takes the new revisions.
        clock: For the age of robots.txt.
    """

    def __init__(self, client: Client, parsers: Parsers, bus: Bus, clock: Clock) -> None:
        self._client = client
        self._parsers = parsers
        self._bus = bus
        self._robots = Robots(client, ROBOT_NAME, clock)
        self._sent: OrderedDict[tuple[str, str], Article] = OrderedDict()
        #: Newest revision sent of an article: a text is not put upon an older one.
        self._newest: OrderedDict[str, str] = OrderedDict()
        self._asked: OrderedDict[str, None] = OrderedDict()
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._waiting: asyncio.Queue[Article] = asyncio.Queue(WAITING_MAX)

    def remember(self, articles: Iterable[Article]) -> None:
        """Keep articles until their verdict comes."""
        for article in articles:
            if article.url and not article.backfill:
                self._sent[article.id, article.revision] = article
                _put(self._newest, article.id, article.revision, REMEMBERED_MAX)
        while len(self._sent) > REMEMBERED_MAX:
            self._sent.popitem(last=False)

    def judge(self, tagged: TaggedArticle) -> None:
        """Take a verdict: a hit or a near miss is queued for its page, once."""
        article = self._sent.pop((tagged.id, tagged.revision), None)
        if article is None or tagged.verdict == "miss" or article.url is None:
            return
        key = _key(article)
        if key in self._asked and key not in self._texts:
            return
        _put(self._asked, key, None, REMEMBERED_MAX)
        try:
            self._waiting.put_nowait(article)
        except asyncio.QueueFull:
            metrics.pages.labels("queue_full").inc()

    async def work(self) -> None:
        """Fetch what is queued, for ever."""
        while True:
            article = await self._waiting.get()
            try:
                outcome = await self._fetch(article)
            except ConnectorError as error:
                outcome = error.reason
                log.debug("page not read", article=article.id, why=error.detail)
            except BrokerError as error:
                outcome = "not_sent"
                log.warning("page's text not sent", article=article.id, why=str(error))
            except Exception:  # a bug: it costs this page, and is told in full
                outcome = "crashed"
                log.exception("page crashed", article=article.id)
            metrics.pages.labels(outcome).inc()

    async def _fetch(self, article: Article) -> str:
        """Fetch one page and send what it adds; return the outcome."""
        assert article.url is not None
        kept = self._texts.get(_key(article))
        if kept is not None:
            outcome = await self._send(article, kept)
            return "cached" if outcome == "ok" else outcome
        if not await self._robots.allows(article.url):
            return "robots"
        response = await self._client.get(
            article.url, accept="text/html, application/xhtml+xml", max_bytes=PAGE_MAX_BYTES
        )
        if response.status != 200:
            return "http_error"
        if not await self._robots.allows(response.url):
            return "robots"
        hints = Hints(
            url=response.url,
            content_type=response.headers.get("Content-Type", ""),
            language=article.declared_language,
        )
        document, _ = await self._parsers.parse("article", response.body, hints)
        text = document.entries[0].body if document.entries else ""
        _put(self._texts, _key(article), text, TEXTS_MAX)
        return await self._send(article, text)

    async def _send(self, article: Article, text: str) -> str:
        """Send the article with the page's text, if that is more than its feed told."""
        if self._newest.get(article.id, article.revision) != article.revision:
            return "overtaken"  # by an edit, which is judged by itself
        known = article.summary + article.body
        if len(text) < len(known) * WORTH_RATIO:
            return "no_more_text"
        full = replace(
            article,
            body=text,
            text="full",
            revision=revision_of(article.title, article.summary, text),
            supersedes=article.revision,
        )
        await send_articles(self._bus, [full])
        return "ok"


async def follow(
    settings: Settings, begin: Place, full_text: FullText, wants: Callable[[str], bool]
) -> None:
    """Listen to verdicts and fetch pages, for ever.

    Args:
        settings: Where Kafka is.
        begin: Where to begin: taken before the first article was sent.
        full_text: Does the work.
        wants: Whether a feed's articles are to be followed to their pages.
    """

    async def take(message: Received) -> None:
        try:
            tagged = decode(TaggedArticle, message.value or b"")
        except DecodeError:
            return  # detect wrote it; its readers report it
        if wants(tagged.feed):
            full_text.judge(tagged)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(WORKERS):
            tasks.create_task(full_text.work())
        await listen(settings, topics.TAGGED, take, begin=begin)


def _key(article: Article) -> str:
    return article.canonical_url or article.url or ""


def _put(kept: OrderedDict[str, V], key: str, value: V, limit: int) -> None:
    """Keep the newest `limit` values."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > limit:
        kept.popitem(last=False)
