"""Incident → alert, or the reason why none: new, update, correction; loud, silent, later.

In:  an incident's facts, what was told of it, the clock.   Out: an `Announcement`.
Pure. What was told is kept in the incident itself (`told`), so a repeat is recognised as one.
A change that people must know is told at once; the rest of the shown text is kept true by silent
alerts, spaced by the policy and given at a tick, so the last text follows from the last facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from msgspec.structs import replace

from streams.catalog.messages import Messages
from streams.catalog.policies import Facts, Policies, Policy
from streams.incidents.frame import stance_of
from streams.incidents.message import change_words, count_words, facts_of, headline
from streams.incidents.remind import is_reminder_due, next_minute, reminder_due
from streams.records import (
    LEVELS,
    Account,
    Alert,
    Decision,
    Incident,
    Level,
    Link,
    TimelineEntry,
    content_id,
    encode,
)

MAX_LINKS = 5
#: A change of status to one of these notifies; so do a rise in level and a correction.
_LOUD = frozenset({"confirmed", "disputed", "denied", "false_alarm"})
_CORRECTIONS = frozenset({"denied", "false_alarm"})
FAR = datetime.max.replace(tzinfo=UTC)
#: Speaks when no policy fits an incident that people were told of already.
_KEEP_TRUE = "keep-true"

Reason = Literal["", "silent", "no_policy", "silenced", "expired", "unchanged", "later", "merged"]


class _Told(msgspec.Struct, omit_defaults=True):
    """What the last message said, as `Incident.told` keeps it."""

    status: str = ""
    level: str = ""
    count: str = ""
    shot_down: str = ""
    found: str = ""
    place: str = ""
    actor: str = ""
    merged: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Announcement:
    """What is told of an incident now."""

    incident: Incident  #: with `level`, and with what was told when there is an alert
    alert: Alert | None = None
    reason: Reason = ""  #: why there is no alert
    policy: str | None = None
    until: datetime | None = None  #: end of the silence
    #: From when time alone may make something to tell; never too late. None: nothing waits.
    due: datetime | None = None


def announce(
    incident: Incident,
    policies: Policies,
    messages: Messages,
    now: datetime,
    *,
    cause: str,
    seen_at: datetime | None = None,
    silence: Decision | None = None,
    silenced_rooms: tuple[str, ...] = (),
    is_tick: bool = False,
    is_final: bool = False,
) -> Announcement:
    """Return what is told of an incident.

    Args:
        incident: Its present facts; `told` is what was told last.
        policies: Those in force.
        messages: For the English text.
        now: The theatre's clock.
        cause: Article or decision that changed the facts.
        seen_at: First sight of that article; starts the latency clock.
        silence: The operator's silence that covers it, if any.
        silenced_rooms: Rooms an operator silenced.
        is_tick: At a tick, silent refreshes that are due go out.
        is_final: At the last tick of a replay everything goes out.
    """
    chosen = policies.of(policy_facts(incident))
    policy: Policy | None = None
    level: Level = "digest"
    if chosen is not None:
        policy, level = chosen
    incident = replace(incident, level=level)
    if incident.alert_counter == 0:
        if is_tick and not incident.core:  # it waited; the latency clock began at first sight
            seen_at = max(
                (a.first_seen_at for a in incident.accounts if a.first_seen_at), default=None
            )
        reason = _why_untold(incident, policy, silence, seen_at, now)
        until = silence.until if silence is not None and reason == "silenced" else None
        due = waits_until(incident, policies)
        if not reason and due is not None and now < due and not is_final:
            reason, until = "later", due
        if reason:
            name = policy.id if policy is not None else None
            return Announcement(incident, None, reason, name, until, due if until == due else None)
    told = msgspec.json.decode(incident.told.encode(), type=_Told) if incident.told else _Told()
    given = _given(incident, policy, level, now)
    present = _present(incident, messages, given)
    name = policy.id if policy is not None else None
    if incident.alert_counter and present == told:
        if is_tick and not is_final and silence is None and is_reminder_due(incident, policy, now):
            reminded = replace(incident, alert_counter=incident.alert_counter + 1, reminded_at=now)
            entry = TimelineEntry(at=now, fact="reminder", old="", new="", cause=cause)
            alert = _alert(
                reminded, policy, messages, now, "update", True, (entry,), None, silenced_rooms
            )
            alert = replace(alert, reminder=True)
            return Announcement(reminded, alert, "", name, due=_due(reminded, policy, given, now))
        due = _due(incident, policy, given, now)
        return Announcement(incident, None, "unchanged", name, due=due)
    if silence is not None:
        due = silence.until or FAR  # lifting it wakes them all
        return Announcement(incident, None, "silenced", name, silence.until, due)
    revisions = _revisions(told, present, now, cause) if incident.alert_counter else ()
    rises = LEVELS.index(given) > LEVELS.index(incident.told_level or given)
    turns = present.status != told.status and present.status in _LOUD
    is_first = incident.alert_counter == 0
    # What was withdrawn before anyone was told of it is noted, and calls nobody.
    is_loud = rises or turns or present.merged != told.merged
    if is_first:
        is_loud = incident.status not in _CORRECTIONS
    if incident.alert_counter and not is_final and not is_loud:
        wait = timedelta(minutes=_wait_minutes(policy, bool(revisions)))
        due = (incident.told_at or now) + wait
        if now < due or not (revisions or is_tick):
            due = min(due, _due(incident, policy, given, now) or FAR)
            return Announcement(incident, None, "later", name, due=due)
    action: Literal["new", "update", "correction"] = "update"
    if incident.alert_counter == 0:
        action = "new"
    elif (turns and present.status in _CORRECTIONS) or present.merged != told.merged:
        action = "correction"
    told_incident = replace(
        incident,
        alert_counter=incident.alert_counter + 1,
        told=encode(present).decode(),
        told_level=given,
        told_at=max(now, incident.told_at or now),
    )
    alert = _alert(
        told_incident, policy, messages, now, action, is_loud, revisions, seen_at, silenced_rooms
    )
    due = _due(told_incident, policy, given, now)
    return Announcement(told_incident, alert, "", alert.policy, due=due)


def hush(incident: Incident, policies: Policies, messages: Messages, now: datetime) -> Announcement:
    """Return an incident as if its present facts had been told; of what rooms saw, nothing moves.

    The next change by ordinary accounts is told as ever, with all facts of then.
    """
    chosen = policies.of(policy_facts(incident))
    incident = replace(incident, level=chosen[1] if chosen is not None else "digest")
    if incident.alert_counter:
        told = msgspec.json.decode(incident.told.encode(), type=_Told)
        present = _present(incident, messages, incident.told_level or incident.level)
        if present != told:
            incident = replace(incident, told=encode(present).decode())
    return Announcement(incident, None, "silent")


def waits_until(incident: Incident, policies: Policies) -> datetime | None:
    """Return until when an incident known from reactions only waits for the event's own account."""
    chosen = policies.of(policy_facts(incident))
    seen = [a.first_seen_at for a in incident.accounts if a.first_seen_at is not None]
    if incident.core or chosen is None or not seen:
        return None
    return min(seen) + timedelta(minutes=chosen[0].wait_for_core_minutes)


