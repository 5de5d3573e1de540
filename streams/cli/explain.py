"""`flankwatch explain`: why this article did, or did not, alert, and what became of it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.errors import Fault, FaultsError
from streams.settings import load_settings

if TYPE_CHECKING:
    from streams.catalog import Catalog


@click.command()
@click.argument("what")
@click.option(
    "--published", help="When a text file was published (RFC 3339 or a date); default: now."
)
@click.option("--id", "only", help="Only this article of a JSON Lines file.")
@click.option(
    "--seeds",
    type=click.Path(path_type=Path),
    help="Another own seeds directory than FLANKWATCH_SEEDS.",
)
@click.option(
    "--ledger",
    "with_ledger",
    is_flag=True,
    help="Fold the whole file as backtest does, and say what became of each article there.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per article.")
def explain(
    what: str,
    published: str | None,
    only: str | None,
    seeds: Path | None,
    with_ledger: bool,
    as_json: bool,
) -> None:
    """Explain an article: a text file (first line = title), a JSON Lines file, or - for stdin."""
    from streams.catalog import load_catalog
    from streams.understand.explain import explain as explain_article
    from streams.understand.explain import render

    catalog = load_catalog(seeds or load_settings().seeds)
    articles = _articles(what, published)
    became = _became(articles, catalog) if with_ledger else []
    number = 0
    for index, article in enumerate(articles):
        if only not in (None, article.id, article.guid):
            continue
        data = explain_article(article, catalog)
        if became:
            data["ledger"] = became[index]
        if as_json:
            click.echo(json.dumps(data, ensure_ascii=False))
        else:
            click.echo(("\n" + "=" * 78 + "\n" if number else "") + render(data))
            for line in _ledger_lines(data.get("ledger")):
                click.echo(line)
        number += 1


def _became(articles: list[Any], catalog: Catalog) -> list[dict[str, Any]]:
    """Return what the ledger made of each article, when all are folded as they were published."""
    from streams.backtest import run_backtest
    from streams.incidents.message import headline

    result = run_backtest(articles, catalog)
    incidents = {incident.id: incident for incident in result.incidents}
    english = catalog.messages.of("en")
    found = []
    for verdict in result.verdicts:
        outcome = verdict.outcome
        held = dict.fromkeys(one.incident for one in verdict.settled if one.incident)
        found.append(
            {
                "what": outcome.what if outcome is not None else "no_report",
                "why": outcome.why if outcome is not None else "it holds no report for the ledger",
                "policy": outcome.policy if outcome is not None else None,
                "incidents": [
                    {"id": name, "headline": headline(incidents[name], english)}
                    for name in held
                    if name in incidents
                ],
            }
        )
    return found


def _ledger_lines(became: dict[str, Any] | None) -> list[str]:
    if became is None:
        return []
    lines = [f"ledger: {became['what']}: {became['why']}"]
    return lines + [f"   {one['id']}: {one['headline']}" for one in became["incidents"]]


def _articles(what: str, published: str | None) -> list[Any]:
    from streams.articles import BadLine, article_from_text, articles_from_lines

    text = sys.stdin.read() if what == "-" else _read(what)
    at = _time(published)
    if text.lstrip().startswith("{"):
        found = []
        for item in articles_from_lines(text.splitlines(), what):
            if isinstance(item, BadLine):
                click.echo(f"skipped: {item}", err=True)
            else:
                found.append(item)
        return found
    return [article_from_text(text, at, what)]


def _read(what: str) -> str:
    try:
        return Path(what).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FaultsError([Fault(what, "", f"cannot be read: {error.strerror}")]) from None


def _time(published: str | None) -> datetime:
    if published is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(published.replace("Z", "+00:00"))
    except ValueError:
        raise FaultsError(
            [Fault("arguments", "--published", f"not a date: {published!r}")]
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC, hour=at.hour or 12)


COMMANDS = (explain,)
