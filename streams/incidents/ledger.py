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
from streams.incidents.memory import Theatre
from streams.incidents.step import Effects, Rules, Step
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
        if known is not None and known.incident.version >= incident.version:
            return
        theatre.put(incident)
        if incident.timeline:
            first = incident.timeline[0].at
            theatre.born = min(first, theatre.born or first)
        self._settled = False

    def switch(self, policies: Policies, publishers: Publishers, messages: Messages) -> None:
        """Use another catalog from the next record on (the caller has read a CatalogSwitch)."""
        self._rules = Rules(policies, publishers, messages)

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
        written = [h.incident.through for t in self._theatres.values() for h in t.held.values()]
        last = max(written, default=-1)
        for theatre in self._theatres.values():
            best: dict[str, tuple[int, bool, str]] = {}
            keep: dict[str, Account] = {}
            for held in theatre.held.values():
                incident = held.incident
                left = incident.leaving if incident.through == last else ()
                here = {account.report.id for account in incident.accounts}
                for account in (*incident.accounts, *left):
                    stays = account.report.id in here
                    rank = (incident.through, stays, incident.id)
                    if account.report.id not in best or rank > best[account.report.id]:
                        best[account.report.id] = rank
                        keep[account.report.id] = account
            for held in list(theatre.held.values()):
                incident = held.incident
                mine = [
                    keep[report] for report, (_, _, owner) in best.items() if owner == incident.id
                ]
                mine.sort(key=lambda account: account.report.id)
                theirs = sorted(incident.accounts, key=lambda account: account.report.id)
                if mine != theirs:
                    restored = replace(incident, accounts=tuple(mine))
                    if mine and incident.lifecycle == "merged_into":
                        restored = replace(restored, lifecycle="open", merged_into=None)
                    theatre.put(restored)
                if incident.lifecycle == "open" and incident.alert_counter:
                    theatre.waiting.add(incident.id)
        self._settled = True
