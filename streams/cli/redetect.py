"""`flankwatch redetect`: after a rule fix, put incidents right without telling rooms."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import datetime

import click

from streams.cli.ingest import Since
from streams.engine.logs import quiet_libraries
from streams.settings import load_settings


@click.command()
@click.option("--since", type=Since(), required=True, help="24h, 7d, or a date; by first sight.")
@click.option("--theatre", default="europe", show_default=True, help="Watch area.")
@click.option("--dry-run", is_flag=True, help="Only say which articles would be read anew.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with the counts.")
def redetect(since: datetime, theatre: str, dry_run: bool, as_json: bool) -> None:
    """Read articles that Kafka still has again, by the seeds as they are now; rooms hear nothing.

    Incidents lose accounts that a mended rule no longer finds and gain those it finds now. What
    new articles say afterwards is told as ever. Run `flankwatch reload` first, so that new articles
    are read by the same rules.
    """
    from streams.catalog import load_catalog
    from streams.redetect import redetect as work

    quiet_libraries()
    settings = load_settings()
    catalog = load_catalog(settings.seeds)
    done = asyncio.run(
        work(
            settings,
            catalog,
            since,
            theatre,
            dry=dry_run,
            say=lambda line: click.echo(line, err=True),
        )
    )
    if as_json:
        click.echo(json.dumps(asdict(done)))
    else:
        verb = "would be sent" if dry_run else "sent"
        click.echo(
            f"{done.read} articles read, {done.failed} unreadable, {done.sent} report sets {verb}"
            f" ({done.empty} of articles that report nothing any more)"
        )


COMMANDS = [redetect]
