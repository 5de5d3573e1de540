"""A list page of a site that has no feed: entries by CSS selectors given in the seed.

`select = { item, link, title, summary, date, date_order }`; each but `item` is looked up inside
one item. A page on which `item` matches nothing is an error: the site was probably rebuilt.
"""

from __future__ import annotations

from datetime import UTC, datetime

from lxml import html
from lxml.cssselect import CSSSelector
from lxml.etree import ParserError

from connectors import clean
from connectors.base import Document, Entry, Hints
from connectors.charset import decode
from connectors.dates import Order, parse_date
from connectors.errors import ParseError
from connectors.page import is_challenge, page_trouble, without_prolog

ACCEPT = "text/html, application/xhtml+xml;q=0.9, */*;q=0.5"
MAX_ENTRIES = 300
MAX_PAGE_CHARS = 2 * 1024 * 1024


def parse(body: bytes, hints: Hints) -> Document:
    """Return the entries of the page in `body`.

    Raises:
        ParseError: not_a_feed: no HTML, or nothing matches; challenge.
    """
    text, flaw = decode(body, hints.content_type, hints.language)
    if is_challenge(text):
        raise page_trouble(text)
    try:
        page = html.fromstring(without_prolog(text[:MAX_PAGE_CHARS]), base_url=hints.url)
    except (ParserError, ValueError) as error:
        raise ParseError("not_a_feed", "cannot be read as HTML") from error
    items = CSSSelector(hints.selectors["item"])(page)
    if not items:
        raise ParseError("not_a_feed", f"nothing on the page matches {hints.selectors['item']!r}")
    now = datetime.now(UTC)
    entries: list[Entry] = []
    invalid = 0
    for item in items[:MAX_ENTRIES]:
        entry = _entry(item, hints, now)
        if entry is None:
            invalid += 1
        else:
            entries.append(entry)
    language = page.get("lang") or page.get("{http://www.w3.org/XML/1998/namespace}lang")
    return Document(
        entries=tuple(entries),
        format="html",
        title=clean.one_line(page.findtext(".//title") or "", is_html=False),
        language=(language or "").strip()[:20] or None,
        invalid=invalid,
        cut=max(0, len(items) - MAX_ENTRIES),
        flaw=flaw,
    )


def _entry(item: html.HtmlElement, hints: Hints, now: datetime) -> Entry | None:
    """Return the entry of one item; None without a link or a title."""
    chosen = hints.selectors
    anchor = _first(item, chosen.get("link", "a"))
    if anchor is None:
        return None
    url = clean.link(anchor.get("href"), hints.url)
    title = _text(_first(item, chosen["title"]) if chosen.get("title") else anchor)
    if url is None or not title:
        return None
    summary = _first(item, chosen["summary"]) if chosen.get("summary") else None
    date = _first(item, chosen["date"]) if chosen.get("date") else None
    return Entry(
        url=url,
        title=clean.one_line(title, is_html=False),
        summary=clean.plain_text(_text(summary), is_html=False),
        published_at=clean.plausible(_when(date, chosen.get("date_order", "DMY"), hints), now),
    )


def _first(item: html.HtmlElement, selector: str) -> html.HtmlElement | None:
    """Return the first match inside the item, the item itself counted."""
    found = CSSSelector(selector)(item)
    return found[0] if found else None


def _text(element: html.HtmlElement | None) -> str:
    return "" if element is None else " ".join(element.text_content().split())


def _when(element: html.HtmlElement | None, order: str, hints: Hints) -> datetime | None:
    if element is None:
        return None
    kind: Order = "MDY" if order == "MDY" else "YMD" if order == "YMD" else "DMY"
    return parse_date(element.get("datetime")) or parse_date(_text(element), kind, hints.language)
