"""Watchdogs: what Faust does not notice by itself, and how a role ends when it must not go on.

Coordinator: aiokafka parks a group error until somebody asks for it, and Faust never asks; a
worker then stands still without a word. We ask, each second, on the consumer's own thread.
Progress: a role beats only while its commits move or nothing waits; the OS thread in role.py ends
the process when the beat stops, also when the event loop is blocked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

import structlog
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from streams import metrics

log = structlog.get_logger()

#: A coordinator error after so many quiet seconds starts a new count.
HEALTHY_SECONDS = 30
COORDINATOR_ERRORS_MAX = 20
LAG_EVERY_SECONDS = 2.0
LAG_TIMEOUT_SECONDS = 20.0


def fail_stop(code: int, event: str, **facts: Any) -> NoReturn:
    """End the process now, acknowledging nothing.

    An exception would run the `finally` in which Faust acknowledges the record in hand, and the
    commit at shutdown would then pass it.
    """
    try:
        # Nobody may read our stderr any more: saying why then fails, ending must not.
        with contextlib.suppress(OSError, ValueError):
            log.error(event, exit_code=code, **facts)
            logging.shutdown()
            sys.stderr.flush()
    finally:
        os._exit(code)


class ConsumerThread(AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's consumer thread plus the coordinator watchdog."""

    #: Called with the error once there are too many; replaced by tests.
    on_too_many: Callable[[BaseException], None]

    async def on_start(self) -> None:
        """Start the consumer, then watch its coordinator."""
        await super().on_start()
        self.add_future(self._watch_coordinator())

    async def _watch_coordinator(self) -> None:
        stage = self.app.stage
        failures = quiet = 0
        while not self.should_stop:
            await asyncio.sleep(1.0)
            if self.should_stop or self._consumer is None:
                return
            try:
                self._consumer._coordinator.check_errors()  # raises, and so lets it go on
                quiet += 1
            except Exception as error:
                failures = failures + 1 if quiet < HEALTHY_SECONDS else 1
                quiet = 0
                metrics.coordinator_errors.labels(stage).inc()
                log.warning("coordinator error", error=repr(error), count=failures)
                if failures >= COORDINATOR_ERRORS_MAX:
                    fail_stop(1, "too many coordinator errors", error=repr(error))


class Progress:
    """Measures lag, and says after each look whether the role still gets on with its work."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._before: dict[Any, int | None] = {}

    async def look(self) -> bool:
        """Return True when nothing waits, or the committed offsets moved since the last look.

        Raises:
            TimeoutError: the consumer's thread, or the broker, does not answer.
        """
        consumer = self._app.consumer
        assigned = set(consumer.assignment())
        if not assigned:
            self._before = {}
            return True  # a standby; a stuck coordinator is the other watchdog's matter
        ends = await asyncio.wait_for(consumer.highwaters(*assigned), LAG_TIMEOUT_SECONDS)
        committed = {tp: consumer.committed_offset(tp) for tp in assigned}
        unknown = [tp for tp in assigned if committed[tp] is None and ends.get(tp)]
        starts: dict[Any, int] = {}
        if unknown:
            asked = asyncio.wait_for(consumer.earliest_offsets(*unknown), LAG_TIMEOUT_SECONDS)
            starts = dict(await asked)
        waiting = 0
        for tp in assigned:
            done = committed[tp] if committed[tp] is not None else starts.get(tp, 0)
            lag = max(0, (ends.get(tp) or 0) - (done or 0))
            metrics.consumer_lag.labels(tp.topic, str(tp.partition)).set(lag)
            oldest = consumer.oldest_in_work(tp)
            age = max(0.0, time.time() - oldest) if oldest is not None else 0.0
            metrics.oldest_unprocessed_age.labels(tp.topic, str(tp.partition)).set(age)
            waiting += lag
        has_moved = committed != self._before
        self._before = committed
        if has_moved or not waiting:
            metrics.last_commit.labels(self._app.stage).set_to_current_time()
            return True
        return False

    async def watch(self, beat: Callable[[], None]) -> None:
        """Beat while there is progress, until cancelled."""
        while True:
            await asyncio.sleep(LAG_EVERY_SECONDS)
            try:
                if await self.look():
                    beat()
            except Exception as error:  # a rebalance under way; no beat, so it cannot last
                log.debug("lag not measured", error=repr(error))
