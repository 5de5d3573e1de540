"""What a delivery row becomes: pure decisions, in the order in which an incident lives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from connectors.room import Verdict
from streams.pace import DISABLED_SECONDS, Breaker, Bucket, wait_seconds
from streams.records import Alert, Delivery
from streams.rows import (
    Place,
    expire,
    is_expired,
    obey,
    plan,
    resume,
    settle,
    settle_digest,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=6)
OK = Verdict("delivered", "http_200")


def place(**given: Any) -> Place:
    fields: dict[str, Any] = {
        "id": "r",
        "level": "normal",
        "can_edit": False,
        "is_machine": False,
        "unknown": "repeat",
        "text": lambda alert: f"text {alert.n}",
        "draw": lambda: 0.0,
    }
    return Place(**(fields | given))


def alert(n: int = 1, **given: Any) -> Alert:
    fields: dict[str, Any] = {
        "id": f"id{n}",
        "subject": "s",
        "n": n,
        "action": "new" if n == 1 else "update",
        "level": "normal",
        "status": "reported",
        "at": NOW,
        "expires_at": LATER,
        "policy": "p",
    }
    return Alert(**(fields | given))


def planned(row: Delivery | None, told: Alert, where: Place) -> Delivery:
    found = plan(row, told, where, NOW)
    assert found is not None
    return found


def send(row: Delivery) -> Delivery:
    return replace(row, state="sending", attempts=row.attempts + 1)


def shown(where: Place, told: Alert | None = None, ref: str | None = None) -> Delivery:
    """Return a row whose room shows the alert."""
    sent = send(planned(None, told or alert(), where))
    return settle(sent, sent, replace_ref(ref), where, NOW)


def replace_ref(ref: str | None) -> Verdict:
    return Verdict("delivered", "http_200", ref=ref)


def test_first_alert_is_posted_once() -> None:
    row = planned(None, alert(), place())
    assert (row.state, row.step, row.shown_n) == ("pending", "post", 0)
    assert plan(row, alert(), place(), NOW) is None
    done = shown(place())
    assert (done.state, done.shown_n, done.shown_text) == ("shown", 1, "text 1")
    assert plan(done, alert(), place(), NOW) is None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"level": "digest"}, "below_level"),
        ({"silenced_rooms": ("r",)}, "silenced"),
        ({"notify": False}, "silent"),
    ],
)
def test_what_was_never_shown_stays_unsaid(given: dict[str, Any], reason: str) -> None:
    row = planned(None, alert(**given), place())
    assert (row.state, row.reason) == ("skipped", reason)
    assert planned(row, alert(2), place()).state == "pending"  # it rises: now it is news


def test_updates_supersede_what_waits() -> None:
    row = planned(None, alert(), place())
    row = planned(row, alert(2, notify=False, level="digest"), place())
    assert (row.state, row.step, row.alert.n) == ("pending", "post", 2)  # the first is still owed


def test_an_update_during_a_send_follows_it() -> None:
    sent = send(planned(None, alert(), place()))
    row = planned(sent, alert(2), place())
    assert (row.state, row.alert.n) == ("sending", 2)
    row = settle(row, sent, OK, place(), NOW)
    assert (row.state, row.shown_n, row.alert.n) == ("pending", 1, 2)
    quiet = settle(planned(sent, alert(2, notify=False), place()), sent, OK, place(), NOW)
    assert (quiet.state, quiet.shown_n, quiet.shown_text) == ("shown", 2, "text 2")


def test_a_room_that_cannot_edit_gets_updates_as_posts_and_records_silent_ones() -> None:
    row = planned(shown(place()), alert(2, notify=False), place())
    assert (row.state, row.shown_n, row.shown_text) == ("shown", 2, "text 2")
    assert planned(row, alert(3), place()).step == "post"
    lowered = planned(row, alert(3, level="digest"), place())
    assert (lowered.state, lowered.shown_n) == ("shown", 3)
    withdrawn = planned(row, alert(3, level="digest", status="false_alarm"), place())
    assert (withdrawn.state, withdrawn.step) == ("pending", "post")


def test_a_machine_gets_every_change() -> None:
    machine = place(is_machine=True)
    row = planned(shown(machine), alert(2, notify=False, level="digest"), machine)
    assert (row.state, row.step) == ("pending", "post")


@pytest.mark.parametrize(
    ("given", "replies"),
    [
        ({}, False),
        ({"notify": False, "status": "confirmed"}, False),
        ({"level": "urgent"}, True),
        ({"status": "confirmed"}, True),
        ({"status": "denied"}, True),
        ({"status": "false_alarm", "level": "digest"}, True),
        ({"action": "correction"}, True),
        ({"status": "confirmed", "silenced_rooms": ("r",)}, False),
    ],
)
def test_an_edit_replies_only_to_what_must_notify(given: dict[str, Any], replies: bool) -> None:
    bot = place(can_edit=True)
    row = planned(shown(bot, ref="7"), alert(2, **given), bot)
    assert (row.state, row.step) == ("pending", "edit")
    sent = send(row)
    row = settle(sent, sent, OK, bot, NOW)
    assert (row.state, row.step) == (("pending", "reply") if replies else ("shown", ""))
    assert row.shown_n == 2 and row.message_ref == "7"
    if replies:
        sent = send(row)
        row = settle(sent, sent, Verdict("delivered", "", ref="8"), bot, NOW)
        assert (row.state, row.message_ref) == ("shown", "7")
        assert (row.shown_level, row.shown_status) == (row.alert.level, row.alert.status)


def test_a_rise_is_told_aloud_even_when_another_update_comes_between() -> None:
    bot = place(can_edit=True)
    sent = send(planned(shown(bot, ref="7"), alert(2, status="confirmed"), bot))
    row = planned(sent, alert(3, status="confirmed"), bot)
    row = settle(row, sent, OK, bot, NOW)
    assert (row.step, row.shown_n) == ("edit", 2)
    sent = send(row)
    assert settle(sent, sent, OK, bot, NOW).step == "reply"


def test_a_lost_message_is_posted_anew() -> None:
    bot = place(can_edit=True)
    sent = send(planned(shown(bot, ref="7"), alert(2), bot))
    row = settle(sent, sent, Verdict("rejected", "message_not_found"), bot, NOW)
    assert (row.state, row.step, row.message_ref) == ("pending", "post", None)


def test_failures_wait_longer_each_time() -> None:
    row, waits = planned(None, alert(), place()), []
    for _ in range(6):
        sent = send(row)
        row = settle(sent, sent, Verdict("retry", "connect"), place(), NOW)
        assert row.state == "pending" and not row.possible_repeat and row.next_try_at
        waits.append((row.next_try_at - NOW).total_seconds())
    assert waits == [1, 5, 15, 60, 120, 120]
    assert wait_seconds(1, lambda: 0.99) < 1.2


def test_the_room_is_never_called_earlier_than_it_says() -> None:
    sent = send(planned(None, alert(), place()))
    until = NOW + timedelta(minutes=9)
    for outcome in ("throttled", "retry", "unknown"):
        row = settle(sent, sent, Verdict(outcome, "x", until), place(), NOW)  # type: ignore[arg-type]
        assert row.next_try_at == until


def test_unknown_is_repeated_marked_or_held() -> None:
    sent = send(planned(None, alert(), place()))
    repeat = settle(sent, sent, Verdict("unknown", "timeout"), place(), NOW)
    assert (repeat.state, repeat.possible_repeat) == ("pending", True)
    held = settle(sent, sent, Verdict("unknown", "timeout"), place(unknown="hold"), NOW)
    assert (held.state, held.possible_repeat) == ("held", True)
    newer = planned(held, alert(2), place(unknown="hold"))
    assert (newer.state, newer.possible_repeat) == ("pending", True)
    assert resume(sent, "repeat", NOW).possible_repeat
    assert resume(sent, "hold", NOW).state == "held"
    edit = replace(sent, step="edit", shown_n=1)
    assert not resume(edit, "hold", NOW).possible_repeat
    assert resume(repeat, "hold", NOW) is repeat


def test_age_becomes_a_digest_and_news_leaves_it() -> None:
    row = planned(None, alert(), place())
    assert is_expired(row, LATER) and not is_expired(row, NOW)
    assert not is_expired(replace(row, step="edit"), LATER)
    assert not is_expired(planned(None, alert(theatre="replay"), place()), LATER)
    gone = expire(row, LATER)
    assert (gone.state, gone.step) == ("expired", "digest")
    sent = replace(gone, state="sending")
    assert settle_digest(sent, sent, OK, place(), LATER).step == "digested"
    assert settle_digest(sent, sent, Verdict("retry", "x"), place(), LATER).step == "digest"
    unsure = resume(sent, "hold", LATER)
    assert (unsure.state, unsure.possible_repeat) == ("expired", True)
    newer = planned(sent, alert(2), place())
    assert settle_digest(newer, sent, OK, place(), LATER).state == "pending"
    assert planned(gone, alert(2), place()).state == "pending"


def test_a_refusal_ends_it_until_there_is_news_or_an_order() -> None:
    sent = send(planned(None, alert(), place()))
    row = settle(sent, sent, Verdict("rejected", "http_400"), place(), NOW)
    assert row.state == "rejected"
    assert planned(row, alert(2), place()).state == "pending"
    newer = settle(planned(sent, alert(2), place()), sent, Verdict("rejected", ""), place(), NOW)
    assert newer.state == "pending"
    again = obey(row, "release", alert(expires_at=LATER + timedelta(days=1)), "r", NOW)
    assert again and again.state == "pending" and again.alert.expires_at > LATER
    dropped = obey(row, "drop", alert(), "r", NOW)
    assert dropped and dropped.state == "skipped"
    assert obey(shown(place()), "release", alert(), "r", NOW) is None
    fresh = obey(None, "release", alert(), "r", NOW)
    assert fresh and (fresh.state, fresh.room) == ("pending", "r")


def test_what_is_shown_keeps_no_incident() -> None:
    assert shown(place()).alert.incident is None


def test_breaker_opens_probes_and_closes() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.failed(0.0)
    assert breaker.state(0.0) == "closed"
    breaker.failed(0.0)
    assert breaker.state(1.0) == "open" and breaker.wait_seconds(1.0) == 14.0
    assert breaker.state(15.0) == "half_open" and breaker.wait_seconds(15.0) == 0.0
    breaker.failed(15.0)
    assert breaker.wait_seconds(15.0) == 30.0
    for _ in range(9):
        breaker.failed(100.0)
    assert breaker.wait_seconds(100.0) == 120.0
    breaker.succeeded()
    assert breaker.state(100.0) == "closed" and breaker.wait_seconds(100.0) == 0.0
    breaker.disabled(0.0)
    assert breaker.wait_seconds(0.0) == DISABLED_SECONDS
    breaker.succeeded()
    breaker.throttled(7.0)
    assert breaker.state(0.0) == "closed" and breaker.wait_seconds(0.0) == 7.0


def test_bucket_spaces_calls() -> None:
    bucket = Bucket(per_second=2.0, burst=2)
    assert [bucket.wait_seconds(0.0) for _ in range(3)] == [0.0, 0.0, 0.5]
    assert bucket.wait_seconds(0.5) == 0.0 and bucket.wait_seconds(0.5) == 0.5


# --- what is gathered ------------------------------------------------------------------------

MORNING = NOW + timedelta(hours=20)


def gathering(**given: Any) -> Place:
    return place(level="digest", next_digest=lambda now: MORNING, **given)


def test_digest_level_waits_for_the_rooms_digest() -> None:
    row = planned(None, alert(level="digest"), gathering())
    assert (row.state, row.step, row.gathered, row.next_try_at) == (
        "pending", "digest", True, MORNING,
    )  # fmt: skip
    assert not is_expired(row, MORNING), "a digest is never too late"
    sent = send(row)
    done = settle_digest(sent, sent, OK, gathering(), MORNING)
    assert (done.state, done.shown_n, done.gathered) == ("shown", 1, False)


def test_louder_alerts_rooms_without_digest_and_replays_are_not_gathered() -> None:
    assert planned(None, alert(), gathering()).step == "post"
    assert planned(None, alert(level="digest"), place(level="digest")).step == "post"
    assert planned(None, alert(level="digest", theatre="replay"), gathering()).step == "post"


def test_update_of_what_waits_goes_into_the_same_digest() -> None:
    row = planned(None, alert(level="digest"), gathering())
    row = planned(row, alert(2, level="digest", notify=False), gathering())
    assert (row.step, row.gathered, row.next_try_at, row.alert.n) == ("digest", True, MORNING, 2)


def test_rise_of_what_waits_is_posted_at_once() -> None:
    row = planned(None, alert(level="digest"), gathering())
    row = planned(row, alert(2, level="urgent"), gathering())
    assert (row.step, row.gathered, row.next_try_at) == ("post", False, None)


def test_rise_of_what_a_digest_told_is_posted() -> None:
    sent = send(planned(None, alert(level="digest"), gathering(can_edit=True)))
    row = settle_digest(sent, sent, OK, gathering(can_edit=True), MORNING)
    row = planned(row, alert(2, level="urgent"), gathering(can_edit=True))
    assert (row.state, row.step) == ("pending", "post"), "there is no message of its own to edit"


@pytest.mark.parametrize("outcome", ["retry", "unknown", "throttled"])
def test_digest_that_failed_is_tried_again(outcome: Any) -> None:
    sent = send(planned(None, alert(level="digest"), gathering()))
    row = settle_digest(sent, sent, Verdict(outcome, "x"), gathering(), MORNING)
    assert (row.state, row.gathered, row.possible_repeat) == ("pending", True, outcome == "unknown")
    assert row.next_try_at is not None and row.next_try_at >= MORNING
    back = resume(sent, "repeat", MORNING)
    assert (back.state, back.gathered, back.possible_repeat) == ("pending", True, True)


def test_reminder_notifies_though_nothing_changed() -> None:
    where = place(can_edit=True)
    row = shown(where, ref="m1")
    row = planned(row, alert(2, reminder=True), where)
    sent = send(row)
    assert sent.step == "edit"
    assert settle(sent, sent, OK, where, NOW).step == "reply"
    assert planned(shown(place()), alert(2, reminder=True), place()).step == "post"
