"""seeds/people.toml → heads of state and government, ministers: whose "our sky" it is when they speak.

A name says which state speaks, never where something happened.
"""

from __future__ import annotations

from streams.catalog.concepts import COUNTRIES
from streams.catalog.faults import Seed, read_toml, suggest, validate
from streams.catalog.languages import Term, Word
from streams.catalog.models import ENDINGS
from streams.catalog.sources import Sources
from streams.errors import Fault
from streams.understand.text import fold

_MIN_STEM_CHARS = 4
_WHOLE = frozenset({""})


class Speakers(Seed):
    """One state's."""

    names: list[str]  #: `Sikorsk*`: the stem with any ending; `Tusk`: up to two letters more


def read(sources: Sources, faults: list[Fault]) -> tuple[Term, ...]:
    """Return the names as terms of form `person`; a later layer's country replaces the earlier."""
    found: dict[str, list[str]] = {}
    for file in sources.single("people.toml"):
        data = read_toml(file.path, file.name, faults)
        for code, names in (data or {}).items():
            if code not in COUNTRIES:
                faults.append(Fault(file.name, code, f"unknown country{suggest(code, COUNTRIES)}"))
                continue
            seed = validate(Speakers, names, f"{file.name}: {code}", faults)
            if seed is not None:
                found[code] = seed.names
    return tuple(_term(name, code) for code, names in found.items() for name in names)


def _term(name: str, code: str) -> Term:
    pieces = fold(name.rstrip("*")).split()
    any_ending = name.endswith("*") and len(pieces[-1]) >= _MIN_STEM_CHARS
    words = tuple(Word(piece, _WHOLE) for piece in pieces[:-1])
    last = Word(pieces[-1], None if any_ending else ENDINGS)
    return Term(text=f"person:{name}", words=(*words, last), country=code, form="person")
