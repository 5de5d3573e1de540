"""An operator's word → what it changes. Operators win over rules, and who said why is kept.

close, mark_false, ack, silence, unsilence: on one incident.   merge: two incidents are one.
split: an article is an event of its own.   mark_false with an article: that account is wrong.
Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from streams.incidents.build import with_timeline
from streams.incidents.facts import tell
from streams.incidents.frame import said_at
from streams.incidents.memory import Theatre
from streams.records import Account, Decision, Incident


@dataclass
class Verdict:
    """What a decision changes."""

    changed: list[Incident] = field(default_factory=list)  #: the one named first comes first
    regroup: list[str] = field(default_factory=list)  #: incidents to group anew


def decide(theatre: Theatre, decision: Decision, now: datetime, offset: int) -> Verdict:
    """Return what a decision changes; nothing when it names what is not there, or is a repeat."""
    if decision.action in ("silence", "unsilence") and decision.incident is None:
        _keep_silence(theatre, decision)
        return Verdict()
    named = theatre.live(decision.incident) if decision.incident is not None else None
    if named is None and decision.article is not None:
        holding = theatre.holding(decision.article)
        named = holding[0][0] if holding else None
    if named is None:
        return Verdict()
    if decision.action in ("silence", "unsilence"):
        _keep_silence(theatre, decision)
    incident = named.incident
    if decision in incident.decisions or incident.through >= offset:
        return Verdict()
    noted = replace(incident, decisions=(*incident.decisions, decision))
    match decision.action:
        case "close":
            noted = replace(noted, lifecycle="closed")
            return Verdict([with_timeline(noted, incident, now, decision.id)])
        case "mark_false" if all(a.article == decision.article for a in incident.accounts) or (
            decision.article is None
        ):
            told = tell(incident.accounts, named.group, noted.decisions) if named.group else None
            noted = replace(noted, status=told.status if told is not None else "false_alarm")
            return Verdict([with_timeline(noted, incident, now, decision.id)])
        case "merge":
            return _merge(theatre, noted, decision)
        case "split" | "mark_false":
            return _split(theatre, noted, decision)
    return Verdict([noted])


def _merge(theatre: Theatre, noted: Incident, decision: Decision) -> Verdict:
    other = theatre.live(decision.other or "")
    if other is None or other.incident.id == noted.id or not other.incident.accounts:
        return Verdict([noted])
    pair = (_oldest(noted).article, _oldest(other.incident).article)
    noted = replace(
        noted,
        bound=(*noted.bound, pair),
        cut=tuple(article for article in noted.cut if article not in pair),
    )
    return Verdict([noted], [noted.id, other.incident.id])


def _split(theatre: Theatre, noted: Incident, decision: Decision) -> Verdict:
    article = decision.article
    if article is None or all(account.article != article for account in noted.accounts):
        return Verdict([noted])
    changed = [_unbound(replace(noted, cut=(*noted.cut, article)), article)]
    for incident_id, pairs in sorted(theatre.bound.items()):
        if incident_id != noted.id and any(article in pair for pair in pairs):
            changed.append(_unbound(theatre.held[incident_id].incident, article))
    return Verdict(changed, [noted.id])


def _unbound(incident: Incident, article: str) -> Incident:
    return replace(incident, bound=tuple(pair for pair in incident.bound if article not in pair))


def _oldest(incident: Incident) -> Account:
    return min(incident.accounts, key=lambda a: (said_at(a.report), a.article, a.report.id))


def _keep_silence(theatre: Theatre, decision: Decision) -> None:
    """Take or lift a silence; one for each incident, country or room."""
    key = f"{decision.incident or ''}|{decision.country or ''}|{decision.room or ''}"
    if decision.action == "silence":
        theatre.silences[key] = decision
    else:
        theatre.silences.pop(key, None)
