"""What a poll tells operators: metrics for each, a log line only when something changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import structlog

from streams import metrics
from streams.catalog.feeds import FeedSpec
from streams.feeds.memory import extra_of
from streams.feeds.poll import Polled
from streams.records import FeedState

log = structlog.get_logger()


def count_groups(feeds: Iterable[FeedSpec], before: Iterable[FeedSpec], now: datetime) -> None:
    """Tell how many feeds each group has; a new group's silence counts from now, a gone one's ends."""
    counts = Counter(feed.group for feed in feeds)
    known = {feed.group for feed in before}
    for group in known - counts.keys():
        metrics.feeds_configured.remove(group)
        metrics.feed_group_last_new_item.remove(group)
    for group, count in counts.items():
        metrics.feeds_configured.labels(group).set(count)
        if group not in known:
            metrics.feed_group_last_new_item.labels(group).set(now.timestamp())


def prepare(feed: FeedSpec, state: FeedState) -> None:
    """Make the feed's series: counters at 0, so that rates see their first event; gauges as saved."""
    for outcome in ("ok", "not_modified"):
        metrics.fetches.labels(feed.id, outcome)
    for result in ("unconditional", "modified", "not_modified"):
        metrics.conditional_requests.labels(feed.id, result)
    for result in ("new", "duplicate"):
        metrics.entries.labels(feed.id, result)
    metrics.fetch_bytes.labels(feed.id)
    _show(feed, state)


def forget(id: str) -> None:
    """Remove the gauges of a feed that is polled no more, or they would seem ever more overdue."""
    for gauge in (
        metrics.feed_interval,
        metrics.feed_last_success,
        metrics.feed_last_new_item,
        metrics.feed_next_poll,
    ):
        gauge.remove(id)


def tell(feed: FeedSpec, before: FeedState, polled: Polled, now: datetime) -> None:
    """Count a poll, and log it: news at info, a failure that is new or goes on at warning."""
    state = polled.state
    metrics.fetches.labels(feed.id, polled.outcome).inc()
    _tell_entries(feed, polled, now)
    if polled.retry_after_seconds:
        metrics.throttled_seconds.labels(feed.id).inc(polled.retry_after_seconds)
    _show(feed, state)
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


def tell_push(feed: FeedSpec, polled: Polled, now: datetime) -> None:
    """Count what a hub pushed; log news at info."""
    _tell_entries(feed, polled, now)
    _show(feed, polled.state)
    if polled.articles:
        log.info("feed pushed", feed=feed.id, articles=len(polled.articles), **_few(polled))


def _tell_entries(feed: FeedSpec, polled: Polled, now: datetime) -> None:
    for result, count in polled.counts.items():
        if count:
            metrics.entries.labels(feed.id, result).inc(count)
    if polled.counts["new"]:
        metrics.feed_group_last_new_item.labels(feed.group).set(now.timestamp())
    if polled.cut:
        metrics.dropped.labels("fetch", "capped").inc(polled.cut)
    if polled.counts["invalid"]:
        metrics.dropped.labels("fetch", "invalid").inc(polled.counts["invalid"])


def _tell_failure(feed: FeedSpec, before: FeedState, polled: Polled, now: datetime) -> None:
    """Log the first failure, a change of its kind, and then ever more rarely."""
    failures = polled.state.failures
    is_power_of_two = failures & (failures - 1) == 0
    if before.failures and before.outcome == polled.outcome and not is_power_of_two:
        return
    if polled.outcome == "gone":
        metrics.feed_next_poll.remove(feed.id)
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


def _show(feed: FeedSpec, state: FeedState) -> None:
    """Set the feed's gauges; what is not known yet has no series, or it would look like 1970."""
    if state.interval_seconds:
        metrics.feed_interval.labels(feed.id).set(state.interval_seconds)
    for gauge, at in (
        (metrics.feed_last_success, state.last_success_at),
        (metrics.feed_last_new_item, state.last_new_item_at),
        (metrics.feed_next_poll, state.next_poll_at),
    ):
        if at is not None:
            gauge.labels(feed.id).set(at.timestamp())
