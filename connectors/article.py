"""An article's page → its main text, by trafilatura. Runs in the worker; an optional extra."""

from __future__ import annotations

from connectors import clean
from connectors.base import Document, Entry, Hints
from connectors.charset import decode
from connectors.errors import ParseError

#: Characters of a page that are read; the lead comes first.
MAX_PAGE_CHARS = 1024 * 1024


def extract(body: bytes, hints: Hints) -> Document:
    """Return a document of one entry whose `body` is the page's main text.

    Raises:
        ParseError: not_a_feed: no article text is found, or trafilatura is not installed.
    """
    try:
        import trafilatura
    except ImportError:
        raise ParseError(
            "not_a_feed", "article pages need the extra: pip install 'flankwatch[fulltext]'"
        ) from None
    page, flaw = decode(body, hints.content_type, hints.language)
    found = trafilatura.bare_extraction(
        page[:MAX_PAGE_CHARS], url=hints.url, include_comments=False, include_tables=False
    )
    text = clean.plain_text(getattr(found, "text", None) or "", is_html=False)
    if not text:
        raise ParseError("not_a_feed", "no article text is found on the page")
    title = clean.one_line(getattr(found, "title", None) or "", is_html=False)
    return Document(
        entries=(Entry(url=hints.url, title=title, body=text),), format="article", flaw=flaw
    )
