"""An article laid out: title, lead, paragraphs, digest items, and what each may look at. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from streams.catalog import Catalog
from streams.catalog.concepts import OBJECTS
from streams.catalog.languages import Language
from streams.understand.clauses import make_line
from streams.understand.ladder import Setting
from streams.understand.lexicon import Hit, outermost
from streams.understand.sentence import Line
from streams.understand.text import Field, digest_items, sentences

_TELLING = frozenset((*OBJECTS, "incursion", "violate"))
_LEAD_SENTENCES = 3
# The work budget: what lies beyond is a dump, not an article, and its tags are enough.
_MAX_LINES = 80
_MAX_HITS = 60  # a sentence


@dataclass(slots=True)
class Around:
    """What a sentence may look at."""

    prominence: str  #: title | lead | item | body
    others: list[Line]  #: where it may borrow an object
    heads: list[Line]  #: whose cues weigh on it
    setting: Setting


@dataclass(slots=True)
class Layout:
    """The sentences of an article that may tell something, in order."""

    lines: list[Line]
    heads: list[Line]  #: the title's sentences
    lead: list[Line]
    setting: Setting

    def around(self, line: Line) -> Around:
        """Return what a sentence may look at; a digest's item stands for itself, whatever the title."""
        title, lead = self.setting.title, self.lead
        if line.item >= 0:
            kin = [
                one for one in self.lines
                if one.item == line.item and one.field is line.field and one is not line
            ]  # fmt: skip
            named = {p.country for one in (line, *kin) for p in one.parts if p.country}
            own = replace(
                self.setting,
                title=kin[0] if kin and kin[0].number < line.number else None,
                lead=kin,
                countries=frozenset(named),
            )
            return Around("item", kin, [], own)
        if line.field.name == "title":
            others = lead if line is title else [one for one in self.heads if one is not line]
            return Around("title", others, self.heads, self.setting)
        if any(line is one for one in lead):
            return Around("lead", [title] if title else [], self.heads, self.setting)
        return Around("body", [], self.heads, self.setting)


def lay_out(
    fields: list[Field], hits: dict[str, list[Hit]], language: Language, catalog: Catalog
) -> Layout:
    """Return an article's layout.

    Args:
        fields: Title, summary, body.
        hits: Each field's, by its name.
        language: Of the article.
        catalog: For the gazetteer.
    """
    lines, title, lead = _lines(fields, hits, language, catalog)
    setting = Setting(
        title=title,
        lead=lead,
        countries=_countries(hits, catalog),
        publisher_country=None,
        home=language.home,
        beside=_beside(lines),
    )
    return Layout(lines, [line for line in lines if line.field.name == "title"], lead, setting)


def _lines(
    fields: list[Field], hits: dict[str, list[Hit]], language: Language, catalog: Catalog
) -> tuple[list[Line], Line | None, list[Line]]:
    """Return the sentences that may tell something, the title's first, and the lead."""
    places = catalog.places.places
    lines: list[Line] = []
    lead: list[Line] = []
    title: Line | None = None
    for number, one in enumerate(fields):
        found = outermost([hit for hit in hits[one.name] if not _is_void(hit, one, language)])
        index = 0
        taken = 0
        found_sentences = sentences(one)
        items = digest_items(one, found_sentences, language.months) if number else frozenset()
        for sentence in found_sentences:
            while index < len(found) and found[index].start < sentence.start:
                index += 1
            inside: list[Hit] = []
            while index < len(found) and found[index].start < sentence.end:
                inside.append(found[index])
                index += 1
            if (
                number
                and taken < _LEAD_SENTENCES
                and _repeats(one.folded[sentence.start : sentence.end], fields[0].folded)
            ):
                continue
            is_lead = number > 0 and taken < _LEAD_SENTENCES and len(lead) < _LEAD_SENTENCES
            item = sentence.paragraph if sentence.paragraph in items else -1
            is_lead = is_lead and item < 0
            if number and not is_lead and item < 0 and not _may_tell(inside):
                taken += 1
                continue  # a sentence of the body without object or event holds no frame
            if len(lines) >= _MAX_LINES:
                return lines, title, lead
            line = make_line(one, sentence, inside[:_MAX_HITS], language, places)
            line.number, line.item = taken, item
            if number == 0:
                title = title or line
                lines.append(line)
                continue
            if is_lead:
                lead.append(line)
            taken += 1
            lines.append(line)
    return lines, title, lead


#: A full stop after a longer word ends a term, one after "st" or "km" is an abbreviation's.
_FULL_STOP = r"(?<=[^\W\d_]{4})\.\s"
_STOP = re.compile(rf"[?!:;]\s|\s[–—-]\s|{_FULL_STOP}")
_COMMA = re.compile(rf"[?!:;,]\s|\s[–—-]\s|{_FULL_STOP}")
#: What a comma may stand in: "після того, як"; phrases that deny or calm.
_CONNECTORS = ("after", "if", "that", "against", "nothing_seen", "false_alarm", "reassure")


def _is_void(hit: Hit, field: Field, language: Language) -> bool:
    """Tell whether a term runs over a sentence's end ("attack? Drones"), or is May, the month."""
    if len(hit.term.words) > 1:
        stop = _STOP if hit.says(*_CONNECTORS) else _COMMA
        return stop.search(field.text, hit.start, hit.end) is not None
    if not hit.says("may") or not field.text[hit.start].isupper():
        return False
    return hit.start > 0 and field.folded[hit.start : hit.end] in language.months


def _may_tell(hits: list[Hit]) -> bool:
    return any(concept in _TELLING for hit in hits for concept in hit.term.concepts)


def _repeats(sentence: str, title: str) -> bool:
    return sentence.split() == title.split()


def _countries(hits: dict[str, list[Hit]], catalog: Catalog) -> frozenset[str]:
    named: set[str] = set()
    for found in hits.values():
        for hit in outermost(found):
            if hit.term.country and hit.term.form != "person":
                named.add(hit.term.country)
            elif hit.term.place:
                place = catalog.places.places[hit.term.place]
                if "ambiguous" not in place.flags and len(place.countries) == 1:
                    named.add(place.countries[0])
    return frozenset(named)


def _beside(lines: list[Line]) -> frozenset[str]:
    """Return the countries that are named only as a neighbour: "a hundred km from its border"."""
    parts = [part for line in lines for part in line.parts if part.country]
    beside = {str(p.country) for p in parts if p.part in ("border", "near") and p.place is None}
    return frozenset(beside - {p.country for p in parts if p.part not in ("border", "near")})
