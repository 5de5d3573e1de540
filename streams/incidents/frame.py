"""What matching sees of one account: where, when, what, and how surely it is dated.

In:  a report.   Out: a `Frame`, small and comparable; equal frames always go together.
Pure. All instants are whole seconds since 1970, UTC.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import NamedTuple

from streams.records import Report

HOUR = 3600
DAY = 24 * HOUR
#: An event dated within this long stands on its own feet; "the night to Wednesday" is 12 h.
PRECISE_SECONDS = 14 * HOUR
#: A breaking report without a date speaks of at most this long before it was said…
ASSUMED_SECONDS = 30 * HOUR
#: … and of a site for less: airports are closed again the next night.
SITED_SECONDS = 17 * HOUR
#: What a site's news of the very day tells happened at most this long before it was said.
SITED_DAY_SECONDS = 12 * HOUR
#: Events bound to one site; a crossing may pass over half a country in a night.
_SITED_KINDS = frozenset({"drone_airport_disruption", "drone_over_infrastructure"})
_SITED_ACTIONS = frozenset({"disrupt"})
#: Midnight in Europe comes up to this long before midnight UTC.
EAST_SECONDS = 3 * HOUR
#: A helicopter is often called an aircraft.
_FAMILIES = {"unknown": "", "helicopter": "aircraft"}
#: Wreckage may be found this long after its flight.
FIND_SECONDS = 72 * HOUR

#: What is said of a place is said of the region around it, and of no other.
REGION_KM = 75.0
#: Degrees; no place on Earth.
NOWHERE = 999.0

PRECISE, DATED, UNDATED = 1, 2, 3
CORE, REACTION, ATTACHED = 0, 1, 2


class Frame(NamedTuple):
    """One account as matching sees it; sorts canonically within one tier and rank."""

    end: int  #: of the event, never after it was said
    start: int
    tier: int  #: PRECISE, DATED or UNDATED
    rank: int  #: CORE tells the event; REACTION and ATTACHED never open one of their own
    country: str  #: "" when the text withholds it
    family: str  #: object family; "" matches any
    place: str
    lat: float
    lon: float  #: NOWHERE when no place is named
    assumed: bool  #: no date in the text: the event was before it was said, and not long
    sited: bool
    find: bool  #: something was found: its flight was earlier
    said: int  #: when it was said; 0 where that does not matter
    actor: str
    model: str
    signature: str
    lone: str  #: article id, when an operator cut this account off

    @property
    def has_place(self) -> bool:
        """True when the place is known to the point."""
        return self.lat != NOWHERE


def seconds(at: datetime) -> int:
    """Return whole seconds since 1970 of an aware instant."""
    return int(at.timestamp())


def instant(at: int) -> datetime:
    """Return the aware UTC instant of seconds since 1970."""
    return datetime.fromtimestamp(at, UTC)


def said_at(report: Report) -> datetime:
    """Return when the report was said: published or first seen, whichever came first."""
    times = [at for at in (report.published_at, report.first_seen_at) if at is not None]
    return min(times) if times else report.happened.end


def frame_of(report: Report, lone: str = "") -> Frame:
    """Return the frame of a report.

    Args:
        report: As detection gave it, or slimmed by the ledger.
        lone: Article id when an operator cut this account off, else "".
    """
    said = seconds(said_at(report))
    start, end = seconds(report.happened.start), seconds(report.happened.end)
    end = max(start, min(end, said))
    rank = ATTACHED if attaches_only(report) else REACTION if report.follow_up else CORE
    sited = report.action in _SITED_ACTIONS or report.kind in _SITED_KINDS
    recent = said - (SITED_SECONDS if sited else ASSUMED_SECONDS)
    if report.happened.precision == "day":
        # The calendar day itself, as clocks east of Greenwich have it; the evening before is a
        # matter of nearness, not of the date.
        start = max(start, (seconds(report.happened.end) - 1) // DAY * DAY - EAST_SECONDS)
        if sited and rank == CORE and said < start + DAY:
            start = max(start, said - SITED_DAY_SECONDS)
        end = max(start, end)
    is_denial = rank == ATTACHED and report.freshness != "late"
    if report.freshness == "undated" or (is_denial and report.happened.precision == "assumed"):
        tier = UNDATED
        start, end = said - ASSUMED_SECONDS, said
    elif report.happened.precision == "assumed":
        tier = DATED
        start, end = recent, said
    elif end - start <= PRECISE_SECONDS:
        tier = PRECISE
    else:
        tier = DATED
    thing = report.object
    find = report.action == "found"
    family = _FAMILIES.get(thing.what, thing.what)
    if report.status_hint == "false_alarm":
        family = ""  # what it turned out to be says nothing of what it was taken for
    territory = report.territory
    country = territory.country or ""
    if tier == PRECISE and (rank != CORE or find or not family or not country):
        tier = DATED
    floats = tier != PRECISE
    has_point = territory.lat is not None and territory.lon is not None
    return Frame(
        end=end,
        start=start,
        tier=tier,
        rank=rank,
        country=country,
        family=family,
        place=territory.place or "",
        lat=float(territory.lat) if has_point and territory.lat is not None else NOWHERE,
        lon=float(territory.lon) if has_point and territory.lon is not None else NOWHERE,
        assumed=tier == DATED and report.happened.precision == "assumed",
        sited=sited,
        find=find,
        said=said if floats else 0,
        actor=report.actor if report.actor and report.actor != "unknown" else "",
        model=thing.model or "",
        signature=(report.signature or "") if floats else "",
        lone=lone,
    )


def attaches_only(report: Report) -> bool:
    """Return whether a report only updates: denied, a false alarm, or late without a date."""
    if report.realis == "denied" or report.status_hint in ("denied", "false_alarm"):
        return True
    if report.freshness == "late":
        return report.happened.precision == "assumed"
    return report.attach_only


def stance_of(report: Report) -> str:
    """Return what a report says of the event: asserts, disputes, denies or false_alarm."""
    if report.status_hint == "false_alarm":
        return "false_alarm"
    if report.realis == "denied" or report.status_hint == "denied":
        return "denies"
    return "disputes" if report.status_hint == "disputed" else "asserts"


def distance_km(one: Frame, other: Frame) -> float:
    """Return the great-circle distance in km; NaN when either has no place."""
    if not (one.has_place and other.has_place):
        return math.nan
    lat1, lat2 = math.radians(one.lat), math.radians(other.lat)
    half_lat = math.sin((lat2 - lat1) / 2)
    half_lon = math.sin(math.radians(other.lon - one.lon) / 2)
    root = half_lat * half_lat + math.cos(lat1) * math.cos(lat2) * half_lon * half_lon
    return 2 * 6371.0 * math.asin(math.sqrt(min(1.0, root)))
