"""`flankwatch reload`: let running roles use the seeds as they are now."""

from __future__ import annotations

import asyncio
import getpass
import json
from datetime import UTC, datetime

import click

from streams.engine.logs import quiet_libraries
from streams.settings import Settings, load_settings


@click.command()
@click.option("--who", default=None, help="Who decides; default: your user name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def reload(who: str | None, as_json: bool) -> None:
    """Check the seeds, then let every running role use them; a fault changes nothing.

    Each role reads its own seeds again and takes them when they are these; else it keeps what it
    has, and says so in its log and in `flankwatch status`.
    """
    from streams.catalog import load_catalog

    quiet_libraries()
    settings = load_settings()
    catalog = load_catalog(settings.seeds).hash
    offset = asyncio.run(_switch(settings, catalog, who or getpass.getuser()))
    if as_json:
        click.echo(json.dumps({"catalog": catalog, "offset": offset}))
    else:
        click.echo(f"catalog {catalog}: on the ledger at offset {offset}")


async def _switch(settings: Settings, catalog: str, who: str) -> int:
    from streams import topics
    from streams.engine.bus import Bus
    from streams.records import CatalogSwitch

    at = datetime.now(UTC).replace(microsecond=0)
    async with Bus(settings, "operator") as bus:
        return await bus.send(topics.LEDGER, None, CatalogSwitch(catalog=catalog, at=at, who=who))


COMMANDS = [reload]
