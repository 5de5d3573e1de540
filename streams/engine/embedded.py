"""The embedded broker: librdkafka's mock cluster in the supervisor, for trying Flankwatch out.

It is memory, and keeps about the last 5 MiB of a partition. What must outlive it is written to
the state file *before* it is sent (`Bus.send`). So after a kill -9 of everything, at any instant:

* Articles in flight are lost from memory, but their feed's state was not saved yet (pressure.py
  saves it once detect has committed them), so they are fetched again, with the same ids.
* Report sets and decisions are on file from before detect commits its input until merge has
  committed them; alerts from before the incident that remembers them (merge's order of writes)
  until deliver has committed them. Both are produced again at the next start; whoever had already
  acted on them recognises them: a set by its revision, an alert by its number.
* Incidents, outcomes, deliveries are on file before their write returns. A delivery is `sending`
  on file before the room is asked, so a repeat is always known as a possible repeat, and marked.

Offsets begin at 0 again; `ledger_base` keeps the ledger's rising. Not covered: a power cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import time
import uuid
from pathlib import Path
from typing import IO

import confluent_kafka
import structlog

from streams import topics
from streams.engine.connect import BROKER_FILE
from streams.engine.offsets import CONSUMERS, Offsets
from streams.engine.state import LOGGED, StateFile
from streams.errors import BrokerError, StateError
from streams.settings import Settings

LOCK_FILE = "lock"
START_SECONDS = 10
FORGET_SECONDS = 5.0

log = structlog.get_logger()


def lock_state(folder: Path) -> IO[str]:
    """Take the state directory for this process; hold the file open to keep it.

    Raises:
        StateError: another instance has it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK_FILE).open("a+", encoding="utf-8")
    except OSError as error:
        raise StateError(f"{folder}: cannot be used as state directory: {error}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise StateError(
            f"{folder} is in use by process {holder}; stop it, or give this instance its own"
            " FLANKWATCH_STATE_DIR (and FLANKWATCH_HEALTH_PORT)"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


class EmbeddedBroker:
    """The broker and its memory; lives in the supervisor and dies with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._run = uuid.uuid4().hex  # tells this run's offsets from an earlier run's
        self._state = StateFile(settings.state_dir)
        self._cluster: confluent_kafka.Producer | None = None
        self._pruner: asyncio.Task[None] | None = None
        self.address = ""

    async def start(self) -> None:
        """Start, make the topics, produce again what nobody had taken over, tell the roles where.

        Raises:
            BrokerError: librdkafka's mock cluster did not start.
            StateError: the state file cannot be used.
        """
        self._cluster = confluent_kafka.Producer(
            {
                "bootstrap.servers": "embedded",
                "test.mock.num.brokers": 1,
                "log_level": 3,
                "linger.ms": 5,
                "message.max.bytes": topics.DEAD_LETTER_MAX_BYTES + 64 * 1024,
            }
        )
        try:
            found = self._cluster.list_topics(timeout=START_SECONDS).brokers.values()
            self.address = ",".join(f"{broker.host}:{broker.port}" for broker in found)
            for topic in topics.ALL:
                self._cluster.list_topics(self._settings.topic(topic.name), timeout=START_SECONDS)
        except confluent_kafka.KafkaException as error:
            raise BrokerError(f"the embedded broker did not start: {error}") from error
        waiting = self._restore()
        told = {
            "address": self.address,
            "pid": os.getpid(),
            "run": self._run,
            "ledger_base": self._state.highest_through() + 1,
        }
        path = self._settings.state_dir / BROKER_FILE
        path.write_text(json.dumps(told), encoding="utf-8")
        log.warning(
            "embedded broker started: for trying out, not for service; records in flight are in"
            " memory (fetched again after a crash), state is in one file without protection against"
            " a power cut; for a service set FLANKWATCH_KAFKA",
            address=self.address,
            state=str(self._state.path),
            resumed=waiting,
        )
        self._pruner = asyncio.create_task(self._forget())

    async def stop(self) -> None:
        """Stop; the roles must have ended."""
        if self._pruner:
            self._pruner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pruner
            async with Offsets(self._settings) as offsets:
                await self._forget_once(offsets)
        (self._settings.state_dir / BROKER_FILE).unlink(missing_ok=True)
        self._state.close()
        self._cluster = None

    def _restore(self) -> int:
        """Produce what stood between two roles; return how many records."""
        assert self._cluster is not None
        failures: list[str] = []
        count = 0
        for topic in LOGGED:
            if topic.name not in CONSUMERS:
                continue
            for kept in self._state.read(topic):

                def confirmed(
                    error: object, message: confluent_kafka.Message, seq: int = kept.seq
                ) -> None:
                    if error is not None:
                        failures.append(str(error))
                    else:
                        self._state.set_offset(seq, self._run, message.offset() or 0)

                self._cluster.produce(
                    self._settings.topic(topic.name),
                    kept.value,
                    None if kept.key is None else kept.key.encode(),
                    partition=0,
                    headers=kept.headers,
                    on_delivery=confirmed,
                )
                count += 1
        left = self._cluster.flush(START_SECONDS)
        if failures or left:
            raise BrokerError(
                f"the embedded broker did not take its state back: {failures[:1]} {left}"
            )
        return count

    async def _forget(self) -> None:
        async with Offsets(self._settings) as offsets:
            while True:
                await self._forget_once(offsets)
                await asyncio.sleep(FORGET_SECONDS)

    async def _forget_once(self, offsets: Offsets) -> None:
        """Drop from the state file what its consumer has committed, and what is too old."""
        for topic in LOGGED:
            if topic.name in CONSUMERS:
                committed = await offsets.committed(topic, CONSUMERS[topic.name])
                self._state.forget_consumed(topic, self._run, committed.get(0, 0))
        for topic in topics.ALL:
            self._state.forget_expired(topic, time.time())
