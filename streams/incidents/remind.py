"""Reminders: an incident that nobody acknowledged is told again, for a while. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from streams.catalog.policies import Policy
from streams.records import Incident

_OVER = frozenset({"denied", "false_alarm"})


def is_reminder_due(incident: Incident, policy: Policy | None, now: datetime) -> bool:
    """Return whether an incident that nobody acknowledged must be told again now."""
    if not reminds(incident, policy) or policy is None or incident.told_at is None:
        return False
    if policy.quiet is not None and policy.quiet.holds_at(now):
        return False
    last = max(incident.told_at, incident.reminded_at or incident.told_at)
    is_over = now - incident.told_at > timedelta(minutes=policy.remind_for_minutes)
    return not is_over and now - last >= timedelta(minutes=policy.remind_every_minutes or 0)


def reminder_due(incident: Incident, policy: Policy | None, now: datetime) -> datetime | None:
    """Return from when a reminder may be due; None: there will be none."""
    if not reminds(incident, policy) or policy is None or incident.told_at is None:
        return None
    last = max(incident.told_at, incident.reminded_at or incident.told_at)
    due = last + timedelta(minutes=policy.remind_every_minutes or 0)
    if due <= now:  # held back by quiet hours, or by whoever called
        due = next_minute(now)
    is_over = due - incident.told_at > timedelta(minutes=policy.remind_for_minutes)
    return None if is_over else due


def next_minute(now: datetime) -> datetime:
    """Return the next full minute: quiet hours begin and end at one."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def reminds(incident: Incident, policy: Policy | None) -> bool:
    """Return whether an incident is still to be acknowledged, by a policy that reminds."""
    return (
        policy is not None
        and policy.remind_every_minutes is not None
        and incident.lifecycle == "open"
        and incident.status not in _OVER
        and not any(decision.action == "ack" for decision in incident.decisions)
    )