def _given(incident: Incident, policy: Policy | None, level: Level, now: datetime) -> Level:
    """Return the level that rooms are told now: lowered in quiet hours, raised when they end.

    What was told louder before is not taken down by the hour.
    """
    told = incident.told_level
    lowered = policy.level_at(level, now) if policy is not None else level
    if told is None or LEVELS.index(told) > LEVELS.index(level):
        return lowered
    return max(lowered, told, key=LEVELS.index)


def _due(incident: Incident, policy: Policy | None, given: Level, now: datetime) -> datetime | None:
    """Return from when time alone may make something to tell: a reminder, quiet hours' end."""
    due = reminder_due(incident, policy, now)
    if LEVELS.index(given) < LEVELS.index(incident.level):
        due = min(next_minute(now), due or FAR)
    return due


def policy_facts(incident: Incident) -> Facts:
    """Return what policies look at."""
    return Facts(
        kind=incident.kind,
        object=incident.object.what,
        country=incident.country,
        status=incident.status,
        actions=incident.actions,
        origins=incident.independent_origins,
        official=incident.country in incident.official,
        certainty=incident.certainty,
        late=incident.late,
        core=incident.core,
    )


def links_of(incident: Incident) -> tuple[Link, ...]:
    """Return at most five accounts: authorities first, then one for each voice, earliest first.

    Of what was denied or called off, those that say so come before all others.
    """
    is_off = incident.status in _CORRECTIONS

    def rank(account: Account) -> tuple[object, ...]:
        report = account.report
        said = account.published_at or account.first_seen_at or datetime.max.replace(tzinfo=UTC)
        is_own = report.official is not None and report.official == incident.country
        asserts = is_off and stance_of(report) == "asserts"
        return (asserts, not is_own, report.follow_up, said, account.article)

    picked, voices, rest = [], set(), []
    for account in sorted(incident.accounts, key=rank):
        if account.origin in voices:
            rest.append(account)
        else:
            voices.add(account.origin)
            picked.append(account)
    return tuple(
        Link(title=a.title, url=a.url, publisher=a.publisher, language=a.language)
        for a in (picked + rest)[:MAX_LINKS]
    )


