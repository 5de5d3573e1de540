"""seeds/channels.toml → rooms and routes: who is told what, where, in which language.

A later layer's `[[room]]` or `[[route]]` is laid over the earlier one of the same id, key by key;
`disabled = true` removes it. Routes stand side by side: a room is told when any route that names
it matches. A file's `[[test]]`s are judged on the layers up to that file, so an own layer may add
rooms without breaking shipped tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from connectors import registry
from connectors.room import Target, kind_of
from streams.catalog.faults import Seed, read_toml, suggest, validate
from streams.catalog.sources import SeedFile, Sources
from streams.errors import Fault, FaultsError
from streams.records import LEVELS, Alert, Level, Status
from streams.settings import read_secret

FILE = "channels.toml"
_ID = r"^[a-z0-9][a-z0-9-]{0,63}$"
_ANY = datetime(2025, 1, 1, tzinfo=UTC)
_SECRET = r"^[A-Z][A-Z0-9_]*$"


class Room(Seed):
    """One room, as seeds/channels.toml tells it."""

    id: str = Field(pattern=_ID)
    kind: str  #: file stem in connectors/chat/
    url: str | None = None  #: address without a secret in it
    secret: str | None = Field(None, pattern=_SECRET)  #: the address itself is the secret of …
    token: str | None = Field(None, pattern=_SECRET)  #: a bot's token is the secret of …
    chat: str | None = None  #: chat or channel id, where a bot posts
    signing: str | None = Field(None, pattern=_SECRET)  #: webhook secrets, newest first
    language: str = Field("en", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")  #: BCP 47
    time_zone: str = "UTC"  #: IANA name
    level: Level = "normal"  #: least level that is posted
    digest_at: tuple[time, ...] = ()  #: local times; digest-level alerts wait for them, gathered
    fallback: str | None = None  #: room that is told while this one fails
    per_second: float | None = Field(None, gt=0, le=1000)  #: slower or faster than the kind's pace
    unknown: Literal["repeat", "hold"] | None = None  #: overrides FLANKWATCH_UNKNOWN_DELIVERY

    @field_validator("kind")
    @classmethod
    def _check_kind(cls, kind: str) -> str:
        known = sorted(registry.kinds("chat"))
        if kind not in known:
            raise ValueError(f"unknown kind{suggest(kind, known)} (there are: {', '.join(known)})")
        return kind

    @field_validator("time_zone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError):
            raise ValueError("no such time zone; expected a name like Europe/Warsaw") from None
        return name

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("expected an http(s) address")
            if parts.username or parts.password:
                raise ValueError("a password does not belong here; use `secret`")
        return url

    @model_validator(mode="after")
    def _check_needs(self) -> Self:
        kind = kind_of(self.kind)
        if self.url and self.secret:
            raise ValueError("`url` and `secret` both give the address; keep one")
        given = {"url": self.url or self.secret, "token": self.token, "chat": self.chat}
        given["signing"] = self.signing
        has = {name for name, value in given.items() if value}
        for name in sorted(kind.NEEDS - has):
            also = " (or `secret`, when the address is one)" if name == "url" else ""
            raise ValueError(f"kind {self.kind!r} needs `{name}`{also}")
        for name in sorted(has - kind.NEEDS - kind.MAY_HAVE):
            raise ValueError(f"kind {self.kind!r} has no use for `{name}`")
        return self

    def next_digest(self, now: datetime) -> datetime:
        """Return when the room's next digest is due, after `now`; needs `digest_at`."""
        zone = ZoneInfo(self.time_zone)
        today = now.astimezone(zone).date()
        days = (today, today + timedelta(days=1))
        due = [datetime.combine(day, at, zone) for day in days for at in self.digest_at]
        return min(at for at in due if at > now).astimezone(UTC)

    def target(self, is_terminal: bool = False) -> Target:
        """Return where the room is, secrets read.

        Raises:
            FaultsError: a secret is not set, all of the room's at once.
        """
        faults: list[Fault] = []

        def secret(name: str | None) -> str:
            try:
                return read_secret(name).get_secret_value() if name else ""
            except FaultsError as error:
                faults.extend(
                    Fault(found.file, found.key, f"room {self.id!r}: {found.reason}")
                    for found in error.faults
                )
                return ""

        target = Target(
            url=self.url or secret(self.secret),
            token=secret(self.token),
            chat=self.chat or "",
            signing=tuple(secret(self.signing).split()),
            is_terminal=is_terminal,
        )
        if faults:
            raise FaultsError(faults)
        return target


