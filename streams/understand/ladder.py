"""The steps of the territory ladder, and what they may look at."""

from __future__ import annotations

from dataclasses import dataclass

from streams.understand.sentence import Line, Part

#: Step → certainty that it gives the territory.
STEPS = {
    "clause": 0.98, "sentence": 0.93, "title_lead": 0.88, "actor": 0.85, "institution": 0.8,
    "our": 0.8, "only_country": 0.72, "publisher": 0.66, "language": 0.6, "nato_state": 0.6,
    "other": 0.0, "null": 0.0,
}  # fmt: skip
#: Steps that guess the state from what the article says nothing about; and all that borrow it.
GUESSED = ("only_country", "publisher", "language")
BORROWED = ("title_lead", *GUESSED)


@dataclass(frozen=True, slots=True)
class Found:
    """A step of the ladder, with what stood there."""

    step: str
    country: str | None  #: a watched country, another theatre's with step `other`, or None
    part: Part | None = None
    also: tuple[Part, ...] = ()  #: further watched countries of the same event
    why: str = ""


@dataclass(slots=True)
class Setting:
    """What the ladder may look at besides the sentence."""

    title: Line | None
    lead: list[Line]
    countries: frozenset[str]  #: every country the article names
    publisher_country: str | None
    home: tuple[str, ...]
    beside: frozenset[str] = frozenset()  #: countries named only for their border
