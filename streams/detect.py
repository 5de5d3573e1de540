"""The detect role: news.articles → news.tagged, report sets → news.ledger, watches → news.hits.

Delivery: at least once; every output is confirmed before its article is acknowledged. Order is
kept within an article. An article that cannot be read or understood costs that article alone.
Keeps no state: which windows of a watch were told is read back from news.hits.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import structlog
from msgspec import DecodeError

from streams import metrics, topics
from streams.catalog import Catalog, load_catalog
from streams.catalog.policies import Watch
from streams.engine.app import build_app, raw_topic, running
from streams.engine.bus import Bus, Outgoing, Received, read_all
from streams.engine.commits import Guard, count_done
from streams.engine.follow import follow
from streams.engine.role import Role
from streams.errors import RecordError
from streams.incidents.watch import Counter, Seen, alert_of, look
from streams.records import Article, Hit, ReportSet, TaggedArticle, decode
from streams.reload import Reloader, read_catalog
from streams.settings import Settings

log = structlog.get_logger()

#: Articles handled and confirmed together; bounds what is repeated after a crash.
BATCH = 64
#: How long the first article of a batch waits for others, in seconds.
WITHIN_SECONDS = 0.02
#: Articles understood between two turns of the event loop (~1 ms each).
TURN = 8


class Understood(Protocol):
    """What `streams.understand.understand` returns, as far as detect needs it."""

    @property
    def tagged(self) -> TaggedArticle:
        """The tagged article."""

    @property
    def report_set(self) -> ReportSet:
        """All reports of this revision; may hold none."""


Understand = Callable[[Article], Understood]


@dataclass
class Desk:
    """What articles are read with; a catalog switch replaces it between two batches."""

    understand: Understand  #: article in, tags and reports out; pure
    watches: tuple[Watch, ...] = ()
    counter: Counter = field(default_factory=Counter)

    def use(self, catalog: Catalog) -> None:
        """Read with this catalog from the next batch on."""
        from streams.understand import understand

        self.understand = partial(understand, catalog=catalog)
        self.watches = catalog.policies.watches


async def run(settings: Settings, role: Role) -> None:
    """Detect until the role is told to stop.

    Raises:
        FaultsError: the seeds are wrong.
        BrokerError: Kafka cannot be reached.
    """
    from streams.understand import understand
    from streams.understand.language import warm_up

    catalog = load_catalog(settings.seeds)
    desk = Desk(partial(understand, catalog=catalog), catalog.policies.watches)

    async def use(other: Catalog) -> None:
        desk.use(other)
        gc.unfreeze()  # what the old catalog leaves in cycles
        gc.collect()
        gc.freeze()

    reloader = Reloader(role, catalog.hash, partial(read_catalog, settings), use)
    warm_up()
    gc.freeze()  # models and catalog live for ever; collections need not walk them
    await serve(settings, role, desk, reloader)


async def serve(
    settings: Settings, role: Role, desk: Desk, reloader: Reloader[Catalog] | None = None
) -> None:
    """Detect with what lies on the desk until the role is told to stop.

    Args:
        settings: Where Kafka is.
        role: Says when to stop.
        desk: How articles are read.
        reloader: Follows catalog switches; None: the desk stays as it is.
    """
    async with Bus(settings, role.name) as bus:
        guard = Guard(bus, role.name)
        app = build_app(settings, role.name, role.worker)

        async def tag_articles(stream: Any) -> None:
            """Turn articles into tags and report sets; ids from content make repeats harmless."""
            async for events in stream.take_events(BATCH, within=WITHIN_SECONDS):
                await detect([event.message for event in events], desk, bus, guard)
                role.beat()

        async def know(message: Received) -> None:
            note_hit(message, desk.counter)

        def on_assigned(*_: Any, **__: Any) -> None:
            role.set_ready()

        app.agent(raw_topic(app, settings, topics.ARTICLES))(tag_articles)
        app.on_partitions_assigned.connect(on_assigned, weak=False)
        followers = [asyncio.create_task(follow(settings, topics.HITS, know))]
        if reloader is not None:
            followers.append(
                asyncio.create_task(
                    follow(settings, topics.LEDGER, reloader.hear, since=role.began)
                )
            )
        try:
            async for message in read_all(settings, topics.HITS):
                note_hit(message, desk.counter)
            async with running(app, role):
                await role.stopping.wait()
        finally:
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)


def note_hit(message: Received, counter: Counter) -> None:
    """Let the counter know a hit that is on the topic; an unreadable one is passed over."""
    with contextlib.suppress(DecodeError):
        counter.know(decode(Hit, message.value or b""))


async def detect(messages: Sequence[Any], desk: Desk, bus: Bus, guard: Guard) -> None:
    """Understand a batch of articles and send what they say; returns once all is confirmed.

    Args:
        messages: Kafka records of `news.articles`, in order.
        desk: How they are read.
        bus: Where the output goes.
        guard: Judges failures.
    """
    started = time.perf_counter()
    outgoing: list[Outgoing] = []
    for number, message in enumerate(messages, 1):
        feed = ""
        try:
            article = read_article(message.value)
            feed = article.feed
            understood = desk.understand(article)
            seen = look(desk.watches, article, understood.tagged, desk.counter)
            outgoing += outputs(article, understood, trace_of(message))
            outgoing += told(seen, trace_of(message))
        except Exception as error:
            await guard.reject(message, error, feed)
        if number % TURN == 0:
            await asyncio.sleep(0)
    await guard.deliver(lambda: bus.send_all(outgoing), "tagged articles")
    count_done("detect", started, len(messages))


def read_article(raw: bytes | None) -> Article:
    """Return the article in a record's value.

    Raises:
        RecordError: `too_large`, or `unreadable` when there is no value.
        msgspec.DecodeError: not JSON, or not an article.
    """
    if raw is None:
        raise RecordError("unreadable", "no value")
    if len(raw) > topics.INPUT_MAX_BYTES:
        raise RecordError("too_large", f"{len(raw)} bytes, at most {topics.INPUT_MAX_BYTES}")
    return decode(Article, raw)


def outputs(article: Article, understood: Understood, trace: dict[str, str]) -> list[Outgoing]:
    """Return what goes out for one article, the tagged article first.

    A report set without reports goes to the ledger only when an earlier revision may have had some.
    """
    tagged, found = understood.tagged, understood.report_set
    metrics.articles_tagged.labels(tagged.language, tagged.verdict).inc()
    for report in found.reports:
        metrics.reports.labels(report.kind, tagged.language).inc()
    outgoing = [Outgoing(topics.TAGGED, tagged.id, tagged, trace)]
    if found.reports or article.supersedes is not None:
        outgoing.append(Outgoing(topics.LEDGER, found.article, found, trace))
    return outgoing


def told(seen: Sequence[Seen], trace: dict[str, str]) -> list[Outgoing]:
    """Return the hits and alerts of watches that saw an article, and count all that they saw."""
    outgoing = []
    for watch, what, hit in seen:
        metrics.watch_articles.labels(watch.id, what).inc()
        if hit is not None:
            alert = alert_of(hit, watch)
            metrics.alerts.labels(alert.action, alert.level).inc()
            outgoing.append(Outgoing(topics.HITS, hit.policy, hit, trace))
            outgoing.append(Outgoing(topics.ALERTS, alert.subject, alert, trace))
    return outgoing


def trace_of(message: Any) -> dict[str, str]:
    """Return the record's W3C trace context, to be handed on; empty when it has none."""
    headers = message.headers or ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {
        name: value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
        for name, value in pairs
        if name in ("traceparent", "tracestate")
    }