class Match(Seed):
    """What an alert must be; an empty list asks nothing."""

    countries: tuple[str, ...] = ()  #: ISO 3166-1 alpha-2; "" is: not known
    kinds: tuple[str, ...] = ()  #: file stems in seeds/events
    policies: tuple[str, ...] = ()  #: file stems in seeds/alerts
    statuses: tuple[Status, ...] = ()
    level: Level | None = None  #: at least
    late: bool | None = None

    def hits(self, alert: Alert) -> bool:
        """Return whether the alert is of this sort."""
        return (
            (not self.countries or (alert.country or "") in self.countries)
            and (not self.kinds or alert.kind in self.kinds)
            and (not self.policies or alert.policy in self.policies)
            and (not self.statuses or alert.status in self.statuses)
            and (self.level is None or LEVELS.index(alert.level) >= LEVELS.index(self.level))
            and self.late in (None, alert.late)
        )


class Route(Seed):
    """Alerts of this sort go to these rooms."""

    id: str = Field(pattern=_ID)
    match: Match = Match()
    rooms: tuple[str, ...] = Field(min_length=1)


class RouteTest(Seed):
    """An alert, told by what routes look at, and the rooms it must reach."""

    country: str | None = None
    kind: str = "drone"
    policy: str = "incidents"
    status: Status | None = "reported"
    level: Level = "normal"
    late: bool = False
    rooms: tuple[str, ...]
    why: str = ""

    def hits(self, route: Route) -> bool:
        """Return whether the route matches this test's alert."""
        return route.match.hits(
            sample_alert(
                policy=self.policy,
                level=self.level,
                late=self.late,
                kind=self.kind,
                status=self.status,
                country=self.country,
            )
        )


def sample_alert(**given: Any) -> Alert:
    """Return an alert for a test of routes or rooms, with these fields."""
    fields: dict[str, Any] = {"id": "test", "subject": "test", "n": 1, "action": "new"}
    fields |= {"policy": "test", "level": "normal", "at": _ANY, "expires_at": _ANY}
    return Alert(**(fields | given))


@dataclass(frozen=True)
class Channels:
    """All rooms and routes."""

    rooms: tuple[Room, ...] = ()
    routes: tuple[Route, ...] = ()
    test_count: int = 0
    failed_tests: tuple[Fault, ...] = ()  #: for `flankwatch check`; they stop no role

    def room(self, room_id: str) -> Room | None:
        """Return the room of this id."""
        return next((room for room in self.rooms if room.id == room_id), None)

    def routed(self, alert: Alert, deliver_replay: bool = False) -> tuple[Room, ...]:
        """Return the rooms an alert goes to, levels and silences aside, in the file's order.

        A replay goes to every console and nowhere else, unless `deliver_replay`; a canary to none.
        """
        if alert.theatre == "canary":
            return ()
        consoles = {room.id for room in self.rooms if room.kind == "console"}
        named = {name for route in self.routes if route.match.hits(alert) for name in route.rooms}
        if alert.theatre == "replay":
            named = consoles | (named if deliver_replay else set())
        return tuple(room for room in self.rooms if room.id in named)

    def matching(self, alert: Alert) -> tuple[Route, ...]:
        """Return the routes that match, for `channels route`."""
        return tuple(route for route in self.routes if route.match.hits(alert))


