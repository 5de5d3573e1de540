"""Google News sitemaps: title, date and publication of the last two days' articles.

For sites without RSS. A sitemap index is not followed: name the news sitemap itself.
Source: https://www.sitemaps.org/protocol.html and Google's news sitemap extension.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

from lxml import etree

from connectors import clean
from connectors.base import Document, Entry, Hints
from connectors.charset import decode, mend_references
from connectors.dates import parse_date
from connectors.errors import ParseError
from connectors.page import page_trouble, without_prolog

ACCEPT = "application/xml, text/xml;q=0.9, */*;q=0.5"
MAX_ENTRIES = 2000
#: Signs that begin no markup, outside of CDATA: left alone, a "&" is lost from an address, and a "<"
#: swallows all that follows.
_BARE = re.compile(r"<!\[CDATA\[.*?\]\]>|&(?!#?\w+;)|<(?![\w/!?:])", re.S)
_MEDIA = frozenset(("image", "video"))


def parse(body: bytes, hints: Hints) -> Document:
    """Return the document in `body`; a broken one is read as far as it goes.

    Raises:
        ParseError: not_a_feed: no sitemap, or an index of sitemaps.
    """
    text, flaw = decode(body, hints.content_type, hints.language)
    head = text[:2000].lower()
    if "<!doctype html" in head or "<html" in head:
        raise page_trouble(text)
    text = _BARE.sub(_escaped, without_prolog(mend_references(text.lstrip())))
    entries: list[Entry] = []
    cut = invalid = capped = 0
    root = ""
    now = datetime.now(UTC)
    reader = etree.iterparse(
        io.BytesIO(text.encode()),
        events=("start", "end"),
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
    )
    try:
        for event, element in reader:
            name = _local(element.tag)
            if event == "start":
                root = root or name
                continue
            if name != "url":
                continue
            if len(entries) >= MAX_ENTRIES:
                cut += 1
            elif (entry := _entry(element, hints, now)) is None:
                invalid += 1
            else:
                entries.append(entry)
            element.clear()
            while element.getprevious() is not None:  # what is read is let go
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        flaw = f"broken XML ({error.msg})"[:200]
    if not flaw and len(reader.error_log):
        flaw = f"broken XML ({reader.error_log[0].message})"[:200]
    if root == "sitemapindex":
        raise ParseError("not_a_feed", "an index of sitemaps; name the news sitemap itself")
    if root != "urlset":
        raise ParseError("not_a_feed", "no sitemap" + (f": {flaw}" if flaw else ""))
    return Document(
        entries=tuple(entries), format="sitemap", invalid=invalid, capped=capped, cut=cut, flaw=flaw
    )


def _entry(element: etree._Element, hints: Hints, now: datetime) -> Entry | None:
    """Return the article of one <url>; None without a readable address."""
    found: dict[str, str] = {}
    for part in element:
        if _local(part.tag) in _MEDIA:  # with titles and dates of their own
            continue
        for child in part.iter():
            if isinstance(child.tag, str) and child.text:
                found.setdefault(_local(child.tag), child.text.strip())
    url = clean.link(found.get("loc"), hints.url)
    if url is None:
        return None
    date = found.get("publication_date")
    return Entry(
        guid=url,
        url=url,
        title=clean.one_line(found.get("title", "")),
        summary=clean.plain_text(found.get("keywords", ""), is_html=False),
        published_at=clean.plausible(parse_date(date), now),
        updated_at=clean.plausible(parse_date(found.get("lastmod")), now),
        language=found.get("language") or None,
        source_name=clean.one_line(found.get("name", "")) or None,
    )


def _escaped(found: re.Match[str]) -> str:
    return {"&": "&amp;", "<": "&lt;"}.get(found[0], found[0])


def _local(tag: object) -> str:
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""
