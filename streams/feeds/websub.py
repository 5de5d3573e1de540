"""News pushed by a publisher's hub: subscriptions, their leases, and the server that hubs call.

Off unless FLANKWATCH_WEBSUB_CALLBACK is set. Polling goes on underneath, slower only while the hub
has proved to be ahead of it, so a hub that dies or lies costs minutes and no article. A push is taken
only with a signature that the hub alone can make; who calls without one learns nothing from us.

Source: https://www.w3.org/TR/websub/ §5 (subscribing), §7 (content).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

import structlog
from aiohttp import web
from msgspec.structs import replace

from connectors import websub
from connectors.clock import Clock
from connectors.errors import FetchError
from connectors.guard import Guard
from connectors.http import MAX_BODY_BYTES, Client, host_of
from streams import metrics
from streams.catalog.feeds import FeedSpec
from streams.errors import FlankwatchError
from streams.feeds.memory import extra_of, with_extra
from streams.records import FeedState
from streams.settings import Settings

CHECK_SECONDS = 60.0
#: A lease is renewed when so much of it is left, or less than `RENEW_LEAST`.
RENEW_RATIO = 0.2
RENEW_LEAST = timedelta(minutes=10)
#: A hub that does not come back to verify is asked again after so long, then ever later.
VERIFY_WITHIN = timedelta(minutes=10)
AGAIN_MAX = timedelta(hours=24)
DENIED_FOR = timedelta(hours=24)
#: Pushes for one feed: at once, and refilled.
BURST, REFILL_SECONDS = 20.0, 5.0
REPEATS_MAX = 64
AT_ONCE = 16
BODY_SECONDS = 20.0

log = structlog.get_logger()

#: Takes feed id, body and content type; False when it has no room for it.
Push = Callable[[str, bytes, str], bool]


@dataclass
class Subscription:
    """One feed at its hub."""

    hub: str
    topic: str
    until: datetime | None = None  #: end of the lease; None: the hub has not confirmed one
    granted: timedelta = timedelta(0)
    asked_at: datetime | None = None  #: of the request that waits for its verification
    again_at: datetime | None = None  #: not asked sooner
    failures: int = 0
    allowance: float = BURST
    allowance_at: float = 0.0  #: seconds of the clock
    seen: deque[bytes] = field(default_factory=lambda: deque(maxlen=REPEATS_MAX))

    def is_live(self, now: datetime) -> bool:
        """Return whether the hub has granted a lease that still runs."""
        return self.until is not None and self.until > now

    def is_due(self, now: datetime) -> bool:
        """Return whether the hub is to be asked now, for the first time or for a renewal."""
        if self.again_at is not None and now < self.again_at:
            return False
        if self.until is None:
            return True
        return self.until - now < max(RENEW_LEAST, self.granted * RENEW_RATIO)


class WebSub:
    """Keeps the subscriptions and serves the callbacks.

    Args:
        settings: Callback address, where to listen, the secret.
        client: Asks the hubs, with guard and gate.
        guard: Its list says which hubs may be told a secret without TLS.
        clock: Of the leases.
        push: Takes what is pushed.
    """

    def __init__(
        self, settings: Settings, client: Client, guard: Guard, clock: Clock, push: Push
    ) -> None:
        if settings.websub_callback is None or settings.websub_secret is None:
            raise ValueError("WebSub is off")
        self._base = settings.websub_callback.rstrip("/")
        self._secret = settings.websub_secret.get_secret_value()
        self._at = (settings.websub_host, settings.websub_port)
        self._client = client
        self._guard = guard
        self._clock = clock
        self._push = push
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.subscriptions: dict[str, Subscription] = {}

    # --- what polls tell -------------------------------------------------------------------------

    def note(self, feed: FeedSpec, state: FeedState) -> FeedState:
        """Take in which hub a poll found; return the state with the lease that runs.

        Feeds with credentials are left out: what is paid for is not to pass through others.
        """
        extra = extra_of(state)
        found = self.subscriptions.get(feed.id)
        if not extra.hub or not extra.topic or feed.auth is not None:
            self.subscriptions.pop(feed.id, None)
            return state if extra.lease_until is None else _with_lease(state, None)
        if found is None:
            found = Subscription(extra.hub, extra.topic, extra.lease_until)
            self.subscriptions[feed.id] = found
        elif (found.hub, found.topic) != (extra.hub, extra.topic):
            found = Subscription(extra.hub, extra.topic)
            self.subscriptions[feed.id] = found
        return state if extra.lease_until == found.until else _with_lease(state, found.until)

    def drop(self, id: str) -> None:
        """Let a feed's lease lapse: its callback is unknown from now on."""
        self.subscriptions.pop(id, None)

    # --- asking hubs -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the callbacks and keep the leases, for ever.

        Raises:
            FlankwatchError: the port cannot be bound.
        """
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/{path:.*}", self._verify)
        app.router.add_post("/{path:.*}", self._receive)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        host, port = self._at
        try:
            try:
                await web.TCPSite(runner, host, port).start()
            except OSError as error:
                why = f"the WebSub callback server cannot bind {host}:{port}: {error.strerror}"
                raise FlankwatchError(f"{why}; set FLANKWATCH_WEBSUB_PORT") from error
            log.info("websub listening", host=host, port=port)
            while True:
                await self.ask_due()
                await self._clock.sleep(CHECK_SECONDS)
        finally:
            await runner.cleanup()

    async def ask_due(self) -> None:
        """Ask for every subscription that is due; a failing hub costs its feed a growing pause."""
        now = self._clock.now()
        due = [(id, one) for id, one in self.subscriptions.items() if one.is_due(now)]
        await asyncio.gather(*(self._ask(id, one) for id, one in due))

    async def _ask(self, id: str, one: Subscription) -> None:
        now = self._clock.now()
        pause = VERIFY_WITHIN * 2.0 ** min(one.failures, 10)
        one.asked_at, one.again_at = now, now + min(pause, AGAIN_MAX)
        one.failures += 1  # until it verifies
        if not websub.is_secret_safe(one.hub, self._guard.allowed):
            self._tell_failure(id, one, "the hub has no https, so no secret can be told to it")
            return
        form = websub.subscription(self.callback(id, one), one.topic, self._hmac_secret(id, one))
        metrics.websub.labels("asked").inc()
        try:
            async with self._slots:
                response = await self._client.post(one.hub, form)
        except FetchError as error:
            self._tell_failure(id, one, f"{error.reason}: {error.detail}")
            return
        if not 200 <= response.status < 300:
            self._tell_failure(id, one, f"HTTP {response.status}")

    def _tell_failure(self, id: str, one: Subscription, why: str) -> None:
        one.asked_at = None
        metrics.websub.labels("failed").inc()
        if one.failures & (one.failures - 1) == 0:
            log.warning("websub not subscribed", feed=id, hub=host_of(one.hub), why=why)

    def callback(self, id: str, one: Subscription) -> str:
        """Return the address that only this feed's hub is told."""
        return f"{self._base}/{quote(id)}/{websub.token(self._secret, 'path', id, one.topic)}"

    def _hmac_secret(self, id: str, one: Subscription) -> str:
        return websub.token(self._secret, "hmac", id, one.topic)

    # --- what hubs call --------------------------------------------------------------------------

    def _called(self, request: web.Request) -> tuple[str, Subscription]:
        """Return whose callback this is; the path before it is the reverse proxy's matter.

        Raises:
            HTTPNotFound: nobody's.
        """
        id, _, given = request.path.strip("/").rpartition("/")
        id = id.rpartition("/")[2]
        one = self.subscriptions.get(id)
        if one is not None:
            expected = websub.token(self._secret, "path", id, one.topic)
            if websub.is_same(expected, given):
                return id, one
        raise web.HTTPNotFound

    async def _verify(self, request: web.Request) -> web.Response:
        """Confirm a subscription that we asked for, and none that we did not."""
        id, one = self._called(request)
        told = request.query
        if told.get("hub.topic") != one.topic:
            raise web.HTTPNotFound
        now = self._clock.now()
        if told.get("hub.mode") == "denied":
            metrics.websub.labels("denied").inc()
            one.until, one.asked_at, one.again_at = None, None, now + DENIED_FOR
            log.warning("websub denied", feed=id, hub=host_of(one.hub))
            return web.Response()
        challenge = told.get("hub.challenge", "")
        if told.get("hub.mode") != "subscribe" or one.asked_at is None or not challenge:
            raise web.HTTPNotFound
        one.granted = timedelta(seconds=websub.lease(told.get("hub.lease_seconds", "")))
        one.until = now + one.granted
        one.asked_at, one.again_at, one.failures = None, None, 0
        metrics.websub.labels("subscribed").inc()
        log.info("websub subscribed", feed=id, hub=host_of(one.hub), until=one.until.isoformat())
        return web.Response(text=challenge, headers={"X-Content-Type-Options": "nosniff"})

    async def _receive(self, request: web.Request) -> web.Response:
        """Take what a hub pushes; 202 also for what is ignored, so that no one learns by trying."""
        id, one = self._called(request)
        if not one.is_live(self._clock.now()):
            raise web.HTTPGone
        if not self._has_allowance(one):
            raise self._too_many()
        async with self._slots:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await request.read()
            except web.HTTPRequestEntityTooLarge:
                metrics.websub.labels("too_large").inc()
                raise
            except TimeoutError:
                raise web.HTTPRequestTimeout from None
        signature = request.headers.get("X-Hub-Signature", "")
        mark = hashlib.blake2b(body, digest_size=16).digest()
        if not websub.is_signed(body, signature, self._hmac_secret(id, one)):
            metrics.websub.labels("unsigned").inc()
            log.warning("websub push ignored", feed=id, why="its signature is wrong or missing")
        elif mark in one.seen:
            metrics.websub.labels("repeated").inc()
        elif not self._push(id, body, request.headers.get("Content-Type", "")):
            raise self._too_many()
        else:
            one.seen.append(mark)
            metrics.websub.labels("pushed").inc()
        return web.Response(status=202)

    def _too_many(self) -> web.HTTPTooManyRequests:
        metrics.websub.labels("too_many").inc()
        return web.HTTPTooManyRequests(headers={"Retry-After": str(int(REFILL_SECONDS) * 2)})

    def _has_allowance(self, one: Subscription) -> bool:
        now = self._clock.seconds()
        gained = (now - one.allowance_at) / REFILL_SECONDS
        one.allowance, one.allowance_at = min(BURST, one.allowance + gained), now
        if one.allowance < 1.0:
            return False
        one.allowance -= 1.0
        return True


def _with_lease(state: FeedState, until: datetime | None) -> FeedState:
    return replace(state, extra=with_extra(replace(extra_of(state), lease_until=until)))
