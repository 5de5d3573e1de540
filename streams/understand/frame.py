"""Frames: an object, what it did, and where, within one sentence. Pure.

A frame is what a kind of event is tested on. Its roles are filled from the clause that holds the
action, then from neighbouring clauses of the same sentence, then from the title.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.catalog.concepts import ACTIONS, AGGRESSORS, OBJECTS, WATCHED
from streams.understand.lexicon import Hit
from streams.understand.sentence import Clause, Line, Part

_SITES = ("airport", "base", "critical")
_WATERS = ("waters", "our", "home")
_WHAT = {
    "drone": "drone", "missile": "missile", "jet": "aircraft", "plane": "aircraft",
    "helicopter": "helicopter", "balloon": "balloon", "ship": "ship", "troops": "troops",
    "wreckage": "unknown", "flyer": "unknown",
}  # fmt: skip
_NEAR_CHARS = 40


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
        frame = _frame(line, clause, others, dates)
        if frame is not None:
            found.append(frame)
    return found


def _frame(line: Line, clause: Clause, others: list[Line], dates: list[int]) -> Frame | None:
    action_hits = [
        hit for hit in clause.all(*ACTIONS, "incursion") if not _is_spared(hit, clause, line)
    ]
    objects = clause.all(*OBJECTS)
    actions = {c for hit in action_hits for c in hit.concepts if c in ACTIONS or c == "incursion"}
    borrowed: list[str] = []
    if not objects and not actions:
        return None
    if not objects:
        objects = _borrow_objects(line, clause, actions)
        borrowed.append("object")
        if not objects and not actions & {"enter", "flew", "tracked", "found", "strike", "crash"}:
            named = ("drone", "balloon", "missile", "jet")
            objects = [hit for other in others for c in other.clauses for hit in c.all(*named)][:1]
    if not objects:
        return _objectless(line, clause, actions, action_hits)
    is_verbless = False
    if not actions:
        if closed := _closed_because(line, clause):
            actions, action_hits = {"closed"}, [closed]
            borrowed.append("action")
        elif _stands_in(clause, objects[0], line.field.folded):
            actions, is_verbless = {"over"}, True
        elif _came_from(clause, objects[0]) or _is_dated(clause, objects[0], line, dates):
            actions = {"incursion"}  # a definite one: "the drones from Belarus", "Monday's drone"
        elif clause.first("incident") and line.first("react", "article_4", "scramble", "closed"):
            actions = {"incursion"}  # "drone incident: Poland asks for consultations"
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
    _choose_object(frame, line, objects)
    _choose_action(frame, action_hits)
    frame.sites = _sites_of(line) | {
        site for other in others if "closed" in frame.actions for site in _sites_of(other)
    }
    frame.is_nominal = not is_verbless and actions <= {"incursion"}
    _mark_definite(frame, line)
    if "wreckage" in _says(objects):
        frame.is_wreckage = True
    return frame


#: Kinds of places that are sites by themselves: Kastrup is an airport without the word.
_SITE_KINDS = {"airport": "airport", "base": "base", "critical_site": "critical"}


def _sites_of(line: Line) -> set[str]:
    named = {site for site in (*_SITES, *_WATERS) if line.first(site)}
    return named | {_SITE_KINDS[part.kind] for part in line.parts if part.kind in _SITE_KINDS}


def _is_spared(hit: Hit, clause: Clause, line: Line) -> bool:
    """Tell whether an object was not shot down: that leaves its crossing untouched."""
    if not hit.says("shot_down"):
        return False
    if hit.says("not"):
        return True
    for negation in clause.all("not"):
        between = line.field.folded[negation.end : hit.start].split()
        if negation.end <= hit.start and len(between) <= 2 and len(negation.concepts) == 1:
            return True
    return False


def _says(hits: list[Hit]) -> set[str]:
    return {concept for hit in hits for concept in hit.concepts}


def _borrow_objects(line: Line, clause: Clause, actions: set[str]) -> list[Hit]:
    """Return the objects of the nearest clause of the sentence, earlier ones first."""
    index = line.clauses.index(clause)
    order = list(reversed(line.clauses[:index])) + line.clauses[index + 1 :]
    for other in order:
        if other.opener in ("if", "against"):
            continue
        objects = other.all(*OBJECTS)
        if objects:
            return objects
    return []


def _closed_because(line: Line, clause: Clause) -> Hit | None:
    """Return a traffic stop elsewhere in the sentence when this clause names its cause."""
    for other in line.clauses:
        if (
            other is not clause
            and (hit := other.first("closed"))
            and ("airport" in _sites_of(line) or line.first("airspace"))
        ):
            return hit
    return None


def _stands_in(clause: Clause, thing: Hit, folded: str) -> bool:
    """Tell whether a watched place right beside the object says where it is: "drones over Riga"."""
    for part in clause.parts:
        is_here = part.part in ("location", "territory") or (part.part == "origin" and part.place)
        if not is_here or part.country not in WATCHED:
            continue  # "the Galați drone" came down there: it does not come from there
        is_site = part.head is not None and part.head.says(*_SITES)
        says_where = is_site or part.place is not None or part.role in ("in", "into", "over", "at")
        if not says_where and part.part != "territory":
            continue
        if part.hit.start < thing.start:  # "Riga: drones", not "In Riga they watch birds by drone"
            if len(folded[part.hit.end : thing.start].split()) <= 1:
                return True
        elif part.hit.start - thing.end <= _NEAR_CHARS:
            return True
    if thing.says("wreckage") and clause.first("locality", *_SITES):
        return True
    if (
        thing.says("drone")
        and clause.first("base", "critical")
        and clause.first("unidentified", "many")
    ):
        return True  # "unknown drones over the nuclear plant tonight", in the home press
    return bool(clause.first("our", "nato_state") and clause.first("airspace", "our", "nato_state"))


def _came_from(clause: Clause, thing: Hit) -> bool:
    """Tell whether the object is said to come from Russia or Belarus: it has come somewhere."""
    return thing.says("drone", "balloon", "missile", "flyer") and any(
        part.part == "origin"
        and part.country in AGGRESSORS
        and abs(part.hit.start - thing.end) < _NEAR_CHARS
        for part in clause.parts
    )


def _is_dated(clause: Clause, thing: Hit, line: Line, dates: list[int]) -> bool:
    """Tell whether a day stands beside the object as its attribute: "Monday's drone"."""
    if not thing.says("drone", "balloon", "missile") or clause.first(
        "exercise", "attack", "procure"
    ):
        return False
    folded = line.field.folded
    for at in dates:
        first, last = min(at, thing.start), max(at, thing.start)
        if clause.start <= at < clause.end and len(folded[first:last].split()) <= 2:
            return True
    return False


def _objectless(line: Line, clause: Clause, actions: set[str], hits: list[Hit]) -> Frame | None:
    """Return a frame without object: only "airspace violation" and the like carry one."""
    territory = line.first("airspace", "waters", "our", "home", "nato_state")
    names_air = territory is not None or any(hit.says("airspace") for hit in hits)
    names_air = names_air or "airspace" in hits[0].term.text
    if not actions & {"violate", "incursion"} or not names_air:
        return None
    frame = Frame(
        line, clause, "unknown", None, hits[0], actions, is_nominal=actions <= {"incursion"}
    )
    _mark_owner(frame, clause.parts, None)
    if not frame.has_hostile:
        for part in line.parts:
            if part.country in AGGRESSORS and part.part in ("nominal", "speaker", "owner", "event"):
                frame.has_hostile, frame.actor = (
                    True,
                    "russia" if part.country == "RU" else "belarus",
                )
    reacts = line.first("react", "article_4") is not None
    if any(
        part.country in WATCHED
        and (
            part.part in ("territory", "location")
            or (reacts and part.part in ("nominal", "speaker"))
        )
        for part in line.parts
    ):
        frame.has_unidentified = True  # what it was is left out; that it crossed is not
    if frame.has_hostile and (line.first("airspace") or territory):
        frame.what = "aircraft" if line.first("airspace", "our", "home") else "unknown"
    _mark_definite(frame, line)
    return frame


def _choose_object(frame: Frame, line: Line, objects: list[Hit]) -> None:
    """Take the most telling object, with its owner and markers."""
    order = {
        name: rank
        for rank, name in enumerate(
            (
                "drone",
                "missile",
                "helicopter",
                "jet",
                "balloon",
                "ship",
                "troops",
                "plane",
                "flyer",
                "wreckage",
            )
        )
    }
    objects = [hit for hit in objects if not _names_base(hit, line)] or objects
    best = min(objects, key=lambda hit: min((order.get(c, 99) for c in hit.concepts), default=99))
    concept = min((c for c in best.concepts if c in order), key=lambda c: order[c])
    if concept == "missile" and any(hit.says("wreckage") for hit in objects):
        frame.is_wreckage = True
    frame.object_hit = best
    frame.what = _WHAT[concept]
    if best.term.text.startswith("model:"):
        frame.model = best.term.text.split(":")[1]
    _mark_owner(frame, [part for clause in line.clauses for part in clause.parts], best)
    for clause in line.clauses:
        for hit in clause.hits:
            if clause is frame.clause or abs(hit.start - best.start) < _NEAR_CHARS:
                if hit.says("hostile", "shadow_fleet") and (
                    hit.term.text.startswith("model:") or abs(hit.start - best.start) < _NEAR_CHARS
                ):
                    frame.has_hostile = True
                    if hit.term.text.startswith("model:") and frame.model is None:
                        frame.model = hit.term.text.split(":")[1]
                if hit.says("unidentified") and abs(hit.start - best.start) < _NEAR_CHARS:
                    frame.has_unidentified = True
    if line.first("stray") and frame.actor is None and any(p.country == "UA" for p in line.parts):
        frame.actor = "ukraine_stray"
    if concept == "flyer" and not frame.borrowed and frame.actions & {"enter", "violate"}:
        frame.has_unidentified = True  # a thing in the air that crosses, and nobody names it
    weak = frame.is_verbless or frame.actions <= {"flew", "over", "sighted", "tracked"}
    if frame.what == "aircraft" and not frame.markers and (concept == "plane" or weak):
        frame.what = "civil"
    is_ours = line.first("our", "airspace", "nato_state") is not None
    if frame.what == "missile" and frame.is_verbless and not frame.markers and not is_ours:
        frame.what = "civil"
    is_guarded = bool(_sites_of(line) & {"base", "critical"})
    if concept == "flyer" and weak and not (frame.markers or frame.borrowed or is_guarded):
        frame.what = "civil"  # "the device was seen at the air show"
    if frame.what == "helicopter" and not frame.markers:
        frame.what = "civil"


def _names_base(hit: Hit, line: Line) -> bool:
    """Tell whether an object only says whose base it is: "base des sous-marins"."""
    if not hit.says("ship", "jet", "plane", "helicopter", "missile"):
        return False
    folded = line.field.folded
    for base in (found for clause in line.clauses for found in clause.all("base")):
        first, last = sorted((base, hit), key=lambda one: one.start)
        if first.end <= last.start and len(folded[first.end : last.start].split()) <= 1:
            return True
    return False


def _mark_owner(frame: Frame, parts: list[Part], thing: Hit | None) -> None:
    owners = {
        part.country
        for part in parts
        if part.part == "owner" and part.head is thing and thing is not None
    }
    if owners and owners <= WATCHED:
        frame.is_own = True  # the state's own, whoever else the sentence names
        return
    for part in parts:
        near = thing is None or abs(part.hit.start - thing.start) < 60
        if part.part == "owner" and (thing is None or part.head is thing or near):
            if part.country in AGGRESSORS:
                frame.has_hostile = True
                frame.actor = "russia" if part.country == "RU" else "belarus"
            elif part.country == "UA":
                frame.actor = frame.actor or "ukraine_stray"
        if part.part == "origin" and part.country in (*AGGRESSORS, "UA"):
            frame.origin = part.country
            if part.country in AGGRESSORS:
                frame.has_hostile = True
        if part.part == "nominal" and part.country in AGGRESSORS and near:
            frame.has_hostile = True
            frame.actor = frame.actor or ("russia" if part.country == "RU" else "belarus")
    if frame.has_hostile:
        frame.is_own = False


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
