"""Watches over people's own words: which articles they see, counted by window, told once.

In:  an article's tags, language, feed and text.   Out: a Hit for the first of a window, and what
the rooms are told of it.
Pure. A window is aligned to the clock of the article's first sight, so that every worker and every
repeat agrees on its id.
"""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from msgspec.structs import replace

from streams.catalog.policies import Watch
from streams.records import Alert, Hit, Link, TaggedArticle, content_id

#: Windows that one worker remembers; older ones are forgotten.
MAX_WINDOWS = 512
_SUBJECT = "watch"


def sees(watch: Watch, tags: Iterable[str], text: str, language: str, feed: str) -> bool:
    """Return whether a watch sees an article.

    Args:
        watch: The watch.
        tags: The article's tags.
        text: Its title, summary and body, as plain text.
        language: BCP 47.
        feed: Feed id.
    """
    if watch.languages and language not in watch.languages:
        return False
    if watch.feeds and feed not in watch.feeds:
        return False
    folded = _fold(text) if watch.terms else ""
    there = set(tags)
    there |= {name for name, terms in watch.terms.items() if _pattern(terms).search(folded)}
    if not there.issuperset(watch.all) or not there.isdisjoint(watch.none):
        return False
    return not watch.any or not there.isdisjoint(watch.any)


def window_of(watch: Watch, seen_at: datetime) -> datetime:
    """Return the beginning of the window that an instant lies in; aware UTC."""
    seconds = watch.window_minutes * 60
    return datetime.fromtimestamp(seen_at.timestamp() // seconds * seconds, UTC)


class Counter:
    """Counts the articles of each window that one worker saw."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[Hit, set[str]]] = OrderedDict()

    def count(self, watch: Watch, article: TaggedArticle) -> Hit | None:
        """Return the hit to be told, or None: the window is known, or the article is.

        One hit is told for a window: its first article. A repeat of that very article gives it
        again, so that nothing is lost when a worker dies before it was written.
        """
        start = window_of(watch, article.first_seen_at)
        hit_id = content_id(watch.id, article.theatre, start.isoformat())
        if hit_id not in self._counts:
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
            self._counts[hit_id] = (hit, {article.id})
            while len(self._counts) > MAX_WINDOWS:
                self._counts.popitem(last=False)
            return hit
        hit, articles = self._counts[hit_id]
        if article.id == hit.article:
            return hit
        if len(articles) < watch.cap:
            articles.add(article.id)
            self._counts[hit_id] = (replace(hit, count=len(articles)), articles)
        return None

    def closed(self, now: datetime) -> list[Hit]:
        """Return, once, the final counts of windows that are over."""
        over = [
            hit_id
            for hit_id, (hit, _) in self._counts.items()
            if hit.window_start + timedelta(seconds=hit.window_seconds) <= now
        ]
        return [self._counts.pop(hit_id)[0] for hit_id in over]


def alert_of(hit: Hit, watch: Watch) -> Alert:
    """Return what rooms are told of a window: its first article; the same for every worker."""
    subject = f"{_SUBJECT}-{watch.id}-{hit.window_start:%Y%m%dT%H%M}"
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


@lru_cache(maxsize=256)
def _pattern(terms: tuple[str, ...]) -> re.Pattern[str]:
    parts = []
    for term in terms:
        stem = re.escape(_fold(term.rstrip("*").strip())).replace(r"\ ", r"\s+")
        parts.append(stem if term.endswith("*") else stem + r"(?!\w)")
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})")


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
