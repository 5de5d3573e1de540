"""One changed article → which incident holds which account now.

In:  the incidents held and the article's new accounts.   Out: a `Plan`; nothing is changed here.
Pure. The neighbourhood is grouped anew as a set, then compared with the incidents there are:
an incident lives on in the group that holds its oldest account; of several in one group the one
people were told of stays, then the older; the others point to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from streams.incidents.fit import REMEMBERED_SECONDS
from streams.incidents.frame import UNDATED, Frame, attaches_only, frame_of, said_at
from streams.incidents.match import (
    Group,
    best_seed,
    group_frames,
    prefers,
    seed_for,
    seed_order,
    stage_of,
)
from streams.incidents.memory import Held, Theatre
from streams.records import Account

#: The pool grows until nothing outside can change; twice is nearly always enough.
_ROUNDS = 6


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
    if not removed and not touching:
        quick = _join(theatre, fresh) or _found(theatre, fresh)
        if quick is not None:
            return quick
    frames = [frame for _, frame in fresh.values()]
    pool = _grow(theatre, set(touching), frames)
    for _ in range(_ROUNDS):
        members = _members(theatre, pool, removed, fresh)
        found = {frame for _, frame in members.values()}
        groups = group_frames(found, _links(theatre, pool, members))
        strays = _strays(theatre, pool, groups, found)
        if not strays:
            break
        pool = _grow(theatre, pool | strays, frames)
    return _compare(theatre, pool, members, groups)


def _join(theatre: Theatre, fresh: dict[str, tuple[Account, Frame]]) -> Plan | None:
    """Return the plan of accounts that join what is there; None when one would be a new seed.

    An account that is no seed moves no other, so nothing else needs to be grouped.
    """
    joining: dict[str, list[Account]] = {}
    for account, frame in fresh.values():
        owner = _owner(theatre, frame) if not frame.lone else None
        if owner is None:
            return None
        joining.setdefault(owner, []).append(account)
    plan = Plan()
    for owner, accounts in joining.items():
        held = theatre.held[owner]
        new = [fresh[account.report.id][1] for account in accounts]
        group = Group([*held.frames.values(), *new])
        plan.groups.append((owner, group, sorted([*held.incident.accounts, *accounts], key=_age)))
    return plan


def _found(theatre: Theatre, fresh: dict[str, tuple[Account, Frame]]) -> Plan | None:
    """Return the plan of one account that is a new seed and moves single accounts at most.

    None when it takes in another seed, or an account that carries its incident's name: then the
    whole neighbourhood is grouped anew.
    """
    if len(fresh) != 1:
        return None
    ((account, new),) = fresh.values()
    moved: list[Account] = []
    plan = Plan()
    for incident_id in sorted(_within_reach(theatre, new)):
        held = theatre.held[incident_id]
        if held.has_links or held.seed is None:
            return None
        going = {
            report_id for report_id, frame in held.frames.items() if prefers(frame, held.seed, new)
        }
        if not going:
            continue
        accounts = held.incident.accounts
        if any(held.frames[report_id] == held.seed for report_id in going):
            return None
        if min(accounts, key=_naming).report.id in going:
            return None
        rest = [other for other in accounts if other.report.id not in going]
        group = Group([held.frames[other.report.id] for other in rest])
        plan.groups.append((incident_id, group, rest))
        moved += [other for other in accounts if other.report.id in going]
    frames = [new]
    for other in moved:
        frames.append(frame_of(other.report, theatre.cut_of(other.article)))
    plan.groups.append((None, Group(frames), sorted([account, *moved], key=_age)))
    return plan


def _within_reach(theatre: Theatre, new: Frame) -> set[str]:
    """Return the incidents with accounts that a new seed could move."""
    found: set[str] = set()
    countries = (new.country, *new.related) if new.country else ()
    for incident_id in (
        *theatre.near(countries, new.start, new.end),
        *_without_country(theatre, new.start, new.end),
    ):
        if theatre.held[incident_id].may_meet(new):
            found.add(incident_id)
    for incident_id, held in theatre.held.items():
        if held.nameless and held.seed is not None and incident_id not in found:
            seed = held.seed
            if any(prefers(frame, seed, new) for frame in held.nameless):
                found.add(incident_id)
    return {incident_id for incident_id in found if theatre.held[incident_id].seed is not None}


def _owner(theatre: Theatre, frame: Frame) -> str | None:
    """Return the incident whose seed takes a frame; None when none does."""
    stage, order = stage_of(frame), seed_order(frame)
    first = _first(frame)
    countries = (frame.country, *frame.related) if frame.country else tuple(theatre.by_country)
    earlier: dict[Frame, str] = {}
    same: dict[Frame, str] = {}
    for incident_id in theatre.near(countries, first, frame.end):
        held = theatre.held[incident_id]
        seed = held.seed
        if seed is None or held.has_links:
            continue
        if stage_of(seed) < stage:
            earlier[seed] = incident_id
        elif stage_of(seed) == stage and seed_order(seed) < order:
            same[seed] = incident_id
    seed = seed_for(frame, earlier, same)
    return {**earlier, **same}[seed] if seed is not None else None


def _grow(theatre: Theatre, ids: set[str], frames: Iterable[Frame]) -> set[str]:
    """Return the incidents that frames, or accounts of incidents `ids`, can touch."""
    pool = set(ids)
    for frame in frames:
        first = _first(frame)
        if frame.country:
            pool.update(theatre.near((frame.country, *frame.related), first, frame.end))
        pool.update(_without_country(theatre, first, frame.end))
    for incident_id in sorted(ids):
        held = theatre.held[incident_id]
        pool.update(theatre.near(held.countries - {""}, *held.reach))
        pool.update(_without_country(theatre, *held.reach))
    for incident_id in sorted(pool):
        held = theatre.held[incident_id]
        if len(held.countries - {""}) > 1:  # its accounts may go to either country's events
            pool.update(theatre.near(held.countries - {""}, *held.reach))
        for pair in held.incident.bound if held.has_links else ():
            for article in pair:
                pool.update(theatre.by_article.get(article, ()))
    return {incident_id for incident_id in pool if theatre.held[incident_id].seed is not None}


def _first(frame: Frame) -> int:
    """Return the first second of events that an account may speak of."""
    return frame.start - (REMEMBERED_SECONDS if frame.tier == UNDATED else 0)


def _without_country(theatre: Theatre, first: int, last: int) -> list[str]:
    """Return incidents all of whose accounts withhold the country: any may claim them."""
    found = theatre.near(("",), first, last)
    return [i for i in found if (seed := theatre.held[i].seed) and not seed.country]


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
    pairs = {pair for incident_id in pool for pair in theatre.held[incident_id].incident.bound}
    links = []
    for pair in sorted(pairs):
        frames = [frame for account, frame in members.values() if account.article in pair]
        links.append(frozenset(frames))
    return links


def _strays(
    theatre: Theatre, pool: set[str], groups: list[Group], frames: Iterable[Frame]
) -> set[str]:
    """Return incidents outside the pool that gain or lose an account without a country.

    Such accounts join the best event anywhere, and change nothing there; so only they need to be
    compared with what is outside. One too many does no harm: the grouping decides.
    """
    here = {group.seed for group in groups}
    known: set[Frame] = set()
    settled: set[Frame] = set()  #: accounts without a country whose event is still here
    for incident_id in pool:
        held = theatre.held[incident_id]
        if held.seed is None:
            continue
        known.add(held.seed)
        # That event was the best of all for them; only a new seed here could be better.
        if held.seed in here:
            settled.update(held.nameless)
    new = sorted(here - known)
    nameless = [f for f in frames if not f.country and not f.lone and f not in settled]
    if not new and not nameless:
        return set()
    outside = {
        held.seed: incident_id
        for incident_id, held in theatre.held.items()
        if incident_id not in pool and held.seed is not None and held.seed.country
    }
    found: set[str] = set()
    if nameless:
        seeds = [*(seed for seed in here if seed.country), *outside]
        for frame in nameless:
            best = best_seed(frame, seeds)
            if best in outside:
                found.add(outside[best])
    if new:
        for seed, incident_id in outside.items():
            if any(best_seed(f, (seed, *new)) != seed for f in theatre.held[incident_id].nameless):
                found.add(incident_id)
    return found


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
