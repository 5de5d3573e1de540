"""seeds/languages/<tag>.toml → the words of one language: terms per concept, cues, countries, time.

A term is words; a word is a stem with named classes of endings (`dron{m}`), a whole word, a
prefix (`drohnenabwehr*`), a compound's head (`~drohne{f}`: anything may stand before it), or a
gap of up to six words (`schoss … ab`). Everything is folded like the text, so case and accents
do not matter. A key may name several concepts (`"drone+sighted"`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import Field as Key

from streams.catalog.concepts import ACTIONS, CONCEPTS, COUNTRIES, FORMS, ROLES
from streams.catalog.faults import Seed, read_toml, suggest, validate
from streams.catalog.sources import Sources
from streams.errors import Fault
from streams.understand.text import fold

MIN_PREFIX_CHARS = 4
GAP_WORDS = 6
_WORD = re.compile(r"^(?P<head>~?)(?P<stem>[^{}*~]+)(?:\{(?P<classes>[^{}]+)\}|(?P<any>\*))?$")


# Not frozen, and yet never changed: a quarter of a million are made at every load, and freezing
# each costs more than reading it.
@dataclass(slots=True, unsafe_hash=True)
class Word:
    """One word of a term, folded."""

    stem: str
    endings: frozenset[str] | None  #: None: any ending
    is_head: bool = False  #: may be the end of a compound
    roles: dict[str, str] = field(default_factory=dict, hash=False, compare=False)  #: ending → role

    def matches(self, token: str) -> bool:
        """Tell whether a folded token is this word."""
        if self.is_head:
            at = token.rfind(self.stem)
            return at >= 0 and self._ends(token[at + len(self.stem) :])
        return token.startswith(self.stem) and self._ends(token[len(self.stem) :])

    def _ends(self, rest: str) -> bool:
        return self.endings is None or rest in self.endings


GAP = Word("…", None)
_NO_ROLES: dict[str, str] = {}
#: Folded endings of one or several classes, and the role that an ending gives.
Endings = tuple[frozenset[str], dict[str, str]]
#: Read already: parts of terms → their words, classes ("{m") → their endings.
Known = dict[str, Any]
_WHOLE = frozenset({""})


@dataclass(slots=True, unsafe_hash=True)
class Term:
    """A way to say one or several concepts, or to name a country."""

    text: str  #: as written in the seed, for explain
    words: tuple[Word, ...]
    concepts: tuple[str, ...] = ()
    country: str | None = None
    form: str | None = None  #: of a country: name, adj, people, capital, institution, ours
    place: str | None = None  #: gazetteer id


@dataclass(frozen=True, slots=True)
class Language:
    """One language's words, ready to be matched."""

    id: str
    name: str
    home: tuple[str, ...]
    adjective: str
    terms: tuple[Term, ...]
    prepositions: dict[str, str]  #: folded word → role
    weekdays: dict[str, int]  #: folded word → 0 (Monday) … 6
    months: dict[str, int]  #: folded word → 1 … 12
    numbers: dict[str, int]
    date_order: str
    tests: tuple[LanguageTest, ...]


#: Classes of tests: what hits are, and the traps of understanding.
CLASSES = (
    "core", "followup", "late_followup", "denial", "historical", "policy", "hypothetical", "exercise",
    "intercept_without_violation", "precautionary_scramble", "air_alert", "near_border",
    "ukraine_or_russia", "reverse_accusation", "other_region", "civilian", "false_alarm",
    "airport_other_cause", "diplomacy_weapons", "other_hostile", "words_out_of_place",
)  # fmt: skip


class CountryForms(Seed):
    """How one country is named."""

    name: list[str] = []
    adj: list[str] = []
    people: list[str] = []
    capital: list[str] = []
    institution: list[str] = []


class LanguageTest(Seed):
    """A text with what must come out of it."""

    title: str
    body: str = ""
    published: str = "2025-09-15"
    feed_country: str | None = None
    expect: str | Literal[False]  #: country code, "?" for an incursion without country, or false
    kind: str | None = None
    cls: str = Key("", alias="class")  #: core, followup, or the trap class
    pair: str | None = None
    why: str = ""
    by: Literal["author", "reviewer"] = "author"


class Time(Seed):
    """Words of the calendar; lists of whole words or terms without gaps."""

    weekdays: list[list[str]] = Key(default=[], max_length=7)
    months: list[list[str]] = Key(default=[], max_length=12)
    order: Literal["dmy", "mdy", "ymd"] = "dmy"


