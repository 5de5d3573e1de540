"""The parser corpus: odd and broken feeds in tests/data/feeds/, each named by its oddity.

A `[[feed]]` gives the document as `raw`, or as one RSS `item` or one Atom `entry`, and beside it
what must come out. Only what a case names is compared, and always the number of entries (1 unless
said) or the `error`. `codec` says how the text is written as bytes (utf-8 unless said).
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from typing import Any

import msgspec
import pytest
from conftest import ROOT

from connectors.base import Document, Hints
from connectors.errors import ParseError
from connectors.registry import load

FOLDER = ROOT / "tests" / "data" / "feeds"
NAMESPACES = (
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:georss="http://www.georss.org/georss"'
)
#: What would be too long to write down.
LONG = {"@40000@": "word " * 8000, "@emoji@": "\U0001f6a8" * 40_000, "@deep@": "[" * 100_000}


def cases() -> list[Any]:
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        for case in tomllib.loads(path.read_text(encoding="utf-8"))["feed"]:
            found.append(pytest.param(case, id=case["name"]))
    return found


def document_of(case: dict[str, Any]) -> bytes:
    """Return the bytes that a case stands for."""
    if "raw" in case:
        text = case["raw"]
    elif "item" in case:
        head = case.get("head", "")
        text = (
            f'<?xml version="1.0"?><rss version="2.0" {NAMESPACES}><channel><title>C</title>'
            f"{head}<item>{case['item']}</item></channel></rss>"
        )
    else:
        attributes = case.get("feed_attributes", "")
        entry_attributes = case.get("entry_attributes", "")
        text = (
            f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" {attributes}>'
            f"<title>C</title><entry {entry_attributes}>{case['entry']}</entry></feed>"
        )
    for mark, long in LONG.items():
        text = text.replace(mark, long)
    body = text.encode(case.get("codec", "utf-8"))
    return body + bytes.fromhex(case.get("hex_tail", ""))


def read(case: dict[str, Any]) -> Document:
    hints = Hints(
        url="https://feed.example/dir/feed.xml",
        content_type=case.get("content_type", "application/xml"),
        language=case.get("language"),
        selectors=case.get("selectors", {}),
    )
    document: Document = load("feeds", case.get("kind", "rss")).parse(document_of(case), hints)
    return document


def iso(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("case", cases())
def test_corpus(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(ParseError) as caught:
            read(case)
        assert caught.value.reason == case["error"]
        assert case.get("why", "") in caught.value.detail
        return
    document = read(case)
    assert len(document.entries) == case.get("entries", 1)
    got: dict[str, Any] = {
        "format": document.format,
        "document_language": document.language or "",
        "ttl": document.ttl_seconds or 0,
        "skip_hours": list(document.skip_hours),
        "skip_days": list(document.skip_days),
        "hub": document.hub or "",
        "invalid": document.invalid,
        "capped": document.capped,
    }
    if document.entries:
        entry = document.entries[0]
        got |= {
            "title": entry.title,
            "summary": entry.summary,
            "body": entry.body,
            "url": entry.url or "",
            "guid": entry.guid or "",
            "source": entry.source_name or "",
            "published": iso(entry.published_at),
            "updated": iso(entry.updated_at),
        }
    expected = {name: case[name] for name in got if name in case}
    assert {name: got[name] for name in expected} == expected
    assert case.get("flaw", "") in document.flaw
    assert msgspec.msgpack.encode(document), "what a worker hands on"
    for entry in document.entries:
        text = entry.title + entry.summary + entry.body
        assert not set(text) & set("\x00\x01\x08\x1b\u2028\u202e\ufeff")
        assert entry.url is None or entry.url.lower().startswith(("http://", "https://"))


def test_the_corpus_is_large_and_names_are_unique() -> None:
    names = [case.id for case in cases()]
    assert len(names) >= 300
    assert len(names) == len(set(names))
