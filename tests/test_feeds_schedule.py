"""The schedule's promises, as properties; and the words for a feed's health."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors import schedule
from connectors.errors import OUTCOMES
from connectors.schedule import Wishes
from streams.feeds.health import WORDS, health
from streams.feeds.memory import Extra, with_extra
from streams.records import FeedState

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
instants = st.datetimes(
    datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)  # noqa: DTZ001
)  # fmt: skip
luck = st.floats(0, 1, exclude_max=True)
seconds = st.floats(0, 1e9, allow_nan=False)
wishes = st.builds(
    Wishes,
    ttl_seconds=seconds,
    fresh_seconds=seconds,
    retry_after_seconds=st.none() | st.floats(0, schedule.RETRY_AFTER_MAX_SECONDS),
    skip_hours=st.sets(st.integers(0, 23)).map(tuple),
    skip_days=st.sets(st.integers(0, 6)).map(tuple),
)


def waited(at: datetime, now: datetime) -> float:
    """Return the seconds between, rounded up to the clock's microsecond."""
    return (at - now).total_seconds() + 1e-6


@given(instants, seconds, wishes, luck, st.booleans())
def test_a_success_is_never_followed_sooner_than_permitted(now, chosen, wish, luck, surge) -> None:
    at = schedule.after_success(now, chosen, wish, luck, is_surge=surge)
    assert waited(at, now) >= schedule.MIN_SECONDS
    assert waited(at, now) >= min(wish.ttl_seconds, schedule.WISH_MAX_SECONDS)
    assert waited(at, now) >= min(wish.fresh_seconds, schedule.WISH_MAX_SECONDS)
    assert waited(at, now) >= (wish.retry_after_seconds or 0)


@given(instants, seconds, wishes, luck)
def test_no_feed_is_given_up(now, chosen, wish, luck) -> None:
    asked = wish.retry_after_seconds or 0
    latest = max(asked, schedule.LONGEST_SECONDS) * 1.2 + schedule.SKIP_MAX_SECONDS
    assert waited(schedule.after_success(now, chosen, wish, luck), now) <= latest
    for outcome in OUTCOMES[2:]:
        for failures in (1, 7, 10_000):
            at = schedule.after_failure(now, outcome, failures, wish, luck)
            assert waited(at, now) <= latest


@given(instants, wishes, luck, st.sampled_from(OUTCOMES[2:]), st.integers(1, 60))
def test_a_failure_waits_and_ever_longer(now, wish, luck, outcome, failures) -> None:
    at = schedule.after_failure(now, outcome, failures, wish, luck)
    assert waited(at, now) >= max(schedule.MIN_SECONDS, wish.retry_after_seconds or 0)
    plain = Wishes()
    one = schedule.after_failure(now, outcome, failures, plain, luck)
    two = schedule.after_failure(now, outcome, failures + 1, plain, luck)
    assert two >= one


@given(instants, wishes, luck, seconds)
def test_skipped_hours_and_days_are_kept_free(now, wish, luck, chosen) -> None:
    assume(len(wish.skip_hours) < 20 and len(wish.skip_days) == 0)
    at = schedule.after_success(now, chosen, wish, luck)
    assert at.hour not in wish.skip_hours
    weekdays = replace(wish, skip_hours=(), skip_days=(5,))
    assert schedule.after_success(now, chosen, weekdays, luck).weekday() != 5


@given(instants, seconds, wishes, luck)
def test_a_surge_is_never_later_than_calm(now, chosen, wish, luck) -> None:
    calm = schedule.after_success(now, chosen, wish, luck)
    hurried = schedule.after_success(now, chosen, wish, luck, is_surge=True)
    assert hurried <= calm


@given(instants, seconds, seconds)
def test_a_plan_brought_forward_keeps_the_permitted_pause(now, floor, ahead) -> None:
    planned = now + timedelta(seconds=ahead)
    at = schedule.surge_at(now, floor, planned)
    assert at <= planned
    assert at == planned or waited(at, now) >= max(60.0, floor) - 1e-3


@given(instants, st.floats(0, 86400), wishes)
def test_a_surge_keeps_skipped_hours_and_days_free(now, ahead, wish) -> None:
    planned = now + timedelta(seconds=ahead)
    at = schedule.surge_at(now, wish.floor_seconds, planned, wish)
    assert at <= planned
    is_skipped = at.hour in wish.skip_hours or at.weekday() in wish.skip_days
    is_never = len(set(wish.skip_hours)) >= 24 or len(set(wish.skip_days)) >= 7
    too_long = at >= now + timedelta(seconds=schedule.SKIP_MAX_SECONDS)
    assert at == planned or not is_skipped or is_never or too_long


