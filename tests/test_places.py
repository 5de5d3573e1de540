"""The gazetteer's rows: format, coordinates inside the country, names that mean one country."""

import csv
import itertools
import json
import math
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import pytest
from conftest import ROOT

from streams.catalog import languages
from streams.catalog import places as reader
from streams.catalog.concepts import COUNTRIES, WATCHED
from streams.catalog.sources import Sources
from streams.errors import Fault
from streams.understand.text import fold

FOLDER = ROOT / "seeds" / "places"
OUTLINES: dict[str, list[list[list[float]]]] = json.loads(
    (ROOT / "tests" / "data" / "country_outlines.json").read_text(encoding="utf-8")
)
#: Degrees by which a coarse outline may cut a real bulge off.
TOLERANCE_DEG = 0.35
FLAGS = {"watched", "trap", "incident", "ambiguous", "capital"}
#: Kinds that may lie in several states, or in none.
SHARED_KINDS = {"border_river", "border_crossing", "sea", "lake", "zone", "region", "island"}
NOT_LATIN = {"ru", "uk", "be", "bg", "mk", "el"}
LANGUAGES = set(
    [
        "*",
        "en",
        "fr",
        "de",
        "pl",
        "lt",
        "lv",
        "et",
        "fi",
        "sv",
        "nb",
        "nn",
        "da",
        "is",
        "nl",
        "es",
        "pt",
        "it",
        "ro",
        "hu",
        "cs",
        "sk",
        "sl",
        "hr",
        "sr",
        "bs",
        "bg",
        "mk",
        "sq",
        "el",
        "tr",
        "uk",
        "ru",
        "be",
    ]
)
FORM = re.compile(r"[^{},;:]+(?:\{[^{};:]*\}[^{},;:]*)*")


@dataclass(frozen=True)
class Row:
    where: str
    id: str
    kind: str
    country: str
    lat: float
    lon: float
    names: str
    flags: frozenset[str]
    source: str

    @property
    def countries(self) -> frozenset[str]:
        return frozenset(code for code in self.country.split(",") if code)

    def forms(self) -> list[tuple[str, str]]:
        pairs = [part.partition(":") for part in self.names.split(";")]
        return [
            (language, form)
            for language, _, forms in pairs
            for form in re.split(r",(?![^{]*\})", forms)
        ]


@cache
def rows() -> tuple[Row, ...]:
    found = []
    for path in sorted(FOLDER.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            lines = (line for line in file if not line.startswith("#"))
            for number, row in enumerate(
                csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), 2
            ):
                assert None not in row and None not in row.values(), f"{path.name}: row {number}"
                found.append(
                    Row(
                        where=f"{path.name} row {number}",
                        id=row["id"],
                        kind=row["kind"],
                        country=row["country"],
                        lat=float(row["lat"]),
                        lon=float(row["lon"]),
                        names=row["names"],
                        flags=frozenset(row["flags"].split()),
                        source=row["source"],
                    )
                )
    return tuple(found)


@cache
def spelled(form: str) -> list[str]:
    """Return every literal text that a form stands for."""
    parts = [
        match[1].split(",") if match[1] is not None else [match[0]]
        for match in re.finditer(r"\{([^}]*)\}|[^{]+", form)
    ]
    return ["".join(choice) for choice in itertools.product(*parts)]


def distance_deg(lat: float, lon: float, polygon: list[list[float]]) -> float:
    """Return 0 inside the polygon, else the distance to its nearest edge in degrees of latitude."""
    squeeze = math.cos(math.radians(lat))
    corners = [(y, x * squeeze) for y, x in polygon]
    point = (lat, lon * squeeze)
    inside = False
    nearest = math.inf
    for (y1, x1), (y2, x2) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y1 > point[0]) != (y2 > point[0]):
            crossing = x1 + (point[0] - y1) / (y2 - y1) * (x2 - x1)
            inside ^= point[1] < crossing
        length = (y2 - y1) ** 2 + (x2 - x1) ** 2
        along = ((point[0] - y1) * (y2 - y1) + (point[1] - x1) * (x2 - x1)) / length
        along = min(max(along, 0.0), 1.0)
        nearest = min(
            nearest,
            math.hypot(point[0] - y1 - along * (y2 - y1), point[1] - x1 - along * (x2 - x1)),
        )
    return 0.0 if inside else nearest


