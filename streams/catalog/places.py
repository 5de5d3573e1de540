"""seeds/places*.tsv → the gazetteer: names that say where, per language.

Format of a row: seeds/README.md, "Places". Names in `*` hold for every language in Latin script;
in Cyrillic the forms of ru serve be, and those of uk serve no other.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from streams.catalog.concepts import COUNTRIES
from streams.catalog.faults import suggest
from streams.catalog.languages import Term, Word
from streams.catalog.sources import SeedFile, Sources
from streams.errors import Fault
from streams.understand.text import fold

COLUMNS = ("id", "kind", "country", "lat", "lon", "names", "flags", "source")
KINDS = frozenset(
    [
        "country",
        "region",
        "district",
        "city",
        "town",
        "village",
        "airport",
        "base",
        "border_river",
        "border_crossing",
        "sea",
        "island",
        "lake",
        "critical_site",
        "zone",
    ]
)
_CYRILLIC = frozenset({"ru", "uk", "be", "bg", "mk", "sr"})
_BRACES = re.compile(r"^(?P<stem>[^{}]*)(?:\{(?P<endings>[^{}]*)\})?$")


@dataclass(frozen=True, slots=True)
class Place:
    """One row."""

    id: str
    kind: str
    countries: tuple[str, ...]  #: empty: international
    lat: float  #: degrees
    lon: float
    name: str  #: first form of the row, for people
    flags: frozenset[str]


@dataclass(frozen=True)
class Gazetteer:
    """All places and the terms that name them."""

    places: dict[str, Place]
    names: dict[str, tuple[Term, ...]]  #: language or `*` → terms

    def terms(self, language: str, script: str = "latin") -> Iterator[Term]:
        """Yield the terms that name places in a language."""
        yield from self.names.get(language, ())
        if language not in _CYRILLIC and language != "el":
            yield from self.names.get("*", ())
        elif language == "be":
            yield from self.names.get("ru", ())


def read(sources: Sources, faults: list[Fault]) -> Gazetteer:
    """Return the gazetteer of all layers; a later row of the same id replaces the earlier."""
    places: dict[str, Place] = {}
    texts: dict[str, list[tuple[str, str]]] = {}
    for file in sources.single("places.tsv") + sources.files("places", ".tsv"):
        _read_file(file, places, texts, faults)
    names: dict[str, list[Term]] = {}
    for place, pairs in texts.items():
        for language, form in pairs:
            term = Term(text=form, words=_words(form), place=place)
            if term.words:
                names.setdefault(language, []).append(term)
    return Gazetteer(places, {language: tuple(terms) for language, terms in names.items()})


def _read_file(
    file: SeedFile,
    places: dict[str, Place],
    texts: dict[str, list[tuple[str, str]]],
    faults: list[Fault],
) -> None:
    try:
        lines = file.path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        faults.append(Fault(file.name, "", f"cannot be read: {error}"))
        return
    rows = [(number, line) for number, line in enumerate(lines, 1) if line and line[0] != "#"]
    if not rows or tuple(rows[0][1].split("\t")) != COLUMNS:
        faults.append(
            Fault(file.name, "line 1", f"the header must be {' '.join(COLUMNS)}, tab-separated")
        )
        return
    seen: set[str] = set()
    for number, cells in zip(
        [number for number, _ in rows[1:]],
        csv.reader((line for _, line in rows[1:]), delimiter="\t", quoting=csv.QUOTE_NONE),
        strict=True,
    ):
        where = f"line {number}"
        if len(cells) != len(COLUMNS):
            faults.append(
                Fault(file.name, where, f"must have {len(COLUMNS)} cells, got {len(cells)}")
            )
            continue
        row = dict(zip(COLUMNS, cells, strict=True))
        problem = _problem(row, seen)
        if problem:
            faults.append(Fault(file.name, where, problem))
            continue
        seen.add(row["id"])
        pairs = [
            (language.strip(), form.strip())
            for part in row["names"].split(";")
            if part.strip()
            for language, _, forms in [part.partition(":")]
            for form in _split_forms(forms)
            if form.strip()
        ]
        places[row["id"]] = Place(
            id=row["id"],
            kind=row["kind"],
            countries=tuple(code for code in row["country"].replace(" ", "").split(",") if code),
            lat=float(row["lat"]),
            lon=float(row["lon"]),
            name=_plain(pairs[0][1]) if pairs else row["id"],
            flags=frozenset(row["flags"].split()),
        )
        texts[row["id"]] = pairs


def _problem(row: dict[str, str], seen: set[str]) -> str | None:
    if row["id"] in seen:
        return f"id {row['id']!r} stands twice"
    if row["kind"] not in KINDS:
        return f"unknown kind {row['kind']!r}{suggest(row['kind'], KINDS)}"
    for code in filter(None, row["country"].replace(" ", "").split(",")):
        if code not in COUNTRIES:
            return f"unknown country {code!r}"
    try:
        if not (-90 <= float(row["lat"]) <= 90 and -180 <= float(row["lon"]) <= 180):
            return "lat or lon is out of range"
    except ValueError:
        return f"lat and lon must be numbers, got {row['lat']!r} {row['lon']!r}"
    return None


def _split_forms(text: str) -> list[str]:
    """Split at commas outside braces."""
    return re.split(r",(?![^{}]*\})", text)


def _plain(form: str) -> str:
    """Return a form with its first endings, for people to read."""
    return re.sub(r"\{([^{},]*)[^{}]*\}", r"\1", form)


_WHOLE = frozenset({""})


@lru_cache(maxsize=4096)
def _endings(raw: str) -> frozenset[str]:
    """Return the folded endings of `{a,y,}`; the same ones are shared by all names."""
    return frozenset(fold(ending).strip() for ending in raw.split(","))


def _words(form: str) -> tuple[Word, ...]:
    words: list[Word] = []
    for part in re.split(r"\s+(?![^{}]*\})", form):
        match = _BRACES.match(part)
        if not match:
            return ()
        pieces = fold(match["stem"]).split()
        if not pieces:
            continue
        words += [Word(piece, _WHOLE) for piece in pieces[:-1]]
        raw = match["endings"]
        words.append(Word(pieces[-1], _WHOLE if raw is None else _endings(raw)))
    return tuple(words)
