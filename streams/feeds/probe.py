"""Try one feed and tell each step: address, DNS, connection, answer, parse, entries, language, seed.

Used by `flankwatch feeds test`; it fetches once, saves nothing and sends nothing to Kafka.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from connectors.base import Document, Hints
from connectors.errors import ConnectorError, FetchError, ParseError
from connectors.guard import Guard, refusal
from connectors.http import Client, Response, host_of
from connectors.identity import identify
from connectors.registry import load
from connectors.schedule import fresh_seconds, retry_after
from connectors.worker import Parsers
from streams.catalog.feeds import FeedSpec
from streams.feeds.auth import Access
from streams.feeds.poll import refuse
from streams.feeds.shard import domain_of

SAMPLES = 3
SHOWN_CHARS = 100


@dataclass(frozen=True)
class Step:
    """One step of a trial."""

    name: str
    is_ok: bool | None  #: None: a remark, neither good nor bad
    told: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Trial:
    """What trying a feed came to."""

    spec: FeedSpec
    is_guess: bool = False  #: no seed names its kind: the answer tells it
    outcome: str = ""  #: of connectors.errors.OUTCOMES
    steps: list[Step] = field(default_factory=list)
    document: Document | None = None
    found: FeedSpec | None = None  #: as it should stand in a seed: its kind, and where it moved to

    @property
    def is_ok(self) -> bool:
        """True when the feed was fetched and read."""
        return self.outcome == "ok"

    def as_json(self) -> dict[str, Any]:
        """Return the trial as `--json` prints it."""
        document = self.document
        return {
            "id": self.spec.id,
            "url": host_of(self.spec.url) if self.spec.auth else self.spec.url,
            "outcome": self.outcome,
            "entries": len(document.entries) if document else 0,
            "format": document.format if document else None,
            "steps": [asdict(step) for step in self.steps],
        }


class Prober:
    """Tries feeds with one client."""

    def __init__(self, client: Client, parsers: Parsers, guard: Guard, proxied: bool) -> None:
        self._client = client
        self._parsers = parsers
        self._guard = guard
        self._proxied = proxied

    async def try_feed(self, spec: FeedSpec) -> Trial:
        """Return the finished trial."""
        trial = Trial(spec)
        async for step in self.steps(trial):
            trial.steps.append(step)
        return trial

    async def steps(self, trial: Trial) -> AsyncIterator[Step]:
        """Yield each step as it ends; `trial.outcome` is set when they are through."""
        spec = trial.spec
        if not self._proxied:
            step = await self._resolve(spec.url)
            yield step
            if step.is_ok is False:
                trial.outcome = str(step.facts["outcome"])
                return
        try:
            access = Access.of(spec)
            response = await self._client.get(
                access.url(spec.url),
                accept=load("feeds", spec.kind).ACCEPT,
                headers=access.headers,
            )
        except ConnectorError as error:
            trial.outcome = error.reason
            yield Step("connection", False, f"{error.reason}: {error.detail}")
            return
        for step in _answer(access, response):
            yield step
        try:
            refuse(response)
        except FetchError as error:
            trial.outcome = error.reason
            yield Step("status", False, f"{error.reason}: {error.detail}")
            return
        if trial.is_guess:
            spec = spec.model_copy(update={"kind": kind_of(response.body)})
        try:
            trial.document = await self._parse(spec, response)
        except ParseError as error:
            trial.outcome = error.reason
            yield Step("parse", False, f"{error.reason}: {error.detail}")
            return
        trial.outcome = "ok"
        if response.hops and all(hop.status in (301, 308) for hop in response.hops):
            spec = spec.model_copy(update={"url": access.conceal(response.url)})
        trial.found = spec
        for step in _document(spec, trial.document):
            yield step

    async def _parse(self, spec: FeedSpec, response: Response) -> Document:
        hints = Hints(
            url=response.url,
            content_type=response.headers.get("Content-Type", ""),
            language=spec.language,
            selectors=spec.select.model_dump(exclude_none=True) if spec.select else {},
        )
        document, _ = await self._parsers.parse(spec.kind, response.body, hints)
        return document

    async def _resolve(self, url: str) -> Step:
        """Look the name up and let the guard judge each address; nothing is connected yet."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        began = time.monotonic()
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                parts.hostname, port, type=socket.SOCK_STREAM
            )
        except OSError as error:
            why = f"{parts.hostname}: {error.strerror or 'not found'}"
            return Step("DNS", False, why, {"outcome": "connect_error"})
        addresses = sorted({str(info[4][0]) for info in found})
        took = f"{(time.monotonic() - began) * 1000:.0f} ms"
        for address in addresses:
            why_not = refusal(address, port, self._guard.allowed)
            if why_not:
                told = f"{address} is refused: {why_not}; FLANKWATCH_ALLOW_ADDRESSES may allow it"
                return Step("DNS", False, told, {"outcome": "blocked"})
        return Step("DNS", True, f"{', '.join(addresses[:4])} ({took})", {"addresses": addresses})


