"""Incidents, alerts, what rooms were shown, and what fetch remembers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from streams.records.article import Report, Territory, Thing, When
from streams.records.base import Level, Lifecycle, Record, Status
from streams.records.ledger import Decision


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
    corrects: bool = False  #: takes back what an earlier revision of the article asserted


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
    reminded_at: datetime | None = None  #: last reminder to acknowledge; unset: none was given
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
    reminder: bool = False  #: nothing changed; nobody acknowledged it yet
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
    gathered: bool = False  #: waits for the room's next digest
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
