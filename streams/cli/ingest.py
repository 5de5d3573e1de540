"""`flankwatch ingest` and `flankwatch articles export`: own articles in, articles out."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import IO, Any

import click

from connectors.feeds.replay import bounded
from streams.engine.logs import quiet_libraries
from streams.errors import EXIT_CHECK_FAILED
from streams.settings import load_settings

_AGO = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Since(click.ParamType):
    """An instant: a date or date and time (UTC unless it says otherwise), or `90m`, `24h`, `7d`."""

    name = "when"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the instant, aware UTC."""
        if isinstance(value, datetime):
            return value
        ago = _AGO.fullmatch(value)
        try:
            if ago:
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            at = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"expected 2026-05-01, 2026-05-01T06:30Z, 90m, 24h or 7d, got {value!r}")
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object with the counts.")
def ingest(file: IO[bytes], as_json: bool) -> None:
    """Put your own articles on Kafka: FILE, or - for standard input.

    One JSON object a line: {"id", "title", "body", "published", "link"?, "source"?,
    "declared_language"?}. `id` is yours: the same id again is a repeat, or a revision when its text
    changed. `body` may hold HTML. `published` is RFC 3339; without it the event's date is settled
    by other accounts. A line that cannot be read is told by its number, and the rest goes on.

    Exit code: 0 all sent; 1 some lines were not; 3 Kafka cannot be reached.
    """
    from streams import ingest as work

    quiet_libraries()
    done = asyncio.run(
        work.ingest(
            load_settings(),
            bounded(file),
            getattr(file, "name", "<stdin>"),
            datetime.now(UTC),
            lambda bad: click.echo(f"skipped: {bad}", err=True),
        )
    )
    if as_json:
        click.echo(json.dumps({"sent": done.sent, "skipped": done.bad}))
    click.echo(f"{done.sent} articles sent, {done.bad} lines skipped", err=True)
    if done.bad:
        sys.exit(EXIT_CHECK_FAILED)


@click.group()
def articles() -> None:
    """The articles on Kafka."""


@articles.command()
@click.option("--since", type=Since(), required=True, help="2026-05-01, 2026-05-01T06:30Z, 24h, 7d")
@click.option("--theatre", help="Only this theatre: europe, replay, canary.")
def export(since: datetime, theatre: str | None) -> None:
    """Print articles first seen since an instant as JSON Lines, ready for replay and backtest."""
    quiet_libraries()
    number = asyncio.run(_export(since, theatre))
    click.echo(f"{number} articles", err=True)


async def _export(since: datetime, theatre: str | None) -> int:
    from streams import ingest as work

    number = 0
    async for line in work.export(load_settings(), since, theatre):
        click.echo(json.dumps(line, ensure_ascii=False))
        number += 1
    return number


COMMANDS = [ingest, articles]
