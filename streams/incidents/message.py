"""An incident in words: headline, facts, what changed, links; in any language there are words for.

In:  the shown facts of an incident and a language's words.   Out: plain text.
Pure. A function of the facts, so equal facts give equal text; headlines of accounts stay in their
own language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from streams.catalog.messages import Messages, Words
from streams.records import Alert, Incident, Link, TimelineEntry, When

#: The order in which deeds are told; a violation says no more than a crossing.
_TOLD_ACTIONS = (
    "cross",
    "violate",
    "over",
    "disrupt",
    "strike",
    "crash",
    "shot_down",
    "found",
    "react",
)
MAX_NAMES = 5
MAX_PLACES = 4


@dataclass(frozen=True)
class Text:
    """A message as plain text, before a room's own format."""

    title: str
    lines: tuple[str, ...]  #: "Where: Poland, Wyryki"
    changes: tuple[str, ...]


def render(alert: Alert, language: str, zone: tzinfo, messages: Messages) -> Text:
    """Return an alert's text in a room's language and local time.

    An alert without its incident (a watch, or one told long ago) keeps its English words.
    """
    words = messages.of(language)
    if alert.incident is None:
        english = messages.of("en").labels
        lines = tuple(
            f"{getattr(english, name, name)}: {value}" for name, value in alert.facts.items()
        )
        return Text(alert.headline, lines, alert.changes)
    facts = facts_of(alert.incident, alert.links, words, zone)
    return Text(
        title=headline(alert.incident, words),
        lines=tuple(f"{getattr(words.labels, name)}: {value}" for name, value in facts.items()),
        changes=change_words(alert.revisions, words),
    )


def headline(incident: Incident, words: Words) -> str:
    """Return the one line that says what, where and how sure."""
    place = _place_names(incident)[:1]
    line = words.headline.format(
        country=_country(incident.country, words),
        place=words.place_in_headline.format(place=place[0]) if place else "",
        object=_object(incident, words),
        action=_actions(incident, words),
        status=words.statuses[incident.status],
    )
    if incident.lifecycle == "merged_into":
        return f"{line}. {words.phrases.merged_into}"
    return f"{line}, {words.phrases.late}" if incident.late else line


def facts_of(
    incident: Incident, links: Sequence[Link], words: Words, zone: tzinfo
) -> dict[str, str]:
    """Return the facts by name, in the order in which they are shown; what is empty is left out."""
    facts = {
        "what": f"{_object(incident, words)}: {_actions(incident, words)}",
        "where": ", ".join(
            [_country(incident.country, words), *_place_names(incident)[:MAX_PLACES]]
        ),
        "when": when_words(incident, words, zone),
        "who_says": _who_says(incident, links, words),
        "origins": _origins(incident, words),
        "actor": _actor(incident, words),
        "unknown": ", ".join(_unknown(incident, words)),
        "why": _why(incident, words),
    }
    return {name: value for name, value in facts.items() if value}


def change_words(revisions: Sequence[TimelineEntry], words: Words) -> tuple[str, ...]:
    """Return what changed, one phrase a fact."""
    said = []
    for entry in revisions:
        old, new = entry.old, entry.new
        if entry.fact == "status":
            old, new = words.statuses.get(old, old), words.statuses.get(new, new)
        elif entry.fact == "level":
            old, new = words.levels.get(old, old), words.levels.get(new, new)
        elif entry.fact == "actor":
            new = words.actors.get(new, new)
        if entry.fact in words.changes:
            said.append(words.changes[entry.fact].format(old=old or "–", new=new or "–"))
    return tuple(said)


def when_words(incident: Incident, words: Words, zone: tzinfo) -> str:
    """Return when it happened, as precisely as it is known, in local time."""
    when = incident.happened
    if when.precision == "assumed":
        told = _stamp(incident.first_reported_at, words, zone)
        times = words.phrases.in_local_time.format(times=told, zone=_zone_name(zone))
        return words.phrases.date_assumed.format(times=times)
    if when.precision in ("minute", "hour", "part"):
        times = _interval(when, words, zone)
        return words.phrases.in_local_time.format(times=times, zone=_zone_name(zone))
    first, last = _date(when.start, words, zone), _date(when.end, words, zone)
    if when.end - when.start <= timedelta(hours=24):
        # One calendar day, whose edges may fall on neighbours in another time zone.
        return _date(when.start + (when.end - when.start) / 2, words, zone)
    return f"{first} – {last}"


