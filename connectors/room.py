"""What a chat kind is: message in → request out, answer in → verdict out; pure, no socket.

A kind is one module in connectors/chat/ that has the attributes of `Kind`. It knows its service's
format and limits and escapes for it; when to send, when to try again and what was already shown
is the caller's (streams/rooms.py). Texts arrive plain; a kind passes each through `words.plain`.
Secrets live in `Target` and `Request`, neither of which prints them.
"""

from __future__ import annotations

import contextlib
import email.utils
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, cast
from urllib.parse import urlsplit

from connectors import registry

Action = Literal["post", "edit", "reply"]
Outcome = Literal["delivered", "retry", "throttled", "rejected", "disabled", "unknown"]
OUTCOMES: tuple[Outcome, ...] = (
    "delivered",
    "retry",
    "throttled",
    "rejected",
    "disabled",
    "unknown",
)

#: A 429 without Retry-After waits so long.
THROTTLED_SECONDS = 30.0
#: No service is waited for longer than this, whatever it says; alerts expire long before.
MAX_WAIT = timedelta(days=7)
_CODE = re.compile(r"[a-z][a-z0-9_]{1,60}")


@dataclass(frozen=True)
class Link:
    """One account: its headline in its own words, and where it is."""

    title: str
    url: str | None
    publisher: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """What to show, as plain text; nothing in it is escaped or trusted."""

    key: str  #: idempotency key: equal for every try of the same message to the same room
    level: str  #: urgent | normal | digest
    title: str  #: one line
    lines: tuple[str, ...] = ()  #: facts, one a line
    changes: tuple[str, ...] = ()  #: what changed since the last message
    links: tuple[Link, ...] = ()
    marks: tuple[str, ...] = ()  #: shown first, in brackets: REPLAY, possible repeat
    notice: str = ""  #: the short text of a reply
    footer: str = ""  #: incident and version, for those who ask back
    data: Mapping[str, Any] = field(default_factory=dict)  #: everything, for machines


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a room is, and what opens it. Never printed."""

    url: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    chat: str = field(default="", repr=False)  #: chat or channel id, for kinds that need one
    signing: tuple[str, ...] = field(default=(), repr=False)  #: newest first
    is_terminal: bool = False  #: colours may be used

    def secrets(self) -> tuple[str, ...]:
        """Return every text that must not appear in a log, longest first."""
        found = {self.token, self.url, *self.signing}
        with contextlib.suppress(ValueError):
            parts = urlsplit(self.url)
            found |= {parts.path.strip("/"), parts.query, parts.password or ""}
            found |= {part for part in parts.path.split("/") if len(part) > 8}
        return tuple(sorted((text for text in found if len(text) > 3), key=len, reverse=True))

    def redact(self, text: str) -> str:
        """Return the text without this room's secrets."""
        for secret in self.secrets():
            text = text.replace(secret, "[secret]")
        return text


@dataclass(frozen=True)
class Request:
    """One call. Method `PRINT` writes `body` to standard output."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case, the body capped."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """Return the body as text, bad bytes replaced."""
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True)
class NoAnswer:
    """No answer came; `sent` says whether the service may have the message all the same."""

    reason: str  #: connect | dns | tls | blocked | timeout | reset | bad_url | closed
    sent: bool


@dataclass(frozen=True)
class Verdict:
    """What became of one try; `reason` is short and holds no secret."""

    outcome: Outcome
    reason: str
    until: datetime | None = None  #: the room asks for silence until then
    ref: str | None = None  #: the service's id of our message, for edits


class Kind(Protocol):
    """A module in connectors/chat/."""

    #: Settings that a room of this kind must have: of url, token, chat, signing.
    NEEDS: frozenset[str]
    #: Settings it may have besides.
    MAY_HAVE: frozenset[str]
    #: True when a program reads it: every change is sent, none is silent.
    IS_MACHINE: bool
    #: Pace that the service bears.
    PER_SECOND: float
    BURST: int

    def can_edit(self, target: Target) -> bool:
        """Return whether a shown message can be changed in place."""

    def request(
        self,
        message: Message,
        action: Action,
        target: Target,
        now: datetime,
        ref: str | None = None,
        short: bool = False,
    ) -> Request:
        """Return the call that shows the message.

        Args:
            message: What to show.
            action: post; edit or reply to the message `ref`.
            target: Where.
            now: Aware UTC; goes into signatures.
            ref: The service's id of the message to edit or to reply to.
            short: Title and first link only, after the service refused the whole.
        """

    def verdict(self, answer: Answer, now: datetime) -> Verdict:
        """Return what the answer means."""


def kind_of(name: str) -> Kind:
    """Return the chat kind of this name.

    Raises:
        UnknownKindError: there is no such file.
    """
    return cast(Kind, registry.load("chat", name))


def judge(answer: Answer, now: datetime) -> Verdict:
    """Return what a status means where the service says nothing special.

    A gateway that answers 502 or 504 may have passed the message on: unknown.
    """
    status, reason = answer.status, _reason(answer)
    until = retry_after(answer.headers, now)
    if 200 <= status < 300:
        return Verdict("delivered", reason)
    if status == 429:
        return Verdict("throttled", reason, until or now + timedelta(seconds=THROTTLED_SECONDS))
    if status == 503 and until:
        return Verdict("throttled", reason, until)
    if 300 <= status < 400 or status in (401, 403, 404, 410):
        return Verdict("disabled", reason)
    if status in (502, 504):
        return Verdict("unknown", reason, until)
    if status >= 500 or status in (408, 425):
        return Verdict("retry", reason, until)
    return Verdict("rejected", reason)


def judge_silence(silence: NoAnswer) -> Verdict:
    """Return what a missing answer means."""
    return Verdict("unknown" if silence.sent else "retry", silence.reason)


def retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return the instant before which the service wants no call; None when it does not say.

    Reads both forms of RFC 9110 §10.2.3, and fractions of a second, which some services send.
    """
    raw = headers.get("retry-after", "").strip()
    if not raw:
        return None
    return wait_until(raw, now)


def wait_until(raw: str, now: datetime) -> datetime | None:
    """Return the instant that a wait in seconds, or an HTTP date, names; never in the past."""
    try:
        seconds = float(raw)
        if math.isnan(seconds):
            return None
        return now + timedelta(seconds=min(max(0.0, seconds), MAX_WAIT.total_seconds()))
    except ValueError:
        pass
    try:
        told = email.utils.parsedate_to_datetime(raw)
    except (ValueError, TypeError, OverflowError):
        return None
    if told.tzinfo is None:
        told = told.replace(tzinfo=UTC)
    return min(max(now, told.astimezone(UTC)), now + MAX_WAIT)


def _reason(answer: Answer) -> str:
    """Return `http_403` or `http_403:no_service` when the body is one plain word."""
    text = answer.text.strip() if len(answer.body) <= 100 else ""
    word = f":{text}" if answer.status >= 300 and _CODE.fullmatch(text) else ""
    return f"http_{answer.status}{word}"
