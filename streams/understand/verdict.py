"""One article through all steps: language, tags, frames, gates, reports, verdict. Pure.

    text → language → lexicon hits → clauses and parts → frames → gates → reports → verdict

Deep analysis runs only where an object meets an action or a territory; every other article gets
its language and tags and is done.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from streams.catalog import Catalog
from streams.catalog.concepts import CONCEPTS, OBJECTS, WATCHED
from streams.catalog.languages import Language
from streams.records import Article, Report, ReportSet, Tag, TaggedArticle, Territory, Thing, When
from streams.signature import signature
from streams.understand import when
from streams.understand.frame import frames_of
from streams.understand.language import Guess, detect_language
from streams.understand.lexicon import Hit, Lexicon, outermost
from streams.understand.place import Setting
from streams.understand.report import Candidate, judge, report_of
from streams.understand.sentence import Line, make_line
from streams.understand.tags import tags_of
from streams.understand.text import MAX_TITLE_CHARS, Field, make_field, sentences
from streams.understand.weigh import one_per_event, weigh_together, withdrawing

_TELLING = frozenset((*OBJECTS, "incursion", "violate"))
_LEAD_SENTENCES = 3
# The work budget: what lies beyond is a dump, not an article, and its tags are enough.
_MAX_LINES = 80
_MAX_HITS = 60  # a sentence
_MAX_CANDIDATES = 60
_MAX_REPORTS = 8


@dataclass(slots=True)
class Understanding:
    """What one article says, with everything that explain needs."""

    article: Article
    guess: Guess
    tagged: TaggedArticle
    report_set: ReportSet
    candidates: list[Candidate] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def understand(article: Article, catalog: Catalog) -> Understanding:
    """Return language, tags, reports and verdict of one article; never raises on any text.

    Args:
        article: As it came from the feed.
        catalog: The seeds in force.
    """
    title = make_field("title", article.title, MAX_TITLE_CHARS)
    bodies = [
        make_field(name, text)
        for name, text in (("summary", article.summary), ("body", article.body))
        if text
    ]
    guess = detect_language(
        title.text, bodies[0].text[:800] if bodies else "", article.declared_language
    )
    language = catalog.languages.get(_fallback(guess.language, catalog))
    if language is None:
        return _nothing(article, guess, catalog, ("no lexicon for this language",))
    lexicon = lexicon_of(language, catalog)
    fields = [title, *bodies]
    hits = {f.name: lexicon.find(f.folded) for f in fields}
    tags = tags_of(fields, hits, catalog)
    if not _is_candidate(hits):
        return _nothing(
            article, guess, catalog, ("no object meets an action or a territory",), tags
        )
    return _deeply(article, guess, language, catalog, fields, hits, tags)


def _fallback(tag: str, catalog: Catalog) -> str:
    """Return the language whose lexicon serves: a close relative's when its own is missing."""
    if tag in catalog.languages:
        return tag
    relatives = {"nn": "nb", "nb": "da", "bs": "hr", "sr": "hr", "mk": "bg", "be": "ru"}
    return relatives.get(tag, tag)


def lexicon_of(language: Language, catalog: Catalog) -> Lexicon:
    """Return the compiled words of a language with models, people and places; made at first use."""
    key = f"lexicon:{language.id}"
    found = catalog.memo.get(key)
    if found is None:
        found = catalog.memo[key] = Lexicon(
            [
                *language.terms,
                *catalog.models.terms,
                *catalog.people,
                *catalog.places.terms(language.id),
            ]  # fmt: skip
        )
    return found


def _is_candidate(hits: dict[str, list[Hit]]) -> bool:
    concepts = {concept for found in hits.values() for hit in found for concept in hit.concepts}
    if not concepts & set(OBJECTS):
        return bool(concepts & {"incursion", "violate"})
    groups = {CONCEPTS[concept].group for concept in concepts}
    if groups & {"action", "event", "territory", "site"}:
        return True
    return any(
        (hit.term.country in WATCHED and hit.term.form != "person") or hit.term.place
        for found in hits.values()
        for hit in found
    )


