"""`flankwatch run`, and the four roles one by one."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

import click

from connectors.feeds.replay import split_date
from streams.errors import EXIT_FAULT
from streams.settings import PREFIX, Settings, load_settings


class _Recorded(click.ParamType):
    """A file of recorded articles, which must be there: `FILE.jsonl` or `FILE@2025-09-11`."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the target as it was given."""
        path, _ = split_date(str(value))
        if not path.is_file():
            self.fail(f"File {str(path)!r} does not exist.", param, ctx)
        return str(value)


REPLAY = click.option(
    "--replay",
    "replay",
    multiple=True,
    type=_Recorded(),
    help="Feed these files into theatre `replay`: FILE.jsonl, or a plain text with its date,"
    " FILE@2025-09-11; more may follow.",
)
MORE = click.argument("more", nargs=-1, type=_Recorded(), metavar="[FILES]…")
SPEED = click.option(
    "--speed",
    default="fast",
    show_default=True,
    callback=lambda _context, _option, value: _speed(value),
    help="fast: without pauses; recorded: as the dates tell; N: N times as fast as recorded.",
)
LIVE = click.option("--live", is_flag=True, help="Go on with the live feeds after the replay.")


def _take_shard(_context: click.Context, _option: click.Parameter, value: str | None) -> None:
    """Put the share into the environment: there the settings check it, and roles inherit it."""
    if value is not None:
        os.environ[PREFIX + "FETCH_SHARD"] = value


SHARD = click.option(
    "--shard",
    metavar="N/M",
    callback=_take_shard,
    expose_value=False,
    help="Fetch only this share of the feeds, by domain: 1/4 is the first of four."
    " Goes before FLANKWATCH_FETCH_SHARD.",
)


def _speed(text: str) -> float | None:
    """Return how much faster than recorded; None: without pauses."""
    if text == "fast":
        return None
    try:
        speed = 1.0 if text == "recorded" else float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise click.BadParameter(f"expected fast, recorded or a number above 0, got {text!r}")
    return speed


def _files(replay: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    if more and not replay:
        raise click.UsageError(f"got unexpected argument {more[0]!r}; files follow --replay")
    return replay + more


def _role_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what the supervisor tells a role."""
    command = click.option("--worker", type=click.IntRange(0, 63), default=0, hidden=True)(command)
    return click.option("--parent", type=int, default=None, hidden=True)(command)


def _serve(name: str, worker: int, parent: int | None, **options: Any) -> NoReturn:
    """Run a role in this process; exits with its code."""
    from streams.engine.role import run_role

    settings = load_settings()
    module = importlib.import_module(f"streams.{name}")
    main = partial(module.run, **options)
    run_role(name, settings, main, worker=worker, parent=parent)


@click.command()
@REPLAY
@MORE
@SPEED
@LIVE
@SHARD
@_role_options
def fetch(
    replay: tuple[str, ...],
    more: tuple[str, ...],
    speed: float | None,
    live: bool,
    worker: int,
    parent: int | None,
) -> None:
    """Fetch feeds into news.articles."""
    files = _files(replay, more)
    options = {"replay": files, "speed": speed, "live": live} if files else {}
    _serve("fetch", worker, parent, **options)


@click.command()
@_role_options
def detect(worker: int, parent: int | None) -> None:
    """Understand articles: news.articles to news.tagged and news.ledger."""
    _serve("detect", worker, parent)


@click.command()
@_role_options
def merge(worker: int, parent: int | None) -> None:
    """Fold news.ledger into incidents and alerts."""
    _serve("merge", worker, parent)


@click.command()
@click.option("--deliver-replay", is_flag=True, help="Send replayed alerts to people's rooms too.")
@_role_options
def deliver(deliver_replay: bool, worker: int, parent: int | None) -> None:
    """Bring alerts to the rooms, and keep what they show true."""
    _serve("deliver", worker, parent, **({"deliver_replay": True} if deliver_replay else {}))


@click.command()
@REPLAY
@MORE
@SPEED
@SHARD
@click.option(
    "--exit-when-idle", is_flag=True, help="End once the replay is through; needs --replay."
)
@click.option("--deliver-replay", is_flag=True, help="Send replayed alerts to people's rooms too.")
@click.option("--demo", is_flag=True, help="Replay the shipped articles, then poll the live feeds.")
def run(
    replay: tuple[str, ...],
    more: tuple[str, ...],
    speed: float | None,
    exit_when_idle: bool,
    deliver_replay: bool,
    demo: bool,
) -> None:
    """Run everything on this machine: broker (unless FLANKWATCH_KAFKA is set) and all roles."""
    from streams.engine.logs import quiet_libraries, setup_logging
    from streams.engine.screen import run_on_terminal

    files = _files(replay, more)
    if demo and files:
        raise click.UsageError("--demo brings its own articles; leave out --replay")
    if exit_when_idle and not files:
        raise click.UsageError("--exit-when-idle needs --replay FILE; a live watch is never idle")
    settings = load_settings()
    setup_logging(settings, "run")
    quiet_libraries()  # of the broker's troubles we tell ourselves, and so does each role
    _check_catalog(settings)
    if demo:
        files = shipped_articles()
    fetch_options = [f"--replay={file}" for file in files]
    if files:
        fetch_options += [f"--speed={'fast' if speed is None else speed}"]
        fetch_options += ["--live"] if demo else []
    options = {"fetch": tuple(fetch_options)}
    if deliver_replay:
        options["deliver"] = ("--deliver-replay",)
    sys.exit(
        asyncio.run(
            run_on_terminal(
                settings, options, has_replay=bool(files), exit_when_idle=exit_when_idle
            )
        )
    )


def shipped_articles() -> tuple[str, ...]:
    """Return the replay corpus that comes with Flankwatch."""
    folder = Path(str(resources.files("seeds"))) / "articles"
    found = tuple(str(path) for path in sorted(folder.glob("*.jsonl")))
    if not found:
        click.echo(f"fault: {folder}: no *.jsonl articles are there", err=True)
        sys.exit(EXIT_FAULT)
    return found


def _check_catalog(settings: Settings) -> None:
    """Tell every fault of the seeds at once, before anything starts."""
    from streams.catalog import load_catalog

    load_catalog(settings.seeds)


COMMANDS = [run, fetch, detect, merge, deliver]
