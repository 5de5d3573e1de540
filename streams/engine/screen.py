"""`flankwatch run` as people see it: a live status under the log on a terminal, plain logs elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Coroutine, Iterator
from functools import partial
from typing import Any

import structlog
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streams.engine.drain import follow_replay
from streams.engine.scrape import Told, scrape_roles
from streams.engine.supervise import Supervisor
from streams.errors import EXIT_OK
from streams.metrics import ROLES
from streams.settings import Settings

REFRESH_SECONDS = 1.0

log = structlog.get_logger()


async def run_on_terminal(
    settings: Settings,
    options: dict[str, tuple[str, ...]],
    *,
    has_replay: bool,
    exit_when_idle: bool,
) -> int:
    """Supervise, with a live status when stderr is a terminal; return the exit code.

    Args:
        settings: Where to run.
        options: Command line arguments per role.
        has_replay: Fetch runs a replay: follow it and tell its result.
        exit_when_idle: Stop once the replay is through.
    """
    console = Console(stderr=True)
    alongside = [partial(_follow, exit_when_idle=exit_when_idle)] if has_replay else []
    if not console.is_terminal:
        return await Supervisor(settings, options).run(*map(_as_task, alongside))
    with Live(console=console, refresh_per_second=2, transient=True) as live, _log_above():

        def relay(line: str, is_error: bool) -> None:
            if is_error or sys.stdout.isatty():
                live.console.print(Text.from_ansi(line), soft_wrap=True)
            else:
                print(line, flush=True)

        supervisor = Supervisor(settings, options, relay)
        return await supervisor.run(*map(_as_task, [*alongside, partial(_draw, live=live)]))


@contextlib.contextmanager
def _log_above() -> Iterator[None]:
    """Let our own log lines go through what rich put in the place of stderr, not into the status."""
    handlers = [one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler]
    before = [handler.setStream(sys.stderr) for handler in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            if stream is not None:
                handler.setStream(stream)


def _as_task(work: Any) -> Any:
    def start(supervisor: Supervisor) -> asyncio.Future[None]:
        coroutine: Coroutine[Any, Any, None] = work(supervisor)
        return asyncio.ensure_future(coroutine)

    return start


async def _follow(supervisor: Supervisor, exit_when_idle: bool) -> None:
    await follow_replay(supervisor.settings)
    if exit_when_idle:
        supervisor.finish(EXIT_OK)


async def _draw(supervisor: Supervisor, live: Live) -> None:
    started = time.monotonic()
    while True:
        told = await scrape_roles(supervisor.settings)
        live.update(_status(supervisor, told, time.monotonic() - started))
        await asyncio.sleep(REFRESH_SECONDS)


def _status(supervisor: Supervisor, told: list[Told | None], seconds: float) -> Table:
    """Return the status: one line per role, one of totals."""
    values: dict[str, float] = {}
    states = {one.label: one for one in told if one is not None}
    for one in states.values():
        for name, value in one.values.items():
            values[name] = values.get(name, 0.0) + value
    table = Table.grid(padding=(0, 2))
    cells = []
    for child in sorted(supervisor.children, key=lambda child: ROLES.index(child.name)):
        state = states.get(child.label)
        word, style = "starting", "yellow"
        if supervisor.stopping.is_set():
            word, style = ("stopping" if child.is_running else "stopped"), "yellow"
        elif not child.is_running:
            word, style = "down", "bold red"
        elif state is not None and state.is_ready:
            word, style = ("ready", "green") if state.is_alive else ("stuck", "bold red")
        again = f" ({child.restarts}×)" if child.restarts else ""
        cells.append(Text(f"{child.label} {word}{again}", style=style))
    table.add_row(*cells)
    numbers = {
        "feeds": "flankwatch_feeds_configured",
        "articles": "flankwatch_articles_tagged_total",
        "lag": "flankwatch_consumer_lag_messages",
        "open incidents": "flankwatch_incidents_open",
        "alerts": "flankwatch_alerts_total",
        "dead letters": "flankwatch_dlq_total",
    }
    totals = "  ".join(f"{word} {values.get(name, 0):.0f}" for word, name in numbers.items())
    outer = Table.grid()
    outer.add_row(table)
    outer.add_row(Text(f"{totals}  up {seconds:.0f} s", style="bold"))
    return outer
