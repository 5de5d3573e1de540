"""The records on Kafka: frozen structs, JSON on the wire, ids from content.

Times are aware UTC (RFC 3339 on the wire). Unknown fields are tolerated on read, so a newer
writer does not stop an older reader; within v1 only optional fields are added.
Ids are hashes of content, never random and never a clock: the same input gives the same id.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

Freshness = Literal["fresh", "late", "past", "undated"]
Realis = Literal[
    "asserted", "attributed", "denied", "hypothetical", "exercise", "policy", "historical"
]
Level = Literal["urgent", "normal", "digest"]
Status = Literal["claimed", "reported", "confirmed", "disputed", "denied", "false_alarm"]
Lifecycle = Literal["open", "closed", "merged_into"]

LEVELS: tuple[Level, ...] = ("digest", "normal", "urgent")  # rising


def content_id(*parts: str | None, length: int = 16) -> str:
    """Return a hex id of `length` characters; None and "" are told apart."""
    digest = hashlib.sha256()
    for part in parts:
        raw = b"\xff" if part is None else part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()[:length]


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all records; `schema_name()` goes into the `schema` header."""

    @classmethod
    def schema_name(cls) -> str:
        """Return `<name>/1`, the value of the `schema` header."""
        return f"{cls.__name__}/1"


# --- articles -------------------------------------------------------------------------------


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


# --- the ledger ------------------------------------------------------------------------------


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


# --- incidents and alerts --------------------------------------------------------------------


class Account(Record, frozen=True, kw_only=True):
    """One article's word on one incident, as the ledger keeps it."""

    article: str
    revision: str
    publisher: str
    family: str  #: publisher family; equal to `publisher` when unknown
    origin: str  #: key of the independent origin; equal keys are one voice
    language: str
    title: str
    report: Report
    url: str | None = None
    published_at: datetime | None = None
    first_seen_at: datetime | None = None
    taught: bool = False  #: from backfill: teaches, never opens


class TimelineEntry(Record, frozen=True, kw_only=True):
    """A change of the facts, with the account (or decision) that caused it."""

    at: datetime  #: the theatre's clock
    fact: str  #: status | level | count | place | object | actor | lifecycle | …
    old: str
    new: str
    cause: str  #: article id or decision id


class Claim(Record, frozen=True, kw_only=True):
    """A number, an actor or damage, with who says so."""

    what: str
    value: str
    by: str
    article: str
    low: int | None = None
    high: int | None = None


class Incident(Record, frozen=True, kw_only=True):
    """One event as all accounts tell it. Topic `news.incidents`, key = `id`, compacted."""

    id: str  #: pl-2025-09-10-drone-1f3a
    theatre: str
    kind: str
    level: Level
    status: Status
    happened: When
    object: Thing
    first_reported_at: datetime
    last_reported_at: datetime
    lifecycle: Lifecycle = "open"
    merged_into: str | None = None
    country: str | None = None
    places: tuple[Territory, ...] = ()
    claims: tuple[Claim, ...] = ()
    actor: str | None = None
    late: bool = False  #: every account told it late
    silent: bool = False  #: learnt only: backfill, or a ledger's first 30 days of late reports
    independent_origins: int = 0
    official: tuple[str, ...] = ()  #: countries whose authorities spoke
    accounts: tuple[Account, ...] = ()
    folded_accounts: int = 0  #: accounts beyond the cap, counted only
    timeline: tuple[TimelineEntry, ...] = ()
    related: tuple[str, ...] = ()
    alert_counter: int = 0
    told: str = ""  #: digest of the facts last told
    told_level: Level | None = None
    told_at: datetime | None = None
    actions: tuple[str, ...] = ()  #: what the accounts say was done: cross, shot_down, found …
    certainty: float = 0.0  #: ratio in [0, 1], of the surest account
    decisions: tuple[Decision, ...] = ()  #: operators' words on this incident, oldest first
    leaving: tuple[Account, ...] = ()  #: moved to another incident by the step at `through`; kept
    #: until the next write, so that a crash between two writes loses no account
    gone: dict[str, datetime] = {}  #: article -> first sight of the revision that took it back
    bound: tuple[tuple[str, str], ...] = ()  #: pairs of articles that an operator joined
    cut: tuple[str, ...] = ()  #: articles that an operator cut off, each an incident of its own
    core: bool = True  #: an account tells the event itself, not only a reaction to it
    quote: str = ""  #: the words of the account that carries it best
    quote_by: str = ""  #: publisher of that account
    folded: tuple[str, ...] = ()  #: short hashes of article and revision beyond the cap
    reminded_at: datetime | None = None
    remembers: Outcome | None = None  #: of the set folded at `through`, should it be lost
    version: int = 0
    through: int = -1  #: ledger offset folded last


