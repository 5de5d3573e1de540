"""Watches over people's own words: which articles they see, counted by window, told once.

In:  an article and its tags.   Out: a Hit for the first of a window, and what rooms are told of it.
Pure. A window is aligned to the clock of the article's first sight, so that every worker and every
repeat agrees on its id. What one worker told, the others learn (`Counter.know`); where two tell the
same window at the same moment, both say the same subject and number, and a room is told once.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from streams.catalog.policies import Watch
from streams.records import Alert, Article, Hit, Link, TaggedArticle, content_id

#: Windows that one worker remembers; older ones are forgotten.
MAX_WINDOWS = 4096
MAX_BODY_CHARS = 64 * 1024
_SUBJECT = "watch"
_MARKUP = re.compile(r"<[^<>]{0,2000}>")
_MARKS = re.compile("[\u0300-\u036f]+")


class Seen(NamedTuple):
    """A watch saw an article."""

    watch: Watch
    what: Literal["told", "grouped", "capped"]
    hit: Hit | None = None  #: to be told: the window's first article


def sees(watch: Watch, tags: Iterable[str], text: str, language: str, feed: str) -> bool:
    """Return whether a watch sees an article.

    Args:
        watch: The watch.
        tags: The article's tags.
        text: Its title, summary and body, as plain text.
        language: BCP 47.
        feed: Feed id.
    """
    return _sees(watch, frozenset(tags), _fold(text) if watch.terms else "", language, feed)


def window_of(watch: Watch, seen_at: datetime) -> datetime:
    """Return the beginning of the window that an instant lies in; aware UTC."""
    seconds = watch.window_minutes * 60
    return datetime.fromtimestamp(seen_at.timestamp() // seconds * seconds, UTC)


def look(
    watches: Sequence[Watch], article: Article, tagged: TaggedArticle, counter: Counter
) -> list[Seen]:
    """Return what the watches make of an article.

    Backfill, canaries, and what was published longer ago than the watch tells as news, they
    pass over.
    """
    if not watches or article.backfill or article.theatre == "canary":
        return []
    tags = frozenset(tag.tag for tag in tagged.tags)
    folded = None
    found = []
    for watch in watches:
        if article.published_at is not None:
            age = article.first_seen_at - article.published_at
            if age > timedelta(minutes=watch.expires_after_minutes):
                continue
        if watch.terms and folded is None:
            body = html.unescape(_MARKUP.sub(" ", article.body[:MAX_BODY_CHARS]))
            folded = _fold(f"{article.title}\n{article.summary}\n{body}")
        if _sees(watch, tags, folded or "", tagged.language, article.feed):
            found.append(counter.count(watch, tagged))
    return found


class Counter:
    """Counts the articles of each window that one worker saw; knows what others told."""

    def __init__(self) -> None:
        self._windows: OrderedDict[str, tuple[str, set[str]]] = OrderedDict()

    def know(self, hit: Hit) -> None:
        """Take note of a hit that was told, by whichever worker."""
        self._note(hit.id, hit.article)

    def count(self, watch: Watch, article: TaggedArticle) -> Seen:
        """Count an article in its window.

        The window's first article is told. A repeat of that very article is told again, so that
        nothing is lost when a worker dies before all was written.
        """
        start = window_of(watch, article.first_seen_at)
        hit_id = content_id(watch.id, article.theatre, start.isoformat())
        first, articles = self._note(hit_id, article.id)
        if first != article.id:
            if article.id in articles or len(articles) < watch.cap:
                articles.add(article.id)
                return Seen(watch, "grouped")
            return Seen(watch, "capped")
        hit = Hit(
            id=hit_id,
            policy=watch.id,
            window_start=start,
            window_seconds=watch.window_minutes * 60,
            article=article.id,
            title=article.title,
            language=article.language,
            url=article.url,
            publisher=article.publisher,
            theatre=article.theatre,
        )
        return Seen(watch, "told", hit)

    def _note(self, hit_id: str, article: str) -> tuple[str, set[str]]:
        """Return a window's first article and all counted; made with `article` when new."""
        if hit_id not in self._windows:
            self._windows[hit_id] = (article, {article})
            while len(self._windows) > MAX_WINDOWS:
                self._windows.popitem(last=False)
        return self._windows[hit_id]


def alert_of(hit: Hit, watch: Watch) -> Alert:
    """Return what rooms are told of a window: its first article; the same for every worker."""
    words = [_SUBJECT, watch.id, f"{hit.window_start:%Y%m%dT%H%M}"]
    if hit.theatre != "europe":
        words.insert(1, hit.theatre)
    subject = "-".join(words)
    return Alert(
        id=content_id(subject, "1"),
        subject=subject,
        n=1,
        action="new",
        level=watch.level,
        at=hit.window_start,
        expires_at=hit.window_start
        + timedelta(seconds=hit.window_seconds, minutes=watch.expires_after_minutes),
        policy=watch.id,
        theatre=hit.theatre,
        headline=f"{watch.title}: {hit.title}"[:300],
        facts={"what": watch.title, "why": f"watch {watch.id}"},
        links=(Link(title=hit.title, url=hit.url, publisher=hit.publisher, language=hit.language),),
    )


def _sees(watch: Watch, tags: frozenset[str], folded: str, language: str, feed: str) -> bool:
    if watch.languages and language not in watch.languages:
        return False
    if watch.feeds and feed not in watch.feeds:
        return False
    there = tags | {name for name, terms in watch.terms.items() if _holds(folded, terms)}
    if not there.issuperset(watch.all) or not there.isdisjoint(watch.none):
        return False
    return not watch.any or not there.isdisjoint(watch.any)


def _holds(folded: str, terms: tuple[str, ...]) -> bool:
    first_words, pattern = _pattern(terms)
    # Most texts hold none of the words; looking for them one by one is quicker than the pattern.
    return any(word in folded for word in first_words) and bool(pattern.search(folded))


@lru_cache(maxsize=256)
def _pattern(terms: tuple[str, ...]) -> tuple[frozenset[str], re.Pattern[str]]:
    """Return each term's longest word, and the pattern that finds any term as whole words."""
    longest, parts = set(), []
    for term in terms:
        words = _fold(term.rstrip("*")).split()
        longest.add(max(words, key=len))
        stem = r"\s+".join(re.escape(word) for word in words)
        parts.append(stem if term.endswith("*") else stem + r"(?!\w)")
    return frozenset(longest), re.compile(rf"(?<!\w)(?:{'|'.join(parts)})")


def _fold(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))
