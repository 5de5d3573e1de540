"""The records on Kafka: frozen structs, JSON on the wire, ids from content.

Times are aware UTC (RFC 3339 on the wire). Unknown fields are tolerated on read, so a newer
writer does not stop an older reader; within v1 only optional fields are added.
Ids are hashes of content, never random and never a clock: the same input gives the same id.
"""

from __future__ import annotations

from streams.records.article import (
    Article,
    Hit,
    Report,
    Span,
    Tag,
    TaggedArticle,
    Territory,
    Thing,
    When,
)
from streams.records.base import (
    LEVELS,
    Freshness,
    Level,
    Lifecycle,
    Realis,
    Record,
    Status,
    content_id,
)
from streams.records.incident import (
    Account,
    Alert,
    Claim,
    Delivery,
    FeedState,
    Incident,
    Link,
    Outcome,
    TimelineEntry,
)
from streams.records.ledger import CatalogSwitch, Decision, LedgerRecord, ReportSet, Tick
from streams.records.wire import decode, decode_ledger, encode

__all__ = [
    "Account",
    "Alert",
    "Article",
    "CatalogSwitch",
    "Claim",
    "Decision",
    "Delivery",
    "FeedState",
    "Freshness",
    "Hit",
    "Incident",
    "LEVELS",
    "LedgerRecord",
    "Level",
    "Lifecycle",
    "Link",
    "Outcome",
    "Realis",
    "Record",
    "Report",
    "ReportSet",
    "Span",
    "Status",
    "Tag",
    "TaggedArticle",
    "Territory",
    "Thing",
    "Tick",
    "TimelineEntry",
    "When",
    "content_id",
    "decode",
    "decode_ledger",
    "encode",
]