def _interval(when: When, words: Words, zone: tzinfo) -> str:
    first, last = _stamp(when.start, words, zone), _stamp(when.end, words, zone)
    if when.start.astimezone(zone).date() == when.end.astimezone(zone).date():
        last = last.split(" ")[-1]
    return first if when.start == when.end else f"{first}–{last}"


def _date(at: datetime, words: Words, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return words.date.format(year=local.year, month=f"{local.month:02}", day=f"{local.day:02}")


def _stamp(at: datetime, words: Words, zone: tzinfo) -> str:
    return f"{_date(at, words, zone)} {at.astimezone(zone):%H:%M}"


def _zone_name(zone: tzinfo) -> str:
    return "UTC" if zone is UTC else str(zone)


def _country(country: str | None, words: Words) -> str:
    if country is None:
        return words.phrases.country_unknown
    return words.countries.get(country, country)


def _place_names(incident: Incident) -> list[str]:
    return [place.place_name or place.place or "" for place in incident.places]


def _object(incident: Incident, words: Words) -> str:
    thing = incident.object
    one, several = words.objects.get(thing.what, words.objects["unknown"])
    low, high = thing.count_low, thing.count_high
    is_several = (high or low or 1) > 1
    noun = several if is_several else one
    number = count_words(low, high) if is_several and high is not None else ""
    marks = [mark for mark in (thing.model, number) if mark]
    if thing.is_wreckage:
        marks.append(words.phrases.wreckage)
    return f"{noun} ({', '.join(marks)})" if marks else noun


def count_words(low: int | None, high: int | None) -> str:
    """Return `19`, `3–19`, or ""."""
    if low is None and high is None:
        return ""
    if low is None or high is None or low == high:
        return str(low if high is None else high)
    return f"{low}–{high}"


def _actions(incident: Incident, words: Words) -> str:
    deeds = [deed for deed in _TOLD_ACTIONS if deed in incident.actions]
    if "cross" in deeds and "violate" in deeds:
        deeds.remove("violate")
    if len(deeds) > 1 and "react" in deeds:
        deeds.remove("react")
    return ", ".join(words.actions[deed] for deed in deeds)


def _who_says(incident: Incident, links: Sequence[Link], words: Words) -> str:
    says = [
        words.phrases.authorities.format(country=_country(country, words))
        for country in incident.official
    ]
    names = list(dict.fromkeys(link.publisher for link in links if link.publisher))[:MAX_NAMES]
    if names:
        says.append(words.phrases.publishers.format(names=", ".join(names)))
    return "; ".join(says)


def _origins(incident: Incident, words: Words) -> str:
    number = incident.independent_origins
    if number <= 1:
        return words.phrases.one_origin
    return words.phrases.origins.format(count=number)


def _actor(incident: Incident, words: Words) -> str:
    if not incident.actor or incident.actor == "unknown":
        return ""
    by = [c.by for c in incident.claims if c.what == "actor" and c.value == incident.actor]
    actor = words.actors.get(incident.actor, incident.actor)
    if not by:
        return actor
    named = sorted(set(by), key=lambda name: (name != incident.country, by.index(name)))
    speakers = [
        words.phrases.authorities.format(country=_country(name, words)) if _is_code(name) else name
        for name in named[:3]
    ]
    return words.phrases.said_by.format(actor=actor, by=", ".join(speakers))


def _is_code(name: str) -> bool:
    return len(name) == 2 and name.isupper()


def _unknown(incident: Incident, words: Words) -> list[str]:
    phrases = words.phrases
    gaps = []
    if not incident.core:
        gaps.append(phrases.reaction_only)
    if incident.country is not None and not incident.places:
        gaps.append(phrases.no_place)
    if incident.happened.precision == "assumed":
        gaps.append(phrases.no_date)
    if not incident.actor or incident.actor == "unknown":
        gaps.append(phrases.no_actor)
    if incident.object.count_low is None and incident.object.count_high is None:
        gaps.append(phrases.no_count)
    if incident.status in ("claimed", "reported"):
        gaps.append(phrases.no_confirmation)
    return gaps


def _why(incident: Incident, words: Words) -> str:
    if not incident.quote:
        return ""
    return words.phrases.quote.format(quote=incident.quote, by=incident.quote_by)