def test_the_shipped_rows_are_read_without_fault() -> None:
    faults: list[Fault] = []
    gazetteer = reader.read(Sources.of(), faults)
    assert not faults
    assert len(gazetteer.places) == len(rows())
    expected = {(language, form, row.id) for row in rows() for language, form in row.forms()}
    got = {
        (language, term.text, term.place)
        for language, terms in gazetteer.names.items()
        for term in terms
    }
    lost = expected - got
    assert not lost, f"forms the reader cannot use: {sorted(lost)[:10]}"


def test_every_row_follows_the_format() -> None:
    wrong = []
    for row in rows():
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.id):
            wrong.append(f"{row.where}: id {row.id!r} is not kebab")
        if row.kind not in reader.KINDS or row.kind == "country":
            wrong.append(f"{row.where}: kind {row.kind!r}")
        if not row.countries <= set(COUNTRIES):
            wrong.append(f"{row.where}: country {row.country!r}")
        if len(row.countries) != 1 and row.kind not in SHARED_KINDS:
            wrong.append(f"{row.where}: a {row.kind} lies in one country")
        if not row.flags <= FLAGS:
            wrong.append(f"{row.where}: flags {sorted(row.flags - FLAGS)}")
        if ("watched" in row.flags) != bool(row.countries & WATCHED):
            wrong.append(f"{row.where}: flag watched does not fit country {row.country}")
        if "trap" in row.flags and row.countries and row.countries <= WATCHED:
            wrong.append(f"{row.where}: trap inside a watched state")
        if not row.source.strip():
            wrong.append(f"{row.where}: no source")
        if not row.names.startswith("*:"):
            wrong.append(f"{row.where}: the native or English form comes first, under *")
        languages = [part.partition(":")[0] for part in row.names.split(";")]
        if len(languages) != len(set(languages)) or not set(languages) <= LANGUAGES:
            wrong.append(f"{row.where}: languages {languages}")
        wrong += [
            f"{row.where}: {language}:{form!r}"
            for language, form in row.forms()
            if not FORM.fullmatch(form) or form != form.strip() or "  " in form
        ]
    assert not wrong, "\n".join(wrong)


def test_ids_are_unique() -> None:
    seen: dict[str, str] = {}
    twice = [
        f"{row.id}: {row.where} and {seen[row.id]}"
        for row in rows()
        if seen.setdefault(row.id, row.where) != row.where
    ]
    assert not twice


def test_places_lie_inside_their_country() -> None:
    outside = []
    for row in rows():
        for code in row.countries:
            if len(row.countries) > 1:  # a shared river's point is near each, exactly in none
                continue
            assert code in OUTLINES, f"{row.where}: no outline of {code}"
            off = min(distance_deg(row.lat, row.lon, outline) for outline in OUTLINES[code])
            limit = TOLERANCE_DEG if row.kind not in ("sea", "zone", "critical_site") else 1.5
            if off > limit:
                outside.append(
                    f"{row.where}: {row.id} {row.lat} {row.lon} is {off:.2f}° off {code}"
                )
    assert not outside, "\n".join(outside)


def test_a_name_means_one_country_unless_flagged_ambiguous() -> None:
    by_name: dict[tuple[str, str], set[Row]] = defaultdict(set)
    for row in rows():
        if "ambiguous" in row.flags:
            continue
        for language, form in row.forms():
            for text in spelled(form):
                by_name[language, " ".join(fold(text).split())].add(row)
    clashes = set()
    for (language, text), found in by_name.items():
        rivals = set(found)
        if language != "*" and language not in NOT_LATIN:
            rivals |= by_name.get(("*", text), set())
        owners = [row.countries for row in rivals]
        if len(set(owners)) > 1 and not frozenset.intersection(*owners):
            clashes.add(f"{language}:{text} {sorted(row.id for row in rivals)}")
    assert not clashes, "\n".join(sorted(clashes))


