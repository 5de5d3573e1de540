"""Accounts → the incident record, with a timeline entry for each fact that changed.

Pure. All facts follow from the set of accounts; only timeline, counters and what was told are
history and stay with the incident.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from streams.incidents.account import mark_of
from streams.incidents.facts import Told, tell
from streams.incidents.frame import instant, said_at
from streams.incidents.match import Group
from streams.incidents.memory import Theatre
from streams.incidents.message import count_words
from streams.records import Account, Decision, Incident, Thing, TimelineEntry, content_id, encode

#: What an incident record may hold: kept in full, then only counted.
MAX_ACCOUNTS = 200
MAX_ACCOUNT_BYTES = 48 * 1024
MAX_TIMELINE = 60
MAX_FOLDED = 600
MAX_GONE = 60


def build(
    old: Incident | None,
    incident_id: str,
    theatre: str,
    accounts: Sequence[Account],
    group: Group,
    *,
    now: datetime,
    cause: str,
    is_learning: bool,
    decision: Decision | None = None,
) -> Incident:
    """Return the incident that these accounts tell.

    Args:
        old: As it was; None for a new one.
        incident_id: Its id.
        theatre: Its watch area.
        accounts: All of them, oldest first.
        group: The same accounts as matching sees them.
        now: The theatre's clock.
        cause: Article or decision that changed it.
        is_learning: The ledger is young: what is told late only teaches.
        decision: The operator's word that made this incident, if one did.
    """
    decisions = old.decisions if old is not None else ()
    cut = old.cut if old is not None else ()
    if old is None and decision is not None and decision.article is not None:
        decisions, cut = (decision,), (decision.article,)
    told = tell(accounts, group, decisions)
    kept, folded = _cap(accounts)
    base = old if old is not None else _blank(incident_id, theatre, told)
    # Once told, an incident stays told; an untold late one waits for a ledger that knows enough.
    silent = told.silent or (told.late and is_learning)
    incident = replace(
        base,
        kind=told.kind,
        status=told.status,
        happened=told.happened,
        object=told.object,
        first_reported_at=told.first_reported_at,
        last_reported_at=told.last_reported_at,
        country=told.country,
        places=told.places,
        claims=told.claims,
        actor=told.actor,
        late=told.late,
        silent=silent,
        core=told.core,
        independent_origins=told.origins,
        official=told.official,
        actions=told.actions,
        certainty=told.certainty,
        quote=told.quote,
        quote_by=told.quote_by,
        accounts=tuple(kept),
        folded=(*base.folded, *folded)[-MAX_FOLDED:],
        folded_accounts=base.folded_accounts + len(folded),
        leaving=(),
        decisions=decisions,
        cut=cut,
    )
    return with_timeline(incident, old, now, cause)


def merge_away(
    old: Incident, winner: str, moved: Mapping[str, str], now: datetime, cause: str
) -> Incident:
    """Return a pointer to the incident that this one turned out to be."""
    incident = replace(
        old,
        lifecycle="merged_into",
        merged_into=winner,
        accounts=(),
        leaving=tuple(account for account in old.accounts if account.report.id in moved),
    )
    return with_timeline(incident, old, now, cause)


def empty(old: Incident, moved: Mapping[str, str], now: datetime, cause: str) -> Incident:
    """Return an incident whose last account was taken back or went elsewhere."""
    incident = replace(
        old,
        lifecycle="closed",
        status="denied",
        independent_origins=0,
        accounts=(),
        leaving=tuple(account for account in old.accounts if account.report.id in moved),
    )
    return with_timeline(incident, old, now, cause)


def with_timeline(incident: Incident, old: Incident | None, now: datetime, cause: str) -> Incident:
    """Return the incident with an entry for each fact that differs from `old`."""
    before = _timed_facts(old) if old is not None else {}
    entries = [
        TimelineEntry(at=now, fact=fact, old=before.get(fact, ""), new=value, cause=cause)
        for fact, value in _timed_facts(incident).items()
        if value != before.get(fact, "")
    ]
    known = set(incident.timeline)
    added = [entry for entry in entries if entry not in known]
    if not added:
        return incident
    timeline = (*incident.timeline, *added)
    if len(timeline) > MAX_TIMELINE:  # the beginning and the newest say most
        timeline = (
            *timeline[: MAX_TIMELINE // 3],
            *timeline[-(MAX_TIMELINE - MAX_TIMELINE // 3) :],
        )
    return replace(incident, timeline=timeline)


def new_id(
    theatre: Theatre, accounts: Sequence[Account], group: Group, taken: Mapping[str, Incident]
) -> str:
    """Return an id that says country, day and object: `pl-2025-09-10-drone-1f3a`."""
    oldest = min(accounts, key=lambda a: (said_at(a.report), a.article, a.report.id))
    day = instant(group.window[1] - 1).date().isoformat()
    what = group.family or "unknown"
    country = (group.country or "xx").lower()
    for length in (4, 8, 16):
        mark = content_id(theatre.name, oldest.report.id, length=length)
        found = f"{country}-{day}-{what}-{mark}"
        if found not in theatre.held and found not in taken:
            break
    return found


def _blank(incident_id: str, theatre: str, told: Told) -> Incident:
    return Incident(
        id=incident_id,
        theatre=theatre,
        kind=told.kind,
        level="digest",
        status=told.status,
        happened=told.happened,
        object=Thing(what="unknown"),
        first_reported_at=told.first_reported_at,
        last_reported_at=told.last_reported_at,
    )


def _timed_facts(incident: Incident) -> dict[str, str]:
    thing = incident.object
    place = incident.places[0] if incident.places else None
    return {
        "status": incident.status,
        "country": incident.country or "",
        "object": thing.what,
        "count": count_words(thing.count_low, thing.count_high),
        "place": (place.place_name or place.place or "") if place is not None else "",
        "actor": incident.actor or "",
        "actions": " ".join(incident.actions),
        "lifecycle": incident.merged_into or incident.lifecycle,
    }


def _cap(accounts: Sequence[Account]) -> tuple[list[Account], list[str]]:
    """Return the accounts kept in full, and marks of the others.

    Authorities first, then one of each origin, earliest first, and so on in rounds: what goes is
    the ninth copy of one text. The oldest stays whatever it weighs. What is kept is a function of
    all accounts there ever were: one that is left out would be left out with more of them, too.
    """
    size = 0
    if len(accounts) <= MAX_ACCOUNTS:
        size = sum(len(encode(account)) for account in accounts)
        if size <= MAX_ACCOUNT_BYTES:
            return list(accounts), []
    rounds: dict[tuple[str, bool], int] = {}
    ranked = []
    for account in accounts[1:]:  # oldest first
        is_silent = account.report.official is None
        number = rounds.get((account.origin, is_silent), 0)
        rounds[account.origin, is_silent] = number + 1
        ranked.append((is_silent, number, account))
    ranked.sort(key=lambda item: item[:2])
    kept = [accounts[0]]
    size = 0
    for _, _, account in ranked:
        size += len(encode(account))
        if len(kept) >= MAX_ACCOUNTS or size > MAX_ACCOUNT_BYTES:
            break
        kept.append(account)
    here = {account.report.id for account in kept}
    folded = [mark_of(a.article, a.revision) for a in accounts if a.report.id not in here]
    return [account for account in accounts if account.report.id in here], folded
