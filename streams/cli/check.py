"""`flankwatch check`: every seed file and every test inside them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.catalog.layers import EFFECTS, origins
from streams.catalog.sources import Sources
from streams.errors import EXIT_CHECK_FAILED
from streams.settings import load_settings

if TYPE_CHECKING:
    from streams.catalog import Catalog


@click.command()
@click.option("--language", help="Only this language's tests.")
@click.option(
    "--coverage",
    "show_coverage",
    is_flag=True,
    help="What each language can do, by class and kind.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With --coverage: replace the table of this Markdown file.",
)
@click.option(
    "--orphans",
    "show_orphans",
    is_flag=True,
    help="Lists and kinds whose loss would change one outcome or none; takes minutes.",
)
@click.option(
    "--texts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="With --orphans: recorded articles besides the tests inside the seeds.",
)
@click.option(
    "--sources",
    "show_sources",
    is_flag=True,
    help="What comes from where: each entry, its layer and file, what your own layer does to it.",
)
@click.option(
    "--own", "is_own", is_flag=True, help="With --sources: only what your own layer speaks of."
)
@click.option(
    "--seeds",
    type=click.Path(path_type=Path),
    help="Another own seeds directory than FLANKWATCH_SEEDS.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def check(
    ctx: click.Context,
    language: str | None,
    show_coverage: bool,
    into: Path | None,
    show_orphans: bool,
    texts: tuple[Path, ...],
    show_sources: bool,
    is_own: bool,
    seeds: Path | None,
    as_json: bool,
) -> None:
    """Read every seed file and run every test inside them.

    Exit status 1: a test failed; 2: a file has a fault (all faults are listed).
    """
    from streams.alert_checks import failed_message_tests, failed_policy_tests
    from streams.catalog import load_catalog
    from streams.checks import coverage, language_results

    if is_own and not show_sources:
        raise click.UsageError("--own goes with --sources")
    catalog = load_catalog(seeds or load_settings().seeds)
    if show_sources:
        _show_sources(catalog.sources, is_own, as_json)
        return
    if show_coverage:
        table = coverage(catalog)
        if into is not None:
            _replace_table(into, _as_table(table))
            return
        click.echo(json.dumps(table, indent=1) if as_json else _as_table(table))
        return
    if show_orphans:
        if _orphans(catalog, texts, language):
            ctx.exit(EXIT_CHECK_FAILED)
        return
    routes = [
        *catalog.channels.failed_tests,
        *failed_policy_tests(catalog.policies),
        *failed_message_tests(catalog.messages),
    ]
    results = list(language_results(catalog, language))
    failed = [result for result in results if not result.ok]
    if as_json:
        click.echo(json.dumps({"tests": len(results), "failed": [
            {"file": r.file, "key": r.key, "title": r.test.title, "problem": r.problem} for r in failed
        ] + [{"file": f.file, "key": f.key, "title": "", "problem": f.reason} for f in routes],
            "catalog": catalog.hash}))  # fmt: skip
    else:
        for fault in routes:
            click.echo(f"failed: {fault}")
        for result in failed:
            click.echo(
                f"failed: {result.file}: {result.key}: {result.test.title!r}: {result.problem}"
            )
        click.echo(
            f"catalog {catalog.hash}: {len(catalog.feeds)} feeds, {len(catalog.languages)} languages, "
            f"{len(catalog.events.kinds)} event kinds, {len(catalog.places.places)} places; "
            f"{len(results) - len(failed)} of {len(results)} tests hold"
        )
    if failed or routes:
        ctx.exit(EXIT_CHECK_FAILED)


def _show_sources(sources: Sources, is_own: bool, as_json: bool) -> None:
    """Print one line an entry: part, id, effect, and the files that speak of it, lowest first."""
    found = [origin for origin in origins(sources) if origin.is_own or not is_own]
    for origin in found:
        files = " < ".join(dict.fromkeys(origin.files))
        if as_json:
            row = asdict(origin) | {"layer": origin.layer}
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            click.echo(f"{origin.part:<14} {origin.id:<32} {origin.effect:<9} {files}")
    if not as_json:
        counts = Counter(origin.effect for origin in found)
        told = ", ".join(f"{counts[effect]} {effect}" for effect in EFFECTS if counts[effect])
        click.echo(f"{len(found)} entries: {told or 'none'}")
    if len(sources.layers) == 1:
        click.echo("note: no own layer; FLANKWATCH_SEEDS or --seeds names one", err=True)


def _replace_table(file: Path, table: str) -> None:
    """Put the table where the file's own coverage table stands: from its header to a blank line."""
    head, _, rest = file.read_text(encoding="utf-8").partition("| class |")
    _, _, tail = rest.partition("\n\n")
    file.write_text(f"{head}{table}\n\n{tail}", encoding="utf-8")


def _orphans(catalog: Catalog, texts: tuple[Path, ...], language: str | None) -> int:
    """Print the orphans, one a line; return how many stay without a reason."""
    from streams.orphans import find_orphans, reasons_of, texts_of

    count = bare = 0
    for found in find_orphans(catalog, texts_of(catalog, *texts), reasons_of(catalog)):
        if language not in (None, found.language):
            continue
        count += 1
        bare += not found.reason
        where = f"{found.language}: {found.name}" if found.language else f"kind {found.name}"
        click.echo(
            f"{where}: {found.terms} terms, found in {found.seen} texts, {found.changed} changes"
            f" without it: {found.reason or 'NO REASON GIVEN'}"
        )
    click.echo(f"{count} orphans, {bare} without a reason")
    return bare


def _as_table(table: dict[str, dict[str, tuple[int, int]]]) -> str:
    classes = sorted({name for cells in table.values() for name in cells})
    lines = ["| class | " + " | ".join(sorted(table)) + " |", "|---" * (len(table) + 1) + "|"]
    for name in classes:
        cells = [table[tag].get(name) for tag in sorted(table)]
        lines.append(
            f"| {name} | " + " | ".join(f"{c[0]}/{c[1]}" if c else "·" for c in cells) + " |"
        )
    return "\n".join(lines)


COMMANDS = (check,)
