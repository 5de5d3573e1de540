"""When is a replay through? Follows it stage by stage, settles its clock, counts the result."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from streams import topics
from streams.engine.bus import Bus, read_latest
from streams.engine.offsets import CONSUMERS, Offsets
from streams.engine.role import read_role_file
from streams.records import Delivery, Incident, Tick
from streams.settings import Settings
from streams.topics import Topic

POLL_SECONDS = 0.2
SETTLED = ("shown", "rejected", "expired", "held", "skipped")
#: The replay's clock ends so long after its last article, so that all windows close.
AFTER_LAST = timedelta(hours=1)
THEATRE = "replay"

log = structlog.get_logger()


async def follow_replay(settings: Settings) -> dict[str, int]:
    """Wait until the replay that fetch runs is through, end its clock, wait again; log the counts.

    Returns:
        Counts: articles, incidents, alerts, deliveries shown.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    told = await _replayed(settings)
    last_at = told.get("replay_until")
    async with Offsets(settings) as offsets:
        await _taken_over(offsets, topics.ARTICLES)
        await _taken_over(offsets, topics.LEDGER)
        if last_at:
            at = datetime.fromisoformat(str(last_at)).astimezone(UTC) + AFTER_LAST
            async with Bus(settings, "run") as bus:
                await bus.send(topics.LEDGER, None, Tick(at=at, theatre=THEATRE, final=True))
            await _taken_over(offsets, topics.LEDGER)
        await _taken_over(offsets, topics.ALERTS)
    await _delivered(settings)
    counts = await count_replay(settings) | {"articles": int(str(told.get("replay_articles", 0)))}
    log.info("replay finished", **counts)
    return counts


async def count_replay(settings: Settings) -> dict[str, int]:
    """Return how many incidents, alerts and shown deliveries the replay theatre holds."""
    incidents = [
        incident
        for incident in (await read_latest(settings, topics.INCIDENTS, Incident)).values()
        if incident.theatre == THEATRE and incident.lifecycle != "merged_into"
    ]
    deliveries = await _deliveries(settings)
    return {
        "incidents": len(incidents),
        "alerts": sum(incident.alert_counter for incident in incidents),
        "shown": sum(1 for delivery in deliveries if delivery.shown_n > 0),
    }


async def _replayed(settings: Settings) -> dict[str, object]:
    """Return what fetch tells once the whole replay is on Kafka."""
    while True:
        told = read_role_file(settings, "fetch")
        if told is not None and told.get("replay_done"):
            return told
        await asyncio.sleep(POLL_SECONDS)


async def _taken_over(offsets: Offsets, topic: Topic) -> None:
    """Wait until the topic's consumer has committed all that is there now."""
    ends = await offsets.ends(topic)
    while True:
        committed = await offsets.committed(topic, CONSUMERS[topic.name])
        if all(committed.get(part, 0) >= end for part, end in ends.items()):
            return
        await asyncio.sleep(POLL_SECONDS)


async def _delivered(settings: Settings) -> None:
    """Wait until every delivery of the replay is settled, one way or another."""
    while True:
        if all(row.state in SETTLED for row in await _deliveries(settings)):
            return
        await asyncio.sleep(POLL_SECONDS)


async def _deliveries(settings: Settings) -> list[Delivery]:
    rows = (await read_latest(settings, topics.DELIVERIES, Delivery)).values()
    return [row for row in rows if row.alert.theatre == THEATRE]
