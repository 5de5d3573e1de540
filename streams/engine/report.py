"""What `flankwatch status` shows: roles, lag, incidents, rooms, from ports, offsets and topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from streams import topics
from streams.engine.bus import read_latest
from streams.engine.offsets import CONSUMERS, Offsets
from streams.engine.role import read_role_file
from streams.engine.scrape import processes, scrape_roles
from streams.errors import BrokerError
from streams.records import Delivery, Incident
from streams.settings import Settings


@dataclass(frozen=True)
class RoleStatus:
    """One role process."""

    role: str  #: with the worker's number from the second on
    state: str  #: ready | starting | stuck | unreachable | down
    pid: int | None = None
    port: int | None = None
    resident_bytes: int | None = None
    catalog: str | None = None  #: hash of the seeds in force
    catalog_refused: str | None = None  #: hash of a switch that it could not follow


@dataclass(frozen=True)
class Status:
    """Everything at one moment."""

    broker: str  #: address, or why there is none
    roles: list[RoleStatus]
    lag: dict[str, int] = field(default_factory=dict)  #: records per topic with a consumer
    incidents: dict[str, int] = field(default_factory=dict)  #: open ones per theatre
    rooms: dict[str, dict[str, int]] = field(default_factory=dict)  #: rows per room and state

    @property
    def is_up(self) -> bool:
        """Return whether anything runs here."""
        return any(role.state != "down" for role in self.roles)

    def lines(self) -> Iterator[str]:
        """Yield the status for people."""
        yield f"broker     {self.broker}"
        for role in self.roles:
            memory = f"  {role.resident_bytes / 2**20:.0f} MiB" if role.resident_bytes else ""
            where = f"  pid {role.pid}  port {role.port}" if role.pid else ""
            catalog = f"  catalog {role.catalog}" if role.catalog else ""
            if role.catalog_refused:
                catalog += f" (could not switch to {role.catalog_refused}: see its log)"
            yield f"{role.role:<10} {role.state}{where}{memory}{catalog}"
        for topic, records in self.lag.items():
            yield f"lag        {topic}: {records}"
        for theatre, count in self.incidents.items():
            yield f"incidents  {theatre}: {count} open"
        for room, states in self.rooms.items():
            yield f"room       {room}: " + ", ".join(f"{n} {s}" for s, n in states.items())


async def read_status(settings: Settings) -> Status:
    """Return the status; a broker that cannot be reached is part of it, not an error."""
    told = await scrape_roles(settings)
    roles = []
    for (name, worker), one in zip(processes(settings), told, strict=True):
        label = name if worker == 0 else f"{name}-{worker}"
        if one is None:
            roles.append(RoleStatus(label, "down"))
            continue
        state = "ready" if one.is_ready else "starting"
        if not one.values:
            state = "unreachable"
        elif not one.is_alive:
            state = "stuck"
        memory = one.values.get("process_resident_memory_bytes")
        told_itself = read_role_file(settings, name, worker) or {}
        roles.append(
            RoleStatus(
                label,
                state,
                one.pid,
                one.port,
                int(memory) if memory else None,
                told_itself.get("catalog"),
                told_itself.get("catalog_refused"),
            )
        )
    try:
        async with Offsets(settings) as offsets:
            lag = {
                topic.name: sum((await offsets.lag(topic)).values())
                for topic in topics.ALL
                if topic.name in CONSUMERS
            }
        incidents = await read_latest(settings, topics.INCIDENTS, Incident)
        deliveries = await read_latest(settings, topics.DELIVERIES, Delivery)
    except BrokerError as error:
        return Status(str(error), roles)
    still_open = Counter(one.theatre for one in incidents.values() if one.lifecycle == "open")
    rooms: dict[str, Counter[str]] = {}
    for row in deliveries.values():
        rooms.setdefault(row.room, Counter())[row.state] += 1
    return Status(
        settings.kafka or "embedded",
        roles,
        lag,
        dict(sorted(still_open.items())),
        {room: dict(sorted(states.items())) for room, states in sorted(rooms.items())},
    )
