"""What an article's reports tell of one event, in one report. Pure.

A title may name the authority, its lead the place, the next sentence how many were shot down.
"""

from __future__ import annotations

from msgspec.structs import replace

from streams.catalog import Catalog
from streams.records import Report


def one_per_event(reports: list[Report], catalog: Catalog) -> list[Report]:
    """Return one report per event: the freshest, most certain of those that tell the same."""
    dated = {
        (r.territory.country, _family(r)) for r in reports if r.happened.precision != "assumed"
    }
    reports = [
        r for r in reports
        if r.happened.precision != "assumed" or r.freshness != "late" or (r.territory.country, _family(r)) not in dated
    ]  # fmt: skip
    events: dict[tuple[object, ...], list[Report]] = {}
    for report in reports:
        day = report.happened.start.date() if report.happened.precision != "assumed" else None
        key = (report.territory.country, _family(report), day)
        loose = next(
            (
                k
                for k in events
                if k[:2] == key[:2] and (k[2] is None or day is None or k[2] == day)
            ),
            key,
        )
        events.setdefault(loose, []).append(report)
    return [_told_together(told, catalog) for told in events.values()]


def _told_together(told: list[Report], catalog: Catalog) -> Report:
    """Return the most telling of an event's reports, with what the others add to it."""
    best = told[0]
    for report in told[1:]:
        if _rank(report, catalog) > _rank(best, catalog):
            best = report
    for other in told:
        if other is not best and not other.attach_only and not other.follow_up:
            best = _with_facts_of(best, other)
    return best


def _with_facts_of(best: Report, other: Report) -> Report:
    changes: dict[str, object] = {}
    if best.official is None and other.official is not None:
        changes |= {"official": other.official, "attributed_by": other.attributed_by}
        changes |= {"realis": other.realis, "status_hint": other.status_hint}
    if best.actor in (None, "unknown"):
        changes["actor"] = other.actor or best.actor
    changes["origin"] = best.origin or other.origin
    if not (best.territory.place or best.territory.place_name):
        changes["territory"] = replace(other.territory, step=best.territory.step)
    thing, others = best.object, other.object
    if thing.what == "unknown":
        thing = replace(thing, what=others.what)
    if others.count_high and not others.is_part and (not thing.count_high or thing.is_part):
        thing = replace(
            thing, count_low=others.count_low, count_high=others.count_high, is_part=False
        )
    changes["object"] = replace(thing, model=thing.model or others.model)
    return replace(best, **changes)


def _family(report: Report) -> str:
    return report.object.what if report.object.what != "unknown" else "drone"


def _rank(report: Report, catalog: Catalog) -> tuple[bool, bool, int, float]:
    priority = catalog.events[report.kind].priority
    return (report.freshness == "fresh", not report.follow_up, priority, report.certainty)
