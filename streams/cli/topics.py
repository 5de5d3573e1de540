"""`flankwatch topics create|check`."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict

import click

from streams.engine.logs import quiet_libraries
from streams.engine.provision import Difference, Provisioner
from streams.errors import EXIT_CHECK_FAILED, Fault, FaultsError
from streams.settings import Settings, load_settings


@click.group()
def topics() -> None:
    """The topics on a real Kafka (FLANKWATCH_KAFKA)."""


@topics.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of the topics made.")
def create(as_json: bool) -> None:
    """Make the topics that are missing; existing ones are left alone."""
    made = asyncio.run(_create(_settings()))
    if as_json:
        click.echo(json.dumps(made))
        return
    for name in made:
        click.echo(name)
    click.echo(f"{len(made)} topics made" if made else "all topics exist", err=True)


@topics.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of differences.")
def check(as_json: bool) -> None:
    """Compare partitions and settings with what Flankwatch declares; exit 1 on a difference."""
    differences = asyncio.run(_compare(_settings()))
    if as_json:
        click.echo(json.dumps([asdict(difference) for difference in differences]))
    else:
        for difference in differences:
            click.echo(str(difference))
        click.echo(f"{len(differences)} differences", err=True)
    if differences:
        sys.exit(EXIT_CHECK_FAILED)


async def _create(settings: Settings) -> list[str]:
    async with Provisioner(settings) as provisioner:
        return await provisioner.create()


async def _compare(settings: Settings) -> list[Difference]:
    async with Provisioner(settings) as provisioner:
        return await provisioner.compare()


def _settings() -> Settings:
    quiet_libraries()
    settings = load_settings()
    if settings.is_embedded:
        raise FaultsError(
            [
                Fault(
                    "environment",
                    "FLANKWATCH_KAFKA",
                    "must be set: the embedded broker makes its topics itself",
                )
            ]
        )
    return settings


COMMANDS = [topics]
