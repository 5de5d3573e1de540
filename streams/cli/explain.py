"""`flankwatch explain`: why this article did, or did not, alert."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from streams.errors import Fault, FaultsError
from streams.settings import load_settings


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
@click.option("--json", "as_json", is_flag=True, help="One JSON object per article.")
def explain(
    what: str, published: str | None, only: str | None, seeds: Path | None, as_json: bool
) -> None:
    """Explain an article: a text file (first line = title), a JSON Lines file, or - for stdin."""
    from streams.catalog import load_catalog
    from streams.understand.explain import explain as explain_article
    from streams.understand.explain import render

    catalog = load_catalog(seeds or load_settings().seeds)
    for number, article in enumerate(_articles(what, published, only)):
        data = explain_article(article, catalog)
        if as_json:
            click.echo(json.dumps(data, ensure_ascii=False))
        else:
            click.echo(("\n" + "=" * 78 + "\n" if number else "") + render(data))


def _articles(what: str, published: str | None, only: str | None) -> list[Any]:
    from streams.articles import BadLine, article_from_text, articles_from_lines

    text = sys.stdin.read() if what == "-" else _read(what)
    at = _time(published)
    if text.lstrip().startswith("{"):
        found = []
        for item in articles_from_lines(text.splitlines(), what):
            if isinstance(item, BadLine):
                click.echo(f"skipped: {item}", err=True)
            elif only is None or only in (item.id, item.guid):
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
