"""One poll of one feed: ask, read, fold, plan the next. Gives a new state and what to send.

The caller sends the articles first and saves the state after; so a crash between the two repeats
ids with the same revision, and loses nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from connectors import schedule, websub
from connectors.base import Hints
from connectors.clock import Clock
from connectors.errors import ConnectorError, FetchError, ParseError
from connectors.http import Client, Response, Validators
from connectors.page import is_challenge
from connectors.registry import load
from connectors.worker import Parsers
from streams import metrics
from streams.catalog.feeds import FeedSpec
from streams.errors import FaultsError
from streams.feeds.auth import Access
from streams.feeds.memory import Extra, extra_of, fold, with_extra
from streams.records import Article, FeedState

#: Permanent redirects to one address, in a row, before it is used instead of the seed's.
MOVED_AFTER = 5
_PERMANENT = frozenset((301, 308))


@dataclass
class Polled:
    """What a poll came to."""

    outcome: str  #: of connectors.errors.OUTCOMES
    state: FeedState  #: to be saved once `articles` are confirmed
    articles: list[Article] = field(default_factory=list)  #: oldest first
    counts: Counter[str] = field(default_factory=Counter)  #: entries by result
    why: str = ""  #: of a failure, or of a readable document's flaw
    retry_after_seconds: float | None = None
    drifted: bool = False  #: this poll found out that the feed's own ids change
    cut: int = 0  #: entries beyond the limit, fields cut to theirs

    @property
    def is_good(self) -> bool:
        """True after a 200 that was read, or a 304."""
        return self.outcome in ("ok", "not_modified")


class Poller:
    """Polls feeds with one client and one set of parse workers."""

    def __init__(self, client: Client, parsers: Parsers, clock: Clock) -> None:
        self._client = client
        self._parsers = parsers
        self._clock = clock

    async def poll(
        self, spec: FeedSpec, state: FeedState, *, luck: float = 0.0, is_surge: bool = False
    ) -> Polled:
        """Return what one fetch of the feed gave.

        Args:
            spec: The feed.
            state: What is known of it.
            luck: In [0, 1), for the schedule's jitter.
            is_surge: Something is happening where it reports from.

        A failure is an outcome too; nothing is raised for what a server or a secret lacks.
        """
        state = _of_this_seed(spec, state)
        attempt = self._clock.now()
        wishes = schedule.Wishes()
        try:
            access = _access(spec)
            response = await self._ask(spec, access, state)
            now = self._clock.now()
            wishes = _header_wishes(response, now)
            refuse(response, wishes)
            if response.status == 304:
                polled = Polled("not_modified", _with_new_validators(state, response))
            else:
                polled = await self._read(spec, access, state, response)
            extra = _moved(extra_of(polled.state), response, access)
        except ConnectorError as error:
            polled = self._failed(state, error)
            extra = extra_of(polled.state)
        return self._planned(spec, polled, extra, wishes, attempt, luck, is_surge)

    async def take(
        self, spec: FeedSpec, state: FeedState, body: bytes, content_type: str
    ) -> Polled:
        """Return what a hub's push gave: news, and nothing learnt for the next poll.

        Validators, schedule and health are the polls' alone: what a hub sends may be a part of the
        feed, and polling must go on as if there were no hub.
        """
        extra = extra_of(state)
        hints = self._hints(spec, extra.at or spec.url, content_type)
        try:
            document, seconds = await self._parsers.parse(spec.kind, body, hints)
        except ParseError as error:
            metrics.parse_failures.labels(state.id, error.reason).inc()
            return Polled(error.reason, state, why=error.detail)
        metrics.parse_duration.observe(seconds)
        now = self._clock.now()
        folded = fold(spec, state.seen, document, now, backfill=False)
        is_news = bool(folded.counts["new"])
        state = replace(
            state,
            seen=folded.seen,
            last_new_item_at=now if is_news else state.last_new_item_at,
            extra=with_extra(replace(extra, is_pushed=extra.is_pushed or is_news)),
            version=state.version + 1,
        )
        return Polled("ok", state, folded.articles, folded.counts, cut=document.cut)

    def _hints(self, spec: FeedSpec, url: str, content_type: str) -> Hints:
        return Hints(
            url=url,
            content_type=content_type,
            language=spec.language,
            selectors=spec.select.model_dump(exclude_none=True) if spec.select else {},
        )

    async def _ask(self, spec: FeedSpec, access: Access, state: FeedState) -> Response:
        """Make the request; conditional unless there is nothing to ask by."""
        validators = None
        if not spec.ignore_cache:
            validators = Validators(
                url=access.reveal(state.url), etag=state.etag, last_modified=state.last_modified
            )
        accept: str = load("feeds", spec.kind).ACCEPT
        response = await self._client.get(
            access.url(extra_of(state).at or spec.url),
            accept=accept,
            validators=validators,
            headers=access.headers,
        )
        result = "modified" if response.is_conditional else "unconditional"
        if response.is_conditional and response.status == 304:
            result = "not_modified"
        metrics.conditional_requests.labels(spec.id, result).inc()
        metrics.fetch_duration.observe(response.seconds)
        metrics.fetch_bytes.labels(spec.id).inc(len(response.body))
        if response.wire_bytes and response.status == 200:
            metrics.fetch_compression_ratio.observe(len(response.body) / response.wire_bytes)
        return response

    async def _read(
        self, spec: FeedSpec, access: Access, state: FeedState, response: Response
    ) -> Polled:
        """Read a 200; both validators are replaced, also when the body is the old one."""
        extra = extra_of(state)
        fresh = response.validators
        state = replace(
            state,
            url=access.conceal(fresh.url),
            etag=fresh.etag,
            last_modified=fresh.last_modified,
        )
        body_hash = hashlib.blake2b(response.body, digest_size=8).hexdigest()
        if body_hash == extra.body_hash:
            return Polled("ok", state, counts=Counter(duplicate=extra.entries), why=extra.flaw)
        hints = self._hints(spec, response.url, response.headers.get("Content-Type", ""))
        document, seconds = await self._parsers.parse(spec.kind, response.body, hints)
        metrics.parse_duration.observe(seconds)
        now = self._clock.now()
        folded = fold(spec, state.seen, document, now, backfill=not extra.backfilled)
        since = state.last_new_item_at or extra.first_at or now
        gap = extra.gap_seconds
        if extra.backfilled:
            gap = schedule.rhythm(gap, (now - since).total_seconds(), folded.counts["new"])
        hub, topic = websub.announced(response.headers.getall("Link", []), response.url)
        state = replace(
            state,
            seen=folded.seen,
            last_new_item_at=now if folded.counts["new"] else state.last_new_item_at,
            extra=with_extra(
                replace(
                    extra,
                    gap_seconds=gap,
                    ttl_seconds=document.ttl_seconds or 0.0,
                    skip_hours=document.skip_hours,
                    skip_days=document.skip_days,
                    body_hash=body_hash,
                    backfilled=True,
                    drifted=extra.drifted or folded.drifted,
                    format=document.format,
                    flaw=document.flaw,
                    entries=len(document.entries),
                    hub=hub or document.hub or "",
                    topic=topic or document.topic or response.url,
                    is_pushed=extra.is_pushed and not folded.counts["new"],
                )
            ),
        )
        return Polled(
            "ok",
            state,
            folded.articles,
            folded.counts,
            why=document.flaw,
            drifted=folded.drifted and not extra.drifted,
            cut=document.cut,
        )

    def _failed(self, state: FeedState, error: ConnectorError) -> Polled:
        """Keep everything but the failure: validators of a body that was not read are not taken."""
        extra = extra_of(state)
        why = error.detail
        if extra.at:  # the address it moved to fails: go back to the seed's
            extra = replace(extra, at="", moved_to="", moved_hits=0)
            why += "; the seed's address is tried next"
        extra = replace(extra, why=why, failing_since=extra.failing_since or self._clock.now())
        if isinstance(error, ParseError):
            metrics.parse_failures.labels(state.id, error.reason).inc()
        return Polled(
            error.reason,
            replace(state, failures=state.failures + 1, extra=with_extra(extra)),
            why=why,
            retry_after_seconds=getattr(error, "retry_after_seconds", None),
        )

    def _planned(
        self,
        spec: FeedSpec,
        polled: Polled,
        extra: Extra,
        wishes: schedule.Wishes,
        attempt: datetime,
        luck: float,
        is_surge: bool,
    ) -> Polled:
        """Add when to come again, and what this poll means for the feed's health."""
        now = self._clock.now()
        state = polled.state
        wishes = replace(
            wishes,
            ttl_seconds=extra.ttl_seconds,
            skip_hours=extra.skip_hours,
            skip_days=extra.skip_days,
        )
        chosen = schedule.interval(spec.every, extra.gap_seconds)
        if extra.is_pushed and extra.lease_until is not None and extra.lease_until > now:
            chosen = max(chosen, schedule.QUIET_SECONDS)
        if polled.is_good:
            state = replace(state, failures=0, last_success_at=now)
            extra = replace(
                extra,
                why="",
                failing_since=None,
                floor_seconds=max(wishes.floor_seconds, wishes.retry_after_seconds or 0.0),
                first_at=extra.first_at or now,
            )
            at = schedule.after_success(now, chosen, wishes, luck, is_surge=is_surge)
        else:
            at = schedule.after_failure(now, polled.outcome, state.failures, wishes, luck)
        is_held = polled.outcome == "throttled" and bool(polled.retry_after_seconds)
        extra = replace(extra, held_until=at if is_held else None)
        is_gone = polled.outcome == "gone"  # the one case that stops a feed, until an operator says
        polled.state = replace(
            state,
            outcome=polled.outcome,
            last_attempt_at=attempt,
            next_poll_at=None if is_gone else at,
            interval_seconds=chosen,
            extra=with_extra(extra),
            version=state.version + 1,
        )
        return polled


