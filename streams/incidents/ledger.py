"""The ledger: a pure fold of `news.ledger` into incidents and alerts.

In:  ledger records in offset order.   Out: what to write, in the order of `Effects`.
Pure: reads no clock, does no I/O; the same log gives the same incidents and the same alerts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.catalog.policies import Policies
from streams.catalog.publishers import Publishers
from streams.records import Alert, Incident, LedgerRecord, Outcome


@dataclass(frozen=True)
class Effects:
    """What one record changes; to be written in this order, each confirmed before the next.

    Attributes:
        alerts: To `news.alerts`, first of all.
        touched: Other incidents, to `news.incidents`, in this order.
        last: The incident that remembers the record; written after `touched`. None: nothing to
            remember.
        outcomes: To `news.outcomes`, last; then the offset may be committed.
        silenced: Alerts not given, by reason; for the counter.
    """

    alerts: tuple[Alert, ...] = ()
    touched: tuple[Incident, ...] = ()
    last: Incident | None = None
    outcomes: tuple[Outcome, ...] = ()
    silenced: dict[str, int] = field(default_factory=dict)


class Ledger:
    """All incidents of all theatres; `fold` is the only thing that changes them."""

    def __init__(self, policies: Policies, publishers: Publishers) -> None:
        self.policies = policies
        self.publishers = publishers

    def load(self, incident: Incident) -> None:
        """Take back one written incident; of one id the highest version wins. Before any fold."""
        raise NotImplementedError

    def fold(self, offset: int, record: LedgerRecord) -> Effects:
        """Fold one record and return what to write.

        Folding the same record again after a crash between the writes (with the written
        incidents loaded) gives alerts with the same ids and ends in the same state.
        """
        raise NotImplementedError
