"""The ledger: a pure fold of `news.ledger` into incidents and alerts.

In:  ledger records in offset order.   Out: what to write, in the order of `Effects`.
Pure: reads no clock, does no I/O; the same log gives the same incidents and the same alerts.
Only records move it; of an incident written at an offset, nothing of that offset is told again.
"""

from __future__ import annotations

from msgspec.structs import replace

from streams.catalog.messages import Messages
from streams.catalog.policies import Policies
from streams.catalog.publishers import Publishers
from streams.incidents.effects import Effects, Rules
from streams.incidents.memory import Theatre
from streams.incidents.step import Step
from streams.records import (
    Account,
    CatalogSwitch,
    Decision,
    Incident,
    LedgerRecord,
    ReportSet,
    Tick,
)

__all__ = ["Effects", "Ledger"]


class Ledger:
    """All incidents of all theatres; `fold` is the only thing that changes them."""

    def __init__(self, policies: Policies, publishers: Publishers, messages: Messages) -> None:
        self._rules = Rules(policies, publishers, messages)
        self._theatres: dict[str, Theatre] = {}
        self._settled = True

    def load(self, incident: Incident) -> None:
        """Take back one written incident; of one id the highest version wins. Before any fold."""
        theatre = self.theatre(incident.theatre)
        known = theatre.held.get(incident.id)
        if known is not None and known.version >= incident.version:
            return
        theatre.put(incident)
        if incident.timeline:
            first = incident.timeline[0].at
            theatre.born = min(first, theatre.born or first)
        self._settled = False

    def unload(self, incident_id: str) -> None:
        """Leave out an incident that was loaded and whose tombstone was read. Before any fold."""
        for theatre in self._theatres.values():
            if incident_id in theatre.held:
                theatre.forget(incident_id)

    def switch(self, policies: Policies, publishers: Publishers, messages: Messages) -> None:
        """Use another catalog from the next record on (the caller has read a CatalogSwitch)."""
        self._rules = Rules(policies, publishers, messages)
        for theatre in self._theatres.values():
            theatre.wake()

    def theatre(self, name: str) -> Theatre:
        """Return a theatre, made at first use."""
        if name not in self._theatres:
            self._theatres[name] = Theatre(name)
        return self._theatres[name]

    def incidents(self, theatre: str) -> list[Incident]:
        """Return a theatre's incidents by id; merged-away ones included."""
        held = self.theatre(theatre).held
        return [held[incident_id].incident for incident_id in sorted(held)]

    def fold(self, offset: int, record: LedgerRecord) -> Effects:
        """Fold one record and return what to write.

        Folding the same record again after a crash between the writes (with the written
        incidents loaded) gives alerts with the same ids and ends in the same state.
        """
        if not self._settled:
            self._settle()
        match record:
            case ReportSet():
                return Step(self._rules, self.theatre(record.theatre), offset).fold_set(record)
            case Decision():
                return Step(self._rules, self.theatre(record.theatre), offset).fold_decision(record)
            case Tick():
                return Step(self._rules, self.theatre(record.theatre), offset).fold_tick(record)
            case CatalogSwitch():
                return Effects()

    def _settle(self) -> None:
        """Bring loaded incidents together: of an account in two of them, the later write holds.

        A step that was cut short leaves an account in the incident it left (`leaving`), or in
        both; nothing is lost, and the step itself is folded again. Only the last step can have
        been cut short: the next begins when all is written.
        """
        everything = [held for t in self._theatres.values() for held in t.held.values()]
        last = max((held.through for held in everything), default=-1)
        for theatre in self._theatres.values():
            _settle_step(theatre, last)
            # In whatever order they were read: the order in which ticks come to them.
            in_order = sorted(theatre.held.values(), key=lambda held: (held.through, held.id))
            theatre.held = {held.id: held for held in in_order}
            for article in sorted(
                {a for pairs in theatre.bound.values() for p in pairs for a in p}
            ):
                for held, _ in theatre.holding(article):  # whoever was read first did not know
                    theatre.put(held.incident)
            theatre.wake(
                held.id
                for held in theatre.held.values()
                if held.lifecycle == "open" and (held.is_told or not held.core)
            )
        self._settled = True


def _settle_step(theatre: Theatre, last: int) -> None:
    """Give each account of the step at offset `last` to the incident that wrote it last."""
    written = [held for held in theatre.held.values() if held.through == last]
    touched = {held.id for held in written}
    for held in written:
        incident = held.incident
        for account in (*incident.accounts, *incident.leaving):
            touched.update(theatre.by_article.get(account.article, ()))
    best: dict[str, tuple[int, bool, str]] = {}
    keep: dict[str, Account] = {}
    for incident_id in sorted(touched):
        incident = theatre.held[incident_id].incident
        left = incident.leaving if incident.through == last else ()
        here = {account.report.id for account in incident.accounts}
        for account in (*incident.accounts, *left):
            rank = (incident.through, account.report.id in here, incident.id)
            if account.report.id not in best or rank > best[account.report.id]:
                best[account.report.id] = rank
                keep[account.report.id] = account
    for incident_id in sorted(touched):
        incident = theatre.held[incident_id].incident
        here = {account.report.id for account in incident.accounts}
        mine = {report for report, (_, _, owner) in best.items() if owner == incident_id}
        if mine == here:
            continue
        accounts = tuple(keep[report] for report in sorted(mine))
        restored = replace(incident, accounts=accounts)
        if accounts and incident.lifecycle == "merged_into":
            restored = replace(restored, lifecycle="open", merged_into=None)
        theatre.put(restored)
