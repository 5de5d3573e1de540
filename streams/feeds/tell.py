"""What a poll tells operators: metrics for each, a log line only when something changed."""

from __future__ import annotations

from datetime import datetime

import structlog
from prometheus_client import Gauge

from streams import metrics
from streams.catalog.feeds import FeedSpec
from streams.feeds.memory import extra_of
from streams.feeds.poll import Polled
from streams.records import FeedState

log = structlog.get_logger()


def tell(feed: FeedSpec, before: FeedState, polled: Polled, now: datetime) -> None:
    """Count a poll, and log it: news at info, a failure that is new or goes on at warning."""
    state = polled.state
    metrics.fetches.labels(feed.id, polled.outcome).inc()
    for result, count in polled.counts.items():
        if count:
            metrics.entries.labels(feed.id, result).inc(count)
    if polled.counts["new"]:
        metrics.feed_group_last_new_item.labels(feed.group).set(now.timestamp())
    if polled.cut:
        metrics.dropped.labels("fetch", "capped").inc(polled.cut)
    if polled.counts["invalid"]:
        metrics.dropped.labels("fetch", "invalid").inc(polled.counts["invalid"])
    if polled.retry_after_seconds:
        metrics.throttled_seconds.labels(feed.id).inc(polled.retry_after_seconds)
    metrics.feed_interval.labels(feed.id).set(state.interval_seconds)
    _set(metrics.feed_last_success.labels(feed.id), state.last_success_at)
    _set(metrics.feed_last_new_item.labels(feed.id), state.last_new_item_at)
    _set(metrics.feed_next_poll.labels(feed.id), state.next_poll_at)
    if not polled.is_good:
        _tell_failure(feed, before, polled, now)
        return
    if before.failures:
        log.info("feed recovered", feed=feed.id, after_failures=before.failures)
    if polled.drifted:
        log.warning(
            "feed ids change",
            feed=feed.id,
            why="every entry had a new id and a known title; known by title from now on",
            hint='set identity = "link" or "title" in its seed',
        )
    moved = extra_of(state).at
    if moved and moved != extra_of(before).at:
        log.warning("feed moved", feed=feed.id, hint="put the new address into its seed")
    if polled.articles:
        log.info("feed fetched", feed=feed.id, articles=len(polled.articles), **_few(polled))


def _tell_failure(feed: FeedSpec, before: FeedState, polled: Polled, now: datetime) -> None:
    """Log the first failure, a change of its kind, and then ever more rarely."""
    failures = polled.state.failures
    is_power_of_two = failures & (failures - 1) == 0
    if before.failures and before.outcome == polled.outcome and not is_power_of_two:
        return
    if polled.outcome == "gone":
        hint = f"`flankwatch feeds resume {feed.id}` polls it again"
        log.warning("feed gone", feed=feed.id, why=polled.why, hint=hint)
        return
    again = polled.state.next_poll_at
    log.warning(
        "feed failed",
        feed=feed.id,
        outcome=polled.outcome,
        why=polled.why,
        failures=failures,
        again_in=round((again - now).total_seconds()) if again else None,
    )


def _few(polled: Polled) -> dict[str, int]:
    return {name: count for name, count in sorted(polled.counts.items()) if count}


def _set(gauge: Gauge, at: datetime | None) -> None:
    if at is not None:
        gauge.set(at.timestamp())
