"""What a fold takes and what it gives: the rules in force, and the writes that follow."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.catalog.messages import Messages
from streams.catalog.policies import Policies
from streams.catalog.publishers import Publishers
from streams.records import Alert, Incident, Outcome


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
        forgotten: Incident ids to write a tombstone for.
    """

    alerts: tuple[Alert, ...] = ()
    touched: tuple[Incident, ...] = ()
    last: Incident | None = None
    outcomes: tuple[Outcome, ...] = ()
    silenced: dict[str, int] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """The parts of the catalog that the fold uses."""

    policies: Policies
    publishers: Publishers
    messages: Messages
