"""What a running role says of itself: health and metrics, from its loopback port."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from streams.engine.role import read_role_file
from streams.metrics import ROLES
from streams.settings import Settings

SCRAPE_SECONDS = 2.0


@dataclass(frozen=True)
class Told:
    """One role process at one moment."""

    name: str
    worker: int
    pid: int
    port: int
    is_alive: bool
    is_ready: bool
    values: dict[str, float] = field(default_factory=dict)  #: per metric, summed over its labels

    @property
    def label(self) -> str:
        """Return the name, with the worker's number from the second on."""
        return self.name if self.worker == 0 else f"{self.name}-{self.worker}"


def processes(settings: Settings) -> list[tuple[str, int]]:
    """Return the role processes that `run` starts, in the order of the data's way."""
    return [
        (name, worker)
        for name in ROLES
        for worker in range(settings.detect_workers if name == "detect" else 1)
    ]


async def scrape_roles(settings: Settings) -> list[Told | None]:
    """Return what each role process of this state directory tells; None: it does not run."""
    timeout = aiohttp.ClientTimeout(total=SCRAPE_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        return await asyncio.gather(
            *(_scrape(session, settings, name, worker) for name, worker in processes(settings))
        )


async def _scrape(
    session: aiohttp.ClientSession, settings: Settings, name: str, worker: int
) -> Told | None:
    told = read_role_file(settings, name, worker)
    if told is None or "port" not in told:
        return None
    host = str(told["host"])
    base = f"http://{f'[{host}]' if ':' in host else host}:{told['port']}"
    base = base.replace("//0.0.0.0", "//127.0.0.1")
    try:
        async with session.get(f"{base}/livez") as answer:
            is_alive = answer.status == 200
        async with session.get(f"{base}/readyz") as answer:
            is_ready = answer.status == 200
        async with session.get(f"{base}/metrics") as answer:
            values = _sums(await answer.text())
    except (aiohttp.ClientError, TimeoutError):
        return Told(name, worker, int(told["pid"]), int(told["port"]), False, False)
    return Told(name, worker, int(told["pid"]), int(told["port"]), is_alive, is_ready, values)


def _sums(text: str) -> dict[str, float]:
    """Return each sample name's sum over its labels; buckets and timestamps left out."""
    sums: dict[str, float] = defaultdict(float)
    family: Any
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not sample.name.endswith(("_bucket", "_created", "_timestamp_seconds")):
                sums[sample.name] += sample.value
    return dict(sums)
