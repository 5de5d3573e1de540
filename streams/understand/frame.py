"""Frames: an object, what it did, and where, within one sentence. Pure.

A frame is what a kind of event is tested on. Its roles are filled from the clause that holds the
action, then from neighbouring clauses of the same sentence, then from the title.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.catalog.concepts import ACTIONS, AGGRESSORS, OBJECTS, WATCHED
from streams.understand.elsewhere import is_its_fire
from streams.understand.lexicon import Hit
from streams.understand.presupposed import (
    COMING,
    attacked,
    is_answered_for,
    is_charged,
    is_condemned,
    is_overflown,
    is_presupposed,
    is_somebodys,
)
from streams.understand.sentence import Clause, Line
from streams.understand.thing import choose_object, mark_owner, sites_of
from streams.understand.verbless import is_beside_site, stands_in

_SITES = ("airport", "base", "critical")
#: What a town is in a headline whose traffic stands still.
_HALTED = ("location", "speaker", "nominal", "territory")
#: What a violation's sentence names besides: what is sought, who goes up, who says so.
_BESIDES = ("wreckage", "troops", "jet", "plane")
_TRAFFIC = frozenset((*_SITES, "airspace"))


@dataclass(slots=True)
class Frame:
    """One candidate event."""

    line: Line
    clause: Clause
    what: str  #: drone, missile, aircraft, …, unknown
    object_hit: Hit | None
    action_hit: Hit | None
    actions: set[str]
    sites: set[str] = field(default_factory=set)
    is_wreckage: bool = False
    is_nominal: bool = False  #: only an event noun, no verb
    is_definite: bool = False  #: dated, definite, or with a named owner
    is_event_noun: bool = False  #: the noun stands there: "the intrusion"
    is_verbless: bool = False  #: only an object and a place
    is_own: bool = False
    has_hostile: bool = False
    has_unidentified: bool = False
    actor: str | None = None
    origin: str | None = None
    model: str | None = None
    is_dated: bool = False  #: a day stands in the clause
    borrowed: tuple[str, ...] = ()  #: roles that came from outside the clause

    @property
    def markers(self) -> set[str]:
        """Return the markers that stand beside the object."""
        marks = {"hostile"} if self.has_hostile else set()
        return marks | ({"unidentified"} if self.has_unidentified else set())


def frames_of(line: Line, others: list[Line], dates: list[int]) -> list[Frame]:
    """Return the sentence's candidate events, in order.

    Args:
        line: The sentence.
        dates: Offsets of the sentence's dates.
        others: Where an object may be named that the sentence leaves out: the title for the lead,
            the lead for the title, nothing for the body.
    """
    found: list[Frame] = []
    for clause in line.clauses:
        days = [at for at in dates if clause.start <= at < clause.end]
        frame = _frame(line, clause, others, days)
        if frame is not None:
            frame.is_dated = bool(days)
            found.append(frame)
    return found


def _frame(line: Line, clause: Clause, others: list[Line], days: list[int]) -> Frame | None:
    action_hits = [
        hit
        for hit in clause.all(*ACTIONS, "incursion")
        if not (_is_spared(hit, clause, line) or _is_on_the_road(hit, clause, line))
    ]
    objects = clause.all(*OBJECTS)
    actions = {c for hit in action_hits for c in hit.concepts if c in ACTIONS or c == "incursion"}
    borrowed: list[str] = []
    if not objects and not actions:
        return None
    if not objects:
        objects = _borrow_objects(line, clause, others)
        if actions <= {"sighted", "strike"} and _is_fires(line, clause, objects):
            return None
        if actions <= {"sighted"} and not objects and is_its_fire(line, others):
            return None
        borrowed.append("object")
        if not objects and not actions & {"enter", "flew", "tracked", "found", "strike", "crash"}:
            objects = _named_elsewhere(others)
    if (
        objects
        and all(hit.says("flyer") for hit in objects)
        and actions & {"crash", "strike", "found"}
    ):
        marked = not actions <= {"found"} or any(_is_marked(other) for other in others)
        # "the device that fell": the title's drone, or what the sentence goes on to say it was
        objects = (
            _identified(line, objects[0]) or (_named_elsewhere(others) if marked else []) or objects
        )
    elif (
        not borrowed
        and "closed" in actions
        and not any(hit.says("drone", "balloon") for hit in objects)
    ):
        # "planes diverted because of drones": the planes are not what came
        named = [h for c in line.clauses for h in c.all("drone", "balloon")]
        is_strange = clause.first("unidentified") is not None
        objects = named or (objects if is_strange else [])
    is_only_sought = actions & {"violate", "incursion"} and clause.first("airspace", "our")
    if is_only_sought and objects and all(hit.says(*_BESIDES) for hit in objects):
        # "Russia violates Polish airspace: the army looks for debris"; its own jets go up
        objects = [hit for hit in objects if hit.says("jet", "plane") and "object" not in borrowed]
    if not objects:
        return _objectless(line, clause, actions, action_hits, is_dated=bool(days))
    is_verbless = False
    if not actions:
        if closed := _closed_because(line, clause):
            actions, action_hits = {"closed"}, [closed]
            borrowed.append("action")
        elif any(stands_in(line, clause, one) for one in objects) or is_beside_site(
            line, clause, objects[0]
        ):
            if all(h.says("flyer") for h in objects) and not (
                _is_marked(line) or _is_airborne(line, clause)
            ):
                return None  # "a suspicious object near Zamość": nothing flew
            crossed = all(hit.says("troops") for hit in objects) and clause.first("soil")
            actions, is_verbless = {"enter" if crossed else "over"}, True
        elif struck := attacked(line, clause, objects):
            actions, action_hits = {"strike"}, [struck]
        elif is_presupposed(line, clause, objects[0], days):
            actions = {"incursion"}
        else:
            return None
    frame = Frame(
        line,
        clause,
        "unknown",
        None,
        action_hits[0] if action_hits else None,
        actions,
        is_verbless=is_verbless,
        borrowed=tuple(borrowed),
    )
    frame.sites = sites_of(line)
    if "closed" in actions or (actions & {"sighted", "flew"} and line.field.name != "title"):
        frame.sites |= {site for other in others for site in sites_of(other)}
    if (
        "closed" in actions
        and not frame.sites & _TRAFFIC
        and _stops_traffic(line, clause, objects[0])
    ):
        frame.sites.add("airport")
    choose_object(frame, line, objects)
    _choose_action(frame, action_hits)
    frame.is_nominal = not is_verbless and actions <= {"incursion"}
    _mark_definite(frame, line)
    if "wreckage" in _says(objects):
        frame.is_wreckage = True
    return frame


def _is_airborne(line: Line, clause: Clause) -> bool:
    """Tell whether a thing beside a place is said to be above it, or is seen to by somebody."""
    if line.first("airspace", "react", "scramble", "airport", "base", "critical", "our", "many"):
        return True
    return any(part.role in ("over", "into") or part.part == "territory" for part in clause.parts)


def _is_marked(line: Line) -> bool:
    """Tell whether a sentence names an armed object, or whose it is."""
    if line.first("hostile") is not None:
        return True
    return any(p.part in ("owner", "origin") and p.country not in WATCHED for p in line.parts)


def _is_fires(line: Line, clause: Clause, objects: list[Hit]) -> bool:
    """Tell whether what was seen is the fire of a strike elsewhere: "…, the blaze was seen in X"."""
    for other in line.clauses:
        if other is clause or not any(other.start <= hit.start < other.end for hit in objects):
            continue
        here = any(p.country in WATCHED and p.part == "location" for p in other.parts)
        if other.first("strike", "attack") and not here:
            return True
    return False


def _named_elsewhere(others: list[Line]) -> list[Hit]:
    """Return the object that title or lead name for a sentence that leaves it out."""
    told = [c for other in others for c in other.clauses if c.opener not in ("if", "against")]
    told = [c for c in told if not c.first("may", "will")]
    return [hit for c in told for hit in c.all(*COMING) if not _is_negated(hit, c)][:1]


def _identified(line: Line, thing: Hit) -> list[Hit]:
    """Return what the sentence goes on to say that a thing in the air was."""
    behind = [c for c in line.clauses if c.end > thing.end and not c.first(*ACTIONS)]
    named = (hit for c in behind for hit in c.all(*COMING) if not _is_negated(hit, c))
    return [hit for hit in named if hit.start > thing.start][:1]


def _is_negated(thing: Hit, clause: Clause) -> bool:
    """Tell whether a negation stands right before an object: "no drone but a rocket"."""
    return any(0 <= thing.start - negation.end <= 1 for negation in clause.all("not"))


def _is_spared(hit: Hit, clause: Clause, line: Line) -> bool:
    """Tell whether an object was not shot down: that leaves its crossing untouched."""
    if not hit.says("shot_down"):
        return False
    if hit.says("not") or any(
        other.start <= hit.start and hit.end <= other.end for other in clause.all("reassure")
    ):
        return True
    for negation in clause.all("not"):
        between = line.field.folded[negation.end : hit.start].split()
        if negation.end <= hit.start and len(between) <= 2 and len(negation.concepts) == 1:
            return True
    return False


def _is_on_the_road(hit: Hit, clause: Clause, line: Line) -> bool:
    """Tell whether what is closed is a border crossing, in answer to what another clause tells."""
    return (
        hit.says("closed")
        and clause.first("border") is not None
        and clause.first("airport", "airspace") is None
        and any(other.first(*ACTIONS) for other in line.clauses if other is not clause)
    )


def _says(hits: list[Hit]) -> set[str]:
    return {concept for hit in hits for concept in hit.concepts}


def _borrow_objects(line: Line, clause: Clause, others: list[Line]) -> list[Hit]:
    """Return the objects of the nearest clause of the sentence, earlier ones first.

    "It flew over villages, and a missile would have come down": that is the title's drone.
    """
    above = _named_elsewhere(others)
    index = line.clauses.index(clause)
    order = list(reversed(line.clauses[:index])) + line.clauses[index + 1 :]
    for other in order:
        if other.opener in ("if", "against"):
            continue
        objects = other.all(*OBJECTS)
        if objects and above and other.start > clause.start and other.first("suspected", "may"):
            return above
        if objects:
            return objects
    return []


def _stops_traffic(line: Line, clause: Clause, thing: Hit) -> bool:
    """Tell whether a headline has drones bring a city to a halt: "Munich: 3,000 stranded by drones"."""
    is_strange = thing.says("flyer") and clause.first("unidentified") is not None
    if not (is_strange or thing.says("drone", "balloon")):
        return False
    if line.field.name != "title" or not line.holds(thing):
        return False
    towns = [
        p for p in line.parts
        if p.country in WATCHED and p.part in _HALTED and (p.place or p.hit.term.form == "capital")
    ]  # fmt: skip
    # "diverted from Munich to Nuremberg"
    towns += [p for p in clause.parts if p.place and p.part == "origin" and p.country in WATCHED]
    caused = any(c.opener == "after" and c.first("drone", "balloon") for c in line.clauses)
    # "Unloading stopped in Zeebrugge: four drones"
    apart = not clause.start <= thing.start < clause.end
    before = thing.start < min(h.start for h in clause.all("closed"))
    return bool(towns) and (caused or apart or before)


def _closed_because(line: Line, clause: Clause) -> Hit | None:
    """Return a traffic stop elsewhere in the sentence when this clause names its cause."""
    for other in line.clauses:
        if (
            other is not clause
            and (hit := other.first("closed"))
            and ("airport" in sites_of(line) or line.first("airspace"))
        ):
            return hit
    return None


def _objectless(
    line: Line, clause: Clause, actions: set[str], hits: list[Hit], *, is_dated: bool
) -> Frame | None:
    """Return a frame without object: "airspace violation", or a dated intrusion at a place."""
    if actions == {"sighted"} and line.first("react") and is_overflown(line):
        over = Frame(line, clause, "unknown", None, hits[0], actions, sites=sites_of(line))
        over.has_unidentified = over.is_nominal = True
        return over  # "overflight of the power station: the minister wants answers"
    if actions <= {"crash", "strike", "sighted", "flew"} and is_answered_for(line, hits[0]):
        actions = {"incursion"}  # "after the fall at Galați, Bucharest summons Russia's envoy"
    territory = line.first("airspace", "waters", "our", "home", "nato_state")
    names_air = territory is not None or any(hit.says("airspace") for hit in hits)
    names_air = names_air or "airspace" in hits[0].term.text
    is_sited = any(p.place and p.country in WATCHED and p.part == "location" for p in clause.parts)
    is_told = names_air or (is_dated and is_sited) or is_condemned(line)
    noun = next((hit for hit in hits if hit.says("incursion", "violate")), hits[0])
    is_told = is_told or is_answered_for(line, noun) or (is_dated and is_charged(line))
    if not actions & {"violate", "incursion"} or not is_told:
        return None
    frame = Frame(
        line, clause, "unknown", None, hits[0], actions, is_nominal=actions <= {"incursion"}
    )
    mark_owner(frame, clause.parts, None)
    if not frame.has_hostile:
        for part in line.parts:
            if part.country in AGGRESSORS and part.part in ("nominal", "speaker", "owner", "event"):
                frame.has_hostile, frame.actor = (
                    True,
                    "russia" if part.country == "RU" else "belarus",
                )
    deed = next((hit for hit in hits if hit.says("violate", "incursion")), hits[0])
    if is_somebodys(line, deed, is_dated=is_dated):
        frame.has_unidentified = True  # what it was is left out; that it crossed is not
    if frame.has_hostile and (line.first("airspace") or territory):
        frame.what = "aircraft" if line.first("airspace", "our", "home") else "unknown"
    _mark_definite(frame, line)
    return frame


def _choose_action(frame: Frame, hits: list[Hit]) -> None:
    order = (
        "shot_down",
        "violate",
        "enter",
        "crash",
        "strike",
        "found",
        "incursion",
        "closed",
        "sighted",
        "tracked",
        "flew",
    )
    for name in order:
        hit = next((h for h in hits if h.says(name)), None)
        if hit is not None:
            frame.action_hit = hit
            return


def _mark_definite(frame: Frame, line: Line) -> None:
    """A named owner, an action with a place, or a day makes an event noun a definite one."""
    frame.is_event_noun = frame.action_hit is not None and frame.action_hit.says("incursion")
    frame.is_definite = bool(
        frame.actor or frame.origin or frame.clause.parts or line.first("again")
    )
