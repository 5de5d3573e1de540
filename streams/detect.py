"""The detect role: news.articles → news.tagged, and report sets → news.ledger. Keeps no state.

Delivery: at least once; every output is confirmed before its article is acknowledged. Order is
kept within an article. An article that cannot be read or understood costs that article alone.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import structlog

from streams import metrics, topics
from streams.engine.app import build_app, raw_topic, running
from streams.engine.bus import Bus, Outgoing
from streams.engine.commits import Guard, count_done
from streams.engine.role import Role
from streams.errors import RecordError
from streams.records import Article, ReportSet, TaggedArticle, decode
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


async def run(settings: Settings, role: Role) -> None:
    """Detect until the role is told to stop.

    Raises:
        FaultsError: the seeds are wrong.
        BrokerError: Kafka cannot be reached.
    """
    from streams.catalog import load_catalog
    from streams.understand import understand
    from streams.understand.language import warm_up

    catalog = load_catalog(settings.seeds)
    metrics.catalog_info.labels(catalog.hash).set(1)
    warm_up()
    gc.freeze()  # models and catalog live for ever; collections need not walk them
    await serve(settings, role, partial(understand, catalog=catalog))


async def serve(settings: Settings, role: Role, understand: Understand) -> None:
    """Detect with the given pure function until the role is told to stop."""
    async with Bus(settings, role.name) as bus:
        guard = Guard(bus, role.name)
        app = build_app(settings, role.name, role.worker)

        async def tag_articles(stream: Any) -> None:
            """Turn articles into tags and report sets; ids from content make repeats harmless."""
            async for events in stream.take_events(BATCH, within=WITHIN_SECONDS):
                await detect([event.message for event in events], understand, bus, guard)
                role.beat()

        def on_assigned(*_: Any, **__: Any) -> None:
            role.set_ready()

        app.agent(raw_topic(app, settings, topics.ARTICLES))(tag_articles)
        app.on_partitions_assigned.connect(on_assigned, weak=False)
        async with running(app, role):
            await role.stopping.wait()


async def detect(messages: Sequence[Any], understand: Understand, bus: Bus, guard: Guard) -> None:
    """Understand a batch of articles and send what they say; returns once all is confirmed.

    Args:
        messages: Kafka records of `news.articles`, in order.
        understand: Article in, tags and reports out; pure.
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
            outgoing += outputs(article, understand(article), trace_of(message))
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


def trace_of(message: Any) -> dict[str, str]:
    """Return the record's W3C trace context, to be handed on; empty when it has none."""
    headers = message.headers or ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {
        name: value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
        for name, value in pairs
        if name in ("traceparent", "tracestate")
    }
