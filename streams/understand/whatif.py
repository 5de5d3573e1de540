"""What if: one candidate judged with some of its slots or gates otherwise; for `explain`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.understand.frame import Frame
    from streams.understand.gates import Gate


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Changes to one candidate; everything else is judged as always."""

    ordinal: int  #: which candidate of the article; -1: none, all is judged as it stands
    open: frozenset[str] = frozenset()  #: gates that stay open
    country: str | None = None  #: territory: this watched country
    is_fresh: bool = False  #: freshness: it happened in the last three days
    is_lead: bool = False  #: prominence: told in the lead
    is_hostile: bool = False  #: owner: the object is marked as an intruder
    action: str | None = None  #: action: this one

    def let(self, gate: Gate | None) -> Gate | None:
        """Return the gate, or None when it is one that stays open."""
        return None if gate is not None and gate.name in self.open else gate

    def fill(self, frame: Frame) -> None:
        """Put the changed slots into a frame that has not been judged yet."""
        if self.is_hostile:
            frame.has_hostile, frame.is_own = True, False
            frame.what = "aircraft" if frame.what == "civil" else frame.what
        if self.action is not None:
            frame.actions = {self.action}
            frame.is_verbless = False

    @property
    def changes(self) -> list[str]:
        """Return the changes in words, smallest first."""
        told = [f"gate {name} open" for name in sorted(self.open)]
        told += [f"territory: {self.country}"] if self.country else []
        told += ["freshness: it happened in the last three days"] if self.is_fresh else []
        told += ["prominence: told in the lead"] if self.is_lead else []
        told += ["owner: the object is an intruder's"] if self.is_hostile else []
        told += [f"action: {self.action}"] if self.action else []
        return told


AS_IT_IS = WhatIf(-1)
