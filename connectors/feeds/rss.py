"""RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0, by feedparser; broken documents are read as far as they go.

feedparser is given a file object (anything else it may open as a path or URL) with sanitising and
link resolution off: the first is quadratic, the second is done here against the final address.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any
from xml.sax import SAXException

import feedparser

from connectors import clean
from connectors.base import Document, Entry, Hints
from connectors.charset import decode, mend_references
from connectors.dates import parse_date
from connectors.errors import ParseError
from connectors.page import page_trouble

ACCEPT = (
    "application/rss+xml, application/atom+xml, application/rdf+xml;q=0.9,"
    " application/xml;q=0.8, text/xml;q=0.8, */*;q=0.5"
)
#: More are cut off before parsing and counted; news feeds have the newest first.
MAX_ENTRIES = 2000
_ENTRY_END = re.compile(r"</(?:[\w-]+:)?(?:item|entry)\s*>", re.I)
_ENTRY_START = re.compile(r"<(?:[\w-]+:)?(?:item|entry)[\s>/]", re.I)
_HOURS = re.compile(r"<skipHours\b[^<>]*>(.{0,4000}?)</skipHours\s*>", re.I | re.S)
_DAYS = re.compile(r"<skipDays\b[^<>]*>(.{0,4000}?)</skipDays\s*>", re.I | re.S)
#: The document itself is HTML, not a field of it.
_PAGE = re.compile(r"(?:\s*<(?:\?[^<>]*|!--[^<>]*--)>)*\s*<(?:!doctype html|html[\s>])")
_HEAD_CHARS = 64 * 1024
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def parse(body: bytes, hints: Hints) -> Document:
    """Return the document in `body`.

    Raises:
        ParseError: not_a_feed: empty, an HTML page, JSON, or no feed that can be recognised.
    """
    text, flaw = decode(body, hints.content_type, hints.language)
    text = mend_references(text.lstrip())
    _refuse_other(text)
    text, cut = _cut_entries(text)
    try:
        parsed: Any = feedparser.parse(
            io.BytesIO(text.encode("utf-8", "replace")),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except (SAXException, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise ParseError("not_a_feed", f"cannot be read ({type(error).__name__})") from error
    if not parsed.entries and not parsed.get("version"):
        if "<html" in text[:20_000].lower():
            raise page_trouble(text)
        raise ParseError("not_a_feed", "no feed format is recognised")
    if parsed.bozo and not flaw:
        flaw = f"broken XML ({type(parsed.bozo_exception).__name__})"
    entries, invalid, capped = _entries(parsed.entries, hints)
    feed = parsed.feed
    links = {str(link.get("rel")): link.get("href") for link in feed.get("links", [])}
    return Document(
        entries=entries,
        format=parsed.get("version") or "unknown",
        title=clean.one_line(str(feed.get("title") or "")),
        language=_language(feed.get("language")),
        ttl_seconds=_ttl(feed.get("ttl")),
        skip_hours=_skip_hours(text),
        skip_days=_skip_days(text),
        hub=clean.link(links.get("hub"), hints.url),
        topic=clean.link(links.get("self"), hints.url),
        invalid=invalid,
        capped=capped,
        cut=cut,
        flaw=flaw,
    )


def _refuse_other(text: str) -> None:
    """Raise ParseError when this is clearly something else, saying what."""
    if not text:
        raise ParseError("not_a_feed", "the body is empty")
    if text[0] in "{[":
        raise ParseError("not_a_feed", 'this is JSON; kind = "jsonfeed" reads JSON Feed')
    head = text[:2000].lower()
    if "<urlset" in head or "<sitemapindex" in head:
        raise ParseError("not_a_feed", 'this is a sitemap; kind = "sitemap" reads it')
    if _PAGE.match(head):
        raise page_trouble(text)


def _cut_entries(text: str) -> tuple[str, int]:
    """Return the text cut after `MAX_ENTRIES` entries, and how many were left out."""
    count = sum(1 for _ in _ENTRY_START.finditer(text))
    if count <= MAX_ENTRIES:
        return text, 0
    for number, found in enumerate(_ENTRY_END.finditer(text), start=1):
        if number == MAX_ENTRIES:
            return text[: found.end()], count - MAX_ENTRIES
    starts = [found.start() for found in _ENTRY_START.finditer(text)]
    return text[: starts[MAX_ENTRIES]], count - MAX_ENTRIES


def _entries(raw: list[Any], hints: Hints) -> tuple[tuple[Entry, ...], int, int]:
    """Return the entries, and how many were unreadable and how many fields were cut."""
    entries: list[Entry] = []
    invalid = capped = 0
    now = datetime.now(UTC)
    for item in raw:
        try:
            entry, cut = _entry(item, hints, now)
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
            invalid += 1
            continue
        capped += cut
        if entry.title or entry.summary or entry.body or entry.url:
            entries.append(entry)
        else:
            invalid += 1
    return tuple(entries), invalid, capped


def _entry(item: Any, hints: Hints, now: datetime) -> tuple[Entry, int]:
    title, title_cut = _text(item.get("title_detail"), item.get("title"))
    summary, summary_cut = _text(item.get("summary_detail"), item.get("summary"))
    contents = [_text(part, part.get("value")) for part in item.get("content", [])[:8]]
    body, body_cut = max(contents, key=lambda found: len(found[0]), default=("", 0))
    if body == summary:  # feedparser gives a content as summary too
        summary = ""
    source = item.get("source") or {}
    guid, _ = clean.cap(str(item.get("id") or "").strip(), clean.MAX_GUID_CHARS)
    url = _link(item, hints.url)
    entry = Entry(
        guid=guid or None,
        url=url or (clean.link(guid, hints.url) if _is_address(guid) else None),
        title=clean.one_line(title, is_html=False),
        summary=summary,
        body=body,
        published_at=_when(item, "published", hints, now) or _when(item, "created", hints, now),
        updated_at=_when(item, "updated", hints, now),
        language=_language(item.get("language")),
        source_name=clean.one_line(str(source.get("title") or "")) or None,
    )
    return entry, title_cut + summary_cut + body_cut


def _text(detail: Any, value: Any) -> tuple[str, int]:
    """Return a field's plain text, and 1 when it was cut."""
    kind = str((detail or {}).get("type") or "")
    is_html = True if kind in ("text/html", "application/xhtml+xml") else None
    text, was_cut = clean.cap(str(value or ""))
    if (
        kind == "text/plain"
        and "<" in text
        and not re.search(r"</?[a-z][a-z0-9]*[\s/>]", text, re.I)
    ):
        is_html = False
    return clean.plain_text(text, is_html=is_html), int(was_cut)


