"""Which feed is due next: a heap of instants, and how busy each host is. Pure but for its own state."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from connectors import schedule
from connectors.gate import AT_ONCE, SPACING_SECONDS
from streams.catalog.feeds import FeedSpec
from streams.feeds.memory import extra_of
from streams.feeds.shard import domain_of, host_of, share_of
from streams.records import FeedState

_NEVER_SECONDS = 3600.0


class Queue:
    """The feeds in the order in which they are due.

    Args:
        now: Aware UTC.
        feeds: All feeds of this fetcher; one never polled gets its share of a spread-out start.
        state: Gives what is saved of a feed.
    """

    def __init__(
        self,
        now: datetime,
        feeds: tuple[FeedSpec, ...],
        state: Callable[[FeedSpec], FeedState],
    ) -> None:
        self._feeds: dict[str, FeedSpec] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._planned: dict[str, datetime] = {}
        self._busy: Counter[str] = Counter()
        self._held: dict[str, datetime] = {}
        for feed in feeds:
            self.begin(feed, state(feed), now, len(feeds))

    def begin(self, feed: FeedSpec, state: FeedState, now: datetime, count: int) -> None:
        """Plan a feed from its saved state; what became due meanwhile is spread as a first start is.

        A feed that is gone stays so, unless its seed has another address now.
        """
        self._feeds[feed.id] = feed
        if state.outcome == "gone" and extra_of(state).seed_url == feed.url:
            return
        held = extra_of(state).held_until
        if held is not None and held > now:  # a host's Retry-After outlives a restart
            self.hold(feed, held)
        first = schedule.first_poll(now, share_of(feed.id), count)
        self.push(feed, max(state.next_poll_at or first, first))

    def drop(self, feed: FeedSpec) -> None:
        """Plan nothing more for a feed."""
        self._planned.pop(feed.id, None)

    def push(self, feed: FeedSpec, at: datetime) -> None:
        """Plan the feed's next poll; an earlier plan is forgotten."""
        self._planned[feed.id] = at
        heapq.heappush(self._heap, (at, feed.id))

    def push_in(self, feed: FeedSpec, now: datetime, seconds: float) -> None:
        """Plan the feed's next poll in so many seconds."""
        self.push(feed, now + timedelta(seconds=seconds))

    def pop_due(self, now: datetime) -> FeedSpec | None:
        """Return a feed that is due and whose host has room; None when there is none.

        The feed counts as busy until `free`.
        """
        while self._heap and self._heap[0][0] <= now:
            at, id = heapq.heappop(self._heap)
            if self._planned.get(id) != at:
                continue  # planned anew since
            feed = self._feeds[id]
            held = self._held_until(feed, now)
            if held is not None:
                self.push(feed, held)
            elif self._busy[host_of(feed.url)] >= AT_ONCE:
                self.push_in(feed, now, SPACING_SECONDS)
            else:
                del self._planned[id]
                self._busy[host_of(feed.url)] += 1
                return feed
        return None

    def free(self, feed: FeedSpec) -> None:
        """Say that the feed's poll has ended."""
        host = host_of(feed.url)
        self._busy[host] -= 1
        if self._busy[host] <= 0:
            del self._busy[host]

    def hold(self, feed: FeedSpec, until: datetime) -> None:
        """Poll nothing of the feed's host or domain before `until`, as its seed says."""
        if feed.retry_after_scope != "feed":
            key = _scope(feed, feed.retry_after_scope)
            self._held[key] = max(until, self._held.get(key, until))

    def hurry(self, feed: FeedSpec, state: FeedState) -> None:
        """Bring a planned poll forward to the permitted minimum."""
        planned = self._planned.get(feed.id)
        if planned is None or state.last_attempt_at is None or state.failures:
            return  # under way, not yet begun, or failing: its pause stands
        extra = extra_of(state)
        free = schedule.Wishes(skip_hours=extra.skip_hours, skip_days=extra.skip_days)
        at = schedule.surge_at(state.last_attempt_at, extra.floor_seconds, planned, free)
        if at < planned:
            self.push(feed, at)

    def seconds_until_due(self, now: datetime) -> float:
        """Return the seconds until the next feed is due; 0 when one is."""
        if not self._heap:
            return _NEVER_SECONDS
        return max(0.0, (self._heap[0][0] - now).total_seconds())

    def _held_until(self, feed: FeedSpec, now: datetime) -> datetime | None:
        """Return until when the feed's host or domain is held back, if it is."""
        latest = None
        for scope in ("host", "domain"):
            until = self._held.get(_scope(feed, scope))
            if until is None:
                continue
            if until <= now:
                del self._held[_scope(feed, scope)]
            elif latest is None or until > latest:
                latest = until
        return latest


def _scope(feed: FeedSpec, scope: str) -> str:
    return f"{scope} {host_of(feed.url) if scope == 'host' else domain_of(feed.url)}"
