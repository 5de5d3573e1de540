"""Sentences into clauses with their hits, and what each country or place does there. Pure.

A clause ends at punctuation and begins again at a connector (after, when, if, that, against…); the
connector's class decides whether what follows is a fact (factive) or not (conditional).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import pairwise

from streams.catalog.concepts import ACTIONS, AGGRESSORS, CONCEPTS
from streams.catalog.languages import Language
from streams.catalog.places import Place
from streams.understand.borders import is_border_with, is_of_base_left, is_of_coast
from streams.understand.lexicon import Hit
from streams.understand.roles import (
    BARE_CASES,
    WHERE,
    is_distance,
    is_meant,
    is_metres_off,
    is_short_locative,
    preposition,
    region_role,
    right_before,
    shared_roles,
)
from streams.understand.sentence import Clause, Line, Opener, Part
from streams.understand.text import Field, Sentence

_PUNCTUATION = re.compile(r"(?<!\d):|:(?!\d)|[,;()\[\]«»„“”\"|]|\s[–—-]\s|\n|…|[.!?](?=\s)")
_QUOTE_OPEN = re.compile('[«„“"]')
_WORD = re.compile(r"\S+")
_QUOTES = re.compile('[«»„“”"]')
_NAME_CHARS = 24  # quotation marks around so little are a name's, and end no clause
#: Nouns that a country's adjective or genitive may belong to, and the part that gives the country.
_HEADS = {
    "airspace": "territory", "soil": "territory", "waters": "territory", "airport": "territory",
    "base": "territory", "critical": "territory", "locality": "territory", "border": "border",
    "official": "speaker", "own_jet": "ally", "scramble": "speaker", "air_defence": "speaker",
    "incursion": "event", "incident": "event",
}  # fmt: skip
_HEADINGS = frozenset(_HEADS.values())
_CRAFTS = ("jet", "plane", "helicopter", "ship")
_BESIDE = 5  # characters: a short preposition
_OBJECT_GROUPS = frozenset(name for name, concept in CONCEPTS.items() if concept.group == "object")


def make_line(
    field: Field,
    sentence: Sentence,
    hits: list[Hit],
    language: Language,
    places: dict[str, Place],
) -> Line:
    """Return the sentence cut into clauses, its hits in them, countries and places with parts.

    Args:
        field: The field that the sentence is in.
        sentence: Which stretch.
        hits: The sentence's outermost hits, sorted.
        language: For prepositions and where adjectives stand.
        places: The gazetteer's rows by id.
    """
    bounds: list[tuple[int, Opener, Hit | None]] = [(sentence.start, "", None)]
    named = _around_names(field.text, sentence)
    for match in _PUNCTUATION.finditer(field.text, sentence.start, sentence.end):
        at = match.start()
        if at not in named and not _is_inside(at, hits):  # "після того, як" is one connector
            bounds.append((match.end(), "", None))
    for hit in hits:
        for opener in ("after", "if", "that", "against"):
            if opener in hit.concepts:
                bounds.append((hit.start, opener, hit))
                break
    bounds.sort(key=lambda bound: (bound[0], bound[1] != ""))
    clauses: list[Clause] = []
    for index, (start, opener, opener_hit) in enumerate(bounds):
        end = bounds[index + 1][0] if index + 1 < len(bounds) else sentence.end
        if end > start and field.folded[start:end].strip():
            in_quote = bool(start and _QUOTE_OPEN.match(field.text[start - 1]))
            clauses.append(Clause(start, end, opener, opener_hit, in_quote=in_quote))
    if not clauses:
        clauses = [Clause(sentence.start, sentence.end)]
    starts = [clause.start for clause in clauses]
    for hit in hits:
        index = max(0, bisect_left(starts, hit.start + 1) - 1)
        clauses[index].hits.append(hit)
    line = Line(field, sentence, clauses, language.prepositions)
    for clause in clauses:
        _give_parts(clause, field, language, places)
        _join_places(clause, field)
    for part, role in shared_roles(line):
        part.role = role
        part.part = _place_part(role) if part.place else _country_part("name", role, None)
    return line


def _is_inside(at: int, hits: list[Hit]) -> bool:
    for hit in hits:
        if hit.start >= at:
            return False
        if at < hit.end:
            return True
    return False


def _around_names(text: str, sentence: Sentence) -> set[int]:
    """Return the offsets of quotation marks that stand around a name: «Shahed», "Patriot"."""
    marks = [mark.start() for mark in _QUOTES.finditer(text, sentence.start, sentence.end)]
    found: set[int] = set()
    for left, right in pairwise(marks):
        inside = text[left + 1 : right]
        if (
            0 < len(inside) <= _NAME_CHARS
            and inside.count(" ") <= 1
            and left not in found
            and inside[0] != " "
        ):
            found |= {left, right}
    return found


def _give_parts(clause: Clause, field: Field, language: Language, places: dict[str, Place]) -> None:
    doubles = {
        (hit.start, hit.end, hit.term.country) for hit in clause.hits if hit.term.form == "name"
    }
    mapped = {(hit.start, hit.end) for hit in clause.hits if hit.term.place}
    for index, hit in enumerate(clause.hits):
        term = hit.term
        if term.country is None and term.place is None:
            continue
        if term.form == "institution" and (hit.start, hit.end) in mapped:
            continue  # Kastrup says which state it is, and nothing besides
        is_double = (hit.start, hit.end, term.country) in doubles and term.form == "adj"
        if is_double:
            if any(one.end + 1 == hit.start and one.says(*_HEADS) for one in clause.hits[:index]):
                continue  # cs "the airspace of Romania by a drone"
            heading = _head(clause, index, field, language)
            if heading is None or heading.start - hit.end > 1 or heading.end <= hit.start:
                continue  # pl "do Polski": the name; "polski minister": the adjective, too
        role = hit.role
        if role in (None, *BARE_CASES):
            role = right_before(field.folded, clause, hit, language) or role
        role = role or preposition(field.folded, clause, hit, index, language)
        if role in ("of", "near") and term.form == "name":
            hit.role = role
            role = region_role(field.folded, clause, hit, index, language) or role
        in_village = any(
            one.says("locality") and 0 <= one.start - hit.end <= 1 for one in clause.hits
        )
        if role in ("from", "of") and not in_village:
            words = field.folded[max(clause.start, hit.start - 40) : hit.start].split()[-5:]
            far = is_metres_off(words) or (role == "from" and is_distance(words, language))
            role = "near" if far else role
        before = clause.hits[index - 1] if index and not in_village else None
        if before is not None and before.says("near") and abs(hit.start - before.end) <= 1:
            role = "near" if role in ("between", "of", *BARE_CASES, None) else role
        if role == "in" and hit.role == "in" and is_short_locative(field.text, hit, language):
            role = None
        if role in ("in", "at", "near", "of", None) and is_of_base_left(
            clause, index, field, language
        ):
            role = "from"
        hit.role = role
        if term.place is not None:
            row = places[term.place]
            if not is_meant(row, clause, hit, language):
                continue
            # a border river or a sea belongs to several: it says near where, not in which state
            is_one = len(row.countries) == 1
            part = _place_part(role) if is_one else "shared"
            country = row.countries[0] if is_one else None
            if country in AGGRESSORS and role == "of" and (head := _thing_before(clause, hit)):
                clause.parts.append(Part(hit, country, "owner", None, role, head))
                continue  # "drones de Moscú"
            clause.parts.append(Part(hit, country, part, row.id, role, kind=row.kind))
            continue
        head = _head(clause, index, field, language)
        apart = _chars_apart(hit, head)
        if role == "near" and is_of_coast(hit, clause, field, language):
            role = "at"  # "off Romania's coast", and not its border
        if term.form == "adj" and role in (*WHERE, "on") and head is not None and apart > 1:
            head = head if any(c in _HEADS for c in head.concepts) else None
        if is_border_with(clause, index, field):
            role = "near" if clause.hits[index - 1].says("near") else "of"
            head = clause.hits[index - 1]
        part = _country_part(term.form or "name", role, head, apart)
        if part == "territory" and term.country in AGGRESSORS and _is_deed(hit, head):
            part = "event"  # "Russia's airspace violation": whose it is, not where it was
        if part == "nominal" and _is_borders(hit, head, field):
            part = "border"  # "two Belarus crossings"
        if part == "speaker" and (craft := _craft_before(clause, index, field)):
            part, head = "owner", craft  # "a Mi-24 of the Polish air force"
        if part in ("location", "target", "nominal") and _is_attacked(clause, index, field):
            part = "attacked"
        clause.parts.append(Part(hit, term.country, part, None, role, head))


def _is_deed(hit: Hit, head: Hit | None) -> bool:
    """Tell whether a name's head is a violation of airspace that stands apart from it."""
    if head is None or not (head.says("incursion") and head.says("airspace")):
        return False
    return head.end <= hit.start or hit.end <= head.start


