"""Identity and memory: what is new, what is revised, and feeds that lie about their ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from connectors.base import Document, Entry
from connectors.clock import Clock
from connectors.identity import identify
from connectors.urls import canonical_url
from streams.catalog.feeds import FeedSpec
from streams.feeds.fetcher import Fetcher
from streams.feeds.memory import SEEN_MIN, Extra, Folded, Seen, extra_of, fold, with_extra
from streams.feeds.tell import count_groups
from streams.records import FeedState, decode, encode

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def spec(**fields: Any) -> FeedSpec:
    table = {"id": "paper", "url": "https://p.example/", "publisher": "P"} | fields
    return FeedSpec.model_validate(table)


def entry(number: int, **fields: Any) -> Entry:
    url = fields.pop("url", f"https://p.example/{number}")
    base = {
        "guid": f"g{number}", "url": url, "canonical_url": canonical_url(url),
        "title": f"Story number {number}", "summary": "text", "published_at": NOW,
    }  # fmt: skip
    return Entry(**(base | fields))


def folded(seen: dict[str, str], *entries: Entry, **fields: Any) -> Folded:
    now = fields.pop("now", NOW)
    return fold(spec(**fields), seen, Document(entries=entries), now, backfill=False)


def rules(*entries: Entry, rule: Any = None) -> list[tuple[str, str]]:
    return [identity for _, identity in identify(entries, rule)[0]]


def test_the_ladder_guid_link_content() -> None:
    assert rules(entry(1)) == [("guid", "g1")]
    assert rules(entry(1, guid=None)) == [("link", "https://p.example/1")]
    (found,) = rules(entry(1, guid=None, url=None, canonical_url=None))
    assert found[0] == "content"


def test_the_same_guid_on_different_entries() -> None:
    same = [entry(n, guid="g") for n in (1, 2)] + [
        entry(3, guid="g", url="https://p.example/2", title="Third")
    ]
    assert rules(*same) == [("guid", "g"), ("guid", "g|https://p.example/2"), ("guid", "g|2")]


def test_an_exact_copy_is_one_entry() -> None:
    found, copies = identify([entry(1), entry(1), entry(2)])
    assert (len(found), copies) == (2, 1)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("guid", "g1"),
        ("link", "https://p.example/1"),
        ("title", "story number 1"),
        ("title-date", "story number 1|2026-01-02"),
    ],
)
def test_a_seeds_identity_goes_first(rule: str, value: str) -> None:
    assert rules(entry(1), rule=rule) == [(rule, value)]
    assert rules(entry(1, guid=None, title="", published_at=None, url=None, canonical_url=None),
                 rule=rule)[0][0] == "content"  # fmt: skip


def test_new_then_known_then_revised() -> None:
    first = folded({}, entry(2), entry(1))
    assert [article.guid for article in first.articles] == ["g1", "g2"]  # oldest first
    assert first.counts == {"new": 2, "duplicate": 0, "invalid": 0}
    again = folded(first.seen, entry(2), entry(1))
    assert again.articles == [] and again.counts["duplicate"] == 2
    edited = folded(again.seen, entry(2, summary="new text"), entry(1))
    (article,) = edited.articles
    assert article.id == first.articles[1].id
    assert article.supersedes == first.articles[1].revision != article.revision
    assert edited.counts["revised"] == 1


def test_a_date_that_is_bumped_is_no_revision() -> None:
    first = folded({}, entry(1))
    assert folded(first.seen, entry(1, published_at=NOW + timedelta(hours=1))).articles == []


def test_an_undated_article_does_not_grow_young_by_an_edit() -> None:
    later = NOW + timedelta(days=5)
    first = folded({}, entry(1, published_at=None))
    (edited,) = folded(first.seen, entry(1, published_at=None, summary="x"), now=later).articles
    assert edited.first_seen_at == NOW
    dated = folded({}, entry(1))
    (edited,) = folded(dated.seen, entry(1, summary="x"), now=later).articles
    assert edited.first_seen_at == later


def test_random_guids_flood_nothing_and_news_still_comes() -> None:
    def at_fetch(fetch: int, *numbers: int, **fields: Any) -> list[Entry]:
        return [entry(n, guid=f"random-{fetch}-{n}", **fields) for n in numbers]

    seen = folded({}, *at_fetch(1, 5, 4, 3, 2, 1)).seen
    second = folded(seen, *at_fetch(2, 5, 4, 3, 2, 1))
    assert second.articles == [] and second.drifted and second.counts["duplicate"] == 5
    third = folded(second.seen, *at_fetch(3, 6, 5, 4, 3, 2))
    assert [article.title for article in third.articles] == ["Story number 6"]
    fourth = folded(third.seen, *at_fetch(4, 6, 5, 4, 3), *at_fetch(4, 2, summary="edited"))
    (article,) = fourth.articles
    assert article.supersedes is not None and article.summary == "edited"


def test_a_repeated_title_beside_its_old_entry_is_news() -> None:
    seen = folded({}, entry(1, title="Weather"), entry(2)).seen
    found = folded(seen, entry(3, title="Weather"), entry(1, title="Weather"), entry(2))
    assert [article.guid for article in found.articles] == ["g3"] and not found.drifted


def test_a_feed_whose_id_scheme_changes_once_repeats_nothing() -> None:
    seen = folded({}, *(entry(n) for n in range(9, 0, -1))).seen
    moved = folded(seen, *(entry(n, guid=f"https://p.example/?p={n}") for n in range(10, 1, -1)))
    assert [article.title for article in moved.articles] == ["Story number 10"]


def test_tokens_in_links_without_guids_make_no_flood() -> None:
    def with_token(token: str) -> list[Entry]:
        urls = [f"https://p.example/{n}?session={token}" for n in range(5)]
        return [entry(n, guid=None, url=url) for n, url in enumerate(urls)]

    seen = folded({}, *with_token("aaa")).seen
    assert folded(seen, *with_token("bbb")).articles == []


def test_tracking_parameters_make_no_new_article() -> None:
    one = entry(1, guid=None, url="https://p.example/1?utm_source=rss&id=5")
    two = entry(1, guid=None, url="http://p.example:80/1?id=5&fbclid=abc#top")
    assert folded(folded({}, one).seen, two).articles == []


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://P.Example:443/a/../b/?utm_source=x&id=5&fbclid=y&b=2#frag", "https://p.example/b/?id=5&b=2"),
        ("http://p.example", "https://p.example/"),
        ("https://p.example/?p=12", "https://p.example/?p=12"),
        ("https://p.example/a?xtor=RSS-1", "https://p.example/a"),
        ("https://p.example/a?at_medium=RSS&at_campaign=KARANGA", "https://p.example/a"),
        ("https://p.example/%7Euser", "https://p.example/~user"),
        ("https://p.example/a?b&c=", "https://p.example/a?b&c="),
        ("https://p.example/a?ID=5&UTM_Medium=x", "https://p.example/a?ID=5"),
        ("", None),
        (None, None),
    ],
)  # fmt: skip
def test_canonical_urls(url: str | None, canonical: str | None) -> None:
    assert canonical_url(url) == canonical


def test_the_first_document_only_teaches() -> None:
    found = fold(spec(), {}, Document(entries=(entry(1),)), NOW, backfill=True)
    assert [article.backfill for article in found.articles] == [True]


def test_the_seeds_language_goes_before_the_feeds() -> None:
    document = Document(entries=(entry(1, language="en"),), language="de")
    assert (
        fold(spec(language="lt"), {}, document, NOW, backfill=False).articles[0].declared_language
        == "lt"
    )
    assert fold(spec(), {}, document, NOW, backfill=False).articles[0].declared_language == "de"


@given(st.lists(st.lists(st.integers(0, 40), max_size=15, unique=True), max_size=12))
def test_every_entry_is_told_exactly_once_while_it_is_remembered(polls: list[list[int]]) -> None:
    seen: dict[str, str] = {}
    told: list[str] = []
    for numbers in polls:
        found = folded(seen, *(entry(n) for n in numbers))
        told += [article.id for article in found.articles]
        seen = found.seen
        assert len(seen) <= max(SEEN_MIN, 45)
    assert len(told) == len(set(told)) == len({n for numbers in polls for n in numbers})


def test_the_memory_is_capped_and_keeps_what_is_in_the_document() -> None:
    seen: dict[str, str] = {}
    for start in range(0, 2000, 50):
        seen = folded(seen, *(entry(n) for n in range(start + 50, start, -1))).seen
    assert len(seen) == SEEN_MIN
    assert folded(seen, *(entry(n) for n in range(2000, 1950, -1))).articles == []


@given(st.text(max_size=20), st.integers(0, 2**40), st.text("0123456789abcdef", max_size=10))
def test_what_is_remembered_of_an_entry_is_read_back(revision, first, mark) -> None:
    revision = revision.replace("@", "")
    kept = Seen(revision, first, mark)
    assert Seen.unpack(kept.pack()) == kept
    assert Seen.unpack("plain").revision == "plain"


def test_what_cannot_be_read_of_a_state_is_forgotten() -> None:
    assert extra_of(FeedState(id="x", url="", extra={"gap_seconds": "often"})) == Extra()
    extra = Extra(gap_seconds=5.0, skip_hours=(1, 2), first_at=NOW)
    assert extra_of(FeedState(id="x", url="", extra=with_extra(extra))) == extra


async def test_an_operators_order_counts_though_the_fetcher_knows_more() -> None:
    clock = Clock()
    own = FeedState(id="paper", url="u", outcome="gone", failures=9, seen={"a": "b"}, version=500)
    fetcher = Fetcher((spec(),), {"paper": encode(own)}, None, None, clock)  # type: ignore[arg-type]
    fetcher.take_over(FeedState(id="paper", url="u", next_poll_at=clock.now(), version=7))
    state = decode(FeedState, fetcher._states["paper"])
    assert (state.outcome, state.failures, state.seen, state.version) == ("", 0, {"a": "b"}, 501)
    assert state.next_poll_at is not None and state.next_poll_at <= clock.now()


def test_a_groups_silence_counts_from_its_first_feed_to_its_last() -> None:
    def since(group: str) -> float | None:
        name = "flankwatch_feed_group_last_new_item_timestamp_seconds"
        return REGISTRY.get_sample_value(name, {"group": group})

    old, new = (spec(group=group) for group in ("old", "new"))
    count_groups([old], (), NOW)
    assert since("old") == NOW.timestamp()
    count_groups([old, new], [old], NOW + timedelta(hours=1))
    assert (since("old"), since("new")) == (NOW.timestamp(), NOW.timestamp() + 3600)
    count_groups([new], [old, new], NOW)
    assert since("old") is None
    count_groups([], [new], NOW)
