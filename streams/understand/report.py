"""Frames into reports: kind, territory, time, realis, prominence, certainty. Pure.

A frame that does not become a report is kept as a near miss with the gate that closed, so that
`explain` can name it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from streams.catalog.concepts import ACTIONS, AGGRESSORS, OBJECTS, WATCHED
from streams.catalog.events import EventKind, Events
from streams.catalog.languages import Language
from streams.records import Freshness, Report, Span, Status, Territory, Thing, When, content_id
from streams.understand.dating import date_event
from streams.understand.elsewhere import felt_from_afar, on_other_side
from streams.understand.frame import Frame
from streams.understand.gates import Gate
from streams.understand.ladder import GUESSED, STEPS, Found, Setting
from streams.understand.number import count_of, has_own_number
from streams.understand.place import resolve
from streams.understand.realis import closed_gate
from streams.understand.sentence import PASSING, VOICES, Clause, Line
from streams.understand.waters import is_beyond_waters
from streams.understand.whatif import AS_IT_IS, WhatIf
from streams.understand.when import Date

#: Where in the article a frame stands, from the most to the least prominent.
PROMINENCE = ("title", "lead", "item", "body")
_CERTAINTY = {"title": 1.0, "lead": 0.95, "item": 0.85, "body": 0.6}
#: Drones by the hundred are a night over Ukraine, never one over a watched state.
_MAX_COUNT = 100
_NEAR_TOP = 8  # sentences
#: Steps of the ladder that need no guess.
_FIRM_STEPS = ("clause", "sentence", "title_lead", "institution")
_EVENTS = ("incursion", "incident", "attack")
_CALMING = ("false_alarm", "nothing_seen", "past", "exercise", "policy", "off_topic", "procure")
#: What is done to some of the things that came: their number is not the number that came.
_PARTIAL = frozenset({"shot_down", "found"})
#: Gates that close because it was not so, and what that makes of an incident already told.
WITHDRAWING: dict[str, Status] = {
    "denial": "denied",
    "nothing_seen": "denied",
    "false_alarm": "false_alarm",
}


BACKGROUND = Gate("background", "told in the body only, as background")


@dataclass(slots=True)
class Candidate:
    """A frame with everything that was decided about it."""

    frame: Frame
    prominence: str
    kind: EventKind | None = None
    action: str = ""
    found: Found | None = None
    happened: When | None = None
    freshness: Freshness = "undated"
    gate: Gate | None = None
    is_follow_up: bool = False
    is_consequence: bool = False  #: joins at most
    is_buried: bool = False  #: news of the last days that only the body tells
    certainty: float = 0.0
    count: tuple[int | None, int | None] = (None, None)
    is_part: bool = False  #: the count is of those shot down or found


def judge(
    frame: Frame,
    prominence: str,
    events: Events,
    language: Language,
    setting: Setting,
    published: datetime,
    heads: list[Line],
    dates: list[Date],
    what_if: WhatIf = AS_IT_IS,
) -> Candidate:
    """Return what becomes of a frame: every gate tried in order, the first closed one kept."""
    let = what_if.let
    what_if.fill(frame)
    prominence = "lead" if what_if.is_lead else prominence
    candidate = Candidate(frame, prominence)
    line, clause = frame.line, frame.clause
    fitting = events.fitting(
        frame.what, frame.actions, frame.sites, frame.is_wreckage, frame.markers
    )
    if fitting is None:
        candidate.gate = Gate(
            "not_told", f"no event kind has {frame.what} with {', '.join(sorted(frame.actions))}"
        )
        return candidate
    candidate.kind, candidate.action = fitting
    if candidate.action == "shot_down" and _was_only_fired_at(clause):
        candidate.action = "fired"
    candidate.gate = closed_gate(frame, line, clause, heads, setting.lead, what_if.open)
    candidate.found = found = resolve(
        line, clause, frame.action_hit, setting, is_verbless=frame.is_verbless
    )
    if what_if.country is not None:
        candidate.found = found = Found("clause", what_if.country)
    candidate.count = count_of(frame, language)
    candidate.is_part = candidate.action in _PARTIAL and not has_own_number(frame, language)
    date_event(candidate, dates, setting, published, heads)
    if what_if.is_fresh:
        happened = When(start=published, end=published, precision="day")
        candidate.happened, candidate.freshness = happened, "fresh"
        candidate.is_follow_up = candidate.is_consequence = False
    if candidate.gate is None:
        candidate.gate = let(_place_gate(candidate, found, setting))
    if candidate.gate is None and candidate.freshness in ("past",):
        candidate.gate = let(Gate("past", "the event is older than thirty days"))
    if candidate.gate is None and prominence == "body" and not _is_named_above(candidate, setting):
        candidate.is_buried = _is_news(candidate)
        if not candidate.is_buried:
            candidate.gate = let(BACKGROUND)
    candidate.certainty = round(
        STEPS.get(found.step, 0.5) * _CERTAINTY[prominence] * (0.8 if frame.borrowed else 1.0)
        * (0.85 if clause.first("suspected") else 1.0) * (0.8 if frame.is_verbless else 1.0), 3,
    )  # fmt: skip
    return candidate


def _was_only_fired_at(clause: Clause) -> bool:
    """Tell whether what was done to it need not have brought it down: "opened fire on a drone"."""
    fired = {(hit.start, hit.end) for hit in clause.all("fired")}
    return all((hit.start, hit.end) in fired for hit in clause.all("shot_down")) and bool(fired)


def _is_news(candidate: Candidate) -> bool:
    """Tell whether the body tells an event of the last three days with its day and its place."""
    happened, found = candidate.happened, candidate.found
    return bool(
        happened and found and happened.precision == "day"
        and candidate.freshness == "fresh" and found.step != "only_country"
    )  # fmt: skip


def _is_named_above(candidate: Candidate, setting: Setting) -> bool:
    """Tell whether a dated event of the body is what the title is about: its object or its land."""
    happened, title, found = candidate.happened, setting.title, candidate.found
    if happened is None or title is None or found is None:
        return False
    if _is_withheld(candidate, setting):
        return True
    if happened.precision == "assumed":
        # a feature that opens on a village: its title names the place, its text the event
        near_top = candidate.frame.line.number < _NEAR_TOP
        named = any(part.place and part.country == found.country for part in title.parts)
        return (
            near_top
            and named
            and found.step in ("clause", "sentence")
            and not candidate.frame.borrowed
        )
    thing = candidate.frame.object_hit
    concepts = [c for c in thing.concepts if c != "hostile"] if thing else []
    same_object = bool(concepts) and title.first(*concepts) is not None
    same_land = any(part.country == found.country for part in title.parts)
    if same_land and title.first("incident", "incursion"):
        return True  # "after the December incidents": the text says which
    return same_object and (same_land or not any(part.country in WATCHED for part in title.parts))


def _is_withheld(candidate: Candidate, setting: Setting) -> bool:
    """Tell whether title and lead keep back what happened, and an authority tells it soon after.

    "A bang, then the field burned": the text has the drone, the village, and who confirms it.
    """
    line, found = candidate.frame.line, candidate.found
    if line.number >= _NEAR_TOP or found is None or found.step not in _FIRM_STEPS:
        return False
    if line.first("confirm", "official") is None or candidate.frame.borrowed:
        return False
    above = [setting.title, *setting.lead] if setting.title else setting.lead
    foreign = any(p.country and p.country not in WATCHED for one in above for p in one.parts)
    told = any(one.first(*OBJECTS, *_EVENTS, *_CALMING) for one in above)
    core = candidate.frame.actions & {"crash", "strike", "found", "shot_down", "enter", "violate"}
    if "incursion" in candidate.frame.actions and candidate.frame.has_hostile:
        core = {"incursion"}  # "the army confirmed that it was a drone from Belarus"
    seen = candidate.frame.actions & {"sighted", "flew", "over"} and candidate.frame.sites
    return bool(core or seen) and not foreign and not told and candidate.freshness != "past"


def _place_gate(candidate: Candidate, found: Found, setting: Setting) -> Gate | None:
    frame = candidate.frame
    if found.step == "other":
        return Gate(
            "other_theatre",
            f"the event is in {found.country}",
            found.part.hit if found.part else None,
        )
    if found.country is None and found.step != "nato_state":
        return Gate("no_territory", found.why or "no step of the ladder names a watched state")
    if (candidate.count[0] or 0) > _MAX_COUNT:
        return Gate("other_theatre", "drones by the hundred are told of Ukraine")
    if (
        found.step in ("publisher", "language")
        and frame.what not in ("drone", "balloon", "missile")
        and not (frame.markers or frame.is_wreckage)
    ):
        return Gate("no_territory", "no country, and nothing marks the object as foreign")
    if found.step == "language" and "found" in frame.actions and not frame.markers:
        if frame.what == "balloon":
            return Gate("no_territory", "a balloon that nothing marks as foreign")
        is_sited = frame.is_wreckage or frame.sites or frame.line.first("locality", "official")
        if not is_sited:
            return Gate("no_territory", "no country, and a drone may have been the finder")
    if frame.actions <= {"closed"} and (attack := frame.line.first("attack")):
        elsewhere = [p for p in frame.line.parts if p.country and p.country not in WATCHED]
        if any(p.country not in AGGRESSORS for p in elsewhere):
            return Gate("other_theatre", "traffic stopped for an attack elsewhere", attack)
    weak_step = found.step in GUESSED
    if frame.object_hit is None and frame.line.sentence.is_question and weak_step:
        return Gate("no_territory", "asks about violations at large")
    if frame.actions <= {"flew", "tracked"} and weak_step and not frame.clause.first("home", "our"):
        return Gate("no_territory", "flies, and nothing says that it is here")
    if attack := felt_from_afar(frame, setting.title):
        return Gate("other_theatre", "only the attack elsewhere was seen, heard or felt", attack)
    if is_beyond_waters(frame.line) and not frame.clause.first("airspace", "our", "home"):
        return Gate("near_border", "farther off than territorial waters reach")
    if found.step == "sentence" and (beyond := on_other_side(frame)):
        return Gate("near_border", "on the other side, heard or seen from here", beyond)
    here = [p for p in frame.line.parts if p.country == found.country and p.part == "location"]
    passes = frame.what == "aircraft" and frame.actions <= PASSING
    passes = passes and frame.line.first("react", "article_4") is None
    inside = any(p.part == "territory" and p.role != "near" for p in frame.clause.parts)
    if passes and here and all(p.role == "near" for p in here) and not inside:
        return Gate("intercept_without_violation", "passed by, beside its land", here[0].hit)
    beside = next(
        (
            p
            for p in frame.line.parts
            if p.part in ("border", "near") and p.country in WATCHED and p.place is None
        ),
        None,
    )
    is_inside = any(
        p.part in ("location", "territory") and p.country == found.country for p in frame.line.parts
    )
    outside = {"strike", "crash", "over", "sighted", "flew", "shot_down"}
    if (
        beside is None
        or is_inside
        or frame.is_wreckage
        or (frame.sites and not frame.actions & {"strike", "crash"})
        or not frame.actions & outside
    ):
        return None
    if "near" in (beside.part, beside.role) or frame.line.first("near"):
        return Gate("near_border", "beside the border, on the other side", beside.hit)
    return None


def report_of(
    candidate: Candidate, base: Report, ordinal: int, setting: Setting, places: dict[str, object]
) -> list[Report]:
    """Return the reports of a candidate: one per watched country it names.

    Args:
        candidate: One that passed all gates, or one that withdraws (`WITHDRAWING`): that gives
            reports which only attach to an incident, and say that it was not so.
        base: A report with the article's own fields filled.
        ordinal: Number of the candidate in its article.
        setting: For the steps that look at the article.
        places: Gazetteer rows by id.
    """
    frame, found, kind = candidate.frame, candidate.found, candidate.kind
    assert found is not None and kind is not None and candidate.happened is not None
    made: list[Report] = []
    line = frame.line
    withdrawn = WITHDRAWING[candidate.gate.name] if candidate.gate else None
    targets = [(found.country, found.part), *((part.country, part) for part in found.also)]
    # How many came to two states together is not how many came to either.
    low, high = candidate.count if len(targets) == 1 else (None, None)
    for country, part in targets:
        row = places.get(part.place) if part is not None and part.place else None
        territory = Territory(
            country=country if country in WATCHED else None,
            place=part.place if part is not None else None,
            place_name=getattr(row, "name", None),
            lat=getattr(row, "lat", None),
            lon=getattr(row, "lon", None),
            step=found.step,
        )
        said = line.first("said", "official")
        made.append(
            replace_report(
                base,
                id=content_id(
                    base.article, base.revision, kind.id, country, territory.place, str(ordinal)
                ),
                kind=kind.id,
                object=Thing(
                    what="unknown" if frame.what == "civil" else frame.what,
                    model=frame.model,
                    is_wreckage=frame.is_wreckage,
                    count_low=low,
                    count_high=high,
                    is_part=candidate.is_part and high is not None,
                ),
                action=candidate.action,
                territory=territory,
                happened=candidate.happened,
                freshness=candidate.freshness,
                realis="denied" if withdrawn else "attributed" if said else "asserted",
                certainty=candidate.certainty,
                rule=f"{kind.id}/{candidate.action}/{found.step}",
                actor=frame.actor or ("unknown" if frame.has_unidentified else None),
                attributed_by=line.field.text[said.start : said.end] if said else None,
                official=_official(line, country, setting, is_denial=withdrawn is not None)
                or (None if withdrawn else _official_above(candidate, setting, country)),
                origin=frame.origin,
                related_countries=tuple(sorted(c for c, _ in targets if c and c != country)),
                follow_up=candidate.is_follow_up,
                attach_only=withdrawn is not None
                or candidate.freshness == "late"
                or candidate.is_consequence,
                status_hint=withdrawn or _status(candidate, line),
                evidence=_evidence(candidate),
            )
        )
    return made


def _official(line: Line, country: str | None, setting: Setting, *, is_denial: bool) -> str | None:
    """Return the country whose authority speaks: in a denial it may be the accused one's."""
    speakers = {p.country for p in line.parts if p.part in VOICES and p.country}
    accused = sorted(speakers & AGGRESSORS)
    if accused and country not in speakers:
        return accused[0] if is_denial else None
    if any(p.part == "speaker" and p.country == country for p in line.parts):
        return country
    if not any(_names_voice(clause) for clause in line.clauses):
        return None
    home = setting.publisher_country
    if home is not None and home not in WATCHED and country not in speakers:
        # "the air force", bare, is that of the paper's own state
        return home if is_denial else None
    return country


