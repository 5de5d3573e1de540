"""Recorded articles onto Kafka, in the order of their time: at once, or as fast as the clock told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import structlog

from streams import metrics, topics
from streams.articles import BadLine, articles_from_files
from streams.engine.bus import Bus, Outgoing
from streams.engine.role import Role
from streams.errors import RecordError
from streams.records import Article

BATCH = 200
BEAT_SECONDS = 5.0

log = structlog.get_logger()


async def replay(bus: Bus, role: Role, files: Sequence[str | Path], speed: float | None) -> None:
    """Send the articles of the files, then tell so in the role's file.

    Args:
        bus: Confirms each article.
        role: Is told `replay_done` and `replay_articles`; its `stopping` ends the replay.
        files: `FILE.jsonl` or `FILE@2025-09-11`.
        speed: How many times faster than recorded; None: without pauses.

    Delivery: at least once; a restart begins anew, with the same ids and revisions.
    """
    role.tell(replay_done=False, replay_articles=0)
    articles: list[Article] = []
    bad = 0
    for item in articles_from_files([str(file) for file in files]):
        if isinstance(item, BadLine):
            bad += 1
            metrics.dropped.labels("fetch", "unreadable").inc()
            log.warning("replay line skipped", at=f"{item.file}:{item.line}", why=item.reason)
        else:
            articles.append(item)
    articles.sort(key=lambda article: article.first_seen_at)
    log.info("replay started", files=len(files), articles=len(articles), bad_lines=bad)
    sent = 0
    loop = asyncio.get_running_loop()
    began = loop.time()
    for start in range(0, len(articles), 1 if speed else BATCH):
        batch = articles[start : start + (1 if speed else BATCH)]
        if speed:
            due = (batch[0].first_seen_at - articles[0].first_seen_at).total_seconds() / speed
            await _wait(role, began + due)
        if role.stopping.is_set():
            return
        sent += await send_articles(bus, batch)
        role.beat()
        role.tell(replay_articles=sent)
    role.tell(replay_done=True, replay_articles=sent, replay_until=_last(articles))
    log.info("replay done", articles=sent, bad_lines=bad, seconds=round(loop.time() - began, 1))


async def send_articles(bus: Bus, articles: Sequence[Article]) -> int:
    """Send articles and wait until the broker has them; return how many it took.

    One too large for the topic is counted and left out; it costs itself only.

    Raises:
        BrokerError: not all are confirmed.
    """
    results = await asyncio.gather(
        *(bus.send(*Outgoing(topics.ARTICLES, article.id, article)) for article in articles),
        return_exceptions=True,
    )
    sent = 0
    for article, result in zip(articles, results, strict=True):
        if isinstance(result, RecordError):
            metrics.dropped.labels("fetch", "too_large").inc()
            log.warning("article dropped", article=article.id, feed=article.feed, why=str(result))
        elif isinstance(result, BaseException):
            raise result
        else:
            sent += 1
    return sent


async def _wait(role: Role, until: float) -> None:
    """Wait for an instant of the loop's clock, or for the role to stop."""
    loop = asyncio.get_running_loop()
    while not role.stopping.is_set() and (left := until - loop.time()) > 0:
        role.beat()
        try:
            await asyncio.wait_for(role.stopping.wait(), min(left, BEAT_SECONDS))
        except TimeoutError:
            continue


def _last(articles: Sequence[Article]) -> datetime | None:
    return articles[-1].first_seen_at if articles else None