class Outcome(Record, frozen=True, kw_only=True):
    """What became of an article's reports. Topic `news.outcomes`, key = `article`."""

    article: str
    revision: str
    what: Literal[
        "new",
        "joined",
        "immaterial",
        "late",
        "repeat",
        "suppressed",
        "learnt",
        "attach_only",
        "withdrawn",
        "expired",
    ]
    incidents: tuple[str, ...] = ()
    policy: str | None = None
    until: datetime | None = None
    why: str = ""
    through: int = -1
    theatre: str = "europe"


class Link(Record, frozen=True, kw_only=True):
    """An account as a message shows it."""

    title: str
    url: str | None
    publisher: str
    language: str


class Alert(Record, frozen=True, kw_only=True):
    """What people are to be told. Topic `news.alerts`, key = `subject`."""

    id: str  #: hash(subject, n)
    subject: str  #: incident id, or watch window
    n: int  #: this subject's alert counter, from 1
    action: Literal["new", "update", "correction"]
    level: Level
    at: datetime  #: the theatre's clock
    expires_at: datetime
    policy: str
    theatre: str = "europe"
    notify: bool = True  #: False: keep the shown message true, disturb nobody
    late: bool = False
    kind: str = ""
    status: Status | None = None
    country: str | None = None
    first_seen_at: datetime | None = (
        None  #: of the account that caused it; starts the latency clock
    )
    headline: str = ""  #: one line, plain text, English
    facts: dict[str, str] = {}  #: what, where, when, who_says, origins, actor, unknown, why
    changes: tuple[str, ...] = ()  #: what changed since the last message, in words
    revisions: tuple[TimelineEntry, ...] = ()  #: the same, for rooms of other languages
    links: tuple[Link, ...] = ()  #: at most five
    incident: Incident | None = None  #: without accounts and timeline
    silenced_rooms: tuple[str, ...] = ()  #: rooms an operator silenced when this was written


class Delivery(Record, frozen=True, kw_only=True):
    """What one room was shown of one subject. Topic `news.deliveries`, key = subject|room."""

    subject: str
    room: str
    state: Literal["pending", "sending", "shown", "rejected", "expired", "held", "skipped"]
    alert: Alert  #: newest alert for this room; what is shown once state is `shown`
    shown_n: int = 0  #: n of the alert that the room shows; 0 = nothing
    shown_text: str = ""  #: plain text the room shows
    message_ref: str | None = None  #: the chat's id of our message, for edits
    shown_level: Level | None = None  #: level of what the room shows
    shown_status: Status | None = None
    step: Literal["", "post", "edit", "reply", "digest", "digested"] = ""  #: what is being sent
    attempts: int = 0
    possible_repeat: bool = False
    next_try_at: datetime | None = None
    first_at: datetime | None = None
    updated_at: datetime | None = None
    reason: str = ""  #: last verdict, redacted
    version: int = 0


class FeedState(Record, frozen=True, kw_only=True):
    """What fetch remembers of a feed. Topic `news.feeds`, key = `id`, compacted."""

    id: str
    url: str  #: the URL that the validators belong to
    etag: str | None = None
    last_modified: str | None = None
    next_poll_at: datetime | None = None
    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    last_new_item_at: datetime | None = None
    failures: int = 0  #: in a row
    outcome: str = ""  #: last outcome, from the closed list
    interval_seconds: float = 0.0
    seen: dict[str, str] = {}  #: article id -> revision, newest last, capped
    extra: dict[str, Any] = {}  #: what a kind or the schedule needs besides
    version: int = 0


R = TypeVar("R", bound=Struct)
_encoder = msgspec.json.Encoder()
_ledger_decoder: msgspec.json.Decoder[LedgerRecord] = msgspec.json.Decoder(LedgerRecord)
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def encode(record: Struct) -> bytes:
    """Return the record's JSON as UTF-8 bytes; deterministic for equal records."""
    return _encoder.encode(record)


def decode(kind: type[R], raw: bytes) -> R:
    """Return the record in `raw`.

    Raises:
        msgspec.DecodeError: not JSON, or not of this shape (ValidationError is a subclass).
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    record: R = decoder.decode(raw)
    return record


def decode_ledger(raw: bytes) -> LedgerRecord:
    """Return the ledger record in `raw`, told apart by its `type` field.

    Raises:
        msgspec.DecodeError: not JSON, or of no known type.
    """
    return _ledger_decoder.decode(raw)
