"""What can change an incident: the records of `news.ledger`, told apart by their `type`."""

from __future__ import annotations

from datetime import datetime

from streams.records.article import Report
from streams.records.base import Record


class ReportSet(Record, frozen=True, kw_only=True, tag_field="type", tag="report_set"):
    """All reports of one article revision; replaces the article's earlier set atomically."""

    article: str
    revision: str
    feed: str
    publisher: str
    first_seen_at: datetime
    theatre: str = "europe"
    title: str = ""
    url: str | None = None
    language: str = "und"
    published_at: datetime | None = None
    backfill: bool = False
    reports: tuple[Report, ...] = ()  #: empty: the article holds none (any more)
    quiet: bool = False  #: read again by other rules: changes incidents, tells nobody
    catalog: str = ""


class Decision(Record, frozen=True, kw_only=True, tag_field="type", tag="decision"):
    """An operator's word; wins over rules."""

    id: str
    at: datetime
    who: str
    action: str  #: close | merge | split | mark_false | silence | unsilence | ack
    why: str
    incident: str | None = None
    other: str | None = None  #: the second incident of a merge
    article: str | None = None
    country: str | None = None
    room: str | None = None
    until: datetime | None = None
    theatre: str = "europe"


class CatalogSwitch(Record, frozen=True, kw_only=True, tag_field="type", tag="catalog_switch"):
    """From here on the fold uses the catalog with this content hash."""

    catalog: str
    at: datetime
    who: str = ""


class Tick(Record, frozen=True, kw_only=True, tag_field="type", tag="tick"):
    """Moves a theatre's clock; nothing else does."""

    at: datetime
    theatre: str = "europe"
    final: bool = False  #: end of a replay: settle everything that waits


LedgerRecord = ReportSet | Decision | CatalogSwitch | Tick
