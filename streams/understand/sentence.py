"""What a sentence is made of: clauses with their hits, and the parts of countries and places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from streams.understand.lexicon import Hit
from streams.understand.text import Field, Sentence

Opener = Literal["", "after", "that", "if", "against"]
#: Parts of those who speak for a state.
VOICES = ("speaker", "nominal", "person")
#: What a thing does that is only seen, or passes: alone it tells of no crossing.
PASSING = frozenset({"over", "sighted", "flew", "tracked"})


@dataclass(slots=True)
class Part:
    """What a country or place does in a clause."""

    hit: Hit
    country: str | None
    part: str  #: location | origin | near | territory | border | speaker | ally | person | owner | event | nominal | target
    place: str | None = None
    role: str | None = None
    head: Hit | None = None
    kind: str | None = None  #: of a place: airport, base, village, …


@dataclass(slots=True)
class Clause:
    """A stretch of a sentence between punctuation or connectors."""

    start: int
    end: int
    opener: Opener = ""
    opener_hit: Hit | None = None
    hits: list[Hit] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    in_quote: bool = False

    def first(self, *concepts: str) -> Hit | None:
        """Return the clause's first hit of one of these concepts."""
        for hit in self.hits:
            for concept in hit.term.concepts:
                if concept in concepts:
                    return hit
        return None

    def all(self, *concepts: str) -> list[Hit]:
        """Return the clause's hits of these concepts."""
        return [hit for hit in self.hits if hit.says(*concepts)]


@dataclass(slots=True)
class Line:
    """A sentence with its clauses."""

    field: Field
    sentence: Sentence
    clauses: list[Clause]
    prepositions: dict[str, str]  #: its language's, with their roles
    number: int = 0  #: in its field
    item: int = -1  #: paragraph of the digest item that it is in

    def first(self, *concepts: str) -> Hit | None:
        """Return the sentence's first hit of one of these concepts."""
        for clause in self.clauses:
            found = clause.first(*concepts)
            if found is not None:
                return found
        return None

    def holds(self, hit: Hit | None) -> bool:
        """Return whether this very hit stands in the sentence; a borrowed one does not."""
        return any(hit is one for clause in self.clauses for one in clause.hits)

    def is_heading(self, clause: Clause) -> bool:
        """Return whether a colon ends the clause: a speaker's name, a dateline, a topic."""
        return self.field.text[clause.end - 1 : clause.end] == ":"

    @property
    def parts(self) -> list[Part]:
        """Return the parts of all clauses."""
        return [part for clause in self.clauses for part in clause.parts]

    @property
    def text(self) -> str:
        """Return the sentence as written."""
        return self.field.text[self.sentence.start : self.sentence.end]