def _answer(access: Access, response: Response) -> list[Step]:
    """Return what the answer itself tells."""
    now = datetime.now(UTC)
    headers = response.headers
    steps = []
    for hop in response.hops:
        note = "; put it into the seed" if hop.status in (301, 308) else ""
        steps.append(Step("redirect", None, f"{hop.status} to {access.conceal(hop.target)}{note}"))
    is_tls = urlsplit(response.url).scheme == "https"
    steps.append(Step("TLS", True if is_tls else None, "yes" if is_tls else "no: plain http"))
    size = f"{len(response.body)} bytes, {response.wire_bytes} on the wire"
    steps.append(
        Step(
            "answer",
            response.status == 200,
            f"HTTP {response.status} in {response.seconds:.2f} s, {size}, "
            f"{headers.get('Content-Type', 'no content type')}",
            {"status": response.status, "headers": dict(headers)},
        )
    )
    validators = response.validators
    has = [
        n for n, v in (("ETag", validators.etag), ("Last-Modified", validators.last_modified)) if v
    ]
    told = " and ".join(has) if has else "none: every poll costs the whole feed"
    if response.status == 200:
        steps.append(Step("validators", True if has else None, told))
    fresh, asked = fresh_seconds(headers, now), retry_after(headers, now)
    if fresh:
        steps.append(Step("cache", None, f"fresh for {fresh:.0f} s: not polled sooner"))
    if asked:
        steps.append(Step("Retry-After", None, f"{asked:.0f} s"))
    return steps


def _document(spec: FeedSpec, document: Document) -> list[Step]:
    """Return what the document tells."""
    entries = document.entries
    found, copies = identify(entries, spec.identity)
    parts = [f"{document.format}, {len(entries)} entries"]
    parts += [f"{document.invalid} unreadable"] if document.invalid else []
    parts += [f"{copies} copies"] if copies else []
    parts += [f"{document.cut} beyond the limit"] if document.cut else []
    parts += [document.flaw] if document.flaw else []
    steps = [Step("parse", True, ", ".join(parts), {"title": document.title})]
    rules = Counter(rule for _, (rule, _) in found)
    told = ", ".join(f"{count} by {rule}" for rule, count in rules.most_common())
    steps.append(Step("identity", None, told or "no entries"))
    dated = [entry.published_at for entry in entries if entry.published_at]
    steps.append(
        Step(
            "dates",
            bool(dated) or None,
            f"{len(dated)} of {len(entries)} dated"
            + (f", newest {max(dated):%Y-%m-%d %H:%M} UTC" if dated else ""),
        )
    )
    if document.ttl_seconds or document.skip_hours or document.skip_days:
        hours = ",".join(map(str, document.skip_hours)) or "none"
        told = f"ttl {document.ttl_seconds or 0:.0f} s, skip hours {hours}"
        steps.append(Step("schedule", None, told))
    if document.hub:
        steps.append(Step("WebSub", None, f"hub {host_of(document.hub)}"))
    for entry in entries[:SAMPLES]:
        when = f"{entry.published_at:%Y-%m-%d %H:%M}" if entry.published_at else "undated"
        title = entry.title or entry.summary or entry.body
        steps.append(Step("entry", None, f"{when}  {title[:SHOWN_CHARS]}"))
    language = _language(document)
    if language:
        differs = spec.language and language[0] != spec.language.partition("-")[0]
        told = f"{language[0]} ({language[1]} of {language[2]} entries)"
        if differs:
            told += f"; the seed says {spec.language}"
        steps.append(Step("language", None if differs else True, told))
    steps.append(Step("seed", None, suggested_toml(spec, document)))
    return steps


def _language(document: Document) -> tuple[str, int, int] | None:
    """Return the commonest language of the entries, how many have it, and of how many."""
    from streams.understand.language import detect_language

    entries = document.entries[:30]
    votes = Counter(
        detect_language(e.title, e.summary or e.body, document.language).language for e in entries
    )
    votes.pop("und", None)
    if not votes:
        return None
    language, count = votes.most_common(1)[0]
    return language, count, len(entries)


def suggested_toml(spec: FeedSpec, document: Document | None) -> str:
    """Return a `[[feed]]` table that would add this feed."""
    language = spec.language
    if language is None and document is not None:
        found = _language(document)
        language = found[0] if found else document.language
    lines = [
        "[[feed]]",
        f"id = {quoted(spec.id)}",
        *([f"kind = {quoted(spec.kind)}"] if spec.kind != "rss" else []),
        f"url = {quoted(spec.url)}",
        f"publisher = {quoted(spec.publisher)}",
        *([f"language = {quoted(language)}"] if language else []),
        *([f"country = {quoted(spec.country)}"] if spec.country else []),
        *([f"section = {quoted(spec.section)}"] if spec.section else []),
        'status = "ok"',
    ]
    return "\n".join(lines)


def quoted(text: str) -> str:
    """Return a TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\u{ord(m[0]):04x}", escaped) + '"'


def kind_of(body: bytes) -> str:
    """Return the kind that a fetched body looks like; `rss` when it looks like nothing else."""
    head = body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"{", b"[")):
        return "jsonfeed"
    return "sitemap" if b"<urlset" in head else "rss"


def spec_for(url: str) -> FeedSpec:
    """Return a feed for an address that no seed names."""
    host = (urlsplit(url).hostname or "feed").removeprefix("www.")
    name = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:50] or "feed"
    kind = "jsonfeed" if urlsplit(url).path.endswith(".json") else "rss"
    domain = domain_of(url)
    table = {"id": f"x-{name}", "url": url, "publisher": domain, "kind": kind}
    return FeedSpec.model_validate(table)
