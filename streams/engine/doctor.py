"""What `flankwatch doctor` checks: all that must be right before `flankwatch run` can work."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from streams.engine.connect import address
from streams.engine.embedded import lock_state
from streams.engine.provision import Provisioner
from streams.engine.role import read_role_file
from streams.engine.scrape import processes
from streams.engine.state import FILE, StateFile
from streams.errors import BrokerError, FaultsError, FlankwatchError, StateError
from streams.settings import Settings, load_settings

#: A clock before this is wrong: seconds since the epoch, November 2023.
OLDEST_CLOCK = 1_700_000_000


@dataclass(frozen=True)
class Finding:
    """One check; `is_ok` None: nothing wrong, but worth knowing."""

    what: str
    is_ok: bool | None
    told: str


async def examine() -> list[Finding]:
    """Return all findings; each fault is one of its own, none stops the others."""
    try:
        settings = load_settings()
    except FaultsError as error:
        return [Finding("settings", False, str(fault)) for fault in error.faults]
    kafka = settings.kafka or "unset: the embedded trial broker"
    findings = [Finding("settings", True, f"Kafka: {kafka}")]
    findings += _seeds(settings)
    findings += _state(settings)
    findings += _ports(settings)
    findings.append(_clock())
    findings += [finding async for finding in _broker(settings)]
    return findings


def _seeds(settings: Settings) -> Iterator[Finding]:
    from streams.catalog import load_catalog

    try:
        catalog = load_catalog(settings.seeds)
    except FaultsError as error:
        for fault in error.faults:
            yield Finding("seeds", False, str(fault))
        return
    yield Finding(
        "seeds",
        True,
        f"{len(catalog.feeds)} feeds, {len(catalog.languages)} languages, catalog {catalog.hash}",
    )


def _state(settings: Settings) -> Iterator[Finding]:
    folder = settings.state_dir
    parent = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        yield Finding("state directory", False, f"{folder}: {parent} cannot be written")
        return
    if not folder.exists():
        yield Finding("state directory", True, f"{folder}: will be made")
        return
    try:
        with lock_state(folder):
            pass
        yield Finding("state directory", True, f"{folder}: free")
    except StateError as error:
        yield Finding("state directory", None, str(error))
    if (folder / FILE).exists():
        try:
            StateFile(folder).close()
        except StateError as error:
            yield Finding("state file", False, str(error))


def _ports(settings: Settings) -> Iterator[Finding]:
    if settings.health_port == 0:
        yield Finding("health ports", True, "any free ones")
        return
    taken = []
    for name, worker in processes(settings):
        port = settings.port_of(name, worker)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.health_host, port))
            except OSError as error:
                told = read_role_file(settings, name, worker)
                if told is None or told.get("port") != port:
                    taken.append(f"{name}: {settings.health_host}:{port}: {error.strerror}")
    for text in taken:
        yield Finding("health ports", False, f"{text}; set FLANKWATCH_HEALTH_PORT")
    if not taken:
        first, last = settings.port_of("fetch"), settings.port_of("deliver")
        yield Finding("health ports", True, f"{settings.health_host}:{first}-{last}")


def _clock() -> Finding:
    now = time.time()
    if now < OLDEST_CLOCK:
        return Finding("clock", False, "is years behind: every article would look new")
    return Finding("clock", True, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


async def _broker(settings: Settings) -> AsyncIterator[Finding]:
    if settings.is_embedded:
        try:
            yield Finding("broker", True, f"the embedded one runs on {address(settings)}")
        except BrokerError:
            yield Finding("broker", None, "the embedded one starts with `flankwatch run`")
        return
    try:
        async with Provisioner(settings) as provisioner:
            yield Finding("broker", True, f"{settings.kafka} answers")
            differences = await provisioner.compare()
    except FlankwatchError as error:
        yield Finding("broker", False, str(error))
        return
    for difference in differences:
        yield Finding("topics", False, str(difference))
    if not differences:
        yield Finding("topics", True, "as declared")
