"""What a delivery row becomes: when an alert comes, a send ends, an owner changes, time passes.

Pure: rows in, rows out; time enters as an argument. A row is written before the send (`sending`)
and after it, so a crash leaves either a fact or an honest "unknown", never a guess.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from connectors.room import Verdict
from streams.pace import wait_seconds
from streams.records import LEVELS, Alert, Delivery, Level

#: States of rows that want something to be sent or decided.
OPEN_STATES = frozenset({"pending", "sending", "held"})
Unknown = Literal["repeat", "hold"]
Order = Literal["release", "drop"]
_TOLD_ALOUD = frozenset({"confirmed", "denied", "false_alarm"})


@dataclass(frozen=True)
class Place:
    """How a room is told."""

    id: str
    level: Level  #: least level that is posted
    can_edit: bool  #: shown messages can be changed in place
    is_machine: bool  #: gets every change
    unknown: Unknown  #: what to do when nobody knows whether it has a message
    text: Callable[[Alert], str]  #: an alert in the room's words
    draw: Callable[[], float] = random.random  #: spreads retries; in [0, 1)
    next_digest: Callable[[datetime], datetime] | None = None  #: None: nothing is gathered


def plan(row: Delivery | None, alert: Alert, place: Place, now: datetime) -> Delivery | None:
    """Return the row after this alert; None when the row knows it (or a newer one) already.

    Args:
        row: The room's row of the subject, if any.
        alert: What people are to be told.
        place: The room.
        now: Aware UTC.
    """
    if row is not None and alert.n <= row.alert.n:
        return None
    if row is None:
        row = Delivery(
            subject=alert.subject, room=place.id, state="pending", alert=alert, first_at=now
        )
    elif row.state == "sending":  # what is under way settles it, or the next owner does
        return replace(row, alert=alert, updated_at=now)
    else:
        was_open = row.state in OPEN_STATES
        row = replace(
            row,
            alert=alert,
            first_at=row.first_at if was_open else now,
            possible_repeat=row.state == "held" or (row.possible_repeat and row.state == "pending"),
            attempts=0,
        )
        if row.gathered and was_open and alert.level == "digest":
            return replace(row, state="pending", step="digest", updated_at=now)
        if row.shown_n == 0 and was_open and not row.gathered:  # the first message is still owed
            return replace(row, state="pending", step="post", updated_at=now, next_try_at=None)
    return aim(row, place, now)


def aim(row: Delivery, place: Place, now: datetime) -> Delivery:
    """Return the row with the next thing to do about its alert: post, edit, record or nothing."""
    alert = row.alert
    row = replace(
        row,
        state="pending",
        step="post",
        gathered=False,
        next_try_at=None,
        reason="",
        updated_at=now,
    )
    is_silenced = row.room in alert.silenced_rooms
    is_loud = LEVELS.index(alert.level) >= LEVELS.index(place.level)
    if row.shown_n == 0:
        if is_silenced:
            return replace(row, state="skipped", step="", reason="silenced")
        if not is_loud:
            return replace(row, state="skipped", step="", reason="below_level")
        if not alert.notify and not place.is_machine:
            return replace(row, state="skipped", step="", reason="silent")
        if place.next_digest and alert.level == "digest" and alert.theatre != "replay":
            at = place.next_digest(now)
            return replace(row, step="digest", gathered=True, next_try_at=at)
        return row
    if place.is_machine:
        return row
    if place.can_edit and row.message_ref:
        return replace(row, step="edit")
    if alert.notify and not is_silenced and (is_loud or is_aloud(row)):
        return row
    return show(row, alert, place.text(alert), "recorded", now)


def show(row: Delivery, alert: Alert, text: str, reason: str, now: datetime) -> Delivery:
    """Return the row as settled: the room shows this alert."""
    return replace(
        row,
        state="shown",
        step="",
        alert=replace(row.alert, incident=None) if row.alert.n == alert.n else row.alert,
        shown_n=alert.n,
        shown_text=text,
        shown_level=alert.level,
        shown_status=alert.status,
        gathered=False,
        attempts=0,
        next_try_at=None,
        reason=reason,
        updated_at=now,
    )


def is_aloud(row: Delivery) -> bool:
    """Return whether the row's alert must notify people who saw what the room shows.

    A rise in level, a confirmation, a denial, a false alarm; an edit alone notifies nobody.
    """
    alert = row.alert
    if not alert.notify or row.room in alert.silenced_rooms:
        return False
    rises = row.shown_level is not None and LEVELS.index(alert.level) > LEVELS.index(
        row.shown_level
    )
    turns = alert.status != row.shown_status and alert.status in _TOLD_ALOUD
    return rises or turns or alert.reminder or alert.action == "correction"


def is_expired(row: Delivery, now: datetime) -> bool:
    """Return whether the alert is too old to be told as news; an edit or a digest is never too late.

    A replay's alerts carry recorded times, so they do not expire.
    """
    if row.step == "edit" or row.gathered:
        return False
    return row.alert.theatre != "replay" and row.alert.expires_at <= now


def resume(row: Delivery, unknown: Unknown, now: datetime) -> Delivery:
    """Return the row as a new owner takes it over: nobody knows what became of `sending`."""
    if row.state != "sending":
        return row
    if row.step == "edit":  # the same edit twice is one edit
        return replace(row, state="pending", next_try_at=None, updated_at=now)
    if row.gathered:
        return replace(row, state="pending", possible_repeat=True, next_try_at=None, updated_at=now)
    if row.step == "digest":
        return replace(row, state="expired", possible_repeat=True, updated_at=now)
    return be_unsure(row, unknown, "unknown after a restart", None, now)


def be_unsure(
    row: Delivery,
    unknown: Unknown,
    reason: str,
    next_try_at: datetime | None,
    now: datetime,
) -> Delivery:
    """Return the row when the room may have the message or not: to be repeated, marked, or held."""
    state: Literal["held", "pending"] = "held" if unknown == "hold" else "pending"
    return replace(
        row,
        state=state,
        possible_repeat=True,
        reason=reason,
        next_try_at=next_try_at,
        updated_at=now,
    )


def settle(
    row: Delivery, sent: Delivery, verdict: Verdict, place: Place, now: datetime
) -> Delivery:
    """Return the row after a try; `row` may hold a newer alert than what was `sent` by now."""
    outcome, reason = verdict.outcome, verdict.reason
    if outcome == "delivered":
        return _delivered(row, sent, verdict, place, now)
    if outcome == "rejected":
        if sent.step == "edit":  # our message is gone: a new one
            return replace(row, state="pending", step="post", message_ref=None, reason=reason)
        if sent.step == "reply":  # the edit stands
            return _aim_newer(show(row, sent.alert, sent.shown_text, reason, now), sent, place, now)
        if row.alert.n > sent.alert.n:
            return replace(row, state="pending", attempts=0, reason=reason)
        return replace(row, state="rejected", reason=reason, updated_at=now)
    wait = wait_seconds(sent.attempts, place.draw) if outcome in ("retry", "unknown") else 0.0
    try_at = max(now + timedelta(seconds=wait), verdict.until or now)
    if outcome == "unknown" and sent.step != "edit":
        return be_unsure(row, place.unknown, reason, try_at, now)
    return replace(row, state="pending", reason=reason, next_try_at=try_at, updated_at=now)


def _delivered(
    row: Delivery, sent: Delivery, verdict: Verdict, place: Place, now: datetime
) -> Delivery:
    """Return the row after the room took a message: settled, or with the next step."""
    alert = sent.alert
    ref = verdict.ref if sent.step == "post" else row.message_ref
    shown = replace(show(row, alert, place.text(alert), verdict.reason, now), message_ref=ref)
    if sent.step == "edit" and is_aloud(sent):
        # What was last told aloud stays noted until the reply is out.
        shown = replace(shown, shown_level=sent.shown_level, shown_status=sent.shown_status)
        if row.alert.n == alert.n and alert.expires_at > now:
            return replace(shown, state="pending", step="reply", alert=alert)
    return _aim_newer(shown, sent, place, now)


def _aim_newer(row: Delivery, sent: Delivery, place: Place, now: datetime) -> Delivery:
    """Return the row aimed at the alert that came in while `sent` was under way, if one did."""
    if row.alert.n <= sent.alert.n:
        return row
    return aim(replace(row, possible_repeat=False), place, now)


def settle_digest(
    row: Delivery, sent: Delivery, verdict: Verdict, place: Place, now: datetime
) -> Delivery:
    """Return a gathered or an expired row after the digest that names it was tried."""
    if row.gathered:
        return _settle_gathered(row, sent, verdict, place, now)
    is_over = verdict.outcome in ("delivered", "rejected")
    row = replace(
        row,
        state="expired",
        step="digested" if is_over else "digest",
        possible_repeat=row.possible_repeat or verdict.outcome == "unknown",
        reason=verdict.reason,
        updated_at=now,
    )
    return _aim_newer(row, sent, place, now)


def _settle_gathered(
    row: Delivery, sent: Delivery, verdict: Verdict, place: Place, now: datetime
) -> Delivery:
    if verdict.outcome == "delivered":
        text = place.text(sent.alert)
        return _aim_newer(show(row, sent.alert, text, verdict.reason, now), sent, place, now)
    if verdict.outcome == "rejected":
        return replace(row, state="rejected", reason=verdict.reason, updated_at=now)
    wait = timedelta(seconds=wait_seconds(sent.attempts, place.draw))
    return replace(
        row,
        state="pending",
        attempts=sent.attempts + 1,
        possible_repeat=row.possible_repeat or verdict.outcome == "unknown",
        reason=verdict.reason,
        next_try_at=max(now + wait, verdict.until or now),
        updated_at=now,
    )


def expire(row: Delivery, now: datetime) -> Delivery:
    """Return the row as missed: the room's next digest names it."""
    reason = f"expired; last: {row.reason}" if row.reason else "expired"
    return replace(row, state="expired", step="digest", reason=reason, updated_at=now)


def obey(
    row: Delivery | None, order: Order, alert: Alert, room: str, now: datetime
) -> Delivery | None:
    """Return the row after an operator's order; None when there is nothing to do.

    Args:
        row: As it stands.
        order: release: post it now, whatever was; drop: forget it.
        alert: What is to be posted when there is no row; its expiry counts if it is later.
        room: Room id.
        now: Aware UTC.
    """
    if row is None:
        row = Delivery(
            subject=alert.subject, room=room, state="rejected", alert=alert, first_at=now
        )
    if row.state in ("shown", "sending"):
        return None
    reason = f"{order} by operator"
    row = replace(row, attempts=0, gathered=False, next_try_at=None, reason=reason, updated_at=now)
    if order == "drop":
        return replace(row, state="skipped", step="")
    expires_at = max(row.alert.expires_at, alert.expires_at)
    return replace(
        row, state="pending", step="post", alert=replace(row.alert, expires_at=expires_at)
    )
