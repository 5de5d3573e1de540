"""When a candidate's event was, and whether the article only looks back on it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from streams.understand import when
from streams.understand.frame import Frame
from streams.understand.ladder import Setting
from streams.understand.presupposed import is_beside
from streams.understand.sentence import Line

if TYPE_CHECKING:
    from streams.understand.report import Candidate


def date_event(
    candidate: Candidate,
    dates: list[when.Date],
    setting: Setting,
    published: datetime,
    heads: list[Line],
) -> None:
    """Date the event from its clause, its sentence, or distance words; else assume or leave open.

    Args:
        candidate: Its `happened`, `freshness`, `is_follow_up` and `is_consequence` are set.
        dates: Of its sentence.
        setting: For the lead.
        published: Of the article.
        heads: The title's sentences.
    """
    frame, line = candidate.frame, candidate.frame.line
    title = heads[0] if heads else None
    candidate.is_follow_up = _is_reaction(frame, line, title) or (
        line is title and frame.is_nominal and any(_looks_back(lead) for lead in setting.lead)
    )
    far = [hit for clause in line.clauses for hit in clause.all("past", "earlier", "repeated")]
    found = [
        date
        for date in dates
        if not any(hit.start <= date.start < hit.end for hit in far)  # ro "două luni": no Monday
    ]
    inside = [date for date in found if frame.clause.start <= date.start < frame.clause.end]
    fitting = inside or [date for date in found if not _is_coming(line, date.start)]
    if line.first("react"):  # "the council meets on Tuesday over the violation": a coming Tuesday
        fitting = [
            date
            for date in fitting
            if not date.is_weekday
            or (frame.object_hit is not None and is_beside(date.start, frame.object_hit, line))
            or when.freshness(when.on_day(date), published) == "fresh"
        ]
    if fitting:
        at = frame.action_hit.start if frame.action_hit else frame.clause.start
        best = min(fitting, key=lambda date: (date.precision != "day", abs(date.start - at)))
        candidate.happened = when.on_day(best)
        candidate.freshness = when.freshness(candidate.happened, published)
        return
    candidate.happened = when.assumed(published)
    distant = frame.clause.first("earlier") or line.first("earlier")
    if distant is None and title is not None and candidate.is_follow_up:
        distant = title.first("earlier")
    if distant is None and line.field.name == "title":
        distant = next((hit for head in heads if (hit := head.first("earlier"))), None)
    if distant is None and "found" in frame.actions and frame.actions <= {"found", "crash"}:
        distant = next((hit for lead in setting.lead if (hit := lead.first("earlier"))), None)
    if distant:
        candidate.freshness = "late"
        return
    if line.first("arrested") or (title is not None and title.first("arrested")):
        # a verdict, a resignation: such consequences come later, and tell nothing new
        candidate.is_follow_up = candidate.is_consequence = True
    candidate.freshness = "undated" if candidate.is_follow_up else "fresh"


def _looks_back(lead: Line) -> bool:
    """Tell whether a sentence is about an incident already known: "the inquiry into the incident"."""
    return lead.first("incident") is not None and lead.first("react") is not None


def _is_coming(line: Line, at: int) -> bool:
    """Tell whether a date belongs to what is yet to come: "the council meets on Friday"."""
    clause = next((one for one in line.clauses if one.start <= at < one.end), None)
    return clause is not None and clause.first("will", "may", "diplomacy") is not None


#: What a main clause says when it tells of something that followed the event…
_REACTION = (
    "react",
    "policy",
    "procure",
    "arrested",
    "reinforce",
    "air_defence",
    "diplomacy",
    "fear",
    "balance",
)
#: …and when it tells of the event itself, as it happens.
_BREAKING = (
    "closed",
    "scramble",
    "alert",
    "shot_down",
    "found",
    "crash",
    "strike",
    "sighted",
    "precaution",
)


def _is_reaction(frame: Frame, line: Line, title: Line | None) -> bool:
    """Tell whether the event is only looked back on: a noun beside a reaction, or after "after"."""
    rest = [clause for clause in line.clauses if clause is not frame.clause]
    if frame.is_nominal:
        # "Hańsk, a day after the raid"
        is_after = frame.clause.opener == "after" and not any(
            h.concepts for c in rest for h in c.hits
        )
        return is_after or bool(line.first("react") or (title.first("react") if title else None))
    if frame.is_verbless and frame.clause.opener == "that":
        # "they search for a ship that may have sent the drones over the airport"
        return any(clause.first("react") for clause in rest)
    if frame.clause.opener != "after":
        # "demands a report on the drone that fell": the object is the reaction's, not the event's
        thing = frame.object_hit
        holder = next(
            (c for c in rest if thing is not None and c.start <= thing.start < c.end), None
        )
        return bool(
            holder and holder.first("react", "policy", "arrested") and not holder.first(*_BREAKING)
        )
    if any(clause.first(*_BREAKING) for clause in rest):
        return False
    return any(clause.first(*_REACTION) for clause in rest)
