"""`flankwatch incidents`: what the ledger holds, and operators' words on it.

Reading takes `news.incidents` as it is; every order is a `Decision` on the ledger, with who and
why, and takes effect when the merge role folds it.
"""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from streams.errors import EXIT_FAULT
from streams.records import Decision, Incident, content_id
from streams.settings import Settings, load_settings

_AGO = {"m": "minutes", "h": "hours", "d": "days"}
F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def incidents() -> None:
    """What the ledger holds, and operators' words on it."""


def _reasoned(command: F) -> F:
    """Add the options that every order has."""
    command = click.option("--why", required=True, help="The reason; it is kept.")(command)
    command = click.option("--who", default=None, help="Who decides; default: your user name.")(
        command
    )
    return click.option("--theatre", default="europe", show_default=True, help="Watch area.")(
        command
    )


@incidents.command("list")
@click.option("--theatre", default="europe", show_default=True, help="Watch area.")
@click.option("--all", "show_all", is_flag=True, help="Closed, silent and merged ones too.")
@click.option("--country", help="ISO 3166-1 alpha-2.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each.")
def list_incidents(theatre: str, show_all: bool, country: str | None, as_json: bool) -> None:
    """List incidents, newest event last."""
    found = [incident for incident in _read() if incident.theatre == theatre]
    if not show_all:
        found = [i for i in found if i.lifecycle == "open" and not i.silent]
    if country:
        found = [incident for incident in found if incident.country == country.upper()]
    for incident in sorted(found, key=lambda i: (i.happened.end, i.id)):
        click.echo(_object(incident, False) if as_json else _line(incident))


@incidents.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def show(ctx: click.Context, incident_id: str, as_json: bool) -> None:
    """Show one incident: accounts, who says what, history, decisions."""
    by_id = {incident.id: incident for incident in _read()}
    incident = by_id.get(incident_id)
    if incident is None:
        near = [known for known in sorted(by_id) if known.startswith(incident_id)]
        hint = f"; did you mean {near[0]}?" if near else ""
        click.echo(f"error: no incident {incident_id!r}{hint}", err=True)
        ctx.exit(EXIT_FAULT)
        return
    click.echo(_object(incident, True) if as_json else _full(incident))


@incidents.command()
@click.argument("incident_id", metavar="INCIDENT")
@_reasoned
def close(incident_id: str, why: str, who: str | None, theatre: str) -> None:
    """Close an incident; reactions no longer touch what rooms show."""
    _decide("close", who, why, theatre, incident=incident_id)


@incidents.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.argument("other", metavar="OTHER")
@_reasoned
def merge(incident_id: str, other: str, why: str, who: str | None, theatre: str) -> None:
    """Say that two incidents are one event; the older id stays."""
    _decide("merge", who, why, theatre, incident=incident_id, other=other)


@incidents.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.argument("article", metavar="ARTICLE")
@_reasoned
def split(incident_id: str, article: str, why: str, who: str | None, theatre: str) -> None:
    """Say that an article tells another event than this incident."""
    _decide("split", who, why, theatre, incident=incident_id, article=article)


@incidents.command("mark-false")
@click.argument("incident_id", metavar="INCIDENT", required=False)
@click.option("--article", help="Only this article's verdict was wrong.")
@click.option(
    "--case",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append a test case for seeds/articles to this file.",
)
@_reasoned
@click.pass_context
def mark_false(
    ctx: click.Context,
    incident_id: str | None,
    article: str | None,
    case: Path | None,
    why: str,
    who: str | None,
    theatre: str,
) -> None:
    """Say that an incident was a false alarm, or that one article's verdict was wrong."""
    if incident_id is None and article is None:
        click.echo("error: name an incident, or an article with --article", err=True)
        ctx.exit(EXIT_FAULT)
    if article is not None and case is not None:
        _write_case(ctx, article, case, why)
    _decide("mark_false", who, why, theatre, incident=incident_id, article=article)


@incidents.command()
@click.argument("incident_id", metavar="INCIDENT", required=False)
@click.option("--country", help="All incidents of a country (ISO 3166-1 alpha-2).")
@click.option("--room", help="One room, whatever the incident.")
@click.option("--for", "span", default="8h", show_default=True, help="How long: 90m, 8h, 2d.")
@click.option("--end", is_flag=True, help="End the silence now.")
@_reasoned
@click.pass_context
def silence(
    ctx: click.Context,
    incident_id: str | None,
    country: str | None,
    room: str | None,
    span: str,
    end: bool,
    why: str,
    who: str | None,
    theatre: str,
) -> None:
    """Hold alerts of an incident, a country or a room for a while."""
    if sum(value is not None for value in (incident_id, country, room)) != 1:
        click.echo("error: name one of INCIDENT, --country or --room", err=True)
        ctx.exit(EXIT_FAULT)
    until = None if end else _now() + _span(ctx, span)
    _decide(
        "unsilence" if end else "silence",
        who,
        why,
        theatre,
        incident=incident_id,
        country=country.upper() if country else None,
        room=room,
        until=until,
    )


