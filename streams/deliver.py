"""The deliver role: alerts → delivery rows → rooms.

Delivery: at least once. An alert is committed once a row stands for every room it goes to;
sending runs from the rows, one task a room (streams/rooms.py). One owner at a time: whoever has
the alerts' partition reads the rows, resumes what was pending and settles what was under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener
from msgspec import DecodeError
from msgspec.structs import replace

from connectors.guard import Guard
from connectors.http import user_agent
from connectors.room import kind_of
from connectors.send import Sender
from streams import metrics
from streams.catalog import channels, messages
from streams.catalog.channels import Channels, Room
from streams.catalog.messages import Messages
from streams.catalog.sources import Sources
from streams.engine.bus import Bus, Received, Tail
from streams.engine.follow import follow
from streams.engine.role import Role
from streams.errors import BrokerError, Fault, FaultsError
from streams.outbox import Outbox
from streams.records import Alert, Delivery, decode
from streams.reload import Reloader
from streams.rooms import RoomTask, utc_now
from streams.rows import Order, obey, plan, resume
from streams.settings import Settings
from streams.show import Show
from streams.topics import ALERTS, LEDGER

#: Headers of an operator's order on an alert: what to do with its row in one room.
ORDER_HEADER = "flankwatch.order"
ROOM_HEADER = "flankwatch.room"
ORDERS: tuple[Order, ...] = ("release", "drop")
BEAT_SECONDS = 5.0
#: What a stop waits for sends under way; the row of one that is cut off says "unknown".
STOP_SECONDS = 1.5
#: … and a change of rooms, for which nobody stands behind us with a kill.
SWITCH_SECONDS = 30.0

Reached = Callable[[str], None]
log = structlog.get_logger()


def pass_by(point: str) -> None:
    """Do nothing: the hook at read, planned, committed, where tests put a kill."""


def read_seeds(settings: Settings) -> tuple[Channels, Messages]:
    """Return rooms and routes, and the words of messages; all of the catalog that deliver needs.

    Raises:
        FaultsError: something in them is wrong.
    """
    faults: list[Fault] = []
    sources = Sources.of(settings.seeds)
    found = channels.read(sources, faults), messages.read(sources, faults)
    if faults:
        raise FaultsError(faults)
    return found


def _seeds_now(settings: Settings) -> tuple[str, tuple[Channels, Messages]]:
    """Return the hash of all seeds, and of them what `read_seeds` returns."""
    return Sources.of(settings.seeds).content_hash(), read_seeds(settings)


async def run(settings: Settings, role: Role, deliver_replay: bool = False) -> None:
    """Deliver until the role is told to stop.

    Args:
        settings: Where Kafka is, which private addresses are allowed.
        role: Says when to stop.
        deliver_replay: Replayed alerts go to people's rooms too, marked.

    Raises:
        FaultsError: channels.toml is wrong, or a room's secret is not set.
        BrokerError: Kafka cannot be reached.
    """
    here, (rooms, words) = _seeds_now(settings)
    await serve(settings, role, rooms, words, deliver_replay, catalog=here)


async def serve(
    settings: Settings,
    role: Role,
    rooms: Channels,
    words: Messages,
    deliver_replay: bool = False,
    reached: Reached = pass_by,
    catalog: str = "",
) -> None:
    """Deliver to these rooms, in these words, until the role is told to stop.

    With the hash of the `catalog` that they are from, a catalog switch changes them meanwhile.
    """
    guard = Guard(settings.allow_addresses)
    async with (
        Bus(settings, role.name) as bus,
        Sender(guard, proxy=settings.proxy, user_agent=user_agent(settings.contact)) as sender,
    ):
        office = Office(
            settings, rooms, words, Outbox(settings, bus), sender, deliver_replay, reached
        )
        listener = _Listener(office)
        group = settings.group(role.name)
        instance = f"{group}-{socket.gethostname()}-{role.worker}"
        async with Tail(settings, ALERTS, group, listener, instance) as tail:
            work = [
                asyncio.create_task(office.keep(role)),
                asyncio.create_task(_take(tail, office)),
                asyncio.create_task(_beat(role, office)),
            ]
            if catalog:
                reloader = Reloader(role, catalog, partial(_seeds_now, settings), office.use)
                work.append(
                    asyncio.create_task(follow(settings, LEDGER, reloader.hear, since=role.began))
                )
            stop = asyncio.create_task(role.stopping.wait())
            try:
                done, _ = await asyncio.wait({*work, stop}, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {stop}:
                    task.result()  # a role that cannot go on says why
            finally:
                for task in (*work, stop):
                    task.cancel()
                await asyncio.gather(*work, stop, return_exceptions=True)
                await office.close()


async def _take(tail: Tail, office: Office) -> None:
    """Take alert after alert, while the rows are ours."""
    async for message in tail:
        await office.take_when_open(message)
        office.reached("planned")
        try:
            await tail.commit(message)
        except BrokerError:
            if office.opened.is_set():
                raise  # else the partition went away meanwhile: the next owner takes it again
        office.reached("committed")
        metrics.processed.labels("deliver").inc()


async def _beat(role: Role, office: Office) -> None:
    while True:
        role.beat()
        role.tell(rooms=len(office.tasks), owed=sum(task.owed for task in office.tasks.values()))
        await asyncio.sleep(BEAT_SECONDS)


@dataclass
class Office:
    """The rooms of one owner: opened when the alerts' partition comes, closed when it goes."""

    settings: Settings
    channels: Channels
    messages: Messages
    outbox: Outbox
    sender: Sender
    deliver_replay: bool = False
    reached: Reached = pass_by
    tasks: dict[str, RoomTask] = field(default_factory=dict)
    assigned: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    turn: int = 0  #: rises with every assignment
    _running: list[asyncio.Task[None]] = field(default_factory=list)
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _closing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Build the rooms.

        Raises:
            FaultsError: secrets are not set, of all rooms at once.
        """
        self.tasks = self._build(self.channels, self.messages)

    def _build(self, channels: Channels, messages: Messages) -> dict[str, RoomTask]:
        faults: list[Fault] = []
        tasks: dict[str, RoomTask] = {}
        for room in channels.rooms:
            try:
                target = room.target()
            except FaultsError as error:
                faults += error.faults
                continue
            tasks[room.id] = RoomTask(
                Show(room, messages),
                kind_of(room.kind),
                target,
                self.outbox,
                self.sender,
                self.settings.unknown_delivery,
                self.stand_in,
            )
            if room.language.split("-")[0] not in messages.words:
                log.warning("room told in English", room=room.id, no_words_in=room.language)
        if faults:
            raise FaultsError(faults)
        return tasks

    async def use(self, seeds: tuple[Channels, Messages]) -> None:
        """Tell these rooms, in these words, from now on; what their rows owe goes on.

        Raises:
            FaultsError: secrets are not set; everything stays as it was.
        """
        channels, messages = seeds
        tasks = self._build(channels, messages)
        async with self._changing:  # no alert is being turned into rows meanwhile
            await self.close(SWITCH_SECONDS)
            self.channels, self.messages, self.tasks = channels, messages, tasks
        # `keep` opens again, from the rows.

    async def keep(self, role: Role) -> None:
        """Open whenever the partition comes; wait, ready to step in, while another has it."""
        while True:
            if not self.assigned.is_set():
                role.set_ready()
                await self.assigned.wait()
            if await self._open():
                role.set_ready()
                await self.closed.wait()

    async def _open(self) -> bool:
        """Read the rows, settle what the last owner left, and let the rooms go on.

        Returns:
            False when the partition went away meanwhile.

        Raises:
            BrokerError: Kafka cannot be reached.
        """
        turn = self.turn
        count = await self.outbox.load(utc_now())
        for room_id, task in self.tasks.items():
            for row in list(self.outbox.of_room(room_id)):
                await self._resume(row, task)
        lost = sum(row.room not in self.tasks for row in self.outbox.unsettled())
        if not self.assigned.is_set() or turn != self.turn:
            return False
        self.start()
        log.info("rooms opened", rooms=len(self.tasks), rows=count, without_room=lost)
        return True

    def start(self) -> None:
        """Let the rooms send what their rows owe."""
        self._running = [asyncio.create_task(task.run()) for task in self.tasks.values()]
        self.closed.clear()
        self.opened.set()

    async def close(self, seconds: float = STOP_SECONDS) -> None:
        """Let sends under way end, so many seconds long, and stop all rooms."""
        async with self._closing:
            if not self.opened.is_set():
                return
            self.opened.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asyncio.gather(*(task.idle() for task in self.tasks.values()))
            for running in self._running:
                running.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            for task in self.tasks.values():
                task.reopen()
            self.closed.set()

    async def take_when_open(self, message: Received) -> None:
        """Take an alert once the rows are ours and the rooms stand."""
        while True:
            await self.opened.wait()
            async with self._changing:
                if self.opened.is_set():
                    return await self.take(message)

    async def take(self, message: Received) -> None:
        """Make an alert's rows stand; nothing is lost once this returns.

        Raises:
            BrokerError: not confirmed: the alert must not be committed.
        """
        self.reached("read")
        try:
            if message.value is None:
                raise DecodeError("no value")
            alert = decode(Alert, message.value)
        except DecodeError as error:
            await self.outbox.bus.dead_letter("deliver", message, "unreadable", error)
            log.warning("alert unreadable", offset=message.offset)
            return
        if order := message.headers.get(ORDER_HEADER):
            room = message.headers.get(ROOM_HEADER, b"").decode("utf-8", "replace")
            await self._obey(order.decode("utf-8", "replace"), alert, room)
            return
        if alert.theatre == "canary":
            if alert.first_seen_at:
                seconds = (utc_now() - alert.first_seen_at).total_seconds()
                metrics.canary_latency.observe(max(0.0, seconds))
            return
        rooms = self._rooms_of(alert)
        if not rooms:
            metrics.suppressed.labels("no_route").inc()
        await asyncio.gather(*(self._owe(alert, room) for room in rooms))

    async def stand_in(self, row: Delivery, failing: Room) -> None:
        """Owe the failing room's message to its fallback."""
        other = self.channels.room(failing.fallback or "")
        if other is not None and other.id in self.tasks:
            alert = replace(row.alert, silenced_rooms=())
            if await self._owe(alert, other):
                log.warning(
                    "fallback room told", room=failing.id, fallback=other.id, subject=row.subject
                )

    def _rooms_of(self, alert: Alert) -> list[Room]:
        """Return the routed rooms, and those that were told of the subject before.

        A correction must reach whoever saw the first message, whatever the routes say of it now.
        """
        routed = {room.id for room in self.channels.routed(alert, self.deliver_replay)}
        if alert.theatre != "replay" or self.deliver_replay:
            routed |= {
                room
                for room, row in self.outbox.of_subject(alert.subject).items()
                if row.shown_n or row.state in ("pending", "sending", "held")
            }
        return [task.room for name, task in self.tasks.items() if name in routed]

    async def _owe(self, alert: Alert, room: Room) -> bool:
        """Write the room's row and wake it; False when the row knew the alert."""
        task = self.tasks[room.id]
        row = await self.outbox.change(
            alert.subject, room.id, lambda row: plan(row, alert, task.place, utc_now())
        )
        if row is None:
            metrics.dropped.labels("deliver", "duplicate").inc()
            return False
        if row.state == "skipped":
            metrics.suppressed.labels(row.reason).inc()
        task.wake(alert.subject)
        return True

    async def _resume(self, row: Delivery, task: RoomTask) -> None:
        """Settle what was under way when the last owner went, and go on with what is owed."""
        if row.state == "sending":
            log.warning("fate of a message unknown", room=row.room, subject=row.subject)
            await self.outbox.change(
                row.subject,
                row.room,
                lambda row: row and resume(row, task.place.unknown, utc_now()),
            )
        task.wake(row.subject)

    async def _obey(self, order: str, alert: Alert, room: str) -> None:
        """Do what an operator wants with one row: release it to be sent, or drop it."""
        task = self.tasks.get(room)
        known = next((name for name in ORDERS if name == order), None)
        if task is None or known is None:
            log.warning("order not understood", order=order, room=room, subject=alert.subject)
            metrics.dropped.labels("deliver", "invalid").inc()
            return

        await self.outbox.change(
            alert.subject, room, lambda row: obey(row, known, alert, room, utc_now())
        )
        task.wake(alert.subject)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Opens and closes the office as the alerts' partition 0 comes and goes."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self._office.assigned.clear()
        await self._office.close()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        if any(part.partition == 0 for part in assigned):
            self._office.turn += 1
            self._office.assigned.set()