class LanguageSeed(Seed):
    """One file of seeds/languages."""

    id: str
    name: str
    home: list[str] = []
    adjective: Literal["before", "after", "both"] = "both"
    status: Literal["stable", "experimental"] = "experimental"
    author: str = ""
    reviewer: str = ""
    notes: str = ""
    suffixes: dict[str, list[str] | dict[str, list[str]]] = {}
    terms: dict[str, list[str]] = {}
    countries: dict[str, CountryForms] = {}
    prepositions: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}
    time: Time = Time()
    test: list[LanguageTest] = []


def read(sources: Sources, faults: list[Fault]) -> dict[str, Language]:
    """Return the languages by tag; a later layer replaces a whole language."""
    languages: dict[str, Language] = {}
    for file in sources.files("languages"):
        data = read_toml(file.path, file.name, faults)
        seed = None if data is None else validate(LanguageSeed, data, file.name, faults)
        if seed is None:
            continue
        if seed.id != file.stem:
            faults.append(
                Fault(file.name, "id", f"must be the file's stem {file.stem!r}, got {seed.id!r}")
            )
        for number, test in enumerate(seed.test):
            if test.cls not in CLASSES:
                wrong = f"unknown class {test.cls!r}{suggest(test.cls, CLASSES)}"
                faults.append(Fault(file.name, f"test[{number}].class", wrong))
        languages[seed.id] = _Reader(seed, file.name, faults).language()
    return languages


class _Reader:
    """Turns one seed into a Language; faults carry the key of the term."""

    def __init__(self, seed: LanguageSeed, name: str, faults: list[Fault]) -> None:
        self.seed, self.name, self.faults = seed, name, faults
        self.known: Known = {}

    def language(self) -> Language:
        seed = self.seed
        return Language(
            id=seed.id,
            name=seed.name,
            home=tuple(seed.home),
            adjective=seed.adjective,
            terms=tuple(self._terms()),
            prepositions=dict(self._prepositions()),
            weekdays=self._calendar("weekdays", seed.time.weekdays, 7, 0),
            months=self._calendar("months", seed.time.months, 12, 1),
            numbers={fold(word).strip(): value for word, value in seed.numbers.items()},
            date_order=seed.time.order,
            tests=tuple(seed.test),
        )

    def _terms(self) -> Iterator[Term]:
        for key, texts in self.seed.terms.items():
            concepts = tuple(key.split("+"))
            for concept in concepts:
                if concept not in CONCEPTS:
                    self._fault(
                        f"terms.{key}", f"unknown concept {concept!r}{suggest(concept, CONCEPTS)}"
                    )
            yield from self._parsed(f"terms.{key}", texts, concepts=concepts)
        for code, forms in self.seed.countries.items():
            if code not in COUNTRIES:
                self._fault(f"countries.{code}", f"unknown country{suggest(code, COUNTRIES)}")
            for form in FORMS:
                texts = getattr(forms, form)
                yield from self._parsed(f"countries.{code}.{form}", texts, country=code, form=form)

    def _parsed(
        self,
        key: str,
        texts: list[str],
        concepts: tuple[str, ...] = (),
        country: str | None = None,
        form: str | None = None,
    ) -> Iterator[Term]:
        suffixes, known = self.seed.suffixes, self.known
        for text in texts:
            try:
                words = parse_words(text, suffixes, known)
            except ValueError as error:
                self._fault(key, f"{text!r}: {error}")
                continue
            yield Term(text, words, concepts, country, form)

    def _prepositions(self) -> Iterator[tuple[str, str]]:
        for role, words in self.seed.prepositions.items():
            if role not in ROLES:
                self._fault(f"prepositions.{role}", f"unknown role{suggest(role, ROLES)}")
            for word in words:
                yield " ".join(fold(word).split()), role

    def _calendar(
        self, key: str, groups: list[list[str]], count: int, first: int
    ) -> dict[str, int]:
        if groups and len(groups) != count:
            self._fault(f"time.{key}", f"must have {count} lists, got {len(groups)}")
        numbers: dict[str, int] = {}
        for number, group in enumerate(groups, first):
            for text in group:
                try:
                    parsed = parse_words(text, self.seed.suffixes, self.known)
                except ValueError as error:
                    self._fault(f"time.{key}", f"{text!r}: {error}")
                    continue
                for ending in parsed[-1].endings or _WHOLE:
                    numbers.setdefault(parsed[-1].stem + ending, number)
        return numbers

    def _fault(self, key: str, reason: str) -> None:
        self.faults.append(Fault(self.name, key, reason))


#: Concepts that stay said inside a longer term of an action or event: "down drones", "airspace violation".
_INNER = ("airspace", "drone", "missile", "balloon", "home", "our")
_KEY_LETTERS = 3
_OUTER = frozenset(
    (
        *ACTIONS,
        "incursion",
        "incident",
        "suspected",
        "hostile",
        "unidentified",
        "many",
        "again",
        "said",
        "nothing_seen",
        "false_alarm",
    )
)