def _link(item: Any, base: str) -> str | None:
    """Return the article's address: the publisher's own before the alternate link."""
    origin = clean.link(item.get("feedburner_origlink"), base)
    if origin:
        return origin
    links = [part for part in item.get("links", []) if part.get("href")]
    for rel in ("alternate", "related", "via", "self"):
        pages = [part for part in links if part.get("rel") == rel]
        pages.sort(key=lambda part: "html" not in str(part.get("type") or "html"))
        for part in pages:
            if found := clean.link(part.get("href"), base):
                return found
    return clean.link(item.get("link"), base)


def _is_address(guid: str) -> bool:
    return guid.startswith(("http://", "https://"))


def _when(item: Any, name: str, hints: Hints, now: datetime) -> datetime | None:
    """Return a date of the entry itself, by our own reading.

    feedparser's is not asked: it stands in `updated` for an absent date, and reads dates into words.
    """
    if name not in item:
        return None
    written = parse_date(str(item.get(name) or ""), language=hints.language)
    return clean.plausible(written, now)


def _language(value: Any) -> str | None:
    found = re.match(
        r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*(?![A-Za-z0-9])", str(value or "").strip()
    )
    return found[0].replace("_", "-") if found else None


def _ttl(value: Any) -> float | None:
    """Return RSS ttl, which is in minutes, as seconds."""
    found = re.match(r"\s*(\d{1,6})", str(value or ""))
    return float(found[1]) * 60 if found and int(found[1]) > 0 else None


def _skip_hours(text: str) -> tuple[int, ...]:
    """Return all hours; feedparser keeps only the last. 24 is midnight."""
    found = _HOURS.search(text[:_HEAD_CHARS])
    hours = re.findall(r"<hour>\s*(\d{1,2})\s*</hour>", found[1], re.I) if found else []
    return tuple(sorted({int(hour) % 24 for hour in hours if int(hour) <= 24}))


def _skip_days(text: str) -> tuple[int, ...]:
    found = _DAYS.search(text[:_HEAD_CHARS])
    days = re.findall(r"<day>\s*([A-Za-z]+)\s*</day>", found[1], re.I) if found else []
    return tuple(sorted({_WEEKDAYS.index(d.lower()) for d in days if d.lower() in _WEEKDAYS}))
