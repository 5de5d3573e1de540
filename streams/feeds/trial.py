"""`flankwatch feeds test` and `discover` on a terminal: one feed step by step, or all of them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connectors import discover as discovery
from connectors.charset import decode
from connectors.clock import Clock
from connectors.errors import FetchError
from connectors.gate import Gate
from connectors.guard import Guard
from connectors.http import Client, user_agent
from connectors.worker import Parsers
from streams.catalog.faults import read_toml
from streams.catalog.feeds import FeedSpec, same_address
from streams.errors import Fault, FaultsError
from streams.feeds.probe import Prober, Step, Trial, spec_for, suggested_toml
from streams.fetch import guard_of, read_feeds
from streams.settings import Settings

AT_ONCE = 24
_MARK = {True: "ok  ", False: "FAIL", None: "    "}


@dataclass
class _Kit:
    client: Client
    prober: Prober


@asynccontextmanager
async def _kit(settings: Settings) -> AsyncIterator[_Kit]:
    guard: Guard = guard_of(settings)
    gate = Gate(Clock(), in_all=AT_ONCE)
    async with (
        Client(guard, gate, user_agent(settings.contact), proxy=settings.proxy) as client,
        Parsers(2) as parsers,
    ):
        yield _Kit(client, Prober(client, parsers, guard, bool(settings.proxy)))


async def test_one(settings: Settings, target: str, *, as_json: bool) -> bool:
    """Try one feed, showing each step as it ends; return whether it was read.

    Raises:
        FaultsError: the target is neither an id nor an address, or seeds are wrong.
    """
    spec = _spec(settings, target)
    trial = Trial(spec, is_guess="://" in target)
    async with _kit(settings) as kit:
        async for step in kit.prober.steps(trial):
            trial.steps.append(step)
            if not as_json:
                _show(step)
    if as_json:
        click.echo(json.dumps(trial.as_json(), ensure_ascii=False, default=str))
    else:
        click.echo(f"\n{spec.id}: {trial.outcome}")
    return trial.is_ok


def _spec(settings: Settings, target: str) -> FeedSpec:
    if "://" in target:
        try:
            return spec_for(target)
        except ValidationError as error:
            why = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
            raise FaultsError([Fault("argument", target, why)]) from None
        except ValueError as error:
            raise FaultsError([Fault("argument", target, str(error))]) from None
    for feed in read_feeds(settings):
        if feed.id == target:
            return feed
    reason = "no feed has this id, and it is no http:// or https:// address"
    raise FaultsError([Fault("argument", target, reason)])


def _show(step: Step) -> None:
    first, *rest = step.told.splitlines() or [""]
    click.echo(f"{_MARK[step.is_ok]}  {step.name:<11} {first}")
    for line in rest:
        click.echo(f"{'':<18}{line}")


async def test_all(settings: Settings, group: str | None, *, as_json: bool, save: bool) -> bool:
    """Try every feed, politely; show progress on a terminal and a summary; return whether all are read."""
    feeds = [feed for feed in read_feeds(settings) if group is None or feed.group == group]
    trials: list[Trial] = []
    progress = Progress(
        TextColumn("trying feeds"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    async with _kit(settings) as kit:
        with progress:
            bar = progress.add_task("feeds", total=len(feeds), note="")

            async def try_one(feed: FeedSpec) -> None:
                trial = await kit.prober.try_feed(feed)
                trials.append(trial)
                if as_json:
                    click.echo(json.dumps(trial.as_json(), ensure_ascii=False, default=str))
                bad = sum(not done.is_ok for done in trials)
                progress.update(bar, advance=1, note=f"{bad} failed" if bad else "")

            await asyncio.gather(*(try_one(feed) for feed in feeds))
    if not as_json:
        _summary(trials)
    if save and settings.seeds is not None:
        _save(settings, trials)
    return all(trial.is_ok for trial in trials)


def _summary(trials: list[Trial]) -> None:
    for trial in sorted(trials, key=lambda trial: (trial.outcome, trial.spec.id)):
        if not trial.is_ok:
            why = next((s.told for s in trial.steps if s.is_ok is False), trial.outcome)
            click.echo(f"FAIL  {trial.spec.id:<28} {why}")
    counts = Counter(trial.outcome for trial in trials)
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    entries = sum(len(t.document.entries) for t in trials if t.document)
    click.echo(f"{len(trials)} feeds: {told or 'none'}; {entries} entries")


def _save(settings: Settings, trials: list[Trial]) -> None:
    """Write what was found into the user's own layer; shipped files are never touched."""
    assert settings.seeds is not None
    path = settings.seeds / "feeds" / "tested.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Written by `flankwatch feeds test --all --save`: what the last try of each feed gave."
    ]
    lines += ["overlay = true"]
    told = _told_before(path) | {t.spec.id: "ok" if t.is_ok else "broken" for t in trials}
    for id, status in sorted(told.items()):
        lines += ["", "[[feed]]", f'id = "{id}"', f'status = "{status}"']
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    click.echo(f"wrote {path}", err=True)


def _told_before(path: Path) -> dict[str, str]:
    """Return what earlier tries wrote, of other groups for one; the seeds were read, so it is sound."""
    tables = (read_toml(path, str(path), []) or {}).get("feed", [])
    return {table["id"]: str(table.get("status", "unverified")) for table in tables}


async def discover(settings: Settings, site: str, *, as_json: bool) -> bool:
    """Show the feeds of a site, each tried once; return whether one was found."""
    url = site if "://" in site else f"https://{site}"
    async with _kit(settings) as kit:
        try:
            response = await kit.client.get(url, accept="text/html, */*;q=0.5")
        except FetchError as error:
            click.echo(f"{urlsplit(url).hostname}: {error.detail}", err=True)
            return False
        page, _ = decode(response.body, response.headers.get("Content-Type", ""))
        found = discovery.announced(page, response.url)
        trials = await _try_all(kit, found[:20])
        if not any(trial.is_ok for trial in trials):
            trials += await _try_all(kit, discovery.usual(response.url))
    good = {same_address(trial.found.url): trial for trial in reversed(trials) if trial.found}
    for trial in reversed(good.values()):
        if as_json:
            click.echo(json.dumps(trial.as_json(), ensure_ascii=False, default=str))
        else:
            click.echo(f"# {_title(trial)}\n{_seed(trial, is_one_of_many=len(good) > 1)}\n")
    return bool(good)


def _seed(trial: Trial, *, is_one_of_many: bool) -> str:
    """Return the feed's table; feeds of one site need a section each, or they are one voice twice."""
    spec = trial.found
    assert spec is not None
    if is_one_of_many:
        parts = urlsplit(spec.url)
        section = parts.path.strip("/") + ("?" + parts.query if parts.query else "")
        spec = spec.model_copy(update={"section": section})
    return suggested_toml(spec, trial.document)


async def _try_all(kit: _Kit, candidates: list[discovery.Candidate]) -> list[Trial]:
    specs: dict[str, FeedSpec] = {}
    for candidate in candidates:
        spec = spec_for(candidate.url)
        number = sum(other.id.startswith(spec.id) for other in specs.values())
        id = spec.id if not number else f"{spec.id}-{number + 1}"
        specs[candidate.url] = spec.model_copy(update={"id": id, "kind": candidate.kind})
    return list(await asyncio.gather(*(kit.prober.try_feed(spec) for spec in specs.values())))


def _title(trial: Trial) -> str:
    document = trial.document
    assert document is not None
    return f"{document.title or 'untitled'}: {document.format}, {len(document.entries)} entries"