@given(instants, luck, st.integers(1, 100_000))
def test_a_first_start_spreads_its_load(now, share, count) -> None:
    wait = waited(schedule.first_poll(now, share, count), now)
    assert 0 <= wait <= 300.001
    assert count < 50 or wait <= count / 10 + 0.001


@given(st.none() | st.floats(1, 1e6), st.floats(0, 1e6), st.integers(0, 500))
def test_the_rhythm_stays_between_old_and_new(gap, passed, new) -> None:
    found = schedule.rhythm(gap, passed, new)
    if gap is None and new == 0:
        assert found is None
    elif new:
        seen = max(1.0, passed) / new
        low, high = sorted((seen, gap if gap is not None else seen))
        assert low * 0.999 <= found <= high * 1.001
    else:
        assert found == max(gap, passed)


def test_a_busy_feed_is_asked_more_often_than_a_quiet_one() -> None:
    busy, quiet = schedule.interval(None, 240.0), schedule.interval(None, 86_400.0)
    assert busy == 120.0 and quiet == schedule.QUIET_SECONDS
    assert schedule.interval(600, 10.0) == 600.0  # the seed's word
    assert schedule.interval(None, None) == schedule.DEFAULT_SECONDS


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 0),
        ({"Cache-Control": "max-age=600"}, 600),
        ({"Cache-Control": 'public, MAX-AGE="600"'}, 600),
        ({"Cache-Control": "max-age=600", "Age": "100"}, 500),
        ({"Cache-Control": "max-age=600", "Age": "9000"}, 0),
        ({"Cache-Control": "max-age=600, no-cache"}, 0),
        ({"Cache-Control": "no-store"}, 0),
        ({"Cache-Control": "max-age=soon"}, 0),
        ({"Expires": "0"}, 0),
        ({"Expires": "Wed, 04 Mar 2026 05:16:07 GMT"}, 600),
        (
            {
                "Expires": "Wed, 04 Mar 2026 05:16:07 GMT",
                "Date": "Wed, 04 Mar 2026 05:15:07 GMT",
            },
            60,
        ),
        ({"Expires": "Wed, 04 Mar 2020 05:16:07 GMT"}, 0),
        ({"Cache-Control": "max-age=60", "Expires": "Wed, 04 Mar 2027 05:16:07 GMT"}, 60),
    ],
)
def test_freshness_by_headers(headers, expected) -> None:
    assert schedule.fresh_seconds(headers, NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("120", 120),
        ("0", 0),
        ("1.5", 1.5),
        ("Wed, 04 Mar 2026 06:06:07 GMT", 3600),
        ("Wed, 04 Mar 2020 06:06:07 GMT", 0),
        ("99999999", 7 * 86_400),
        ("9" * 400, 7 * 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 7 * 86_400),
        ("Wednesday, 04-Mar-26 06:06:07 GMT", 3600),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after(text, expected) -> None:
    assert schedule.retry_after({"Retry-After": text}, NOW) == expected


def state(**fields: object) -> FeedState:
    extra = fields.pop("extra", Extra(gap_seconds=3600.0))
    base = {
        "id": "x", "url": "", "outcome": "ok", "last_attempt_at": NOW, "last_success_at": NOW,
        "last_new_item_at": NOW, "extra": with_extra(extra),
    }  # fmt: skip
    return FeedState(**(base | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("saved", "word"),
    [
        (None, "new"),
        (FeedState(id="x", url=""), "new"),
        (state(), "ok"),
        (state(failures=1, outcome="timeout"), "ok"),
        (state(failures=3, outcome="timeout"), "broken"),
        (state(failures=3, outcome="challenge"), "blocked"),
        (state(failures=3, outcome="throttled"), "blocked"),
        (state(failures=9, outcome="gone"), "gone"),
        (state(last_new_item_at=NOW - timedelta(hours=11)), "ok"),
        (state(last_new_item_at=NOW - timedelta(hours=13)), "quiet"),
        (state(last_new_item_at=NOW - timedelta(hours=80)), "stale"),
        (state(last_new_item_at=NOW - timedelta(days=4), extra=Extra(gap_seconds=86_400.0)), "ok"),
        (state(extra=Extra(at="https://new.example/")), "moved"),
        (state(last_success_at=None, failures=1, outcome="timeout"), "new"),
    ],
)
def test_health_by_the_feeds_own_rhythm(saved, word) -> None:
    found, why = health(saved, NOW)
    assert found == word and found in WORDS
    assert why or found == "ok"
