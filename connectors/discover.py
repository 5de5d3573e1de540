"""Find the feeds of a site: what its page announces, then where feeds usually are. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lxml import html
from lxml.etree import ParserError

from connectors import clean
from connectors.page import without_prolog

MAX_PAGE_CHARS = 2 * 1024 * 1024
#: Kinds by the media type of a <link rel="alternate">.
_TYPES = {
    "application/rss+xml": "rss",
    "application/atom+xml": "rss",
    "application/rdf+xml": "rss",
    "application/feed+json": "jsonfeed",
    "application/json": "jsonfeed",
}
#: Where feeds usually are, relative to a site's root.
USUAL = (
    "/feed", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/feed.json",
    "/news/rss", "/en/rss", "/news-sitemap.xml", "/sitemap-news.xml",
)  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """An address where a feed may be."""

    url: str
    kind: str  #: file stem in connectors/feeds/
    title: str = ""
    is_announced: bool = True


def announced(page: str, base: str) -> list[Candidate]:
    """Return the feeds that a page's head or links announce, in order, each once."""
    try:
        tree = html.fromstring(without_prolog(page[:MAX_PAGE_CHARS]))
    except (ParserError, ValueError):
        return []
    found: dict[str, Candidate] = {}
    for link in tree.iter("link"):
        rel = (link.get("rel") or "").lower().split()
        kind = _TYPES.get((link.get("type") or "").partition(";")[0].strip().lower())
        url = clean.link(link.get("href"), base)
        if "alternate" in rel and kind and url and "/wp-json/" not in url:
            title = clean.one_line(link.get("title") or "", is_html=False)
            found.setdefault(url, Candidate(url, kind, title))
    for anchor in tree.iter("a"):
        url = clean.link(anchor.get("href"), base)
        if url and _looks_like_feed(url):
            title = clean.one_line(anchor.text_content(), is_html=False)
            found.setdefault(url, Candidate(url, _kind_of(url), title))
    return list(found.values())


def usual(base: str) -> list[Candidate]:
    """Return where a site's feeds usually are; guesses, each to be tried politely."""
    return [Candidate(urljoin(base, path), _kind_of(path), is_announced=False) for path in USUAL]


def _looks_like_feed(url: str) -> bool:
    path = urlsplit(url).path.lower().rstrip("/")
    return path.endswith(("/rss", "/feed", "/atom", ".rss", "rss.xml", "feed.xml", "atom.xml"))


def _kind_of(url: str) -> str:
    path = urlsplit(url).path.lower()
    return "jsonfeed" if path.endswith(".json") else "sitemap" if "sitemap" in path else "rss"
