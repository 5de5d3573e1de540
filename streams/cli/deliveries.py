"""`flankwatch deliveries` and `flankwatch dead-letters`: what rooms were told, and what went aside."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import click

from streams.engine.logs import quiet_libraries
from streams.settings import load_settings

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
YES = click.option("--yes", is_flag=True, help="Do not ask about expired alerts.")


@click.group()
def deliveries() -> None:
    """What each room was told of each subject."""
    quiet_libraries()


@deliveries.command("list")
@click.option("--room", help="Only this room.")
@click.option("--state", help="Only this state: pending, sending, shown, held, rejected…")
@click.option("--limit", default=50, show_default=True, help="At most so many, latest first.")
@AS_JSON
def list_deliveries(room: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """Show delivery rows, latest change first."""
    from streams import orders

    rows = asyncio.run(orders.deliveries(load_settings()))
    chosen = [row for row in rows if room in (None, row.room) and state in (None, row.state)]
    for row in chosen[:limit]:
        told: dict[str, Any] = {
            "subject": row.subject,
            "room": row.room,
            "state": row.state,
            "shown_n": row.shown_n,
            "n": row.alert.n,
            "attempts": row.attempts,
            "possible_repeat": row.possible_repeat,
            "next_try_at": row.next_try_at.isoformat() if row.next_try_at else None,
            "updated_at": row.updated_at.isoformat() if row.updated_at else None,
            "reason": row.reason,
            "headline": row.alert.headline,
        }
        if as_json:
            click.echo(json.dumps(told, ensure_ascii=False))
        else:
            click.echo(
                f"{row.state:<9} {row.room:<14} {row.subject}  shown {row.shown_n} of {row.alert.n}"
                f"  tries {row.attempts}  {row.reason}"
            )
    if len(chosen) > limit:
        click.echo(f"note: {len(chosen) - limit} more; --limit shows them", err=True)


@deliveries.command("release")
@click.argument("subject")
@click.argument("room")
@YES
def release(subject: str, room: str, yes: bool) -> None:
    """Post what is held, refused, expired or waiting for ROOM now."""
    from streams import orders

    settings, now = load_settings(), datetime.now(UTC)
    row = asyncio.run(orders.find_delivery(settings, subject, room))
    if row.state == "shown":
        raise click.UsageError("the room shows it already")
    if row.alert.expires_at <= now and not yes:
        click.confirm(
            f"{row.alert.headline!r} expired at {row.alert.expires_at}; post it", abort=True
        )
    asyncio.run(orders.give_order(settings, row, "release", now))
    click.echo(f"released: {subject} to {room}")


@deliveries.command("drop")
@click.argument("subject")
@click.argument("room")
def drop(subject: str, room: str) -> None:
    """Forget what is owed to ROOM about SUBJECT; a newer alert will be told again."""
    from streams import orders

    settings, now = load_settings(), datetime.now(UTC)
    row = asyncio.run(orders.find_delivery(settings, subject, room))
    asyncio.run(orders.give_order(settings, row, "drop", now))
    click.echo(f"dropped: {subject} to {room}")


@click.group("dead-letters")
def dead_letters() -> None:
    """Records that could not be read, processed or delivered."""
    quiet_libraries()


def _collect(place: str | None, stage: str | None, reason: str | None) -> list[Any]:
    from streams import orders

    async def read() -> list[orders.Letter]:
        return [
            letter
            async for letter in orders.letters(load_settings())
            if place in (None, letter.place)
            and stage in (None, letter.stage)
            and reason in (None, letter.reason)
        ]

    return asyncio.run(read())


@dead_letters.command("list")
@click.option("--stage", help="Only this role's.")
@click.option("--reason", help="Only this reason: unreadable, failed, rejected, too_large.")
@AS_JSON
def list_letters(stage: str | None, reason: str | None, as_json: bool) -> None:
    """Show dead letters, oldest first; PLACE is what the other commands take."""
    for letter in _collect(None, stage, reason):
        told = {
            "place": letter.place,
            "stage": letter.stage,
            "reason": letter.reason,
            "topic": letter.topic,
            "key": letter.record.key,
            "room": letter.room or None,
            "bytes": len(letter.record.value or b""),
            "at": datetime.fromtimestamp(letter.record.timestamp / 1000, UTC).isoformat(),
            "message": letter.message[:300],
        }
        if as_json:
            click.echo(json.dumps(told, ensure_ascii=False))
        else:
            told["message"] = "".join(c if c.isprintable() else " " for c in letter.message[:120])
            click.echo("  ".join(str(value) for value in told.values() if value is not None))


@dead_letters.command("show")
@click.argument("place")
def show_letter(place: str) -> None:
    """Print one letter: its headers as JSON on the first line, then the original bytes."""
    found = _collect(place, None, None)
    if not found:
        raise click.UsageError(f"no dead letter at {place!r}; see `flankwatch dead-letters list`")
    record = found[0].record
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers.items()}
    click.echo(json.dumps({"key": record.key, **headers}, ensure_ascii=False))
    click.get_binary_stream("stdout").write((record.value or b"") + b"\n")


@dead_letters.command("replay")
@click.argument("places", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All that the filters leave.")
@click.option("--stage", help="With --all: only this role's.")
@click.option("--reason", help="With --all: only this reason.")
@YES
def replay_letters(
    places: tuple[str, ...], is_all: bool, stage: str | None, reason: str | None, yes: bool
) -> None:
    """Put letters back onto the topics they came from; a refused alert goes to its room again."""
    from streams import orders

    if bool(places) == is_all:
        raise click.UsageError("give places, or --all")
    found = [letter for letter in _collect(None, stage, reason) if is_all or letter.place in places]
    missing = set(places) - {letter.place for letter in found}
    if missing:
        raise click.UsageError(f"no dead letter at {', '.join(sorted(missing))}")
    now = datetime.now(UTC)
    old = sum(letter.is_expired(now) for letter in found)
    if old and not yes:
        click.confirm(f"{old} of them are alerts that have expired; put them back", abort=True)
    count = asyncio.run(orders.put_back(load_settings(), found, now))
    click.echo(f"put back: {count}")


COMMANDS = [deliveries, dead_letters]
