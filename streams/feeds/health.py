"""How a feed is, in one word, by its own rhythm. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from streams.feeds.memory import extra_of
from streams.records import FeedState

#: Every word, worst first.
WORDS = ("gone", "broken", "blocked", "stale", "quiet", "moved", "ok", "new")
#: Failures in a row that make a feed broken or blocked; fewer may be a hiccup.
FAILURES = 3
_BLOCKED = frozenset(("throttled", "forbidden", "challenge", "blocked"))
#: No new entry for so many times the usual gap, and for at least so long.
QUIET_GAPS, QUIET_LEAST = 6.0, timedelta(hours=12)
STALE_GAPS, STALE_LEAST = 24.0, timedelta(hours=72)


def health(state: FeedState | None, now: datetime) -> tuple[str, str]:
    """Return one of `WORDS`, and why, in words for an operator.

    Args:
        state: What is saved of the feed; None when it was never polled.
        now: Aware UTC.
    """
    if state is None or state.last_attempt_at is None:
        return "new", "not polled yet"
    extra = extra_of(state)
    if state.outcome == "gone":
        return "gone", "the publisher says it is gone (410); `flankwatch feeds resume` undoes it"
    if state.failures >= FAILURES:
        word = "blocked" if state.outcome in _BLOCKED else "broken"
        since = f" since {extra.failing_since:%Y-%m-%d %H:%M}" if extra.failing_since else ""
        return word, f"{state.failures} failures in a row{since}: {state.outcome}, {extra.why}"
    if state.last_success_at is None:
        return "new", f"no success yet: {state.outcome}, {extra.why}"
    since_new = now - (state.last_new_item_at or extra.first_at or state.last_success_at)
    gap = timedelta(seconds=extra.gap_seconds or 3600.0)
    told = f"nothing new for {_span(since_new)}, usual is {_span(gap)}"
    if since_new > max(STALE_LEAST, gap * STALE_GAPS):
        return "stale", told
    if since_new > max(QUIET_LEAST, gap * QUIET_GAPS):
        return "quiet", told
    if extra.at:
        return "moved", "moved for good; the seed has the old address"
    notes = []
    if extra.drifted:
        notes.append("its ids change, entries are known by title")
    if extra.is_pushed and extra.lease_until is not None and extra.lease_until > now:
        notes.append("its hub pushes news (WebSub)")
    if extra.flaw:
        notes.append(extra.flaw)
    return "ok", "; ".join(notes)


def _span(length: timedelta) -> str:
    """Return a length of time in its largest fitting unit."""
    seconds = max(0, int(length.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
