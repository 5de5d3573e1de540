"""What would be missed if it were gone: word lists and event kinds taken out one by one.

A list of words (one concept of one language), or an event kind, whose removal changes no more than
one outcome of all texts we have is an orphan: nothing shows that it works. Only texts in which the
list is found are read again, so the whole takes a minute or two, not hours. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from streams.articles import articles_from_files
from streams.catalog import Catalog
from streams.catalog.events import Events
from streams.catalog.faults import read_toml
from streams.catalog.languages import Language, Term
from streams.checks import article_of
from streams.errors import Fault, FaultsError
from streams.records import Article
from streams.understand import understand
from streams.understand.text import fold
from streams.understand.verdict import Understanding, lexicon_of

#: Verdict, what each report says (kind, country, freshness, status, realis, speaker, actor, count), tags.
Outcome = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Orphan:
    """A list or kind without which at most one outcome changes."""

    language: str  #: "" for an event kind, which serves all
    name: str  #: the concept, or the kind
    terms: int  #: how many words the list has
    seen: int  #: texts in which it is found
    changed: int  #: outcomes that change without it: 0 or 1
    reason: str  #: from `seeds/orphans.toml`; "" when nobody gave one


def reasons_of(catalog: Catalog) -> dict[str, str]:
    """Return why known orphans stay: `seeds/orphans.toml`, `concept`, `language:concept` or `kind:id`."""
    reasons: dict[str, str] = {}
    faults: list[Fault] = []
    for file in catalog.sources.single("orphans.toml"):
        reasons |= read_toml(file.path, file.name, faults) or {}
    if faults:
        raise FaultsError(faults)
    return reasons


def texts_of(catalog: Catalog, *files: Path) -> Iterator[Article]:
    """Yield all texts there are: the tests inside the seeds, and the articles of JSON Lines files."""
    for language in catalog.languages.values():
        for test in language.tests:
            yield article_of(catalog, language.id, test)
    for found in articles_from_files([str(path) for path in files]):
        if isinstance(found, Article):
            yield found


def outcome(found: Understanding) -> Outcome:
    """Return what of an understanding people see."""
    reports = sorted(
        (
            r.kind, r.action, r.territory.country or "", r.freshness, r.status_hint or "", r.realis, r.official or "",
            r.actor or "", r.object.count_low or 0, r.attach_only, r.follow_up, str(r.happened.start),
        )
        for r in found.report_set.reports
    )  # fmt: skip
    tags = tuple(sorted(tag.tag for tag in found.tagged.tags))
    return (found.tagged.incursion, tuple(reports), tags)


def without_words(catalog: Catalog, language: str, concept: str) -> Catalog:
    """Return the catalog with one concept's words of one language gone."""
    spoken = catalog.languages[language]
    kept = tuple(_less(spoken, concept))
    languages = {**catalog.languages, language: replace(spoken, terms=kept)}
    memo = {key: value for key, value in catalog.memo.items() if key != f"lexicon:{language}"}
    return replace(catalog, languages=languages, memo=memo)


def _less(language: Language, concept: str) -> Iterator[Term]:
    for term in language.terms:
        if concept not in term.concepts:
            yield term
        elif len(term.concepts) > 1:  # "drone+sighted" keeps its drone
            yield replace(term, concepts=tuple(c for c in term.concepts if c != concept))


def without_kind(catalog: Catalog, kind: str) -> Catalog:
    """Return the catalog with one event kind gone."""
    events = Events(
        tuple(one for one in catalog.events.kinds if one.id != kind),
        tuple(one for one in catalog.events.context if one.id != kind),
    )
    return replace(catalog, events=events)


def lists_of(language: Language) -> dict[str, int]:
    """Return the concepts that a language has words for, with how many."""
    counted: dict[str, int] = defaultdict(int)
    for term in language.terms:
        for concept in term.concepts:
            counted[concept] += 1
    return dict(counted)


def changed_without(
    catalog: Catalog, changed: Catalog, articles: Iterable[tuple[Article, Outcome]]
) -> Iterator[Article]:
    """Yield the articles whose outcome is another with the changed catalog."""
    for article, before in articles:
        if outcome(understand(article, changed)) != before:
            yield article


def find_orphans(
    catalog: Catalog, articles: Iterable[Article], reasons: dict[str, str]
) -> Iterator[Orphan]:
    """Yield the lists and kinds whose removal changes one outcome or none.

    Args:
        catalog: The seeds in force.
        articles: All texts there are: tests inside the seeds, the labelled corpora.
        reasons: Of known ones: `concept`, `language:concept` or `kind:id` → why it stays.
    """
    spoken: dict[str, list[tuple[Article, Outcome, frozenset[str]]]] = defaultdict(list)
    told: list[tuple[Article, Outcome]] = []
    for article in articles:
        found = understand(article, catalog)
        language = catalog.languages.get(found.tagged.language)
        if language is None:
            continue
        before = outcome(found)
        said = frozenset(
            concept
            for text in (article.title, article.summary, article.body)
            for hit in lexicon_of(language, catalog).find(fold(text))
            for concept in hit.term.concepts
        )
        spoken[language.id].append((article, before, said))
        if before[1]:
            told.append((article, before))
    for tag, texts in sorted(spoken.items()):
        for concept, terms in sorted(lists_of(catalog.languages[tag]).items()):
            seen = [(article, before) for article, before, said in texts if concept in said]
            changed = without_words(catalog, tag, concept)
            count = _up_to_two(changed_without(catalog, changed, seen))
            if count < 2:
                reason = reasons.get(f"{tag}:{concept}") or reasons.get(concept, "")
                yield Orphan(tag, concept, terms, len(seen), count, reason)
    for kind in catalog.events.kinds:
        mine = [(a, before) for a, before in told if any(r[0] == kind.id for r in before[1])]  # type: ignore[attr-defined]
        count = _up_to_two(changed_without(catalog, without_kind(catalog, kind.id), mine))
        if count < 2:
            yield Orphan("", kind.id, 0, len(mine), count, reasons.get(f"kind:{kind.id}", ""))


def _up_to_two(changes: Iterator[Article]) -> int:
    """Return how many change, two standing for more."""
    return sum(1 for _ in zip(changes, range(2), strict=False))
