"""One record of the ledger over one theatre: what changes, what is told, what is written.

Pure: everything comes in as an argument; the theatre is the only thing that is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from streams.incidents.account import accounts_of, is_same, mark_of, take_back
from streams.incidents.announce import Announcement, announce, hush, waits_until
from streams.incidents.build import build, empty, merge_away, new_id
from streams.incidents.decide import decide
from streams.incidents.effects import Effects, Rules
from streams.incidents.memory import Held, Theatre
from streams.incidents.outcome import outcome_of, repeat_of
from streams.incidents.regroup import Plan, regroup
from streams.incidents.related import related_of
from streams.records import Account, Alert, Decision, Incident, Outcome, ReportSet, Tick

#: Late reports of a ledger's first days only teach: it cannot know what was news before it.
LEARNING_DAYS = 30
CLOSE_AFTER = timedelta(hours=72)  #: quiet time after which reactions no longer keep it open
FORGET_AFTER = timedelta(days=400)
MAX_PER_TICK = 200  #: incidents that one tick looks at anew, closes or forgets
#: Theatres with a clock of their own; elsewhere a record's first sight is "now".
_TICKING = frozenset({"europe"})


class Step:
    """The fold of one record over one theatre."""

    def __init__(self, rules: Rules, theatre: Theatre, offset: int) -> None:
        self._rules = rules
        self._theatre = theatre
        self._offset = offset
        self._alerts: list[Alert] = []
        self._changed: dict[str, Incident] = {}
        self._silenced: dict[str, int] = {}
        self._announced: dict[str, Announcement] = {}
        self._forgotten: list[str] = []
        self._is_quiet = False  #: nobody is told of what this record changes
        self._left: set[str] = set()  #: incidents that accounts leave in this step

    # --- report sets -------------------------------------------------------------------------

    def fold_set(self, found: ReportSet) -> Effects:
        """Replace an article's accounts and tell what follows."""
        theatre = self._theatre
        now = self._now(found.first_seen_at)
        self._tell_what_waited(now)
        self._is_quiet = found.quiet
        before = theatre.holding(found.article)
        accounts = accounts_of(found, self._rules.publishers)
        accounts = take_back(accounts, [account for _, account in before])
        if self._is_known(found, accounts, before):
            return self._effects(None, (self._outcome_again(found),))
        if not accounts and not before:
            outcome = outcome_of(found, accounts, (), {}, self._offset)
            return self._effects(None, (outcome,))
        removed = frozenset(account.report.id for _, account in before)
        touching = {held.incident.id for held, _ in before}
        plan = regroup(theatre, touching, removed, accounts)
        fresh = {account.report.id for account in accounts}
        self._apply(plan, now, found.article, found.first_seen_at)
        if not accounts:
            self._remember_gone(touching, found)
        mine = [
            incident
            for incident in self._now_held(plan)
            if any(account.report.id in fresh for account in incident.accounts)
        ]
        last = mine[0].id if mine else next(iter(sorted(touching)), None)
        outcome = outcome_of(found, accounts, mine, self._announced, self._offset)
        if last in self._changed:
            self._set(replace(self._changed[last], remembers=outcome))
        return self._effects(last, (outcome,))

    def _outcome_again(self, found: ReportSet) -> Outcome:
        """Return the outcome of a set that was folded before.

        Folded at this very offset, its outcome may not have been written: it is what it was.
        """
        theatre = self._theatre
        ids = set(theatre.by_article.get(found.article, ()))
        ids |= {theatre.gone[found.article][1]} if found.article in theatre.gone else set()
        for incident_id in sorted(ids):
            past = theatre.held[incident_id].incident.remembers
            if past is not None and past.through == self._offset and past.article == found.article:
                return past
        return repeat_of(found, self._offset)

    def _is_known(
        self,
        found: ReportSet,
        accounts: Sequence[Account],
        before: Sequence[tuple[object, Account]],
    ) -> bool:
        """Return whether this set, or a later revision of its article, was folded already."""
        theatre = self._theatre
        gone = theatre.gone.get(found.article)
        if gone is not None and found.first_seen_at <= gone[0]:
            return True
        if mark_of(found.article, found.revision) in theatre.folded and not before:
            return True
        held = {account.report.id: account for _, account in before}
        if held and len(held) == len(accounts):
            same = [
                account.report.id in held and is_same(account, held[account.report.id])
                for account in accounts
            ]
            if all(same):
                return True
        return any(
            account.revision != found.revision
            and account.first_seen_at is not None
            and account.first_seen_at > found.first_seen_at
            for _, account in before
        )

    def _remember_gone(self, touching: Iterable[str], found: ReportSet) -> None:
        for incident_id in sorted(touching):
            live = self._changed.get(incident_id)
            if live is not None:
                gone = {**live.gone, found.article: found.first_seen_at}
                self._set(replace(live, gone=gone))

    # --- the plan ----------------------------------------------------------------------------

    def _apply(
        self,
        plan: Plan,
        now: datetime,
        cause: str,
        seen_at: datetime | None,
        decision: Decision | None = None,
    ) -> None:
        """Bring the held incidents to what the plan says, and announce what changed."""
        theatre = self._theatre
        ids: list[tuple[str, int]] = []
        before = {
            held_id: theatre.held[held_id].incident
            for held_id in (
                *(held_id for held_id, _, _ in plan.groups if held_id),
                *plan.merged,
                *plan.emptied,
            )
        }
        for number, (held_id, group, accounts) in enumerate(plan.groups):
            old = before.get(held_id) if held_id else None
            if old is not None and tuple(accounts) == old.accounts:
                continue
            incident_id = held_id or new_id(theatre, accounts, group, self._changed)
            ids.append((incident_id, number))
            incident = build(
                old,
                incident_id,
                theatre.name,
                accounts,
                group,
                now=now,
                cause=cause,
                is_learning=self._is_learning(now),
                decision=decision,
            )
            self._set(incident)
        moved = {
            account.report.id: incident_id
            for incident_id, number in ids
            for account in plan.groups[number][2]
        }
        self._left.update(plan.merged, plan.emptied, (i for i, _ in ids))
        for loser, winner in plan.merged.items():
            self._set(merge_away(before[loser], winner, moved, now, cause))
        for emptied in plan.emptied:
            self._set(empty(before[emptied], moved, now, cause))
        for incident_id, _ in ids:
            old = before.get(incident_id)
            if old is not None:
                self._keep_leaving(old, incident_id, moved)
        for incident_id in [*(i for i, _ in ids), *plan.merged, *plan.emptied]:
            old = before.get(incident_id)
            self._announce(incident_id, now, cause, seen_at, was=old)

    def _keep_leaving(self, old: Incident, incident_id: str, moved: dict[str, str]) -> None:
        leaving = tuple(
            account
            for account in old.accounts
            if moved.get(account.report.id, incident_id) != incident_id
        )
        self._set(replace(self._changed[incident_id], leaving=leaving))

    def _announce(
        self,
        incident_id: str,
        now: datetime,
        cause: str,
        seen_at: datetime | None,
        *,
        was: Incident | None = None,
        is_tick: bool = False,
        is_final: bool = False,
    ) -> None:
        theatre = self._theatre
        incident = self._changed.get(incident_id) or theatre.held[incident_id].incident
        if was is not None and was.through >= self._offset:
            return  # written by an earlier try at this very record: told before it was written
        if self._is_quiet and not is_tick:
            told = hush(incident, self._rules.policies, self._rules.messages, now)
        else:
            told = announce(
                incident,
                self._rules.policies,
                self._rules.messages,
                now,
                cause=cause,
                seen_at=seen_at,
                silence=theatre.silence(incident, now),
                silenced_rooms=theatre.silenced_rooms(now),
                is_tick=is_tick,
                is_final=is_final,
            )
        self._announced[incident_id] = told
        if told.alert is not None:
            self._alerts.append(told.alert)
        elif told.reason in ("silenced", "expired", "no_policy") and not is_tick:
            self._silenced[told.reason] = self._silenced.get(told.reason, 0) + 1
        if told.due is not None:
            theatre.waiting[incident_id] = told.due
        else:
            theatre.waiting.pop(incident_id, None)
        if told.incident != incident:
            self._set(told.incident)

    # --- decisions and ticks -----------------------------------------------------------------

    def fold_decision(self, decision: Decision) -> Effects:
        """Do what an operator said; it wins over rules."""
        theatre = self._theatre
        now = max(decision.at, theatre.now) if theatre.now is not None else decision.at
        verdict = decide(theatre, decision, now, self._offset)
        if decision.action in ("silence", "unsilence"):
            theatre.wake()
        for incident in verdict.changed:
            self._set(incident)
            theatre.put(incident)
        if verdict.regroup:
            plan = regroup(theatre, verdict.regroup)
            self._apply(plan, now, decision.id, decision.at, decision)
        for incident in verdict.changed:
            if incident.id not in self._announced:
                self._announce(incident.id, now, decision.id, None)
        last = verdict.changed[0].id if verdict.changed else None
        return self._effects(last, ())

    def fold_tick(self, tick: Tick) -> Effects:
        """Move the clock; tell what waited, close what is quiet, forget what is old."""
        theatre = self._theatre
        theatre.now = max(tick.at, theatre.now) if theatre.now is not None else tick.at
        theatre.born = min(tick.at, theatre.born or tick.at)
        now = theatre.now
        self._tell_what_waited(now)
        # After a long pause thousands may be due; the loop must not stand still for them.
        due = sorted((at, name) for name, at in theatre.waiting.items() if tick.final or at <= now)
        for _, incident_id in due if tick.final else due[:MAX_PER_TICK]:
            if incident_id in self._changed:
                continue
            incident = theatre.held[incident_id].incident
            if incident.through < self._offset:
                self._announce(
                    incident_id, now, "", None, was=incident, is_tick=True, is_final=tick.final
                )
        quiet_since = now - CLOSE_AFTER
        for held in [held for held in theatre.held.values() if held.last_reported_at < quiet_since]:
            if held.through >= self._offset:
                continue
            if held.lifecycle == "open":
                if len(self._changed) >= MAX_PER_TICK and not tick.final:
                    continue
                incident = self._changed.get(held.id) or held.incident
                self._set(replace(incident, lifecycle="closed"))
            elif tick.final:
                continue  # recorded time ran away from it; the same replay must find it again
            elif now - held.last_reported_at > FORGET_AFTER and len(self._forgotten) < MAX_PER_TICK:
                self._forgotten.append(held.id)
        for incident_id in self._forgotten:
            self._changed.pop(incident_id, None)
            theatre.forget(incident_id)
        return self._effects(None, ())

    def _tell_what_waited(self, now: datetime) -> None:
        """Tell incidents that waited long enough, where no ticks come: at the instant it was due."""
        theatre = self._theatre
        if theatre.name in _TICKING:
            return
        for incident_id in sorted(name for name, at in theatre.waiting.items() if at <= now):
            held = theatre.held[incident_id]
            if held.is_told or held.core:
                continue
            due = waits_until(held.incident, self._rules.policies)
            if due is not None and due <= now:
                was = held.incident
                self._announce(incident_id, due, "", None, was=was, is_tick=True)
                theatre.put(self._changed.get(incident_id, was))

    # --- helpers -----------------------------------------------------------------------------

    def _now(self, seen_at: datetime) -> datetime:
        theatre = self._theatre
        now = theatre.now if theatre.name in _TICKING and theatre.now is not None else seen_at
        theatre.born = min(now, theatre.born or now)
        return now

    def _is_learning(self, now: datetime) -> bool:
        return self._theatre.name not in _TICKING or self._theatre.is_young(now, LEARNING_DAYS)

    def _set(self, incident: Incident) -> None:
        self._changed[incident.id] = incident

    def _now_held(self, plan: Plan) -> list[Incident]:
        held = [self._changed[i] for i in sorted(self._changed)]
        known = {incident.id for incident in held}
        held += [
            self._theatre.held[held_id].incident
            for held_id, _, _ in plan.groups
            if held_id and held_id not in known
        ]
        return held

    def _relate(self, written: list[Incident], moved: set[str]) -> list[Incident]:
        """Let incidents that are new, or at another time now, and their neighbours name each other."""
        theatre = self._theatre
        renamed = {incident.id: incident for incident in written}
        for incident in written:
            if incident.id not in moved:
                continue
            was = set(incident.related)
            now = related_of(theatre.held[incident.id], theatre)
            for other_id in sorted({incident.id} | was | set(now)):
                held = theatre.held.get(other_id)
                if held is None:
                    continue
                related = related_of(held, theatre)
                other = held.incident
                if related == other.related:
                    continue
                other = replace(other, related=related)
                if other_id not in renamed:
                    version = other.version + 1
                    other = replace(other, version=version, through=self._offset, leaving=())
                renamed[other_id] = other
                theatre.put(other)
        return [renamed[incident_id] for incident_id in sorted(renamed)]

    def _effects(self, last: str | None, outcomes: tuple[Outcome, ...]) -> Effects:
        """Number the changed incidents, take them into memory, and order the writes."""
        theatre = self._theatre
        written: list[Incident] = []
        moved: set[str] = set()
        for incident_id in sorted(self._changed):
            old = theatre.held.get(incident_id)
            incident = self._changed[incident_id]
            if incident_id not in self._left and incident.leaving:
                incident = replace(incident, leaving=())  # of an earlier step, long since whole
            if old is not None and old.through >= self._offset:
                incident = replace(incident, version=old.version, through=old.through)
                if incident == old.incident:
                    continue
            else:
                version = old.version + 1 if old is not None else 1
                incident = replace(incident, version=version, through=self._offset)
            held = theatre.put(incident)
            if old is None or _where(old) != _where(held):
                moved.add(incident_id)
            written.append(incident)
        written = self._relate(written, moved)
        remembers = next((incident for incident in written if incident.id == last), None)
        return Effects(
            alerts=tuple(self._alerts),
            touched=tuple(incident for incident in written if incident.id != last),
            last=remembers,
            outcomes=outcomes,
            silenced=self._silenced,
            forgotten=tuple(self._forgotten),
        )


def _where(held: Held) -> tuple[object, ...]:
    """Return what decides which incidents are related to this one."""
    country = held.seed.country if held.seed is not None else None
    return (held.core, country, held.family, held.window)