def _deeply(
    article: Article,
    guess: Guess,
    language: Language,
    catalog: Catalog,
    fields: list[Field],
    hits: dict[str, list[Hit]],
    tags: tuple[Tag, ...],
) -> Understanding:
    published = article.published_at or article.first_seen_at
    lines, title, lead = _lines(fields, hits, language, catalog)
    setting = Setting(
        title=title,
        lead=lead,
        countries=_countries(hits, catalog),
        publisher_country=catalog.feed_countries.get(article.feed),
        home=language.home,
        beside=_beside(lines),
    )
    heads = [line for line in lines if line.field.name == "title"]
    candidates: list[Candidate] = []
    for line in lines:
        if len(candidates) >= _MAX_CANDIDATES:
            break
        prominence = _prominence(line, title, lead)
        others = (
            lead if line is title else [title] if title and any(line is one for one in lead) else []
        )
        dates = [
            date.start
            for date in when.find_dates(
                line.field.folded, line.sentence.start, line.sentence.end, language, published
            )
        ]
        for frame in frames_of(line, others, dates):
            candidates.append(
                judge(frame, prominence, catalog.events, language, setting, published, heads)
            )
    weigh_together(candidates, heads)
    reports: list[Report] = []
    telling = [one for one in candidates if one.gate is None] or withdrawing(candidates)
    if telling:
        base = _base_report(article, guess, catalog, fields)
    for ordinal, candidate in enumerate(candidates):
        if any(candidate is one for one in telling) and len(reports) < _MAX_REPORTS:
            reports += report_of(candidate, base, ordinal, setting, catalog.places.places)  # type: ignore[arg-type]
    reports = one_per_event(reports, catalog)
    return _conclude(article, guess, catalog, tags, candidates, lines, reports)


def _lines(
    fields: list[Field], hits: dict[str, list[Hit]], language: Language, catalog: Catalog
) -> tuple[list[Line], Line | None, list[Line]]:
    places = catalog.places.places
    lines: list[Line] = []
    lead: list[Line] = []
    title: Line | None = None
    for number, one in enumerate(fields):
        found = outermost([hit for hit in hits[one.name] if not _is_void(hit, one, language)])
        index = 0
        taken = 0
        for sentence in sentences(one):
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
            if number and not is_lead and not _may_tell(inside):
                taken += 1
                continue  # a sentence of the body without object or event holds no frame
            if len(lines) >= _MAX_LINES:
                return lines, title, lead
            line = make_line(one, sentence, inside[:_MAX_HITS], language, places)
            line.number = taken
            if number == 0:
                title = title or line
                lines.append(line)
                continue
            if is_lead:
                lead.append(line)
            taken += 1
            lines.append(line)
    return lines, title, lead


_STOP = re.compile(r"[?!:;]\s")


def _is_void(hit: Hit, field: Field, language: Language) -> bool:
    """Tell whether a term runs over a sentence's end ("attack? Drones"), or is May, the month."""
    if len(hit.term.words) > 1:
        return _STOP.search(field.text, hit.start, hit.end) is not None
    if not hit.says("may") or not field.text[hit.start].isupper():
        return False
    return hit.start > 0 and field.folded[hit.start : hit.end] in language.months


def _may_tell(hits: list[Hit]) -> bool:
    return any(concept in _TELLING for hit in hits for concept in hit.term.concepts)


def _repeats(sentence: str, title: str) -> bool:
    return sentence.split() == title.split()


def _prominence(line: Line, title: Line | None, lead: list[Line]) -> str:
    if line.field.name == "title":
        return "title"
    if any(line is one for one in lead):
        return "lead"
    return "item" if line.sentence.is_item else "body"


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


