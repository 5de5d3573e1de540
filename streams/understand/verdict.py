"""One article through all steps: language, tags, frames, gates, reports, verdict. Pure.

    text → language → lexicon hits → clauses and parts → frames → gates → reports → verdict

Deep analysis runs only where an object meets an action or a territory; every other article gets
its language and tags and is done.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from streams.catalog import Catalog
from streams.catalog.concepts import AGGRESSORS, CONCEPTS, OBJECTS, WATCHED
from streams.catalog.languages import Language, with_inner
from streams.records import Article, Report, ReportSet, Tag, TaggedArticle, Territory, Thing, When
from streams.signature import signature
from streams.understand import scorer, when
from streams.understand.frame import frames_of
from streams.understand.language import Guess, detect_language
from streams.understand.layout import lay_out
from streams.understand.lexicon import Hit, Lexicon, as_written
from streams.understand.one_event import one_per_event
from streams.understand.report import Candidate, judge, report_of
from streams.understand.sentence import Line
from streams.understand.tags import tagging, tags_of
from streams.understand.text import MAX_TITLE_CHARS, Field, make_field
from streams.understand.weigh import weigh_together, withdrawing
from streams.understand.whatif import AS_IT_IS, WhatIf

#: Languages whose press is of one state that is not watched.
_WRITTEN_AT_HOME = {"uk": "UA", "be": "BY"}
_TELLING = frozenset((*OBJECTS, "incursion", "violate"))
_NO_MEETING = "no object meets an action or a territory"
# The work budget: what lies beyond is a dump, not an article, and its tags are enough.
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


def understand(article: Article, catalog: Catalog, what_if: WhatIf = AS_IT_IS) -> Understanding:
    """Return language, tags, reports and verdict of one article; never raises on any text.

    Args:
        article: As it came from the feed.
        catalog: The seeds in force.
        what_if: Changes to one candidate, for `explain`.
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
    first = {f.name: lexicon.find(f.folded, is_first_look=True) for f in fields}
    tags = tags_of(fields, first, catalog)
    tells = any(_TELLING & set(hit.concepts) for found in first.values() for hit in found)
    if not tells and not any(hit.term.country in AGGRESSORS for hit in first["title"]):
        return _nothing(article, guess, catalog, (_NO_MEETING,), tags)
    hits = {f.name: as_written(lexicon.find(f.folded), f.text, language.id) for f in fields}
    if not _is_candidate(hits):
        return _nothing(article, guess, catalog, (_NO_MEETING,), tags)
    return _deeply(article, guess, language, catalog, fields, hits, tags, what_if)


def _fallback(tag: str, catalog: Catalog) -> str:
    """Return the language whose lexicon serves: a close relative's when its own is missing."""
    if tag in catalog.languages:
        return tag
    relatives = {"nn": "nb", "nb": "da", "bs": "hr", "sr": "hr", "mk": "bg", "be": "ru"}
    return relatives.get(tag, tag)


def lexicon_of(language: Language, catalog: Catalog) -> Lexicon:
    """Return the compiled words of a language with models, people and places; made at first use.

    The first look at an article takes only what gives it tags or lets it tell of something.
    """
    key = f"lexicon:{language.id}"
    found = catalog.memo.get(key)
    if found is None:
        concepts = _TELLING | tagging(catalog)
        found = catalog.memo[key] = Lexicon(
            [
                *with_inner(language.terms),
                *catalog.models.terms,
                *catalog.people,
                *catalog.places.terms(language.id),
            ],
            lambda term: term.country is not None or not concepts.isdisjoint(term.concepts),
        )  # fmt: skip
    return found


#: "… | NDR", "… - Delfi": who publishes it, as aggregators give it.
_SUFFIX = re.compile(r"\s[-–—|]\s([^-–—|]{2,40})$")


def _country_of_suffix(title: str, catalog: Catalog) -> str | None:
    """Return the country of the publisher that a title's end names, None if it names none we know."""
    match = _SUFFIX.search(title)
    if match is None:
        return None
    publisher = match[1].strip().casefold()
    name, _, domain = publisher.rpartition(".")
    if name and domain.upper() in WATCHED:
        return domain.upper()
    return catalog.publisher_countries.get(publisher)