@pytest.mark.parametrize(
    "text", ["Lviv", "Wyryki", "Przewodów", "Plauru", "Gaižiūnai", "Gaigalava"]
)
def test_known_incident_and_trap_places_are_there(text: str) -> None:
    assert any(text in spelled(form) for row in rows() for _, form in row.forms())


def test_names_match_in_the_cases_of_the_local_press() -> None:
    cases = [
        ("pl", "Wyrykach", "pl-wyryki"),
        ("pl", "Przewodowie", "pl-przewodow"),
        ("lt", "Gaižiūnų poligone", "lt-gaiziunai-range"),
        ("lv", "Gaigalavā", "lv-gaigalava"),
        ("ru", "Тернополе", "ua-ternopil"),
        ("uk", "Львові", "ua-lviv"),
        ("fi", "Suomenlahdella", "w-gulf-of-finland"),
        ("et", "Peipsil", "w-peipus"),
        ("ro", "Dunării", "w-danube"),
        ("hu", "Ungvár", "ua-uzhhorod"),
    ]
    forms = {row.id: row.forms() for row in rows()}
    for language, text, place in cases:
        spellings = {s for code, f in forms[place] if code == language for s in spelled(f)}
        assert text in spellings, f"{place} in {language}: {text}"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "nice split chop cork moss shape reading tyre"),
        ("de", "bergen boden schaffen heide rügen hahn essen bug"),
        ("nl", "van elk doel hel bergen engels petten"),
        ("fr", "stade marche ruse nice alta"),
        ("sv", "kemi hel elva lida"),
        ("nb", "kemi hel elva lest røst"),
        ("pl", "nisko pisz węgrów suma sumy równe gaz bugi"),
        ("cs", "válka zvolen ostrov lom rota prahu ulic krk"),
        ("sk", "zvolený lesť riad ostrov kuchyňa"),
        ("lt", "viena tokio kurso kairiai balti buvo sumų biržų"),
        ("lv", "viņi gāzu rota balvu valka"),
        ("et", "balti paks lask kena heli muuga tapa viin"),
        ("fi", "tänä alta tapa varkaus tämä"),
        ("hu", "van csap roma hamar"),
        ("ro", "ruse alta largă vadu soți mineri greci pula"),
        ("ru", "атаки газа остров белая южный орёл советском балтийском быстрое"),
        ("uk", "буде південний сум газу балтійська пор"),
        ("bg", "газа бяла обзор суми"),
        ("sr", "pragu pragom rota прагом"),
        ("tr", "ordu ege"),
    ],
)
def test_common_words_name_no_place(language: str, words: str) -> None:
    wanted = {fold(word) for word in words.split()}
    hits = {
        f"{text} is {row.id}"
        for row in rows()
        if "ambiguous" not in row.flags
        for code, form in row.forms()
        if code == language or (code == "*" and language not in NOT_LATIN)
        for text in spelled(form)
        if " ".join(fold(text).split()) in wanted
    }
    assert not hits


#: Concepts and forms of a country that are names of places themselves: rivers are borders.
PLACE_LIKE = {
    "airport",
    "base",
    "border",
    "cable",
    "kaliningrad",
    "crimea",
    "critical",
    "locality",
    "name",
    "capital",
    "institution",
    "official",  # an airport's operator
}


def test_no_place_is_called_like_a_word_of_the_lexicon() -> None:
    sources, faults = Sources.of(), list[Fault]()
    gazetteer = reader.read(sources, faults)
    clashes = []
    for tag, language in languages.read(sources, faults).items():
        named = {
            term.words[0].stem + ending: term.place or ""
            for term in gazetteer.terms(tag)
            if len(term.words) == 1 and "ambiguous" not in gazetteer.places[term.place or ""].flags
            for ending in term.words[0].endings or ()
        }
        for term in language.terms:
            word = term.words[0]
            if len(term.words) > 1 or {*term.concepts, term.form} & PLACE_LIKE or word.is_head:
                continue
            clashes += [
                f"{tag}: {word.stem + ending} ({term.text}) is {named[word.stem + ending]}"
                for ending in word.endings or ()
                if word.stem + ending in named
                and term.country not in gazetteer.places[named[word.stem + ending]].countries
            ]
    assert not clashes, "\n".join(clashes)