def _access(spec: FeedSpec) -> Access:
    try:
        return Access.of(spec)
    except FaultsError as error:
        raise FetchError("forbidden", str(error)) from None


def _of_this_seed(spec: FeedSpec, state: FeedState) -> FeedState:
    """Return the state; without what belonged to another address, when the seed's has changed."""
    extra = extra_of(state)
    if extra.seed_url == spec.url:
        return state
    if extra.seed_url:
        extra = replace(extra, at="", moved_to="", moved_hits=0, body_hash="", floor_seconds=0.0)
        state = replace(state, url="", etag=None, last_modified=None, failures=0)
    return replace(state, extra=with_extra(replace(extra, seed_url=spec.url)))


def _header_wishes(response: Response, now: datetime) -> schedule.Wishes:
    return schedule.Wishes(
        fresh_seconds=schedule.fresh_seconds(response.headers, now),
        retry_after_seconds=schedule.retry_after(response.headers, now),
    )


def refuse(response: Response, wishes: schedule.Wishes | None = None) -> None:
    """Raise the FetchError that an answer means; do nothing for a 200 or a fitting 304."""
    status = response.status
    if status == 200 or (status == 304 and response.is_conditional):
        return
    page = response.body[: 64 * 1024].decode("utf-8", "replace")
    reason = "http_error"
    if response.headers.get("cf-mitigated") == "challenge" or (
        status in (403, 429, 503) and is_challenge(page)
    ):
        reason = "challenge"
    elif status in (429, 503):
        reason = "throttled"
    elif status in (401, 403):
        reason = "forbidden"
    elif status == 410:
        reason = "gone"
    raise FetchError(
        reason,
        f"HTTP {status}" + (" to a request without validators" if status == 304 else ""),
        status=status,
        retry_after_seconds=wishes.retry_after_seconds if wishes else None,
    )


def _with_new_validators(state: FeedState, response: Response) -> FeedState:
    """Take the validators that a 304 brings; those it does not bring stay."""
    fresh = response.validators
    return replace(
        state,
        etag=state.etag if fresh.etag is None else fresh.etag,
        last_modified=state.last_modified if fresh.last_modified is None else fresh.last_modified,
    )


def _moved(extra: Extra, response: Response, access: Access) -> Extra:
    """Count permanent redirects to one address; after enough in a row, use it."""
    hops = response.hops
    if not hops:
        return replace(extra, moved_to="", moved_hits=0)
    if any(hop.status not in _PERMANENT for hop in hops):
        return replace(extra, moved_to="", moved_hits=0)
    target = access.conceal(hops[-1].target)
    hits = extra.moved_hits + 1 if extra.moved_to == target else 1
    if hits >= MOVED_AFTER and not access.secret:
        return replace(extra, moved_to="", moved_hits=0, at=target)
    return replace(extra, moved_to=target, moved_hits=hits)
