"""`flankwatch state export|import`: all that is remembered, to a file and back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from streams.engine.logs import quiet_libraries
from streams.settings import load_settings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def state() -> None:
    """What Flankwatch remembers: incidents, outcomes, deliveries, feeds, silences."""


@state.command("export")
@click.argument("file", type=_FILE)
def export(file: Path) -> None:
    """Write the memory to FILE (JSON Lines), to be read by `state import` elsewhere.

    Stop the roles first, or what they write meanwhile may be missing.
    """
    from streams.backup import export_state, utc_now

    quiet_libraries()

    async def write() -> int:
        count = -1
        draft = file.with_name(file.name + ".part")
        with draft.open("wb") as out:
            async for line in export_state(load_settings(), utc_now()):
                out.write(line + b"\n")
                count += 1
        draft.replace(file)
        return count

    click.echo(f"{asyncio.run(write())} records written to {file}")


@state.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object with the counts.")
def import_(file: Path, as_json: bool) -> None:
    """Read FILE into a broker (or a state directory) that has no incidents yet.

    The whole file is checked before anything is written. Stop the roles first: they read their
    memory when they start.
    """
    from streams.backup import import_state, read_lines

    quiet_libraries()
    settings = load_settings()
    with file.open("rb") as lines:
        for _ in read_lines(lines):
            pass
    with file.open("rb") as lines:
        counts = asyncio.run(import_state(settings, read_lines(lines)))
    if as_json:
        click.echo(json.dumps(counts))
    else:
        for topic, count in sorted(counts.items()):
            click.echo(f"{topic}: {count}")


COMMANDS = [state]
