"""Records: ids from content, tolerant decode, deterministic bytes, schemas that stay compatible."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import topics
from streams.records import (
    Article,
    CatalogSwitch,
    Decision,
    ReportSet,
    Tick,
    content_id,
    decode,
    decode_ledger,
    encode,
)

NOW = datetime(2025, 9, 10, 5, tzinfo=UTC)


def article(**changes: object) -> Article:
    values: dict[str, object] = {
        "id": "a", "feed": "f", "publisher": "p", "title": "t", "first_seen_at": NOW, "revision": "r",
    }  # fmt: skip
    return Article(**{**values, **changes})  # type: ignore[arg-type]


def test_round_trip_and_unknown_fields_are_tolerated() -> None:
    raw = json.loads(encode(article(url="https://example.org/a")))
    raw["a_field_of_tomorrow"] = {"x": 1}
    assert decode(Article, json.dumps(raw).encode()) == article(url="https://example.org/a")


def test_records_are_frozen() -> None:
    with pytest.raises(AttributeError):
        article().title = "other"  # type: ignore[misc]


@given(st.text(), st.text())
def test_ids_tell_parts_apart(left: str, right: str) -> None:
    assert content_id(left, right) == content_id(left, right)
    assert content_id(left, right) != content_id(left + right, "")[:16] or right == ""
    assert content_id(None, right) != content_id("", right)


def test_ledger_records_are_told_apart() -> None:
    records = (
        ReportSet(article="a", revision="r", feed="f", publisher="p", first_seen_at=NOW),
        Decision(id="d", at=NOW, who="me", action="close", why="done"),
        CatalogSwitch(catalog="abc", at=NOW),
        Tick(at=NOW),
    )
    for record in records:
        assert decode_ledger(encode(record)) == record
    with pytest.raises(msgspec.DecodeError):
        decode_ledger(b'{"type": "gossip"}')


def test_encoding_is_deterministic() -> None:
    assert encode(article()) == encode(article())


def test_topics_are_as_designed() -> None:
    ordered = {topic.name for topic in topics.ALL if topic.is_ordered}
    assert ordered == {
        "news.ledger.v1", "news.incidents.v1", "news.outcomes.v1", "news.alerts.v1", "news.deliveries.v1",
    }  # fmt: skip
    for topic in topics.ALL:
        assert topic.partition_for == (0 if topic.is_ordered else None)
        if "compact" in topic.cleanup:
            assert topic.segment_ms == 3600 * 1000, topic.name
    assert topics.INCIDENTS.retention_ms is None
