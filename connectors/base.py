"""The leaf's own plain types: what a feed kind takes and gives. Chat kinds have theirs below.

A feed kind is a file in connectors/feeds/ with `parse(body, hints) -> Document`: pure, run in a
worker process that may be killed, so it needs no care for time or memory of its own.
Everything crosses the process boundary as MessagePack.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

IdentityRule = Literal["guid", "link", "title", "title-date", "content"]


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of a document, cleaned: plain text, http(s) links, aware UTC times."""

    guid: str | None = None  #: as published
    url: str | None = None  #: absolute, as published
    canonical_url: str | None = None  #: for identity only; filled in for every kind
    title: str = ""  #: one line
    summary: str = ""
    body: str = ""
    published_at: datetime | None = None
    updated_at: datetime | None = None
    language: str | None = None
    source_name: str | None = None  #: RSS <source>, sitemap publication


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one fetched body held."""

    entries: tuple[Entry, ...] = ()
    format: str = ""  #: rss20, atom10, jsonfeed11, sitemap, html…
    title: str = ""
    language: str | None = None
    ttl_seconds: float | None = None
    skip_hours: tuple[int, ...] = ()  #: 0-23, GMT
    skip_days: tuple[int, ...] = ()  #: 0 = Monday, GMT
    hub: str | None = None  #: WebSub hub
    topic: str | None = None  #: rel=self: what to subscribe to at the hub
    invalid: int = 0  #: entries that could not be read, left out
    capped: int = 0  #: fields cut to their limit
    cut: int = 0  #: entries beyond the limit, left out
    flaw: str = ""  #: the document was broken and yet readable: why


class Hints(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a parser may know besides the bytes."""

    url: str  #: final address, for relative links
    content_type: str = ""
    language: str | None = None  #: of the feed, if known; helps with wrong encodings
    selectors: dict[str, str] = {}  #: kind `html`


class FeedKind(Protocol):
    """A module in connectors/feeds/ that reads fetched bytes."""

    ACCEPT: str  #: value of the Accept header

    def parse(self, body: bytes, hints: Hints) -> Document:
        """Return the document in `body`.

        Raises:
            ParseError: not_a_feed.
        """
        ...
