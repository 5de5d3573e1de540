"""The catalog in force in one role: taken up anew when the ledger says so, without a restart.

`flankwatch reload` writes a `CatalogSwitch` with the seeds' hash. A role reads its own seeds again;
when they have that hash and nothing in them is wrong, it uses them from then on, else it keeps what
it has, and says so. A role that starts always takes the seeds as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog
from msgspec import DecodeError

from streams import metrics
from streams.catalog import Catalog, load_catalog
from streams.engine.role import Role
from streams.engine.tail import Received
from streams.errors import FaultsError
from streams.records import CatalogSwitch, decode_ledger
from streams.settings import Settings

_SWITCH = b"CatalogSwitch/"
T = TypeVar("T")

log = structlog.get_logger()


def read_catalog(settings: Settings) -> tuple[str, Catalog]:
    """Return the seeds as they are now, with their hash: what `Reloader` loads for most roles.

    Raises:
        FaultsError: something in them is wrong.
    """
    catalog = load_catalog(settings.seeds)
    return catalog.hash, catalog


class Reloader(Generic[T]):
    """Holds the hash in force; `take` follows a switch."""

    def __init__(
        self,
        role: Role,
        catalog: str,
        load: Callable[[], tuple[str, T]],
        use: Callable[[T], Awaitable[None]],
    ) -> None:
        """Note the catalog that the role began with.

        Args:
            role: For its name and what it tells.
            catalog: Hash of the catalog in force.
            load: Reads the seeds as they are, in a thread: their hash, and what the role needs of
                them; raises FaultsError when something in them is wrong.
            use: Makes the role work with that; raises FaultsError when it cannot, and then has
                changed nothing.
        """
        self._role = role
        self._load = load
        self._use = use
        self.catalog = catalog
        self._tell()

    async def hear(self, message: Received) -> None:
        """Take a record of the ledger; all but switches are passed over by their header."""
        if not message.headers.get("schema", b"").startswith(_SWITCH):
            return
        try:
            record = decode_ledger(message.value or b"")
        except DecodeError as error:
            log.warning("switch not understood", offset=message.offset, error=str(error))
            return
        if isinstance(record, CatalogSwitch):
            await self.take(record)

    async def take(self, switch: CatalogSwitch) -> bool:
        """Use the catalog that a switch names; return whether it is in force now."""
        if switch.catalog == self.catalog:
            return True
        try:
            here, seeds = await asyncio.to_thread(self._load)
            if here != switch.catalog:
                return self._keep(switch, f"the seeds here have the hash {here}")
            await self._use(seeds)
        except FaultsError as error:
            return self._keep(switch, str(error))
        log.info("catalog switched", old=self.catalog, new=here, by=switch.who)
        self.catalog = here
        self._tell()
        return True

    def _keep(self, switch: CatalogSwitch, why: str) -> bool:
        log.error("catalog not switched", wanted=switch.catalog, kept=self.catalog, why=why)
        metrics.reloads.labels(self._role.name, "kept").inc()
        self._role.tell(catalog_refused=switch.catalog, catalog_refused_why=why)
        return False

    def _tell(self) -> None:
        metrics.catalog_info.clear()
        metrics.catalog_info.labels(self.catalog).set(1)
        metrics.config_last_reload_success.set_to_current_time()
        metrics.reloads.labels(self._role.name, "switched").inc()
        self._role.tell(catalog=self.catalog, catalog_refused=None, catalog_refused_why=None)
