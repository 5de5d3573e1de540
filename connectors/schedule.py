"""Decide when a feed may, and should, be fetched next.

In:  what the publisher wishes, the feed's own rhythm, the last outcome.   Out: aware UTC.
Pure: reads no clock, draws no number, does no I/O; `luck` in [0, 1) is the caller's.
Guarantees (to the microsecond): never sooner than 60 s after the last attempt, nor than the publisher allows (ttl,
max-age, Expires, Retry-After, skipHours, skipDays); never later than `LONGEST_SECONDS` unless a
Retry-After, skipHours or skipDays asked for it; no feed is given up, save one that is gone (410).
Source: RFC 9110 §10.2.3 (Retry-After), RFC 9111 §5.2.2.1 (max-age), RSS 2.0 (ttl, skipHours).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from msgspec import Struct

MIN_SECONDS = 60.0
DEFAULT_SECONDS = 300.0
#: Slowest pace of our own choosing: a quiet feed may still have the one story that matters.
QUIET_SECONDS = 900.0
#: A wish by header or document beyond it is taken as this: a year of max-age is no wish.
WISH_MAX_SECONDS = 6 * 3600.0
#: A Retry-After is an order; beyond a week it is a mistake.
RETRY_AFTER_MAX_SECONDS = 7 * 24 * 3600.0
#: Ceiling of every back-off.
LONGEST_SECONDS = 24 * 3600.0
#: Ceiling of a pause by skipHours and skipDays: a long weekend.
SKIP_MAX_SECONDS = 72 * 3600.0
JITTER_RATIO = 0.1
#: A pause of ours is at least so much shorter than its interval: asking and reading take time too,
#: and news is to be seen within the interval.
_HEADROOM_RATIO = 0.01
#: First wait and ceiling of the back-off after each kind of failure, in seconds.
BACKOFF: Mapping[str, tuple[float, float]] = {
    "throttled": (300.0, 6 * 3600.0),  # without a Retry-After
    "forbidden": (900.0, 12 * 3600.0),  # often a rate limit in disguise
    "challenge": (3600.0, 24 * 3600.0),
    "blocked": (3600.0, 24 * 3600.0),
}
_BACKOFF_ELSE = (120.0, 3 * 3600.0)
#: Share of the gap between two new entries after which it is worth looking again.
_RHYTHM_RATIO = 0.25
_RHYTHM_WEIGHT = 0.3


class Wishes(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a publisher asks of us, by header and in the document."""

    ttl_seconds: float = 0.0
    fresh_seconds: float = 0.0  #: max-age or Expires, what is left of it
    retry_after_seconds: float | None = None
    skip_hours: tuple[int, ...] = ()  #: 0-23, GMT
    skip_days: tuple[int, ...] = ()  #: 0 = Monday, GMT

    @property
    def floor_seconds(self) -> float:
        """Return the pause the publisher permits at least, Retry-After apart."""
        return min(max(self.ttl_seconds, self.fresh_seconds), WISH_MAX_SECONDS)


def fresh_seconds(headers: Mapping[str, str], now: datetime) -> float:
    """Return for how long the answer is fresh by its headers, >= 0; 0 when they do not say.

    Args:
        headers: Case-insensitive, as received.
        now: Aware UTC; stands in for an absent Date.
    """
    control = headers.get("Cache-Control", "").lower()
    if re.search(r"\bno-(?:cache|store)\b", control):
        return 0.0
    if found := re.search(r"\bmax-age\s*=\s*\"?(\d{1,10})", control):
        age = re.match(r"\s*(\d{1,10})", headers.get("Age", ""))
        return max(0.0, float(found[1]) - (float(age[1]) if age else 0.0))
    expires = _http_date(headers.get("Expires"))
    if expires is None:
        return 0.0
    since = _http_date(headers.get("Date")) or now
    return max(0.0, (expires - since).total_seconds())


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that Retry-After asks for, as number or as date; None without one."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text):
        return min(float(text), RETRY_AFTER_MAX_SECONDS)
    at = _http_date(text)
    if at is None:
        return None
    return min(max(0.0, (at - now).total_seconds()), RETRY_AFTER_MAX_SECONDS)


