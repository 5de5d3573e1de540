"""Which entry is which, from poll to poll. Pure.

The ladder: guid, else canonical link, else title and content. A seed's `identity` goes first
where a feed's own ids cannot be trusted. Exact copies within a document are one entry; the same
guid on different entries gets its address, then a number, added.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from connectors.base import Entry, IdentityRule

Identity = tuple[str, str]
"""(rule, value): together with the feed's id they make the article's id."""


def identify(
    entries: Iterable[Entry], rule: IdentityRule | None = None
) -> tuple[list[tuple[Entry, Identity]], int]:
    """Return the entries with their identities, unique within the document, and how many were copies.

    Args:
        entries: In the document's order; the first to have a guid keeps it.
        rule: The seed's override; an entry without that field falls back to the ladder.
    """
    found: list[tuple[Entry, Identity]] = []
    taken: dict[Identity, Entry] = {}
    copies = 0
    for entry in entries:
        identity = _by(rule, entry) or _by("guid", entry) or _by("link", entry)
        identity = identity or _by("content", entry)
        assert identity is not None  # content is never empty
        if identity in taken and _is_copy(taken[identity], entry):
            copies += 1
            continue
        identity = _unique(identity, entry, taken)
        taken[identity] = entry
        found.append((entry, identity))
    return found, copies


def _by(rule: IdentityRule | None, entry: Entry) -> Identity | None:
    """Return the identity that one rule gives, or None when the entry lacks what it needs."""
    if rule == "guid" and entry.guid:
        return rule, entry.guid
    if rule == "link" and entry.canonical_url:
        return rule, entry.canonical_url
    if rule == "title" and entry.title:
        return rule, _folded(entry.title)
    if rule == "title-date" and entry.title and entry.published_at:
        return rule, f"{_folded(entry.title)}|{entry.published_at.date().isoformat()}"
    if rule == "content":
        return rule, _digest(entry.title, entry.summary, entry.body)
    return None


def _is_copy(one: Entry, two: Entry) -> bool:
    return (one.canonical_url, one.title, one.summary, one.body) == (
        two.canonical_url,
        two.title,
        two.summary,
        two.body,
    )


def _unique(identity: Identity, entry: Entry, taken: dict[Identity, Entry]) -> Identity:
    """Return an identity that nobody has: with the address added, then a number."""
    if identity not in taken:
        return identity
    rule, value = identity
    if entry.canonical_url and (rule, f"{value}|{entry.canonical_url}") not in taken:
        return rule, f"{value}|{entry.canonical_url}"
    number = 2
    while (rule, f"{value}|{number}") in taken:
        number += 1
    return rule, f"{value}|{number}"


def _folded(title: str) -> str:
    return re.sub(r"\s+", " ", title).strip().casefold()


def title_mark(title: str) -> str:
    """Return a short mark of a title, equal for titles that differ in case and spacing only."""
    return _digest(_folded(title))[:10] if title else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
