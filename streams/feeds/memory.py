"""Fold one document into what is known of its feed: which entries are new, which are revised.

Pure. Guarantees: an entry seen before with the same text gives nothing; with another text, a
revision that names the one it replaces; a feed's first document only teaches (`backfill`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from connectors.base import Document, Entry
from connectors.identity import Identity, identify, title_mark
from streams.articles import article_from_entry, article_id, revision_of
from streams.catalog.feeds import FeedSpec
from streams.records import Article, FeedState

#: Entries remembered beyond those of the last document.
SEEN_MIN = 200
SEEN_RATIO = 3
#: A document is "all new, all known by title" from so many matches, or when all match.
DRIFT_MIN = 3
DRIFT_RATIO = 0.3


class Extra(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """The part of `FeedState.extra` that is ours, typed."""

    gap_seconds: float | None = None  #: mean time between new entries
    floor_seconds: float = 0.0  #: what the publisher's last answer permits
    ttl_seconds: float = 0.0  #: of the last document, as are the next two
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    body_hash: str = ""  #: of the last body read
    backfilled: bool = False  #: the first document was read
    moved_to: str = ""  #: target of the permanent redirects seen in a row
    moved_hits: int = 0
    at: str = ""  #: address in use instead of the seed's, after enough of them
    seed_url: str = ""  #: the seed's address that all this belongs to
    why: str = ""  #: what the last failure said
    failing_since: datetime | None = None
    drifted: bool = False  #: the feed's own ids change from fetch to fetch
    format: str = ""
    flaw: str = ""
    entries: int = 0  #: in the last document
    first_at: datetime | None = None  #: first success
    held_until: datetime | None = None  #: by a Retry-After; may cover the host or domain
    hub: str = ""  #: WebSub hub that the feed names
    topic: str = ""  #: what to subscribe to there
    lease_until: datetime | None = None  #: of our subscription
    is_pushed: bool = False  #: the last news came by the hub, and no poll was ahead of it


class Seen(NamedTuple):
    """What is remembered of one entry, packed into one string of `FeedState.seen`."""

    revision: str
    first_seen: int  #: seconds since the epoch
    mark: str  #: of the title

    def pack(self) -> str:
        """Return `revision@seconds@mark`."""
        return f"{self.revision}@{self.first_seen}@{self.mark}"

    @classmethod
    def unpack(cls, text: str) -> Seen:
        """Return what `pack` wrote; a plain revision is read too."""
        revision, _, rest = text.partition("@")
        seconds, _, mark = rest.partition("@")
        return cls(revision, int(seconds) if seconds.isdigit() else 0, mark)


@dataclass
class Folded:
    """What a document came to."""

    articles: list[Article] = field(default_factory=list)  #: oldest first
    seen: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)  #: new, revised, duplicate, invalid
    drifted: bool = False


def extra_of(state: FeedState) -> Extra:
    """Return the typed part of a state; what cannot be read is forgotten, not fatal."""
    try:
        return msgspec.convert(state.extra, Extra)
    except msgspec.ValidationError:
        return Extra()


def with_extra(extra: Extra) -> dict[str, Any]:
    """Return what goes into `FeedState.extra`."""
    packed: dict[str, Any] = msgspec.to_builtins(extra)
    return packed


def resumed(state: FeedState, now: datetime) -> FeedState:
    """Return the state of a feed that is due now, whatever became of it before."""
    extra = msgspec.structs.replace(extra_of(state), why="", failing_since=None)
    return msgspec.structs.replace(
        state,
        outcome="",
        failures=0,
        next_poll_at=now,
        extra=with_extra(extra),
        version=state.version + 1,
    )


def fold(
    spec: FeedSpec, seen: dict[str, str], document: Document, now: datetime, *, backfill: bool
) -> Folded:
    """Return the articles that a document adds, and the new memory.

    Args:
        spec: The feed.
        seen: `FeedState.seen`; not changed.
        document: What was fetched.
        now: Instant of first sight for what is new; aware UTC.
        backfill: This is the feed's first document.
    """
    folded = Folded()
    found, copies = identify(document.entries, spec.identity)
    folded.counts["duplicate"] += copies
    folded.counts["invalid"] += document.invalid
    entries = [(_id(spec, identity), entry) for entry, identity in found]
    adopted = _adopt(entries, seen)
    folded.drifted = bool(adopted)
    now_seconds = int(now.timestamp())
    current: dict[str, str] = {}
    for identifier, entry in reversed(entries):  # feeds have the newest first
        identifier = adopted.get(identifier, identifier)
        revision = revision_of(entry.title, entry.summary, entry.body)
        before = Seen.unpack(seen[identifier]) if identifier in seen else None
        if before is not None and before.revision == revision:
            folded.counts["duplicate"] += 1
            current[identifier] = seen[identifier]
            continue
        folded.counts["new" if before is None else "revised"] += 1
        article = article_from_entry(
            entry,
            id=identifier,
            feed=spec.id,
            publisher=spec.publisher,
            first_seen_at=_first_sight(entry, before, now),
            language=spec.language or document.language,
            supersedes=before.revision if before else None,
            backfill=backfill,
        )
        folded.articles.append(article)
        first = before.first_seen if before else now_seconds
        current[identifier] = Seen(revision, first, title_mark(entry.title)).pack()
    folded.seen = _remember(seen, current)
    return folded


def _id(spec: FeedSpec, identity: Identity) -> str:
    rule, value = identity
    return article_id(spec.id, rule, value)


def _first_sight(entry: Entry, before: Seen | None, now: datetime) -> datetime:
    """Return the instant of first sight; an undated article keeps its own over revisions.

    A revision of a dated article starts the latency clock anew, for it may be what alerts; an
    undated one has nothing else to tell its age by, and an edit must not make it young.
    """
    if before is None or entry.published_at is not None or not before.first_seen:
        return now
    return datetime.fromtimestamp(before.first_seen, UTC)


def _adopt(entries: list[tuple[str, Entry]], seen: dict[str, str]) -> dict[str, str]:
    """Return new id → known id when every id is new and the titles are known.

    Such a feed makes up its ids at each fetch (or has changed its scheme): its entries are known
    by their titles, so nothing floods and an edit is still a revision.
    """
    if not seen or any(identifier in seen for identifier, _ in entries):
        return {}
    by_mark: dict[str, str] = {}
    twice: set[str] = set()
    for identifier, packed in seen.items():
        mark = Seen.unpack(packed).mark
        if mark in by_mark:
            twice.add(mark)
        by_mark[mark] = identifier
    adopted: dict[str, str] = {}
    for identifier, entry in entries:
        mark = title_mark(entry.title)
        known = by_mark.pop(mark, None) if mark and mark not in twice else None
        if known is not None:  # each known entry is adopted once
            adopted[identifier] = known
    enough = max(DRIFT_MIN, DRIFT_RATIO * len(entries))
    return adopted if adopted and (len(adopted) >= enough or len(adopted) == len(entries)) else {}


def _remember(seen: dict[str, str], current: dict[str, str]) -> dict[str, str]:
    """Return the memory: all of this document, last, and as many older ones as fit the cap."""
    older = [(key, value) for key, value in seen.items() if key not in current]
    room = max(SEEN_MIN, SEEN_RATIO * len(current)) - len(current)
    return dict(older[-room:] if room > 0 else []) | current