def _chars_apart(hit: Hit, head: Hit | None) -> int:
    """Return how many characters lie between a name and its head."""
    return 0 if head is None else max(hit.start - head.end, head.start - hit.end)


def _join_places(clause: Clause, field: Field) -> None:
    """Let a country's name beside a place of its own do what the place does: "Ukraine's Lutsk"."""
    for part in clause.parts:
        if part.place is None and part.part in ("nominal", "owner", "location", "territory"):
            for other in clause.parts:
                if other.place and other.country == part.country and _adjoins(part, other, field):
                    role = part.role or other.role
                    if "from" in (part.role, other.role):
                        part.part = other.part = "origin"
                    elif part.part != "location":
                        part.part, part.role = other.part, role


def _adjoins(part: Part, other: Part, field: Field) -> bool:
    first, last = sorted((part.hit, other.hit), key=lambda hit: hit.start)
    return _words_between(field, first.end, last.start) <= 1


def _is_borders(hit: Hit, head: Hit | None, field: Field) -> bool:
    """Tell whether a bare name only says whose border the next word means."""
    return head is not None and head.says("border") and field.text[hit.end : head.start] == " "


def _craft_before(clause: Clause, index: int, field: Field) -> Hit | None:
    """Return the aircraft or ship right before a force's adjective: the force's, not its report."""
    hit = clause.hits[index]
    before = clause.hits[index - 1] if index else None
    if hit.term.form != "adj" or before is None or not before.says(*_CRAFTS):
        return None
    return before if _words_between(field, before.end, hit.start) <= 1 else None


