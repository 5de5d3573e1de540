"""/metrics, /livez and /readyz of one role, on a loopback port, from the role's own loop.

/livez says whether the loop turns and the role makes progress; never whether Kafka can be
reached, or a broker's outage would restart everything. /readyz: partitions known, state read.
"""

from __future__ import annotations

import asyncio
import errno
import time
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from streams import metrics
from streams.errors import FlankwatchError

#: Without a beat for so long the role counts as stuck.
LIVE_SECONDS = 60.0
LAG_SAMPLE_SECONDS = 0.5


class Health:
    """Serves the three pages; `beat()` is called whenever the role makes progress or is idle."""

    def __init__(self, role: str, live_seconds: float = LIVE_SECONDS) -> None:
        self.role = role
        self.port = 0  #: the port really bound, once started
        self.is_ready = False
        self.turned_at = time.monotonic()  #: last turn of the event loop; read by the watchdog
        self._live_seconds = live_seconds
        self._beat_at: float | None = None
        self._runner: web.AppRunner | None = None
        self._sampler: asyncio.Task[None] | None = None
        self._renderer = ThreadPoolExecutor(1, "metrics")

    def set_ready(self, ready: bool) -> None:
        """Answer /readyz with 200 (or 503 again)."""
        self.is_ready = ready
        metrics.ready.labels(self.role).set(int(ready))
        self.beat()

    def beat(self) -> None:
        """Note progress; a role that never beats is judged by its event loop alone."""
        self._beat_at = time.monotonic()

    @property
    def seconds_since_beat(self) -> float:
        """Seconds without progress; 0 before the first beat."""
        return 0.0 if self._beat_at is None else time.monotonic() - self._beat_at

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Args:
            host: Address to bind.
            port: 0 lets the system choose; `self.port` then tells.

        Raises:
            FlankwatchError: the port is in use or may not be bound.
        """
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be bound: {error}"
            raise FlankwatchError(
                f"{self.role}: health port {host}:{port} {why}; set FLANKWATCH_HEALTH_PORT"
            ) from error
        self.port = int(self._runner.addresses[0][1])
        self._sampler = asyncio.create_task(self._sample_lag())

    async def stop(self) -> None:
        """Stop listening."""
        if self._sampler:
            self._sampler.cancel()
        if self._runner:
            await self._runner.cleanup()
        self._renderer.shutdown(wait=False)

    async def _sample_lag(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(LAG_SAMPLE_SECONDS)
            self.turned_at = time.monotonic()
            metrics.event_loop_lag.observe(max(0.0, self.turned_at - before - LAG_SAMPLE_SECONDS))

    async def _metrics(self, request: web.Request) -> web.Response:
        # In a thread: with thousands of feeds it takes a second, for which the loop must not stand.
        # In one of its own: names that are being resolved may hold all threads of the loop.
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(self._renderer, generate_latest, metrics.REGISTRY_IN_USE)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _livez(self, request: web.Request) -> web.Response:
        idle = self.seconds_since_beat
        if idle > self._live_seconds:
            return web.Response(status=503, text=f"no progress for {idle:.0f} s\n")
        return web.Response(text="alive\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        return web.Response(
            status=200 if self.is_ready else 503, text="ready\n" if self.is_ready else "not ready\n"
        )
