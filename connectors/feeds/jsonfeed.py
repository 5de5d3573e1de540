"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/). One bad item costs that item."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from connectors import clean
from connectors.base import Document, Entry, Hints
from connectors.charset import decode
from connectors.dates import parse_date
from connectors.errors import ParseError
from connectors.page import page_trouble

ACCEPT = "application/feed+json, application/json;q=0.9, */*;q=0.5"
MAX_ENTRIES = 2000


def parse(body: bytes, hints: Hints) -> Document:
    """Return the document in `body`.

    Raises:
        ParseError: not_a_feed: no JSON, or JSON without `items`.
    """
    text, flaw = decode(body, hints.content_type, hints.language)
    text = text.strip()
    if text.startswith("<"):
        raise (
            page_trouble(text)
            if "<html" in text[:2000].lower()
            else ParseError("not_a_feed", 'this is XML; kind = "rss" reads RSS and Atom')
        )
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParseError("not_a_feed", f"not JSON: {str(error)[:100]}") from error
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        raise ParseError("not_a_feed", "JSON without a list of `items`")
    now = datetime.now(UTC)
    entries: list[Entry] = []
    invalid = capped = 0
    for item in data["items"][:MAX_ENTRIES]:
        entry, cut = _entry(item, hints, now)
        capped += cut
        if entry is None:
            invalid += 1
        else:
            entries.append(entry)
    version = str(data.get("version") or "").rstrip("/").rpartition("/")[2].replace(".", "")
    hubs = [hub for hub in _list(data.get("hubs")) if isinstance(hub, dict)]
    return Document(
        entries=tuple(entries),
        format=f"jsonfeed{version if version.isdigit() else ''}",
        title=clean.one_line(_string(data.get("title"))),
        language=_string(data.get("language")) or None,
        hub=clean.link(_string(hubs[0].get("url")), hints.url) if hubs else None,
        topic=clean.link(_string(data.get("feed_url")), hints.url),
        invalid=invalid,
        capped=capped,
        cut=max(0, len(data["items"]) - MAX_ENTRIES),
        flaw=flaw,
    )


def _entry(item: Any, hints: Hints, now: datetime) -> tuple[Entry | None, int]:
    """Return the entry, or None when it holds nothing, and how many of its fields were cut."""
    if not isinstance(item, dict):
        return None, 0
    markup, was_cut = clean.cap(_string(item.get("content_html")))
    plain, was_cut_too = clean.cap(_string(item.get("content_text")))
    body = clean.plain_text(markup, is_html=True) or clean.plain_text(plain, is_html=False)
    summary = clean.plain_text(_string(item.get("summary")))
    url = clean.link(_string(item.get("url")), hints.url)
    title = clean.one_line(_string(item.get("title")))
    if not (title or summary or body or url):
        return None, 0
    number = item.get("id")
    guid = str(number) if isinstance(number, int) and not isinstance(number, bool) else ""
    entry = Entry(
        guid=(guid or _string(number))[: clean.MAX_GUID_CHARS] or None,
        url=url or clean.link(_string(item.get("external_url")), hints.url),
        title=title,
        summary="" if summary == body else summary,
        body=body,
        published_at=clean.plausible(parse_date(_string(item.get("date_published"))), now),
        updated_at=clean.plausible(parse_date(_string(item.get("date_modified"))), now),
        language=_string(item.get("language")) or None,
    )
    return entry, was_cut + was_cut_too


def _string(value: Any) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