def _http_date(text: str | None) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text or "")
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def rhythm(gap_seconds: float | None, passed_seconds: float, new_entries: int) -> float | None:
    """Return the feed's mean gap between new entries, renewed by one more poll.

    Args:
        gap_seconds: What it was; None when unknown.
        passed_seconds: Since the last new entry, or the first poll.
        new_entries: How many this poll found; 0 leaves the gap unless more time than it passed.
    """
    if new_entries <= 0:
        return max(gap_seconds, passed_seconds) if gap_seconds is not None else None
    seen = max(1.0, passed_seconds) / new_entries
    if gap_seconds is None:
        return seen
    return (1 - _RHYTHM_WEIGHT) * gap_seconds + _RHYTHM_WEIGHT * seen


def interval(every_seconds: float | None, gap_seconds: float | None) -> float:
    """Return the pause we would choose: the seed's word, else by the feed's own rhythm."""
    if every_seconds is not None:
        return max(MIN_SECONDS, every_seconds)
    if gap_seconds is None:
        return DEFAULT_SECONDS
    return min(max(gap_seconds * _RHYTHM_RATIO, 2 * MIN_SECONDS), QUIET_SECONDS)


def after_success(
    now: datetime, chosen_seconds: float, wishes: Wishes, luck: float, *, is_surge: bool = False
) -> datetime:
    """Return the next poll after a 200 or a 304.

    Args:
        now: End of this poll, aware UTC.
        chosen_seconds: From `interval`.
        wishes: Of this answer; a 304's headers count as a 200's do.
        luck: In [0, 1); spreads feeds that would march in step.
        is_surge: Something is happening there: go to the permitted minimum.
    """
    permitted = max(MIN_SECONDS, wishes.floor_seconds)
    chosen = permitted if is_surge else min(max(chosen_seconds, permitted), LONGEST_SECONDS)
    wait = max(permitted, chosen * (1 - max(_HEADROOM_RATIO, JITTER_RATIO * luck)))
    if wait == permitted and permitted > MIN_SECONDS:
        wait += luck * min(5.0, JITTER_RATIO * permitted)  # in step no more, and not too soon
    return _allowed(now, max(wait, wishes.retry_after_seconds or 0.0), wishes)


def after_failure(
    now: datetime, outcome: str, failures: int, wishes: Wishes, luck: float
) -> datetime:
    """Return the next poll after a failure: growing pauses to a ceiling, for ever.

    Args:
        now: End of this poll, aware UTC.
        outcome: Of connectors.errors.OUTCOMES.
        failures: In a row, this one counted, >= 1.
        wishes: With `retry_after_seconds` when the server gave one.
        luck: In [0, 1).
    """
    first, ceiling = BACKOFF.get(outcome, _BACKOFF_ELSE)
    wait = min(first * 2.0 ** min(failures - 1, 20), ceiling) * (1 + JITTER_RATIO * luck)
    asked = wishes.retry_after_seconds
    if asked:  # an order: neither sooner nor, the first time, much later; 0 or the past is none
        grown = 0.0 if failures <= 1 else min(MIN_SECONDS * 2.0 ** min(failures - 1, 20), ceiling)
        wait = max(asked, grown) * (1 + JITTER_RATIO * luck / 10) + luck
    return _allowed(now, max(wait, MIN_SECONDS), wishes)


def surge_at(
    last_attempt: datetime, floor_seconds: float, planned: datetime, wishes: Wishes | None = None
) -> datetime:
    """Return when a feed of a country where something happens is due; never later than planned.

    Args:
        last_attempt: Aware UTC.
        floor_seconds: What the publisher's last answer permits.
        planned: The poll as it stands.
        wishes: With the hours and days that the publisher wants free, also now.
    """
    wait = max(MIN_SECONDS, floor_seconds)
    return min(planned, _allowed(last_attempt, wait, wishes or Wishes()))


def first_poll(now: datetime, share: float, count: int) -> datetime:
    """Return when a feed never fetched is first due: the first start spreads its load.

    Args:
        now: Aware UTC.
        share: In [0, 1), from the feed's id.
        count: Feeds to spread; ten are started in a second, over 5 s to 5 min.
    """
    return now + timedelta(seconds=share * min(max(count / 10.0, 5.0), 300.0))


def _allowed(now: datetime, wait_seconds: float, wishes: Wishes) -> datetime:
    """Return the instant, put off past hours and days at which the publisher wants no visits."""
    at = now + timedelta(seconds=wait_seconds)
    hours, days = set(wishes.skip_hours), set(wishes.skip_days)
    if len(hours) >= 24 or len(days) >= 7:  # never is no schedule
        return at
    latest = at + timedelta(seconds=SKIP_MAX_SECONDS)
    while at < latest and (at.hour in hours or at.weekday() in days):
        if at.weekday() in days:
            at = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        else:
            at = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return min(at, latest)
