"""`flankwatch backtest`: recorded articles through everything but Kafka and rooms."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from streams.errors import EXIT_FAULT
from streams.settings import load_settings


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each article.")
@click.option(
    "--alerts",
    "show_alerts",
    is_flag=True,
    help="One JSON object for each alert, those of watches too.",
)
@click.option("--seeds", type=click.Path(path_type=Path), help="Your own seeds directory.")
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another own seeds directory: which alerts appear, vanish or change with it.",
)
@click.pass_context
def backtest(
    ctx: click.Context,
    files: tuple[str, ...],
    as_json: bool,
    show_alerts: bool,
    seeds: Path | None,
    against: Path | None,
) -> None:
    """Judge recorded articles offline; the same files always give the same output.

    FILE is JSON Lines, or a plain text with its date: `text.txt@2025-09-11`. A line that cannot
    be read is told on stderr and passed over. Without --json, labelled files give a scorecard.
    Exit status 2: nothing could be read.
    """
    from streams.articles import BadLine, articles_from_files
    from streams.backtest import run_backtest
    from streams.catalog import load_catalog
    from streams.compare import compare
    from streams.labels import labelled
    from streams.records import Article, encode
    from streams.scorecard import scorecard

    articles: list[Article] = []
    for found in articles_from_files(files):
        if isinstance(found, BadLine):
            click.echo(f"skipped: {found}", err=True)
        else:
            articles.append(found)
    if not articles:
        click.echo("error: no article could be read", err=True)
        ctx.exit(EXIT_FAULT)
    own = seeds or load_settings().seeds
    result = run_backtest(articles, load_catalog(own))
    if against is not None:
        changes = compare(result, run_backtest(articles, load_catalog(against)))
        _show(changes, as_json)
        return
    if show_alerts:
        for alert in sorted([*result.alerts, *result.watched], key=lambda alert: alert.at):
            click.echo(encode(alert))
        return
    rows = [verdict.as_json() for verdict in result.verdicts]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    pairs = labelled(files, rows)
    if pairs:
        click.echo(_card_text(scorecard(pairs)))
    _show_incidents(result.incidents)


def _show(changes: Sequence[dict[str, Any]], as_json: bool) -> None:
    for change in changes:
        if as_json:
            click.echo(json.dumps(change, ensure_ascii=False))
        else:
            click.echo(f"{change['change']}: {change['before'] or '–'} → {change['after'] or '–'}")
    if not as_json and not changes:
        click.echo("no alert appears, vanishes or changes")


def _show_incidents(incidents: Sequence[Any]) -> None:
    if not incidents:
        click.echo("no incident")
        return
    click.echo(f"\n{len(incidents)} incidents")
    for incident in sorted(incidents, key=lambda found: (found.happened.start, found.id)):
        marks = [mark for mark in ("late", "silent") if getattr(incident, mark)]
        click.echo(
            f"  {incident.id}  {incident.status}, {incident.level}"
            f"{', ' + ', '.join(marks) if marks else ''}; {len(incident.accounts)} accounts, "
            f"{incident.independent_origins} origins"
        )


def _card_text(card: dict[str, Any]) -> str:
    lines = []
    for name in ("all", "unambiguous"):
        part = card[name]
        lines.append(f"{name}: {part['articles']} articles")
        for measure in ("precision", "recall", "false_positive_rate"):
            lines.append(f"  {measure.replace('_', ' ')}: {_share(part[measure])}")
        lines.append(f"  F1: {_number(part['f1'])}")
        restated = [f"{rate}: {_number(value)}" for rate, value in part["precision_at"].items()]
        lines.append(f"  precision if incursions were {', '.join(restated)}")
    for measure in ("recall_core", "recall_followup", "country", "date", "kind_family", "language"):
        lines.append(f"{measure.replace('_', ' ')}: {card[measure]}")
    for name in ("incidents", "incidents_all"):
        values = card[name]
        lines.append(
            f"{name.replace('_', ' ')}, pairwise: precision {_number(values['precision'])}, "
            f"recall {_number(values['recall'])}, F1 {_number(values['f1'])} "
            f"({values['pairs']} pairs)"
        )
    lines.append("alerting by class of negatives:")
    lines += [f"  {name}: {_share(value)}" for name, value in card["by_class"].items()]
    lines.append("recall by kind:")
    lines += [f"  {name}: {_share(value['recall'])}" for name, value in card["by_kind"].items()]
    lines.append("right by language:")
    lines += [f"  {name}: {_share(value['right'])}" for name, value in card["by_language"].items()]
    lines.append(f"wrong: {len(card['wrong'])}")
    for wrong in card["wrong"]:
        sign = "missed" if wrong["expected"] else f"false ({wrong['class']})"
        doubt = ", ambiguous" if wrong["ambiguous"] else ""
        lines.append(f"  {sign}{doubt} [{wrong['lang']}] {wrong['id']} {wrong['title'][:100]}")
        lines += [f"      {reason}" for reason in wrong["why"]]
    return "\n".join(lines)


def _share(value: dict[str, Any]) -> str:
    if value["value"] is None:
        return "–"
    low, high = value["interval"]
    return f"{value['value']:.3f} [{low:.3f}, {high:.3f}] ({value['hits']}/{value['of']})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


COMMANDS = [backtest]

if __name__ == "__main__":
    sys.exit(backtest())
