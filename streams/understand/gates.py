"""The gates that an event must pass to be told, and what stands above a sentence. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from streams.understand.lexicon import Hit
from streams.understand.sentence import Line

#: Closed list of gates; the words of `why`, explain and the metrics.
GATES = (
    "denial", "nothing_seen", "false_alarm", "hypothetical", "defence_against", "exercise", "policy",
    "repeated", "past", "intercept_without_violation", "near_border", "other_theatre", "no_territory",
    "civilian", "own_object", "words_out_of_place", "other_region", "late", "background", "not_told",
    "unlikely",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate that a frame did not pass."""

    name: str
    why: str
    hit: Hit | None = None


@dataclass(frozen=True, slots=True)
class Above:
    """What stands above a sentence and may weigh on it."""

    heads: list[Line]
    lead: list[Line]

    def first(self, *concepts: str) -> Hit | None:
        """Return the title's first hit of one of these concepts."""
        return next((hit for line in self.heads if (hit := line.first(*concepts))), None)

    def innocent(self, concept: str) -> Hit | None:
        """Return the first hit of title or lead: that it was none may be told only below."""
        return self.first(concept) or next(
            (hit for line in self.lead if (hit := line.first(concept))), None
        )
