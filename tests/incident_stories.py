"""Builders of report sets for tests of the ledger, and a way to fold them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from streams.catalog.messages import Messages
from streams.catalog.messages import read as read_messages
from streams.catalog.policies import Policies
from streams.catalog.policies import read as read_policies
from streams.catalog.publishers import Agency, Family, Publishers
from streams.catalog.sources import Sources
from streams.errors import Fault
from streams.incidents.ledger import Effects, Ledger
from streams.records import (
    Incident,
    LedgerRecord,
    Report,
    ReportSet,
    Territory,
    Thing,
    Tick,
    When,
    content_id,
)

NIGHT = datetime(2025, 9, 9, 22, tzinfo=UTC)  # 9 to 10 September 2025
POINTS = {
    "wyryki": (51.56, 23.35),
    "czosnowka": (52.03, 23.10),
    "rezekne": (56.51, 27.33),
    "aalborg": (57.05, 9.92),
    "munich": (48.35, 11.79),
    "vaindloo": (59.82, 26.36),
}


@cache
def seeds() -> tuple[Policies, Messages]:
    faults: list[Fault] = []
    sources = Sources.of()
    policies, messages = read_policies(sources, faults), read_messages(sources, faults)
    assert not faults
    return policies, messages


def publishers() -> Publishers:
    return Publishers(
        (Family(id="delfi", name="Delfi", publishers=("Delfi EE", "Delfi LV")),),
        (Agency(id="afp", name="AFP", credits=("afp",)),),
    )


def ledger() -> Ledger:
    policies, messages = seeds()
    return Ledger(policies, publishers(), messages)


def night(day: int = 0, hours: float = 8) -> When:
    """The night that begins `day` days after 9 September 2025, 22:00 UTC."""
    start = NIGHT + timedelta(days=day)
    return When(start=start, end=start + timedelta(hours=hours), precision="part")


def whole_day(day: int) -> When:
    """The calendar day so many days after 10 September 2025."""
    start = datetime(2025, 9, 10, tzinfo=UTC) + timedelta(days=day)
    return When(start=start, end=start + timedelta(hours=24), precision="day")


def at(hours: float) -> datetime:
    """An instant so many hours after 10 September 2025, 00:00 UTC."""
    return datetime(2025, 9, 10, tzinfo=UTC) + timedelta(hours=hours)


def told(
    article: str,
    *,
    hours: float = 8,
    country: str | None = "PL",
    place: str | None = None,
    what: str = "drone",
    action: str = "cross",
    happened: When | None = None,
    count: tuple[int | None, int | None] = (None, None),
    publisher: str | None = None,
    revision: str = "r1",
    theatre: str = "replay",
    backfill: bool = False,
    wreckage: bool = False,
    seen_after: float = 0.0,
    **fields: Any,
) -> ReportSet:
    """A set of one report, told so many hours after 10 September 2025, 00:00 UTC."""
    said = at(hours)
    lat, lon = POINTS.get(place or "", (None, None))
    fields.setdefault("freshness", "fresh")
    fields.setdefault("realis", "asserted")
    fields.setdefault("kind", f"{what}_incursion")
    report = Report(
        id=content_id(article, revision, country, place, what, action),
        article=article,
        revision=revision,
        object=Thing(what=what, is_wreckage=wreckage, count_low=count[0], count_high=count[1]),
        action=action,
        territory=Territory(
            country=country, place=place, place_name=place and place.title(), lat=lat, lon=lon
        ),
        happened=happened or night(),
        certainty=fields.pop("certainty", 0.8),
        rule="r",
        catalog="c",
        published_at=said,
        first_seen_at=said,
        **fields,
    )
    return ReportSet(
        article=article,
        revision=revision,
        feed="f",
        publisher=publisher or f"Paper {article}",
        first_seen_at=said + timedelta(hours=seen_after),
        published_at=said,
        theatre=theatre,
        title=f"Title of {article}",
        url=f"https://example.org/{article}",
        language="en",
        backfill=backfill,
        reports=(report,),
    )


def gone(earlier: ReportSet, hours: float) -> ReportSet:
    """A later revision of an article that reports nothing any more."""
    return ReportSet(
        article=earlier.article,
        revision="withdrawn",
        feed="f",
        publisher=earlier.publisher,
        first_seen_at=at(hours),
        theatre=earlier.theatre,
        reports=(),
    )


def fold_all(
    records: Iterable[LedgerRecord], into: Ledger | None = None, *, final: bool = True
) -> tuple[Ledger, list[Effects]]:
    """Fold records at offsets 0, 1, … and settle at the end."""
    book = into or ledger()
    effects = []
    offset = -1
    for offset, record in enumerate(records):
        effects.append(book.fold(offset, record))
    if final:
        effects.append(book.fold(offset + 1, Tick(at=at(24 * 20), theatre="replay", final=True)))
    return book, effects


def live(book: Ledger, theatre: str = "replay") -> list[Incident]:
    """Incidents that hold accounts."""
    return [found for found in book.incidents(theatre) if found.accounts]


def groups(book: Ledger) -> set[frozenset[str]]:
    """The grouping: articles of each incident."""
    return {frozenset(account.article for account in found.accounts) for found in live(book)}
