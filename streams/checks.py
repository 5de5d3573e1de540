"""The tests inside the seeds: each text through the whole understanding, against its word.

In:  a catalog.   Out: one result per test, and what languages can do, cell by cell.
Pure but for the models that the language detector loads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from streams.catalog import Catalog
from streams.catalog.languages import LanguageTest
from streams.records import Article, content_id
from streams.understand import understand


@dataclass(frozen=True)
class CheckResult:
    """What came out of one test."""

    file: str
    key: str
    language: str
    test: LanguageTest
    problem: str  #: "" when it came out as it must

    @property
    def ok(self) -> bool:
        """Tell whether the test holds."""
        return not self.problem


def language_results(catalog: Catalog, only: str | None = None) -> Iterator[CheckResult]:
    """Yield the result of every test in seeds/languages and seeds/events, one language if asked."""
    for language in catalog.languages.values():
        if only in (None, language.id):
            for index, test in enumerate(language.tests):
                yield run_test(
                    catalog,
                    f"seeds/languages/{language.id}.toml",
                    f"test[{index}]",
                    language.id,
                    test,
                )
    for kind in catalog.events.kinds:
        for index, event_test in enumerate(kind.test):
            if only in (None, event_test.lang) and event_test.lang in catalog.languages:
                yield run_test(
                    catalog,
                    f"seeds/events/{kind.id}.toml",
                    f"test[{index}]",
                    event_test.lang,
                    event_test,
                )


def run_test(
    catalog: Catalog, file: str, key: str, language: str, test: LanguageTest
) -> CheckResult:
    """Return what comes out of one test."""
    found = understand(article_of(catalog, language, test), catalog)
    return CheckResult(
        file,
        key,
        language,
        test,
        _problem(found.tagged.incursion, found.report_set.reports, test, found.tagged.why),
    )


def article_of(catalog: Catalog, language: str, test: LanguageTest) -> Article:
    """Return a test's text as an article that came from a feed of its country."""
    published = datetime.fromisoformat(test.published)
    published = published.replace(tzinfo=UTC) if published.tzinfo is None else published
    if len(test.published) == 10:
        published = published.replace(hour=12)
    return Article(
        id=content_id(test.title, test.body), feed=_feed_of(test.feed_country, catalog), publisher="", title=test.title, body=test.body,
        first_seen_at=published, published_at=published, revision="1", declared_language=language,
    )  # fmt: skip


def _feed_of(country: str | None, catalog: Catalog) -> str:
    """Return a feed whose publisher sits in a country, for tests of the press that leaves it out."""
    return next((feed for feed, code in catalog.feed_countries.items() if code == country), "test")


def _problem(
    incursion: bool, reports: tuple[object, ...], test: LanguageTest, why: tuple[str, ...]
) -> str:
    reason = "; ".join(why[:3])[:400]
    if test.expect is False:
        return f"must be no incursion, but: {reason}" if incursion else ""
    if not incursion:
        return f"must be an incursion in {test.expect}, but: {reason}"
    fresh = [r for r in reports if r.freshness in ("fresh", "undated")]  # type: ignore[attr-defined]
    countries = {r.territory.country or "?" for r in fresh}  # type: ignore[attr-defined]
    if test.expect not in countries:
        return f"must be in {test.expect}, found {', '.join(sorted(countries))}: {reason}"
    kinds = {r.kind for r in fresh}  # type: ignore[attr-defined]
    if test.kind and test.kind not in kinds:
        return f"must be of kind {test.kind}, found {', '.join(sorted(kinds))}"
    return ""


def coverage(catalog: Catalog) -> dict[str, dict[str, tuple[int, int]]]:
    """Return language → class → (tests that hold, tests), hits apart by kind under `hit:<kind>`."""
    table: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for result in language_results(catalog):
        name = (
            f"hit:{result.test.kind or 'any'}" if result.test.expect else result.test.cls or "miss"
        )
        cell = table[result.language][name]
        cell[0] += result.ok
        cell[1] += 1
    return {
        tag: {name: (cell[0], cell[1]) for name, cell in cells.items()}
        for tag, cells in table.items()
    }
