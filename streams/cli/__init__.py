"""The command line: parses arguments, calls one function. stdout is data, stderr is log.

A file here is a group of commands; each puts its click commands into `COMMANDS`, and they are
mounted by folder scan. Exit codes are documented in streams/errors.py.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from typing import Any

import click

from streams.errors import EXIT_FAULT, EXIT_UNREACHABLE, BrokerError, FaultsError, FlankwatchError

Main = Callable[..., None]


class _Group(click.Group):
    """Turns our errors into one clear line each and the documented exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; our own errors end it without a stack trace."""
        try:
            return super().invoke(ctx)
        except FaultsError as error:
            for fault in error.faults:
                click.echo(f"fault: {fault}", err=True)
            ctx.exit(EXIT_FAULT)
        except BrokerError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(EXIT_UNREACHABLE)
        except FlankwatchError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(EXIT_FAULT)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flankwatch")
def main() -> None:
    """Live news in, one explained alert per incursion out."""


def _mount() -> None:
    """Add the commands of every module in this package."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        for command in loaded.COMMANDS:
            main.add_command(command)


_mount()

if __name__ == "__main__":
    sys.exit(main())
