"""Where something is happening: open incidents make the feeds of that country be polled harder.

Official sources of an alliance, or without a country, are hurried by every incident.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from msgspec import DecodeError

from streams import topics
from streams.catalog.feeds import FeedSpec
from streams.engine.bus import Received, read_latest
from streams.engine.follow import Place, present_end
from streams.engine.follow import follow as listen
from streams.errors import BrokerError
from streams.records import Incident, decode
from streams.settings import Settings

#: An incident nobody has reported on for so long hurries no more.
QUIET_AFTER = timedelta(hours=24)
RETRY_SECONDS = 15.0  # until the broker is asked again

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


async def follow(settings: Settings, surge: Surge, on_new: Callable[[], None]) -> None:
    """Keep `surge` up to date from news.incidents, for ever.

    Args:
        settings: Where Kafka is.
        surge: Is told every incident.
        on_new: Called when a country is hurried that was not.
    """

    async def take(message: Received) -> None:
        if message.value is None:
            return
        try:
            incident = decode(Incident, message.value)
        except DecodeError:
            return  # merge's recovery counts and reports it
        if surge.learn(incident):
            on_new()

    begin = await _read(settings, surge)
    on_new()
    await listen(settings, topics.INCIDENTS, take, begin=begin)


async def _read(settings: Settings, surge: Surge) -> Place:
    """Let `surge` learn the incidents there are; return where listening is to begin."""
    while True:
        try:
            begin = await present_end(settings, topics.INCIDENTS)
            known = await read_latest(settings, topics.INCIDENTS, Incident)
        except BrokerError as error:
            log.warning("incidents not read", error=str(error), again_in=RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)
            continue
        for incident in known.values():
            surge.learn(incident)
        return begin
