"""`flankwatch feeds`: list what is watched and how it is, try feeds, import, export, discover."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import click

from streams.engine.logs import quiet_libraries
from streams.errors import EXIT_CHECK_FAILED, EXIT_FAULT
from streams.settings import load_settings

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


@click.group()
def feeds() -> None:
    """What is watched, and how it is."""
    quiet_libraries()


@feeds.command("list")
@click.option("--group", help="Only this group: the stem of a file in seeds/feeds/.")
@click.option("--country", help="Only this country, e.g. PL.")
@click.option("--health", "word", help="Only feeds so: ok, quiet, stale, broken, blocked, moved…")
@AS_JSON
def list_feeds(group: str | None, country: str | None, word: str | None, as_json: bool) -> None:
    """Show every feed with its state, by its own rhythm."""
    from streams.feeds import desk

    settings = load_settings()
    rows, note = asyncio.run(desk.rows(settings))
    chosen = [
        row
        for row in rows
        if (group is None or row.spec.group == group)
        and (country is None or row.spec.country == country.upper())
        and (word is None or row.health == word.lower())
    ]
    if note:
        click.echo(f"note: {note}", err=True)
    if as_json:
        for row in chosen:
            click.echo(json.dumps(row.as_json(), ensure_ascii=False))
    else:
        desk.show_table(chosen)


@feeds.command("test")
@click.argument("target", required=False)
@click.option("--all", "is_all", is_flag=True, help="Try every feed there is.")
@click.option("--group", help="With --all: only this group.")
@click.option(
    "--save",
    is_flag=True,
    help="With --all: write ok or broken into feeds/tested.toml of your FLANKWATCH_SEEDS.",
)
@AS_JSON
def test_feeds(
    target: str | None, is_all: bool, group: str | None, save: bool, as_json: bool
) -> None:
    """Fetch a feed (id or URL) once and show each step; with --all, every feed. Exit 1 on a failure.

    Nothing is sent to Kafka.
    """
    from streams.feeds import trial

    if bool(target) == is_all:
        raise click.UsageError("give a feed's id or URL, or --all")
    settings = load_settings()
    if save and settings.seeds is None:
        raise click.UsageError("--save needs FLANKWATCH_SEEDS, your own seeds directory")
    if is_all:
        ok = asyncio.run(trial.test_all(settings, group, as_json=as_json, save=save))
    else:
        ok = asyncio.run(trial.test_one(settings, str(target), as_json=as_json))
    if not ok:
        sys.exit(EXIT_CHECK_FAILED)


@feeds.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--into", type=click.Path(path_type=Path), help="Append to this TOML file.")
def import_feeds(file: Any, into: Path | None) -> None:
    """Turn OPML into [[feed]] tables; known addresses are left out."""
    from streams.feeds.opml import import_opml, to_toml
    from streams.fetch import read_feeds

    found, faults = import_opml(file.read(), file.name, read_feeds(load_settings()))
    for fault in faults:
        click.echo(f"note: {fault}", err=True)
    text = to_toml(found)
    if into is None:
        click.echo(text, nl=False)
    else:
        into.parent.mkdir(parents=True, exist_ok=True)
        with into.open("a", encoding="utf-8") as out:
            out.write(("\n" if out.tell() else "") + text)
    click.echo(f"{len(found)} feeds, {len(faults)} left out", err=True)
    if not found and faults:
        sys.exit(EXIT_FAULT)


@feeds.command("export")
@click.option("--group", help="Only this group.")
def export_feeds(group: str | None) -> None:
    """Print all feeds as OPML."""
    from streams.feeds.opml import export_opml
    from streams.fetch import read_feeds

    found = [f for f in read_feeds(load_settings()) if group is None or f.group == group]
    click.get_binary_stream("stdout").write(export_opml(found) + b"\n")


@feeds.command("discover")
@click.argument("site")
@AS_JSON
def discover_feeds(site: str, as_json: bool) -> None:
    """Find the feeds of a site: those its page announces, else where feeds usually are."""
    from streams.feeds import trial

    if not asyncio.run(trial.discover(load_settings(), site, as_json=as_json)):
        click.echo("no feed found", err=True)
        sys.exit(EXIT_CHECK_FAILED)


@feeds.command("resume")
@click.argument("id")
def resume_feed(id: str) -> None:
    """Poll a feed again that is gone (410) or waits out a long pause."""
    import getpass

    from streams.feeds.orders import resume

    state = asyncio.run(resume(load_settings(), id, getpass.getuser()))
    click.echo(f"{state.id}: due now")


COMMANDS: list[Any] = [feeds]
