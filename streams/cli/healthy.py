"""`flankwatch healthy`: one question to each role's own port, for containers and units."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from typing import Any

import click

from streams.errors import EXIT_CHECK_FAILED, EXIT_OK, EXIT_UNREACHABLE
from streams.settings import load_settings

ROLES = ("fetch", "detect", "merge", "deliver")
TIMEOUT_SECONDS = 4.0
#: A role that listens everywhere is asked where it certainly is.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


@click.command()
@click.argument("role", type=click.Choice(ROLES), required=False)
@click.option(
    "--ready", is_flag=True, help="Ask whether it does its work, not only whether it lives."
)
def healthy(role: str | None, ready: bool) -> None:
    """Ask roles on this machine how they are, all that run unless one is named.

    Exit 1 when one is not well, 3 when one does not answer or none runs.
    """
    settings = load_settings()
    page = "readyz" if ready else "livez"
    if role is not None:
        sys.exit(_ask(role, settings.health_host, settings.port_of(role), page))
    from streams.engine.role import read_role_file

    workers = [(name, number) for name in ROLES for number in range(settings.detect_workers)]
    told = [(name, read_role_file(settings, name, number)) for name, number in workers]
    running = [(name, one) for name, one in told if one and one.get("port")]
    if not running:
        click.echo(f"no role runs here: nothing in {settings.state_dir}", err=True)
        sys.exit(EXIT_UNREACHABLE)
    sys.exit(max(_ask(name, str(one["host"]), int(one["port"]), page) for name, one in running))


def _ask(role: str, host: str, port: int, page: str) -> int:
    """Print a role's answer; return the exit code."""
    host = _EVERYWHERE.get(host, host)
    url = f"http://[{host}]:{port}/{page}" if ":" in host else f"http://{host}:{port}/{page}"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=TIMEOUT_SECONDS) as answer:
            click.echo(f"{role}: {answer.read(200).decode(errors='replace').strip()}")
            return EXIT_OK
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(200).decode(errors="replace").strip()
        click.echo(f"{role}: {said}", err=True)
        return EXIT_CHECK_FAILED
    except OSError as error:
        click.echo(f"{role}: {url}: {getattr(error, 'reason', error)}", err=True)
        return EXIT_UNREACHABLE


COMMANDS: list[Any] = [healthy]