def _names_voice(clause: Clause) -> bool:
    """Tell whether a clause names an authority that may speak, not one that a place houses."""
    if clause.opener == "that" and not clause.first("said", "confirm", "deny", *ACTIONS):
        return False
    return clause.first("official", "confirm") is not None


def _official_above(candidate: Candidate, setting: Setting, country: str | None) -> str | None:
    """Return the country whose authority the lead names as the source of what the title tells."""
    if candidate.prominence != "title" or country is None:
        return None
    telling = (
        line
        for line in setting.lead[:2]
        if line.first("said", "confirm") and not line.first("deny", "nothing_seen", "false_alarm")
    )
    told = any(_official(line, country, setting, is_denial=False) for line in telling)
    return country if told else None


def replace_report(base: Report, **changes: object) -> Report:
    """Return the report with changes; msgspec's own replace, typed."""
    import msgspec

    return msgspec.structs.replace(base, **changes)


def _status(candidate: Candidate, line: Line) -> Status:
    if line.first("confirm") and line.first("official"):
        return "confirmed"
    if line.first("suspected"):
        return "claimed"
    return "reported"


def _evidence(candidate: Candidate) -> tuple[Span, ...]:
    frame = candidate.frame
    spans = [frame.line.field.span(frame.line.sentence.start, frame.line.sentence.end)]
    for hit in (frame.object_hit, frame.action_hit):
        if hit is not None and frame.line.sentence.start <= hit.start < frame.line.sentence.end:
            spans.append(frame.line.field.span(hit.start, hit.end))
    if candidate.found and candidate.found.part:
        hit = candidate.found.part.hit
        if frame.line.sentence.start <= hit.start < frame.line.sentence.end:
            spans.append(frame.line.field.span(hit.start, hit.end))
    return tuple(spans)


def without(candidate: Candidate, gate: Gate) -> Candidate:
    """Return the candidate with this gate closed."""
    return replace(candidate, gate=gate)
