"""What a sentence takes for granted: an event that it names, or reacts to, without telling it. Pure.

"Warsaw summons the Russian ambassador over drones" tells of no crossing, and nobody would summon
without one. A reaction, a day beside the object, an origin, an attack's target: each makes the bare
noun a definite one.
"""

from __future__ import annotations

from streams.catalog.concepts import ACTIONS, AGGRESSORS, WATCHED
from streams.understand.lexicon import Hit
from streams.understand.sentence import VOICES, Clause, Line
from streams.understand.thing import SITE_KINDS
from streams.understand.whose import is_elsewhere

_NEAR_CHARS = 40
_BESIDE_WORDS = 2
_COUNTED_WORDS = 3
_DIGITS = 2
_STRUCK = ("location", "attacked", "target", "aim", "territory")
#: Objects that come from somewhere by themselves.
COMING = ("drone", "balloon", "missile", "jet")


def is_presupposed(line: Line, clause: Clause, thing: Hit, days: list[int]) -> bool:
    """Tell whether a clause without a deed takes its object's crossing for granted.

    Args:
        line: The sentence.
        clause: The clause that names the object.
        thing: The object.
        days: Offsets of the days that stand in the clause.
    """
    return (
        _came_from(clause, thing)  # "the drones from Belarus"
        or _is_dated(clause, thing, line, days)  # "Monday's drone"
        # "drone incident: Poland asks for consultations"
        or (
            clause.first("incident") is not None
            and line.first("react", "article_4", "scramble", "closed") is not None
        )
        or _headed(line, clause, thing)
        or _is_reacted_to(line, clause, thing)
    )


def _is_reacted_to(line: Line, clause: Clause, thing: Hit) -> bool:
    """Tell whether a watched state calls Russia or Belarus to account over the bare object."""
    owned = any(
        p.part == "owner" and p.country in AGGRESSORS and p.head is thing for p in line.parts
    )
    comes = thing.says(*COMING) or (owned and thing.says("helicopter", "ship", "plane"))
    if not comes or clause.first("attack", "procure", "technology", "exercise"):
        return False
    reaction = line.first("react", "article_4")
    if reaction is None or any(is_elsewhere(part) for part in line.parts):
        return False
    accused = [part for part in line.parts if part.country in AGGRESSORS]
    index = line.clauses.index(clause)
    head = line.clauses[index - 1] if index else clause
    if head is not clause and line.is_heading(head) and head.first("react"):
        # "Poland wants answers: 19 drones in a night"
        counted = line.field.folded[clause.start : thing.start].split()[-_BESIDE_WORDS:]
        named = any(part.country in WATCHED for part in head.parts)
        return named and (bool(accused) or any(word.isdigit() for word in counted))
    called = line.first("article_4") or accused or thing.says("hostile")
    if not called or not any(part.country in WATCHED for part in line.parts):
        return False
    if clause.opener == "after" or clause.first("home", "our", "many", "airspace"):
        return True
    if owned and line.first("border", "airspace", "waters"):
        return True  # "Belarusian helicopter three km inside the border; Warsaw summons the envoy"
    # "hands a note to Minsk over a stray drone": whom it calls stands before what it is about
    before = [part for part in accused if part.head is not thing and part.hit.end < thing.start]
    return reaction.end < thing.start and bool(before or thing.says("hostile"))


def attacked(line: Line, clause: Clause, objects: list[Hit]) -> Hit | None:
    """Return an attack whose target is a place in a watched state: "drone attack on Vilnius"."""
    hit = clause.first("attack")
    if hit is None or not any(thing.says("drone", "missile") for thing in objects):
        return None
    if any(p.country not in WATCHED and p.part in _STRUCK for p in line.parts):
        return None
    reacts = line.first("react") is not None
    aimed = [
        p for p in clause.parts
        if p.country in WATCHED and p.part in _STRUCK and (p.place or reacts)
    ]  # fmt: skip
    after = [p for p in aimed if 0 <= p.hit.start - hit.end <= _NEAR_CHARS]
    return hit if after else None


def _headed(line: Line, clause: Clause, thing: Hit) -> bool:
    """Tell whether a headline puts a watched state, Russia's object and a reaction side by side."""
    if line.field.name != "title" or not thing.says(*COMING):
        return False
    index = line.clauses.index(clause)
    owned = any(p.part == "owner" and p.country in AGGRESSORS for p in clause.parts)
    if not owned or index == 0 or not any(c.first("react") for c in line.clauses[index + 1 :]):
        return False
    head = line.clauses[index - 1]
    return any(p.country in WATCHED and p.part == "nominal" for p in head.parts) and not head.all(
        *ACTIONS
    )


