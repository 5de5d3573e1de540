"""Articles that Kafka still has, read again by the seeds as they are now, without telling rooms.

After a rule fix the ledger may hold what the old rule misread, or lack what it missed. Each article
whose reports count, now or before, gets a new report set on the ledger, marked `quiet`: incidents
are put right, and no room hears of it. What ordinary accounts say afterwards is told as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from streams import topics
from streams.catalog import Catalog
from streams.engine.bus import Bus, read_latest
from streams.ingest import recorded
from streams.records import Incident
from streams.settings import Settings
from streams.understand import understand


@dataclass
class Reread:
    """What a run came to."""

    read: int = 0  #: articles, each in its newest revision
    failed: int = 0  #: that no rule could read; left as they were
    sent: int = 0  #: report sets
    empty: int = 0  #: of those: articles that report nothing any more


async def redetect(
    settings: Settings,
    catalog: Catalog,
    since: datetime,
    theatre: str,
    *,
    dry: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Reread:
    """Read articles first seen at or after `since` again; return once all is confirmed.

    Args:
        settings: Where Kafka is.
        catalog: The seeds to read by.
        since: Aware.
        theatre: Watch area.
        dry: Send nothing, only count and say.
        say: Told of each article whose set is (or would be) sent.

    Raises:
        BrokerError: Kafka cannot be reached, or did not confirm; it can be run again.
    """
    held = await _held_articles(settings, theatre)
    newest = {one.id: one async for one in recorded(settings, "redetect", since, theatre)}
    done = Reread(read=len(newest))
    async with Bus(settings, "operator") as bus:
        for article in sorted(newest.values(), key=lambda found: (found.first_seen_at, found.id)):
            try:
                found = understand(article, catalog).report_set
            except Exception as error:  # detect sent it to dead letters, or would
                done.failed += 1
                say(f"{article.id} not read: {error!r}")
                continue
            if not found.reports and article.id not in held:
                continue
            done.sent += 1
            done.empty += not found.reports
            say(f"{article.id} {len(found.reports)} reports: {article.title[:100]}")
            if not dry:
                await bus.send(topics.LEDGER, article.id, replace(found, quiet=True))
    return done


async def _held_articles(settings: Settings, theatre: str) -> set[str]:
    """Return the articles that incidents hold."""
    incidents = (await read_latest(settings, topics.INCIDENTS, Incident)).values()
    return {
        account.article
        for incident in incidents
        if incident.theatre == theatre
        for account in incident.accounts
    }