def _is_attacked(clause: Clause, index: int, field: Field) -> bool:
    """Tell whether the country is what an attack named right before it is aimed at."""
    hit = clause.hits[index]
    before = next((one for one in reversed(clause.hits[:index]) if one.concepts), None)
    return (
        before is not None
        and before.says("attack")
        and _words_between(field, before.end, hit.start) <= 2
    )


def _thing_before(clause: Clause, hit: Hit) -> Hit | None:
    """Return the object that stands right before a name's preposition."""
    for one in clause.hits:
        if 0 < hit.start - one.end <= _BESIDE and not _OBJECT_GROUPS.isdisjoint(one.concepts):
            return one
    return None


def _place_part(role: str | None) -> str:
    """Return the part of a place: near a town is still in its country."""
    return {"from": "origin", "to": "aim"}.get(role or "", "location")


def _country_part(form: str, role: str | None, head: Hit | None, apart: int = 0) -> str:
    if form in ("institution", "person"):
        return "speaker" if form == "institution" else "person"
    heading = None
    if head is not None:
        heading = next((_HEADS[c] for c in head.concepts if c in _HEADS), None)
        if heading is None and any(c in _OBJECT_GROUPS for c in head.concepts):
            # "the Galați drone crash", one word: where it was, not whose
            heading = "event" if head.says(*ACTIONS) else "owner"
    if form in ("adj", "people"):
        if heading == "territory" and role == "from":
            return "origin"  # "from the Belarusian side"
        if heading:
            return heading
        is_at = role in ("in", "into", "over", "at", "on", "near")  # "near the Polish city"
        if form == "people":
            return "near" if role == "near" else "nominal"
        return "location" if is_at else "owner"
    if role in ("in", "into", "over", "at"):
        return "location"
    if role == "from":
        return "origin"
    if role == "near":
        return "location" if form == "capital" else "near"  # near a town is still in its country
    if role == "against":
        return "target"
    if role in ("on", "to", "between"):
        return "location" if role == "on" else "target"
    if role == "of" and heading:
        return heading
    if role in (None, *BARE_CASES) and apart == 1 and heading in _HEADINGS:
        return heading  # a genitive
    if form == "capital":
        is_beside = heading == "territory" and head is not None and 0 <= apart <= 1
        return heading if is_beside and heading else "speaker"
    return "nominal"


def _head(clause: Clause, index: int, field: Field, language: Language) -> Hit | None:
    """Return the noun that an adjective or genitive at `index` most likely belongs to."""
    hit = clause.hits[index]
    if hit.term.form == "people" and (verb := _next_hit(clause, index)) and verb.says(*ACTIONS):
        return None  # "the Dutch shot at a drone": the verb's term holds the object
    after = next(
        (h for h in clause.hits[index + 1 :] if _is_noun(h) or h.says(*ACTIONS)), None
    )  # no noun phrase reaches over a verb
    after = after if after is not None and _is_noun(after) else None
    before = next((h for h in reversed(clause.hits[:index]) if _is_noun(h)), None)
    distance_after = _words_between(field, hit.end, after.start) if after else 99
    distance_before = _words_between(field, before.end, hit.start) if before else 99
    if after is not None and hit.term.form == "adj":
        between = field.folded[hit.end : after.start].split()
        if any(word in language.prepositions for word in between):
            distance_after = 99  # "a Russian drone in a field": the field is not Russian
    if before is not None and hit.term.form == "adj":
        between = field.folded[before.end : hit.start].split()
        if any(word in language.prepositions for word in between):
            distance_before = 99  # "drones over a French base": the base is French
    is_bare = hit.term.form == "name" and hit.role in (None, *BARE_CASES)
    if is_bare and distance_before == 0 and before is not None and before.says(*_HEADS):
        return before  # a genitive: "the airspace of Poland", in cases
    if hit.term.form == "capital" and hit.role == "of" and distance_before <= 1:
        return before  # "un drone di Mosca"
    if hit.term.form == "name" and language.adjective != "before" and hit.role in ("of", None):
        # a genitive or "de la X" behind its noun
        if distance_before <= 2 and before is not None:
            return before
        return after if distance_after <= 1 and hit.role == "of" else None
    if language.adjective == "before":
        return after if distance_after <= 3 else None
    if language.adjective == "after":
        if distance_before <= 2:
            return before
        return after if distance_after <= 1 else None
    if distance_after <= 2:
        return after
    return before if distance_before <= 1 else None


def _next_hit(clause: Clause, index: int) -> Hit | None:
    return clause.hits[index + 1] if index + 1 < len(clause.hits) else None


def _is_noun(hit: Hit) -> bool:
    return any(concept in _HEADS or concept in _OBJECT_GROUPS for concept in hit.concepts)


def _words_between(field: Field, start: int, end: int) -> int:
    return len(_WORD.findall(field.folded, start, end)) if end > start else 0
