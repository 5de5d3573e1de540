"""`flankwatch status` and `flankwatch doctor`: how it is, and whether it can be."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

import click

from streams.engine.logs import quiet_libraries
from streams.errors import EXIT_CHECK_FAILED, EXIT_UNREACHABLE
from streams.settings import load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(as_json: bool) -> None:
    """Show the roles on this machine, lag, open incidents and rooms; exit 3 when none runs."""
    from streams.engine.report import read_status

    quiet_libraries()
    told = asyncio.run(read_status(load_settings()))
    if as_json:
        click.echo(json.dumps(asdict(told), default=str))
    else:
        for line in told.lines():
            click.echo(line)
    if not told.is_up:
        sys.exit(EXIT_UNREACHABLE)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of checks.")
def doctor(as_json: bool) -> None:
    """Check settings, seeds, state directory, ports, clock, broker and topics; exit 1 on a fault."""
    from streams.engine.doctor import examine

    quiet_libraries()
    findings = asyncio.run(examine())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            mark = {True: "ok  ", False: "FAIL", None: "note"}[finding.is_ok]
            click.echo(f"{mark}  {finding.what:<{width}}  {finding.told}")
    if any(finding.is_ok is False for finding in findings):
        sys.exit(EXIT_CHECK_FAILED)


COMMANDS: list[Any] = [status, doctor]