def _came_from(clause: Clause, thing: Hit) -> bool:
    """Tell whether the object is said to come from Russia or Belarus: it has come somewhere."""
    return thing.says("drone", "balloon", "missile", "flyer") and any(
        part.part == "origin"
        and part.country in AGGRESSORS
        and abs(part.hit.start - thing.end) < _NEAR_CHARS
        for part in clause.parts
    )


def _is_dated(clause: Clause, thing: Hit, line: Line, days: list[int]) -> bool:
    """Tell whether a day stands beside the object as its attribute: "Monday's drone"."""
    if not thing.says("drone", "balloon", "missile") or clause.first(
        "exercise", "attack", "procure"
    ):
        return False
    return any(is_beside(at, thing, line) for at in days)


def is_beside(at: int, thing: Hit, line: Line) -> bool:
    """Tell whether a day at this offset stands right beside the object: "Saturday's drone"."""
    first, last = min(at, thing.start), max(at, thing.start)
    return len(line.field.folded[first:last].split()) <= _BESIDE_WORDS


def is_overflown(line: Line) -> bool:
    """Tell whether a title names a watched site that something flew over."""
    return line.field.name == "title" and any(
        part.kind in SITE_KINDS or (part.place and line.first("critical"))
        for part in line.parts
        if part.country in WATCHED
    )


def is_condemned(line: Line) -> bool:
    """Tell whether an intrusion is told by what others say of it, with who did it, and where.

    "NATO condemns Russia's incursion into Estonia": of what, is left out.
    """
    if line.first("react", "article_4", "fear") is None or any(map(is_elsewhere, line.parts)):
        return False
    accused = any(part.country in AGGRESSORS for part in line.parts)
    return any(
        part.country in WATCHED
        and part.part in ("territory", "location", "event")
        and (accused or part.role == "into")
        for part in line.parts
    )


def is_charged(line: Line) -> bool:
    """Tell whether a watched state calls Russia or Belarus to account: "… after Tuesday's violation"."""
    if line.first("react", "article_4") is None or any(map(is_elsewhere, line.parts)):
        return False
    named = {part.country for part in line.parts}
    return not named.isdisjoint(WATCHED) and not named.isdisjoint(AGGRESSORS)


def is_answered_for(line: Line, deed: Hit) -> bool:
    """Tell whether what happened over a place is one that its state or Russia has to answer for.

    "Night flight over Vardø: Norway asks Moscow"; of what, is left out.
    """
    if line.first("react", "article_4") is None or any(map(is_elsewhere, line.parts)):
        return False
    here = {
        part.country
        for part in line.parts
        if part.country in WATCHED and part.part == "location" and part.role not in (None, "from")
        and part.hit.start - deed.end >= 0
        and len(line.field.folded[deed.end : part.hit.start].split()) <= _BESIDE_WORDS
    }  # fmt: skip
    if not here:
        return False
    accused = any(part.country in AGGRESSORS for part in line.parts)
    own = any(part.country in here and part.part in VOICES for part in line.parts)
    return accused or (own and deed.says("incursion", "violate"))


def is_somebodys(line: Line, noun: Hit, *, is_dated: bool) -> bool:
    """Tell whether a violation without an object is a watched state's: it names no object, but whose.

    Args:
        line: The sentence.
        noun: The violation.
        is_dated: A day stands beside it.
    """
    reacts = line.first("react", "article_4", "scramble") is not None
    clause = next((c for c in line.clauses if c.start <= noun.start < c.end), line.clauses[0])
    blamed = any(part.country in AGGRESSORS and part.head is noun for part in clause.parts)
    # "Finland backs Estonia after the Russian airspace violation"
    reacts = reacts or (clause.opener == "after" and blamed)
    if reacts and line.first("our", "home"):
        return True  # "calls the committee over the violation of our airspace"
    for part in line.parts:
        if part.country in WATCHED:
            if part.part in ("territory", "location", "event"):
                return True
            speaks = part.part in ("person", "speaker") and (
                noun.says("violate") or _is_counted(line, noun)
            )
            if speaks or (part.part in VOICES and (reacts or is_dated)):
                return True  # "Tusk: 19 airspace violations in one night"
    return (
        is_dated
        and line.first("official") is not None
        and (line.first("airspace", "our", "home") is not None)
    )


def _is_counted(line: Line, noun: Hit) -> bool:
    """Tell whether a number of one or two digits stands before the noun."""
    before = line.field.folded[max(line.sentence.start, noun.start - 30) : noun.start].split()
    return any(word.isdigit() and len(word) <= _DIGITS for word in before[-_COUNTED_WORDS:])