def _base_report(article: Article, guess: Guess, catalog: Catalog, fields: list[Field]) -> Report:
    at = article.published_at or article.first_seen_at
    text = " ".join(one.text for one in fields)[:8000]
    agency = (
        catalog.publishers.agency_in(text) if hasattr(catalog.publishers, "agency_in") else None
    )
    return Report(
        id="", article=article.id, revision=article.revision, kind="", object=Thing(what="unknown"),
        action="", territory=Territory(), happened=When(start=at, end=at, precision="assumed"),
        freshness="undated", realis="asserted", certainty=0.0, rule="", catalog=catalog.hash,
        title=article.title[:300], url=article.url, publisher=article.publisher, language=guess.language,
        published_at=article.published_at, first_seen_at=article.first_seen_at,
        agency=agency, signature=signature(text),
    )  # fmt: skip


def _conclude(
    article: Article,
    guess: Guess,
    catalog: Catalog,
    tags: tuple[Tag, ...],
    candidates: list[Candidate],
    lines: list[Line],
    reports: list[Report],
) -> Understanding:
    fresh = [r for r in reports if r.freshness in ("fresh", "undated") and not r.attach_only]
    telling = [r for r in reports if r.realis != "denied"]
    why = [f"{r.kind}: {r.evidence[0].quote} [{r.rule}, {r.freshness}]" for r in telling]
    for candidate in candidates:
        if candidate.gate is not None and candidate.kind is not None:
            why.append(
                f"not {candidate.kind.id}: {candidate.gate.name}: {candidate.gate.why}: {candidate.frame.line.text[:160]}"
            )
    if not why:
        why += [f"not told: {c.gate.why}: {c.frame.line.text[:160]}" for c in candidates if c.gate][
            :3
        ]
    if not why:
        why.append("no object meets an action or a territory")
    near_miss = any(candidate.kind is not None for candidate in candidates)
    return Understanding(
        article,
        guess,
        _tagged(
            article,
            guess,
            catalog,
            tags,
            "hit" if telling else "near_miss" if near_miss else "miss",
            bool(fresh),
            tuple(why),
            tuple(r.id for r in reports),
        ),
        _report_set(article, guess, catalog, tuple(reports)),
        candidates,
        lines,
    )


def _nothing(
    article: Article,
    guess: Guess,
    catalog: Catalog,
    why: tuple[str, ...],
    tags: tuple[Tag, ...] = (),
) -> Understanding:
    return Understanding(
        article,
        guess,
        _tagged(article, guess, catalog, tags, "miss", False, why, ()),
        _report_set(article, guess, catalog, ()),
    )


def _tagged(
    article: Article, guess: Guess, catalog: Catalog, tags: tuple[Tag, ...], verdict: str,
    incursion: bool, why: tuple[str, ...], reports: tuple[str, ...],
) -> TaggedArticle:  # fmt: skip
    return TaggedArticle(
        id=article.id, revision=article.revision, feed=article.feed, publisher=article.publisher,
        title=article.title, first_seen_at=article.first_seen_at, language=guess.language,
        language_confidence=round(guess.confidence, 3), tags=tags, verdict=verdict,  # type: ignore[arg-type]
        incursion=incursion, why=why if verdict != "miss" else why[:1], url=article.url,
        published_at=article.published_at, reports=reports, catalog=catalog.hash, theatre=article.theatre,
    )  # fmt: skip


def _report_set(
    article: Article, guess: Guess, catalog: Catalog, reports: tuple[Report, ...]
) -> ReportSet:
    return ReportSet(
        article=article.id, revision=article.revision, feed=article.feed, publisher=article.publisher,
        first_seen_at=article.first_seen_at, theatre=article.theatre, title=article.title[:300],
        url=article.url, language=guess.language, published_at=article.published_at,
        backfill=article.backfill, reports=reports, catalog=catalog.hash,
    )  # fmt: skip
