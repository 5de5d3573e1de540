"""What became of one article: the word for `news.outcomes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from streams.incidents.announce import Announcement
from streams.incidents.frame import attaches_only
from streams.records import Account, Incident, Outcome, ReportSet

What = Literal[
    "new",
    "joined",
    "immaterial",
    "late",
    "repeat",
    "suppressed",
    "learnt",
    "attach_only",
    "withdrawn",
    "expired",
]


def outcome_of(
    found: ReportSet,
    accounts: Sequence[Account],
    incidents: Sequence[Incident],
    announced: Mapping[str, Announcement],
    offset: int,
) -> Outcome:
    """Return what became of a set's reports.

    Args:
        found: The set.
        accounts: Its accounts; none when it reports nothing that happened now.
        incidents: Those that hold the accounts.
        announced: What was told of each in this step.
        offset: Of the ledger.
    """
    what, why, policy, until = _judge(found, accounts, incidents, announced)
    return Outcome(
        article=found.article,
        revision=found.revision,
        what=what,
        incidents=tuple(sorted(incident.id for incident in incidents)),
        policy=policy,
        until=until,
        why=why,
        through=offset,
        theatre=found.theatre,
    )


def repeat_of(found: ReportSet, offset: int) -> Outcome:
    """Return the outcome of a set that an incident remembers already."""
    return Outcome(
        article=found.article,
        revision=found.revision,
        what="repeat",
        why="this revision, or a later one, was folded before",
        through=offset,
        theatre=found.theatre,
    )


def _judge(
    found: ReportSet,
    accounts: Sequence[Account],
    incidents: Sequence[Incident],
    announced: Mapping[str, Announcement],
) -> tuple[What, str, str | None, datetime | None]:
    if not found.reports:
        return "withdrawn", "the article reports nothing any more", None, None
    if not accounts:
        return "late", "it tells of the past, or of nothing that happened", None, None
    for incident in incidents:
        told = announced.get(incident.id)
        if told is not None and told.alert is not None and told.alert.action == "new":
            return "new", f"first told by policy {told.policy}", told.policy, None
    if found.backfill:
        return "learnt", "from a feed's first document: teaches only", None, None
    for incident in incidents:
        told = announced.get(incident.id)
        if told is None or incident.alert_counter:
            continue
        if told.reason == "silenced":
            return "suppressed", "silenced by an operator", told.policy, told.until
        if told.reason == "later":
            why = "known from reactions only: waits for an account of the event itself"
            return "suppressed", why, told.policy, told.until
        if told.reason == "expired":
            return "expired", "too long ago to be told as news", told.policy, None
        if told.reason == "no_policy":
            return "suppressed", "no policy fits", None, None
    if all(attaches_only(account.report) for account in accounts):
        return "attach_only", "denied, false or late: updates an incident, opens none", None, None
    if incidents and all(incident.late for incident in incidents):
        return "late", "over three days after the event", None, None
    changed = [told for told in announced.values() if told.alert is not None]
    if changed:
        return "joined", "changes what was told", changed[0].policy, None
    return "immaterial", "joined without changing what was told", None, None