def _is_candidate(hits: dict[str, list[Hit]]) -> bool:
    concepts = {concept for found in hits.values() for hit in found for concept in hit.concepts}
    if not concepts & set(OBJECTS):
        return bool(concepts & {"incursion", "violate"}) or _is_answered_for(hits["title"])
    groups = {CONCEPTS[concept].group for concept in concepts}
    if groups & {"action", "event", "territory", "site"}:
        return True
    return any(
        (hit.term.country in WATCHED and hit.term.form != "person") or hit.term.place
        for found in hits.values()
        for hit in found
    )


def _is_answered_for(title: list[Hit]) -> bool:
    """Tell whether a title calls Russia or Belarus to account over what fell or flew, unnamed."""
    said = {concept for hit in title for concept in hit.concepts}
    if not said & {"crash", "sighted", "flew"} or not said & {"react", "article_4"}:
        return False
    return any(hit.term.country in AGGRESSORS for hit in title)


def _deeply(
    article: Article,
    guess: Guess,
    language: Language,
    catalog: Catalog,
    fields: list[Field],
    hits: dict[str, list[Hit]],
    tags: tuple[Tag, ...],
    what_if: WhatIf,
) -> Understanding:
    published = article.published_at or article.first_seen_at
    layout = lay_out(fields, hits, language, catalog)
    at_home = catalog.feed_countries.get(article.feed) or _WRITTEN_AT_HOME.get(language.id)
    at_home = at_home or _country_of_suffix(fields[0].text, catalog)
    layout.setting.publisher_country = at_home
    heads = layout.heads
    candidates: list[Candidate] = []
    for line in layout.lines:
        if len(candidates) >= _MAX_CANDIDATES:
            break
        around = layout.around(line)
        dates = when.find_dates(
            line.field.folded, line.sentence.start, line.sentence.end, language, published
        )
        days = [date.start for date in dates if date.precision == "day"]
        for frame in frames_of(line, around.others, days):
            candidates.append(
                judge(
                    frame, around.prominence, catalog.events, language, around.setting, published,
                    around.heads, dates,
                    what_if if what_if.ordinal == len(candidates) else AS_IT_IS,
                )
            )  # fmt: skip
    weigh_together(candidates, heads, layout.setting.lead)
    if 0 <= what_if.ordinal < len(candidates):
        changed = candidates[what_if.ordinal]
        changed.gate = what_if.let(changed.gate)
    _close_unlikely(candidates, fields, hits, catalog, what_if)
    reports: list[Report] = []
    telling = [one for one in candidates if one.gate is None] or withdrawing(candidates)
    if telling:
        base = _base_report(article, guess, catalog, fields)
    for ordinal, candidate in enumerate(candidates):
        if any(candidate is one for one in telling) and len(reports) < _MAX_REPORTS:
            reports += report_of(candidate, base, ordinal, layout.setting, catalog.places.places)  # type: ignore[arg-type]
    reports = one_per_event(reports, catalog)
    return _conclude(article, guess, catalog, tags, candidates, layout.lines, reports)


def alerting(candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates that passed every gate and are news."""
    return [c for c in candidates if c.gate is None and c.freshness in ("fresh", "undated")]


def _close_unlikely(
    candidates: list[Candidate],
    fields: list[Field],
    hits: dict[str, list[Hit]],
    catalog: Catalog,
    what_if: WhatIf,
) -> None:
    """Close what would alert when the article as a whole does not read like a report."""
    told = alerting(candidates)
    if not told or "unlikely" in what_if.open:
        return
    text, places = fields[1] if len(fields) > 1 else None, catalog.places.places
    title = scorer.kinds_of_words(fields[0], hits["title"], places)
    lead = scorer.kinds_of_words(text, hits[text.name] if text else [], places, is_lead=True)
    features = scorer.text_features(title, lead)
    score = scorer.likeness(
        scorer.report_features(
            told, candidates, scorer.text_score(features, catalog.scorer), has_lead=text is not None
        ),
        catalog.scorer,
    )
    chars = sum(len(one.text) for one in fields[1:])
    strictly = scorer.weighable(told, chars)
    gate = scorer.unlikely(
        score, features, hits["title"], catalog.scorer, places, strictly=strictly
    )
    for candidate in told:
        candidate.gate = gate


def _base_report(article: Article, guess: Guess, catalog: Catalog, fields: list[Field]) -> Report:
    at = article.published_at or article.first_seen_at
    text = " ".join(one.text for one in fields)[:8000]
    folded = " ".join(one.folded for one in fields)[:8000]
    agency = catalog.publishers.agency_in(" ".join(folded.split()))
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
        why.append(_NO_MEETING)
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