def with_inner(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Let a longer term say also what the words inside it say: it covers them in a text.

    Done when a language is first read, not when the catalog is loaded: a third of that time.
    """
    inner: dict[str, list[tuple[str, tuple[Word, ...]]]] = {}  # by the first letters: few meet
    for term in terms:
        for concept in _INNER:
            if concept in term.concepts and all(word is not GAP for word in term.words):
                key = term.words[0].stem[:_KEY_LETTERS]
                inner.setdefault(key, []).append((concept, term.words))
    begun: dict[int, list[tuple[str, tuple[Word, ...]]]] = {}  # by identity: terms share words

    def begun_by(word: Word) -> list[tuple[str, tuple[Word, ...]]]:
        found = begun.get(id(word))
        if found is None:
            near = inner.get(word.stem[:_KEY_LETTERS], ())
            found = begun[id(word)] = [one for one in near if _is_said(one[1][0], word)]
        return found

    made: list[Term] = []
    for term in terms:
        if len(term.words) > 1 and not _OUTER.isdisjoint(term.concepts):
            said = {
                concept
                for at, word in enumerate(term.words)
                for concept, words in begun_by(word)
                if concept not in term.concepts and _holds(term.words, at, words)
            }
            if said:
                term = replace(term, concepts=(*term.concepts, *sorted(said)))
        made.append(term)
    return tuple(made)


def _holds(words: tuple[Word, ...], at: int, inner: tuple[Word, ...]) -> bool:
    """Tell whether the words from `at` on are what the inner term's words match."""
    stretch = words[at : at + len(inner)]
    return len(stretch) == len(inner) and all(map(_is_said, inner, stretch))


def _is_said(inner: Word, word: Word) -> bool:
    """Tell whether a form of the word is one of the inner word's."""
    return word is not GAP and any(
        inner.matches(word.stem + ending) for ending in word.endings or _WHOLE
    )


def parse_words(
    text: str, suffixes: dict[str, Any], known: Known | None = None
) -> tuple[Word, ...]:
    """Return the words of a term.

    Args:
        text: As written in the seed.
        suffixes: The language's classes of endings.
        known: Parts read already, shared by the language's terms.

    Raises:
        ValueError: unknown suffix class, empty stem, bare prefix that is too short, bad syntax.
    """
    known = {} if known is None else known
    words: tuple[Word, ...] = ()
    for part in text.split():
        found = known.get(part)
        if found is None:
            found = known[part] = _part(part, suffixes, known)
        words = words + found if words else found  # most terms are one word, and share it
    if not words or words[0] is GAP or words[-1] is GAP:
        raise ValueError("a term begins and ends with a word")
    return words


def _part(part: str, suffixes: dict[str, Any], known: Known) -> tuple[Word, ...]:
    """Return the words of one part between spaces; a hyphen or an apostrophe makes several."""
    if part == "…":
        return (GAP,)
    if part.isalpha():  # most parts: a whole word
        return (Word(fold(part), _WHOLE, False, _NO_ROLES),)
    match = _WORD.match(part)
    if not match:
        raise ValueError(f"cannot read {part!r}")
    pieces = fold(match["stem"]).split()
    if not pieces:
        raise ValueError(f"{part!r} has no letters")
    words = [
        Word(piece, _WHOLE, bool(match["head"]) and piece is pieces[0]) for piece in pieces[:-1]
    ]
    endings: frozenset[str] | None = _WHOLE
    roles: dict[str, str] = _NO_ROLES
    if match["any"]:
        endings = None
        if len(pieces[-1]) < MIN_PREFIX_CHARS:
            raise ValueError(f"the bare prefix {part!r} is shorter than {MIN_PREFIX_CHARS} letters")
    elif match["classes"]:
        classes = "{" + match["classes"]  # no part begins so
        found = known.get(classes)
        if found is None:
            found = known[classes] = _endings(match["classes"].split(","), suffixes)
        endings, roles = found
    words.append(Word(pieces[-1], endings, bool(match["head"]) and len(pieces) == 1, roles))
    return tuple(words)


def _endings(names: list[str], suffixes: dict[str, Any]) -> Endings:
    endings: set[str] = set()
    roles: dict[str, str] = {}
    for name in names:
        name = name.strip()
        if name not in suffixes:
            raise ValueError(f"unknown suffix class {name!r}{suggest(name, suffixes)}")
        group = suffixes[name]
        if isinstance(group, dict):
            for role, items in group.items():
                for item in items:
                    folded = fold(item).strip()
                    endings.add(folded)
                    roles.setdefault(folded, role)
        else:
            endings |= {fold(item).strip() for item in group}
    return frozenset(endings), roles
