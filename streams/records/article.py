"""Articles, and what detection makes of them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from streams.records.base import Freshness, Realis, Record, Status


class Article(Record, frozen=True, kw_only=True):
    """One entry of one feed, normalised. Topic `news.articles`, key = `id`."""

    id: str  #: hash(feed, identity rule, identity)
    feed: str
    publisher: str
    title: str  #: plain text; "" when the feed gave none
    first_seen_at: datetime  #: starts the latency clock
    revision: str  #: hash of title, summary, body
    url: str | None = None  #: as published; http(s) only
    canonical_url: str | None = None  #: for identity only, never shown
    guid: str | None = None
    summary: str = ""  #: plain text
    body: str = ""  #: plain text or HTML as the feed gave it, capped
    text: Literal["feed", "full", "failed"] = "feed"
    published_at: datetime | None = None  #: never invented
    updated_at: datetime | None = None
    declared_language: str | None = None  #: the feed's or catalog's word; BCP 47
    source_name: str | None = None  #: RSS <source>: who wrote it when the feed is an aggregator
    supersedes: str | None = None  #: the earlier revision this one replaces; None at first sight
    backfill: bool = False  #: from a feed's first document: teaches, never alerts
    theatre: str = "europe"  #: `replay` and `canary` are filtered by readers


class Span(Record, frozen=True, kw_only=True):
    """A stretch of an article: `field` is title, summary or body; offsets in characters."""

    field: str
    start: int
    end: int
    quote: str  #: <= 300 characters


class Tag(Record, frozen=True, kw_only=True):
    """A word of the vocabulary found in an article."""

    tag: str  #: e.g. nato, russia, poland, drone, air-defence
    span: Span


class When(Record, frozen=True, kw_only=True):
    """A time interval, as precise as the text allows. Aware UTC; `start <= end`."""

    start: datetime
    end: datetime
    precision: Literal["minute", "hour", "part", "day", "days", "week", "month", "assumed"]


class Thing(Record, frozen=True, kw_only=True):
    """What crossed."""

    what: str  #: drone | missile | aircraft | helicopter | balloon | ship | troops | unknown
    model: str | None = None  #: normal form: Shahed, Gerbera, MiG-31
    is_wreckage: bool = False
    count_low: int | None = None
    count_high: int | None = None
    is_part: bool = False  #: the number is of those shot down or found, not of all that came


class Territory(Record, frozen=True, kw_only=True):
    """Whose land, air or water; `country` is null when the text withholds it."""

    country: str | None = None  #: ISO 3166-1 alpha-2
    place: str | None = None  #: id in the gazetteer
    place_name: str | None = None  #: as written, or the gazetteer's English name
    lat: float | None = None  #: degrees
    lon: float | None = None
    step: str = "null"  #: step of the territory ladder that gave it


class Report(Record, frozen=True, kw_only=True):
    """One event as one article revision tells it."""

    id: str  #: hash(article, revision, kind, country, place, ordinal); no rule, no catalog
    article: str
    revision: str
    kind: str  #: file stem in seeds/events
    object: Thing
    action: str  #: cross | violate | crash | strike | found | shot_down | over | disrupt | react
    territory: Territory
    happened: When
    freshness: Freshness
    realis: Realis
    certainty: float  #: ratio in [0, 1]
    rule: str  #: id of the rule that fired
    catalog: str  #: content hash of the catalog
    title: str = ""
    url: str | None = None
    publisher: str = ""
    language: str = "und"
    actor: str | None = None  #: russia | belarus | ukraine_stray | unknown, as the text reports it
    attributed_by: str | None = None  #: who says so, in the text's words
    official: str | None = None  #: country whose authority says so
    origin: str | None = None  #: country it came from
    related_countries: tuple[str, ...] = ()  #: other watched countries of the same event
    published_at: datetime | None = None
    first_seen_at: datetime | None = None
    follow_up: bool = False  #: a reaction, search or analysis: joins, never opens
    attach_only: bool = False  #: denied, false alarm or late: updates, never opens
    status_hint: Status | None = None  #: what this account alone would say of the event
    evidence: tuple[Span, ...] = ()
    agency: str | None = None  #: credited news agency, lower case
    signature: str | None = None  #: near-duplicate signature of the text, with its version prefix


class TaggedArticle(Record, frozen=True, kw_only=True):
    """What detection made of an article. Topic `news.tagged`, key = `id`."""

    id: str
    revision: str
    feed: str
    publisher: str
    title: str
    first_seen_at: datetime
    language: str  #: BCP 47, or `und`
    language_confidence: float
    tags: tuple[Tag, ...] = ()
    verdict: Literal["hit", "near_miss", "miss"] = "miss"
    incursion: bool = False  #: before the ledger's word on `undated`
    why: tuple[str, ...] = ()
    url: str | None = None
    published_at: datetime | None = None
    reports: tuple[str, ...] = ()  #: report ids
    catalog: str = ""
    theatre: str = "europe"


class Hit(Record, frozen=True, kw_only=True):
    """An own-word watch matched in one window. Topic `news.hits`, key = `policy`."""

    id: str  #: hash(policy, window start)
    policy: str
    window_start: datetime
    window_seconds: int
    article: str
    title: str
    language: str
    url: str | None = None
    publisher: str = ""
    count: int = 1  #: articles of this window that one worker saw until now
    theatre: str = "europe"