def _why_untold(
    incident: Incident,
    policy: Policy | None,
    silence: Decision | None,
    seen_at: datetime | None,
    now: datetime,
) -> Reason:
    """Return why an incident that nobody was told of stays untold; "" when it must be told."""
    if incident.lifecycle == "merged_into":
        return "merged"
    is_marked = any(decision.action == "mark_false" for decision in incident.decisions)
    if incident.silent or not incident.accounts or is_marked:
        return "silent"
    if policy is None:
        return "no_policy"
    if silence is not None:
        return "silenced"
    if seen_at is None or now > seen_at + timedelta(minutes=policy.expires_after_minutes):
        return "expired"
    return ""


def _present(incident: Incident, messages: Messages, level: Level) -> _Told:
    """Return what a message of now would say, told at this level."""
    english = messages.of("en")
    thing = incident.object
    links = links_of(incident)
    facts = facts_of(incident, links, english, UTC)
    by_state = [
        claim.value
        for claim in incident.claims
        if claim.what == "actor" and claim.by == incident.country and claim.value == incident.actor
    ]
    shown = [headline(incident, english), *facts.values(), level]
    shown += [f"{link.url} {link.title}" for link in links]
    return _Told(
        status=incident.status,
        level=level,
        # One is what everyone supposes; two are news.
        count=count_words(thing.count_low, thing.count_high) if (thing.count_high or 0) > 1 else "",
        shot_down="yes" if "shot_down" in incident.actions else "",
        found="yes" if "found" in incident.actions else "",
        place="yes" if incident.places else "",
        actor=by_state[0] if by_state else "",
        merged=incident.merged_into or "",
        digest=content_id(*shown),
    )


def _revisions(told: _Told, present: _Told, now: datetime, cause: str) -> tuple[TimelineEntry, ...]:
    """Return the material changes since the last message."""
    found = []
    for fact in ("status", "level", "count", "shot_down", "found", "place", "actor", "merged"):
        old, new = getattr(told, fact), getattr(present, fact)
        # A place made specific is news once; that another village is named first is not.
        if old != new and new and not (fact == "count" and _most_of(old) == _most_of(new)):
            found.append(TimelineEntry(at=now, fact=fact, old=old, new=new, cause=cause))
    return tuple(found)


def _most_of(count: str) -> str:
    """Return the highest number of a range: that some say fewer is shown, and calls nobody."""
    return count.rpartition("–")[2]


def _wait_minutes(policy: Policy | None, is_material: bool) -> float:
    if policy is None:
        return 5.0
    return policy.update_every_minutes if is_material else policy.refresh_every_minutes


def _alert(
    incident: Incident,
    policy: Policy | None,
    messages: Messages,
    now: datetime,
    action: Literal["new", "update", "correction"],
    is_loud: bool,
    revisions: tuple[TimelineEntry, ...],
    seen_at: datetime | None,
    silenced_rooms: tuple[str, ...],
) -> Alert:
    english = messages.of("en")
    links = links_of(incident)
    places = incident.places
    revisions = tuple(
        replace(entry, old="", new=places[0].place_name or places[0].place or "")
        if entry.fact == "place" and places
        else entry
        for entry in revisions
    )
    minutes = policy.expires_after_minutes if policy is not None else 720
    level: Level = incident.level
    if policy is not None:
        level = policy.level_at(level, now)
    since = seen_at if action == "new" and seen_at is not None else now
    return Alert(
        id=content_id(incident.id, str(incident.alert_counter)),
        subject=incident.id,
        n=incident.alert_counter,
        action=action,
        level=level,
        at=now,
        expires_at=since + timedelta(minutes=minutes),
        policy=policy.id if policy is not None else _KEEP_TRUE,
        theatre=incident.theatre,
        notify=is_loud,
        late=incident.late,
        kind=incident.kind,
        status=incident.status,
        country=incident.country,
        first_seen_at=seen_at,
        headline=headline(incident, english),
        facts=facts_of(incident, links, english, UTC),
        changes=change_words(revisions, english),
        revisions=revisions,
        links=links,
        incident=bare(incident),
        silenced_rooms=silenced_rooms,
    )


def bare(incident: Incident) -> Incident:
    """Return an incident without its accounts and history, as alerts carry it."""
    return replace(
        incident,
        accounts=(),
        timeline=(),
        decisions=(),
        leaving=(),
        gone={},
        bound=(),
        cut=(),
        folded=(),
        told="",
    )
