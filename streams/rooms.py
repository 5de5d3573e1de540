"""One room: what is owed to it is sent from its delivery rows, at its own pace, until settled.

A row goes pending → sending → shown. A known failure puts it back with a later time, an unknown
one marks it as a possible repeat (or holds it), a refusal puts it into dead letters, age into a
digest. A room that fails delays no other room. Guarantee: at least once; see streams/outbox.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import structlog
from msgspec.structs import replace

from connectors.room import (
    OUTCOMES,
    Action,
    Kind,
    Message,
    NoAnswer,
    Request,
    Target,
    Verdict,
    judge_silence,
)
from connectors.send import Sender
from streams import metrics
from streams.catalog.channels import Room
from streams.engine.bus import Received
from streams.errors import BrokerError, RecordError
from streams.outbox import Outbox
from streams.pace import BREAKER_STATES, Breaker, Bucket
from streams.records import LEVELS, Delivery, encode
from streams.rows import Place, Unknown, expire, is_expired, settle, settle_digest
from streams.show import Show
from streams.topics import ALERTS

#: How often gauges are set and expiries looked for while nothing else happens.
IDLE_SECONDS = 2.0
#: After a broker that does not confirm, the room pauses so long.
BROKER_PAUSE_SECONDS = 2.0

StandIn = Callable[[Delivery, Room], Awaitable[None]]
log = structlog.get_logger()


def utc_now() -> datetime:
    """Return the present instant, aware UTC."""
    return datetime.now(UTC)


class RoomTask:
    """Sends what one room is owed; `run` until cancelled, `wake` when a row was added."""

    def __init__(
        self,
        show: Show,
        kind: Kind,
        target: Target,
        outbox: Outbox,
        sender: Sender,
        unknown: Unknown,
        stand_in: StandIn,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.room = room = show.room
        self.place = Place(
            id=room.id,
            level=room.level,
            can_edit=kind.can_edit(target),
            is_machine=kind.IS_MACHINE,
            unknown=room.unknown or unknown,
            text=show.text,
            next_digest=room.next_digest if room.digest_at else None,
        )
        self.breaker = Breaker()
        self._show = show
        self._kind = kind
        self._target = target
        self._outbox = outbox
        self._sender = sender
        self._stand_in = stand_in
        self._now = now
        per_second = room.per_second or kind.PER_SECOND
        burst = kind.BURST if room.per_second is None else max(1, int(room.per_second))
        self._bucket = Bucket(per_second, burst)
        self._owed: set[str] = set()
        self._handed: set[str] = set()  #: ids of alerts that the fallback room was told
        self._woken = asyncio.Event()
        self._sending = asyncio.Lock()
        for outcome in OUTCOMES:
            metrics.deliveries.labels(room.id, outcome)
        self._tell_state()

    @property
    def owed(self) -> int:
        """How many subjects wait for something to be sent."""
        return len(self._owed)

    def wake(self, subject: str) -> None:
        """Look at this subject's row again."""
        self._owed.add(subject)
        self._woken.set()

    async def run(self) -> None:
        """Send what is owed, for ever; stop it with `stop`."""
        while True:
            self._woken.clear()
            try:
                wait = await self._turn()
            except BrokerError as error:
                log.warning("room waits for the broker", room=self.room.id, error=str(error))
                wait = BROKER_PAUSE_SECONDS
            except Exception as error:  # a fault of ours must not silence the room for ever
                log.error("room failed", room=self.room.id, error=type(error).__name__)
                wait = BROKER_PAUSE_SECONDS
            self._tell_state()
            if wait > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), min(wait, IDLE_SECONDS))

    async def idle(self) -> None:
        """Return once no send is under way, and let none begin; the caller then cancels `run`."""
        await self._sending.acquire()

    def reopen(self) -> None:
        """Make a stopped room fit to run again, for the next time this process owns it."""
        if self._sending.locked():
            self._sending = asyncio.Lock()
        self._owed.clear()

    async def _turn(self) -> float:
        """Do one thing; return how long to wait before the next, in seconds."""
        now = self._now()
        rows = self._rows()
        for row in [row for row in rows if row.state == "pending" and is_expired(row, now)]:
            await self._expire(row)
        rows = self._rows()
        clock = asyncio.get_running_loop().time()
        if not rows:
            self._handed.clear()
            return IDLE_SECONDS
        if self.breaker.state(clock) != "closed":
            await self._hand_over(
                [row for row in rows if row.state == "pending" and not row.gathered]
            )
        if (wait := self.breaker.wait_seconds(clock)) > 0:
            return wait
        pending = [row for row in rows if row.state == "pending"]
        due = [row for row in pending if row.next_try_at is None or row.next_try_at <= now]
        if not due and len(pending) < len(rows):
            if (wait := self._bucket.wait_seconds(clock)) > 0:
                return wait
            async with self._sending:
                await self._send_digest([row for row in rows if row.state == "expired"])
            return 0.0
        if not due:
            times = [row.next_try_at for row in pending if row.next_try_at]
            return max(0.05, (min(times) - now).total_seconds())
        if (wait := self._bucket.wait_seconds(clock)) > 0:
            return wait
        async with self._sending:
            single = [row for row in due if not row.gathered]
            if single:
                await self._send(min(single, key=_urgency))
            else:
                await self._send_digest(due)
        return 0.0

    def _rows(self) -> list[Delivery]:
        """Return the rows that want something, forgetting the settled ones."""
        found = []
        for subject in list(self._owed):
            row = self._outbox.get(subject, self.room.id)
            if row is not None and (
                row.state == "pending" or (row.state == "expired" and row.step == "digest")
            ):
                found.append(row)
            else:
                self._owed.discard(subject)
        return found

    async def _send(self, row: Delivery) -> None:
        """Write `sending`, call the room, write what became of it."""
        now = self._now()

        def begin(current: Delivery | None) -> Delivery | None:
            if current is None or current.state != "pending":
                return None
            return replace(current, state="sending", attempts=current.attempts + 1, updated_at=now)

        sent = await self._change(row.subject, begin)
        if sent is None:
            return
        verdict = await self._call(lambda: self._show.message(sent), sent)
        self._judge(verdict)
        if verdict.outcome == "rejected" and sent.step == "post":
            await self._bury(sent, verdict)
        settled = await self._change(
            row.subject, lambda row: settle(row, sent, verdict, self.place, self._now())
        )
        if verdict.outcome == "delivered":
            self._observe(sent)
        elif settled is not None:
            log.warning(
                "room did not take the message",
                room=self.room.id,
                subject=row.subject,
                n=sent.alert.n,
                outcome=verdict.outcome,
                reason=verdict.reason,
                attempts=sent.attempts,
            )
            if settled.state in ("rejected", "held"):
                await self._hand_over([settled])

    async def _call(self, make: Callable[[], Message], row: Delivery) -> Verdict:
        """Return the verdict of one try; a refused message is tried once more, shortened."""
        action: Action = "post"
        if row.step == "edit" or row.step == "reply":
            action = row.step
        for short in (False, True):
            try:
                request = self._kind.request(
                    make(), action, self._target, self._now(), row.message_ref, short
                )
            except Exception as error:  # a message we cannot write costs itself, not the room
                return Verdict("rejected", f"cannot be written: {type(error).__name__}")
            verdict = await self._try(request)
            metrics.deliveries.labels(self.room.id, verdict.outcome).inc()
            if verdict.outcome != "rejected":
                break
        return verdict

    async def _try(self, request: Request) -> Verdict:
        """Return what came of one request, without a secret in it."""
        try:
            answer = await self._sender.send(request)
            if isinstance(answer, NoAnswer):
                return judge_silence(answer)
            found = self._kind.verdict(answer, self._now())
        except Exception as error:  # a fault of ours: we do not know whether the room has it
            return Verdict("unknown", f"failed: {type(error).__name__}")
        return dataclasses.replace(found, reason=self._target.redact(found.reason))

    def _judge(self, verdict: Verdict) -> None:
        """Tell the breaker."""
        clock = asyncio.get_running_loop().time()
        if verdict.until is not None:
            self.breaker.throttled(clock + (verdict.until - self._now()).total_seconds())
        if verdict.outcome in ("delivered", "rejected"):
            self.breaker.succeeded()
        elif verdict.outcome == "disabled":
            self.breaker.disabled(clock)
        elif verdict.outcome in ("retry", "unknown"):
            self.breaker.failed(clock)

    async def _expire(self, row: Delivery) -> None:
        now = self._now()
        expired = await self._change(
            row.subject,
            lambda row: expire(row, now) if row.state == "pending" else None,
        )
        if expired:
            metrics.dropped.labels("deliver", "expired").inc()
            log.warning("alert expired", room=self.room.id, subject=row.subject, n=row.alert.n)

    async def _send_digest(self, rows: list[Delivery]) -> None:
        """Tell in one message what was missed, or gathered; the rows say that it is under way, then done."""
        begun = {}
        for row in sorted(rows, key=lambda row: row.alert.at):
            sent = await self._change(
                row.subject,
                lambda row: (
                    replace(row, state="sending")
                    if row.state == "expired" or (row.state == "pending" and row.gathered)
                    else None
                ),
            )
            if sent is not None:
                begun[row.subject] = sent
        if not begun:
            return
        missed = list(begun.values())
        verdict = await self._call(lambda: self._show.digest(missed), missed[0])
        self._judge(verdict)
        for subject, sent in begun.items():
            await self._change(subject, partial(self._settled_digest, sent, verdict))

    def _settled_digest(self, sent: Delivery, verdict: Verdict, row: Delivery) -> Delivery:
        return settle_digest(row, sent, verdict, self.place, self._now())

    async def _bury(self, row: Delivery, verdict: Verdict) -> None:
        """Put a refused alert into dead letters, with the room; confirmed before the row says so."""
        original = Received(
            topic=self._outbox.settings.topic(ALERTS.name),
            key=row.subject,
            value=encode(row.alert),
            headers={
                "schema": row.alert.schema_name().encode(),
                "content-type": b"application/json",
                "flankwatch.room": self.room.id.encode(),
                "flankwatch.attempts": str(row.attempts).encode(),
            },
            partition=0,
            offset=-1,
            timestamp=int(self._now().timestamp() * 1000),
        )
        error = RecordError("rejected", f"room {self.room.id}: {verdict.reason}")
        await self._outbox.bus.dead_letter("deliver", original, "rejected", error)

    async def _hand_over(self, rows: list[Delivery]) -> None:
        """Tell the fallback room, once each, what this one cannot be told now."""
        for row in rows if self.room.fallback else ():
            if row.shown_n == 0 and row.alert.id not in self._handed:
                await self._stand_in(row, self.room)
                self._handed.add(row.alert.id)

    async def _change(
        self, subject: str, decide: Callable[[Delivery], Delivery | None]
    ) -> Delivery | None:
        row = await self._outbox.change(subject, self.room.id, lambda row: row and decide(row))
        if row is not None:
            self._owed.add(subject)
        return row

    def _observe(self, row: Delivery) -> None:
        alert = row.alert
        if alert.theatre != "replay" and alert.first_seen_at and row.shown_n == 0:
            seconds = (self._now() - alert.first_seen_at).total_seconds()
            metrics.delivery_latency.labels(self.room.id).observe(max(0.0, seconds))
        log.info(
            "message delivered",
            room=self.room.id,
            subject=row.subject,
            n=alert.n,
            step=row.step,
        )

    def _tell_state(self) -> None:
        try:
            clock = asyncio.get_running_loop().time()
        except RuntimeError:
            clock = 0.0
        state = self.breaker.state(clock)
        for name in BREAKER_STATES:
            metrics.breaker_state.labels(self.room.id, name).set(int(name == state))
        starts = [
            row.first_at
            for row in self._rows()
            if row.first_at and row.state == "pending" and not row.gathered
        ]
        age = (self._now() - min(starts)).total_seconds() if starts else 0.0
        metrics.outbox_oldest_age.labels(self.room.id).set(max(0.0, age))


def _urgency(row: Delivery) -> tuple[int, datetime]:
    """Sort loud before quiet, then old before new."""
    return -LEVELS.index(row.alert.level), row.first_at or row.alert.at
