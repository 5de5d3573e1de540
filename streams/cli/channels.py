"""`flankwatch channels`: try a room with the longest realistic message; say who gets an alert."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, cast

import click

from streams.engine.logs import quiet_libraries
from streams.errors import EXIT_CHECK_FAILED
from streams.records import LEVELS, Level, Status
from streams.settings import load_settings

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


@click.group()
def channels() -> None:
    """The rooms that are told, and the routes to them."""
    quiet_libraries()


@channels.command("list")
@AS_JSON
def list_rooms(as_json: bool) -> None:
    """Show every room with kind, language, level and fallback; never an address."""
    from streams.deliver import read_seeds

    found, _ = read_seeds(load_settings())
    for room in found.rooms:
        routes = [route.id for route in found.routes if room.id in route.rooms]
        told = room.model_dump(include={"id", "kind", "language", "time_zone", "level", "fallback"})
        told["routes"] = routes
        click.echo(json.dumps(told) if as_json else _line(told))


@channels.command("test")
@click.argument("room_id", metavar="ROOM")
@AS_JSON
def test_room(room_id: str, as_json: bool) -> None:
    """Send a long test message to ROOM and show what its service answered. Exit 1 if not taken.

    The answer is shown without the room's secrets. Nothing goes through Kafka.
    """
    from streams.trial import try_room

    outcome = asyncio.run(try_room(load_settings(), room_id))
    if as_json:
        click.echo(json.dumps(outcome))
    else:
        for name, value in outcome.items():
            click.echo(f"{name:<9} {value}")
    if outcome["outcome"] != "delivered":
        sys.exit(EXIT_CHECK_FAILED)


@channels.command("route")
@click.option("--country", help="ISO 3166-1, e.g. PL.")
@click.option("--kind", default="drone", show_default=True, help="Event kind.")
@click.option("--policy", default="", help="Alert policy.")
@click.option("--status", default="reported", show_default=True)
@click.option("--level", type=click.Choice(LEVELS), default="normal", show_default=True)
@click.option("--late", is_flag=True, help="An event told late.")
@click.option("--theatre", default="europe", show_default=True)
@AS_JSON
def route_alert(
    country: str | None,
    kind: str,
    policy: str,
    status: str,
    level: str,
    late: bool,
    theatre: str,
    as_json: bool,
) -> None:
    """Say which rooms such an alert would reach, by which route, and which it would not."""
    from streams.catalog.channels import sample_alert
    from streams.deliver import read_seeds

    found, _ = read_seeds(load_settings())
    alert = sample_alert(
        country=country.upper() if country else None,
        kind=kind,
        policy=policy,
        status=cast(Status, status),
        level=cast(Level, level),
        late=late,
        theatre=theatre,
    )
    reached = {room.id for room in found.routed(alert)}
    for room in found.rooms:
        routes = [route.id for route in found.matching(alert) if room.id in route.rooms]
        is_loud = LEVELS.index(alert.level) >= LEVELS.index(room.level)
        told: dict[str, Any] = {
            "room": room.id,
            "told": room.id in reached and is_loud,
            "routes": routes,
            "why": _why(room.id in reached, is_loud, routes, theatre, room.level),
        }
        click.echo(json.dumps(told) if as_json else _line(told))


def _why(is_routed: bool, is_loud: bool, routes: list[str], theatre: str, level: str) -> str:
    if not is_routed:
        return f"theatre {theatre} never reaches people" if routes else "no route matches"
    return "routed" if is_loud else f"below the room's level ({level})"


def _line(told: dict[str, Any]) -> str:
    parts = []
    for name, value in told.items():
        if value is None or value == []:
            continue
        text = ", ".join(value) if isinstance(value, list) else str(value)
        parts.append(f"{name}={text}")
    return "  ".join(parts)


COMMANDS = [channels]