def read(sources: Sources, faults: list[Fault]) -> Channels:
    """Return rooms and routes of all layers; what is wrong, failed tests included, is noted."""
    rooms: dict[str, dict[str, Any]] = {}
    routes: dict[str, dict[str, Any]] = {}
    found = Channels()
    tests, failed = 0, list[Fault]()
    for file in sources.single(FILE):
        content = read_toml(file.path, file.name, faults)
        if content is None:
            continue
        for key in sorted(set(content) - {"room", "route", "test"}):
            hint = suggest(key, ("room", "route", "test"))
            faults.append(Fault(file.name, key, f"unknown key{hint}"))
        _lay_over(rooms, content.get("room", []), "room", file, faults)
        _lay_over(routes, content.get("route", []), "route", file, faults)
        found = Channels(_build(Room, rooms, faults), _build(Route, routes, faults))
        _check_names(found, rooms, routes, faults)
        tests += len(content.get("test", []))
        failed += _run_tests(found, content.get("test", []), file, faults)
    return Channels(found.rooms, found.routes, tests, tuple(failed))


def _lay_over(
    known: dict[str, dict[str, Any]], given: Any, what: str, file: SeedFile, faults: list[Fault]
) -> None:
    """Add this file's tables; `known` maps an id to its keys, `_at` says where it stands."""
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        faults.append(Fault(file.name, what, f"expected [[{what}]] tables"))
        return
    here: set[str] = set()
    for index, item in enumerate(given):
        name, where = item.get("id"), f"{what}[{index}]"
        if not isinstance(name, str):
            faults.append(Fault(file.name, f"{where}.id", "missing"))
            continue
        if name in here:
            faults.append(Fault(file.name, f"{where}.id", f"{name!r} is there twice"))
        here.add(name)
        merged = {**known.get(name, {}), **item, "_at": (file.name, where)}
        for key, other in (("url", "secret"), ("secret", "url")):
            if key in item and other not in item:
                merged.pop(other, None)
        known[name] = merged
        if merged.pop("disabled", False):
            del known[name]


def _build(model: type[Any], known: dict[str, dict[str, Any]], faults: list[Fault]) -> Any:
    built = []
    for item in known.values():
        name, where = item["_at"]
        keys = {key: value for key, value in item.items() if key != "_at"}
        made = validate(model, keys, name, faults, where)
        if made is not None:
            built.append(made)
    return tuple(built)


def _check_names(
    found: Channels,
    rooms: dict[str, dict[str, Any]],
    routes: dict[str, dict[str, Any]],
    faults: list[Fault],
) -> None:
    """Note rooms that a route or a fallback names and nobody has."""
    for route in found.routes:
        name, where = routes[route.id]["_at"]
        for room in route.rooms:
            if room not in rooms:
                why = f"no room {room!r}{suggest(room, rooms)}"
                faults.append(Fault(name, f"{where}.rooms", why))
    for room_spec in found.rooms:
        name, where = rooms[room_spec.id]["_at"]
        other = room_spec.fallback
        if other is not None and (other not in rooms or other == room_spec.id):
            why = "a room cannot stand in for itself"
            if other != room_spec.id:
                why = f"no room {other!r}{suggest(other, rooms)}"
            faults.append(Fault(name, f"{where}.fallback", why))


def _run_tests(found: Channels, given: Any, file: SeedFile, faults: list[Fault]) -> list[Fault]:
    """Return this file's tests that fail."""
    failed = []
    for index, item in enumerate(given):
        test = validate(RouteTest, item, file.name, faults, f"test[{index}]")
        if test is None:
            continue
        reached = {name for route in found.routes if test.hits(route) for name in route.rooms}
        if reached != set(test.rooms):
            told = ", ".join(sorted(reached)) or "no room"
            wanted = ", ".join(sorted(test.rooms)) or "no room"
            why = f"reaches {told}, expected {wanted}{f' ({test.why})' if test.why else ''}"
            failed.append(Fault(file.name, f"test[{index}]", why))
    return failed
