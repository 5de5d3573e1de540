"""Where something is happening: open incidents make the feeds of that country be polled harder.

Official sources of an alliance, or without a country, are hurried by every incident.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog
from msgspec import DecodeError

from streams import topics
from streams.catalog.feeds import FeedSpec
from streams.engine.bus import Tail, read_latest
from streams.errors import BrokerError
from streams.records import Incident, decode
from streams.settings import Settings

#: An incident nobody has reported on for so long hurries no more.
QUIET_AFTER = timedelta(hours=24)
RETRY_SECONDS = 15.0

log = structlog.get_logger()


class Surge:
    """The open incidents' countries; fed by `learn`, asked by `covers`."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[frozenset[str], datetime]] = {}

    def learn(self, incident: Incident) -> bool:
        """Take an incident in; return True when a country was not hurried before."""
        before = self.countries_at(incident.last_reported_at)
        told = incident.theatre == "europe" and not incident.silent and not incident.late
        if not told or incident.lifecycle != "open":
            self._open.pop(incident.id, None)
            return False
        places = {place.country for place in incident.places}
        countries = frozenset(filter(None, {incident.country, *places}))
        self._open[incident.id] = (countries, incident.last_reported_at)
        return not countries <= before

    def countries_at(self, now: datetime) -> frozenset[str]:
        """Return the countries where something is happening."""
        self._open = {k: v for k, v in self._open.items() if now - v[1] < QUIET_AFTER}
        return frozenset().union(*(countries for countries, _ in self._open.values()))

    def covers(self, spec: FeedSpec, now: datetime) -> bool:
        """Return True when the feed is to be polled at its permitted minimum."""
        return bool(self.covered((spec,), now))

    def covered(self, feeds: Iterable[FeedSpec], now: datetime) -> list[FeedSpec]:
        """Return the feeds that are to be polled at their permitted minimum."""
        countries = self.countries_at(now)
        if not countries:
            return []
        return [
            feed
            for feed in feeds
            if feed.country in countries or (feed.official and feed.country is None)
        ]


async def follow(settings: Settings, surge: Surge, group: str, on_new: Callable[[], None]) -> None:
    """Keep `surge` up to date from news.incidents, for ever.

    Args:
        settings: Where Kafka is.
        surge: Is told every incident.
        group: Consumer group, this process's own: every fetcher reads all of the topic, and
            commits nothing, so that a restart reads it again.
        on_new: Called when a country is hurried that was not.
    """
    while True:
        try:
            for incident in (await read_latest(settings, topics.INCIDENTS, Incident)).values():
                surge.learn(incident)
            on_new()
            async with _joined(Tail(settings, topics.INCIDENTS, group)) as tail:
                async for message in tail:
                    if message.value is None:
                        continue
                    try:
                        incident = decode(Incident, message.value)
                    except DecodeError:
                        continue  # merge's recovery counts and reports it
                    if surge.learn(incident):
                        on_new()
        except BrokerError as error:
            log.warning("incidents not followed", error=str(error), again_in=RETRY_SECONDS)
        await asyncio.sleep(RETRY_SECONDS)


@asynccontextmanager
async def _joined(tail: Tail) -> AsyncIterator[Tail]:
    """Enter the group whole, also when cancelled on the way in, so that it is left properly."""
    joining = asyncio.ensure_future(tail.__aenter__())
    try:
        await asyncio.shield(joining)
    except asyncio.CancelledError:
        await joining
        await tail.__aexit__(None, None, None)
        raise
    try:
        yield tail
    finally:
        await tail.__aexit__(None, None, None)