@incidents.command()
@click.argument("incident_id", metavar="INCIDENT")
@_reasoned
def ack(incident_id: str, why: str, who: str | None, theatre: str) -> None:
    """Say that somebody is on it; reminders stop."""
    _decide("ack", who, why, theatre, incident=incident_id)


def _read() -> list[Incident]:
    """Return the newest version of every incident on the topic."""
    from streams import topics
    from streams.engine.bus import read_latest

    settings = load_settings()
    return list(asyncio.run(read_latest(settings, topics.INCIDENTS, Incident)).values())


def _decide(action: str, who: str | None, why: str, theatre: str, **fields: Any) -> None:
    at = _now()
    who = who or getpass.getuser()
    named = [str(value) for value in fields.values()]
    decision = Decision(
        id=content_id("decision", action, who, at.isoformat(), *named),
        at=at,
        who=who,
        action=action,
        why=why,
        theatre=theatre,
        **fields,
    )
    offset = asyncio.run(_send(load_settings(), decision))
    click.echo(f"{action}: on the ledger at offset {offset}")


async def _send(settings: Settings, decision: Decision) -> int:
    from streams import topics
    from streams.engine.bus import Bus

    async with Bus(settings, "incidents") as bus:
        return await bus.send(topics.LEDGER, None, decision)


def _write_case(ctx: click.Context, article_id: str, case: Path, why: str) -> None:
    """Append a labelled line that must come out as no incursion from now on."""
    account = next(
        (a for incident in _read() for a in incident.accounts if a.article == article_id), None
    )
    if account is None:
        click.echo(f"error: no incident holds the article {article_id!r}", err=True)
        ctx.exit(EXIT_FAULT)
        return
    published = account.published_at or account.first_seen_at
    line = {
        "id": f"wrong-{article_id}",
        "title": account.title,
        "body": "",
        "published": published.isoformat() if published else None,
        "link": account.url,
        "source": account.publisher,
        "lang": account.language,
        "expect": {"incursion": False, "hard_negative_kind": None, "ambiguous": False},
        "why": why,
    }
    with case.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    click.echo(f"test case added to {case}; put it into your own words before you publish it")


def _span(ctx: click.Context, span: str) -> timedelta:
    number, unit = span[:-1], span[-1:]
    if not number.isdigit() or unit not in _AGO:
        click.echo(f"error: --for: expected 90m, 8h or 2d, got {span!r}", err=True)
        ctx.exit(EXIT_FAULT)
    return timedelta(**{_AGO[unit]: int(number)})


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _object(incident: Incident, in_full: bool) -> str:
    from streams.incidents.announce import bare

    shown = incident if in_full else bare(incident)
    return msgspec.json.encode(shown).decode()


def _line(incident: Incident) -> str:
    marks: list[str] = [incident.lifecycle] if incident.lifecycle != "open" else []
    marks += [mark for mark in ("late", "silent") if getattr(incident, mark)]
    extra = f" ({', '.join(marks)})" if marks else ""
    return (
        f"{incident.id}  {incident.status}, {incident.level}{extra}; "
        f"{len(incident.accounts) + incident.folded_accounts} accounts, "
        f"{incident.independent_origins} origins; last {incident.last_reported_at:%Y-%m-%d %H:%M}"
    )


def _full(incident: Incident) -> str:
    lines: list[str] = [_line(incident)]
    if incident.merged_into:
        lines.append(f"merged into {incident.merged_into}")
    if incident.related:
        lines.append(f"related: {', '.join(incident.related)}")
    lines.append(f"happened: {incident.happened.start} – {incident.happened.end}")
    lines += _section("claims", [f"{c.what}: {c.value}, says {c.by}" for c in incident.claims])
    lines += _section(
        "accounts",
        [f"{a.article}  {a.publisher} [{a.language}] {a.title}" for a in incident.accounts],
    )
    lines += _section(
        "history",
        [
            f"{e.at:%Y-%m-%d %H:%M} {e.fact}: {e.old or '–'} → {e.new or '–'} ({e.cause})"
            for e in incident.timeline
        ],
    )
    lines += _section(
        "decisions",
        [f"{d.at:%Y-%m-%d %H:%M} {d.who}: {d.action}: {d.why}" for d in incident.decisions],
    )
    return "\n".join(lines)


def _section(name: str, lines: Sequence[str]) -> list[str]:
    return [f"{name}:", *(f"  {line}" for line in lines)] if lines else []


COMMANDS = [incidents]
