"""The topics, declared once: partitions, cleanup, retention, segments, size limits.

`flankwatch topics create` makes them on a real Kafka and `topics check` compares; workers never
create topics. The embedded broker gives every topic 4 partitions, so producers of one-partition
topics always name partition 0 themselves (`Topic.partition_for`).
"""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 24 * 3600 * 1000
INPUT_MAX_BYTES = 512 * 1024
DEAD_LETTER_MAX_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class Topic:
    """One topic; `name` is without the instance's prefix."""

    name: str
    partitions: int
    cleanup: str  # delete | compact | compact,delete
    retention_ms: int | None  # None: kept for ever (compacted)
    max_bytes: int = INPUT_MAX_BYTES
    segment_ms: int | None = None

    @property
    def is_ordered(self) -> bool:
        """True when the topic is one ordered log; its producers name partition 0."""
        return self.partitions == 1

    @property
    def partition_for(self) -> int | None:
        """Partition that a producer must name, or None: by key."""
        return 0 if self.is_ordered else None

    def config(self) -> dict[str, str]:
        """Return the topic's settings as Kafka's own keys and values."""
        values = {
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(self.max_bytes),
        }
        if self.retention_ms is not None:
            values["retention.ms"] = str(self.retention_ms)
        if self.segment_ms is not None:
            values["segment.ms"] = str(self.segment_ms)
            values["min.cleanable.dirty.ratio"] = "0.1"
        return values


HOUR_MS = 3600 * 1000

ARTICLES = Topic("news.articles.v1", 12, "delete", 14 * DAY_MS)
TAGGED = Topic("news.tagged.v1", 12, "delete", 14 * DAY_MS)
HITS = Topic("news.hits.v1", 12, "delete", 14 * DAY_MS)
LEDGER = Topic("news.ledger.v1", 1, "delete", 30 * DAY_MS)
INCIDENTS = Topic("news.incidents.v1", 1, "compact", None, segment_ms=HOUR_MS)
OUTCOMES = Topic("news.outcomes.v1", 1, "compact,delete", 30 * DAY_MS, segment_ms=HOUR_MS)
ALERTS = Topic("news.alerts.v1", 1, "delete", 30 * DAY_MS)
DELIVERIES = Topic("news.deliveries.v1", 1, "compact", None, segment_ms=HOUR_MS)
FEEDS = Topic("news.feeds.v1", 12, "compact", None, segment_ms=HOUR_MS)
DEAD_LETTERS = Topic(
    "news.dead-letters.v1", 12, "delete", 30 * DAY_MS, max_bytes=DEAD_LETTER_MAX_BYTES
)

ALL = (
    ARTICLES,
    TAGGED,
    HITS,
    LEDGER,
    INCIDENTS,
    OUTCOMES,
    ALERTS,
    DELIVERIES,
    FEEDS,
    DEAD_LETTERS,
)
