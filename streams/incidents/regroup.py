"""One changed article → which incident holds which account now.

In:  the incidents held and the article's new accounts.   Out: a `Plan`; nothing is changed here.
Pure. What the change moves is grouped anew, then compared with the incidents there are:
an incident lives on in the group that holds its oldest account; of several in one group the one
people were told of stays, then the older; the others point to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from streams.incidents.frame import Frame, attaches_only, frame_of, said_at
from streams.incidents.match import Group, join_links
from streams.incidents.memory import Held, Theatre
from streams.incidents.resettle import Resettlement
from streams.records import Account


@dataclass
class Plan:
    """What the grouping says: which accounts each incident holds from now on."""

    groups: list[tuple[str | None, Group, list[Account]]] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)  #: incident id → where it went
    emptied: list[str] = field(default_factory=list)  #: incidents left without accounts


def regroup(
    theatre: Theatre,
    touching: Iterable[str],
    removed: frozenset[str] = frozenset(),
    added: Sequence[Account] = (),
) -> Plan:
    """Return the plan after an article's accounts were replaced.

    Args:
        theatre: As it stands; not changed.
        touching: Incidents that held what is removed, or that an operator named.
        removed: Report ids of the article's earlier accounts.
        added: Its new accounts; a report id in both lists is a replacement.
    """
    fresh = {
        account.report.id: (account, frame_of(account.report, theatre.cut_of(account.article)))
        for account in added
    }
    come = [frame for _, frame in fresh.values()]
    moves = Resettlement(theatre)
    for incident_id in sorted(touching):
        held = theatre.held[incident_id]
        if removed or added:
            stay = {frame for report, frame in held.frames.items() if report not in removed}
            moves.remove(held, set(held.frames.values()) - stay - set(come))
        else:
            moves.scatter(held)
    moves.settle(come)
    pool = _with_bound(theatre, moves.reached)
    members = _members(theatre, pool, removed, fresh)
    groups = [Group(list(frames)) for frames in moves.clusters(pool).values()]
    groups = join_links(groups, _links(theatre, pool, members))
    groups.sort(key=lambda group: group.seed)
    return _compare(theatre, pool, members, groups)


def _with_bound(theatre: Theatre, ids: Iterable[str]) -> set[str]:
    """Return incidents, with all that operators joined to them."""
    pool: set[str] = set()
    ahead = set(ids)
    while ahead:
        held = theatre.held[ahead.pop()]
        pool.add(held.id)
        for pair in theatre.pairs_of(held.articles) if theatre.bound else ():
            for article in pair:
                ahead.update(set(theatre.by_article.get(article, ())) - pool)
    return {incident_id for incident_id in pool if theatre.held[incident_id].seeds}


def _members(
    theatre: Theatre,
    pool: set[str],
    removed: frozenset[str],
    fresh: dict[str, tuple[Account, Frame]],
) -> dict[str, tuple[Account, Frame]]:
    members = {}
    for incident_id in pool:
        held = theatre.held[incident_id]
        for account in held.incident.accounts:
            if account.report.id not in removed:
                members[account.report.id] = (account, held.frames[account.report.id])
    members.update(fresh)
    return members


def _links(
    theatre: Theatre, pool: set[str], members: dict[str, tuple[Account, Frame]]
) -> list[frozenset[Frame]]:
    if not theatre.bound:
        return []
    pairs = theatre.pairs_of(account.article for account, _ in members.values())
    links = []
    for pair in sorted(pairs):
        frames = [frame for account, frame in members.values() if account.article in pair]
        links.append(frozenset(frames))
    return links


def _compare(
    theatre: Theatre,
    pool: set[str],
    members: dict[str, tuple[Account, Frame]],
    groups: list[Group],
) -> Plan:
    index = {frame: number for number, group in enumerate(groups) for frame in group.frames}
    accounts: list[list[Account]] = [[] for _ in groups]
    for account, frame in members.values():
        accounts[index[frame]].append(account)
    claims: dict[int, list[Held]] = {}
    plan = Plan()
    for incident_id in sorted(pool):
        held = theatre.held[incident_id]
        left = [account for account in held.incident.accounts if account.report.id in members]
        # A replaced account keeps its incident's claim through the article it is of.
        if not left:
            articles = {account.article for account in held.incident.accounts}
            left = [account for account, _ in members.values() if account.article in articles]
        if not left:
            plan.emptied.append(incident_id)
            continue
        oldest = min(left, key=_naming)
        claims.setdefault(index[members[oldest.report.id][1]], []).append(held)
    for number, group in enumerate(groups):
        claimants = sorted(claims.get(number, ()), key=_seniority)
        winner = claimants[0].incident.id if claimants else None
        for loser in claimants[1:]:
            plan.merged[loser.incident.id] = str(winner)
        plan.groups.append((winner, group, sorted(accounts[number], key=_age)))
    return plan


def _naming(account: Account) -> tuple[object, ...]:
    """Sort the account first whose group keeps its incident's id."""
    is_opening = not attaches_only(account.report)
    return (not is_opening, not account.report.territory.country, *_age(account))


def _age(account: Account) -> tuple[object, ...]:
    return (said_at(account.report), account.article, account.report.id)


def _seniority(held: Held) -> tuple[object, ...]:
    incident = held.incident
    return (incident.alert_counter == 0, incident.first_reported_at, incident.id)
