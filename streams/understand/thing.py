"""What crossed, and whose it is: the object of a frame, its owner, its markers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.catalog.concepts import AGGRESSORS, WATCHED
from streams.understand.lexicon import Hit
from streams.understand.sentence import PASSING, VOICES, Line, Part

if TYPE_CHECKING:
    from streams.understand.frame import Frame

_SITES = ("airport", "base", "critical")
_WATERS = ("waters", "our", "home", "soil")
_WHAT = {
    "drone": "drone", "missile": "missile", "jet": "aircraft", "plane": "aircraft",
    "helicopter": "helicopter", "balloon": "balloon", "ship": "ship", "troops": "troops",
    "wreckage": "unknown", "flyer": "unknown",
}  # fmt: skip
_NEAR_CHARS = 40

#: Kinds of places that are sites by themselves: Kastrup is an airport without the word.
SITE_KINDS = {"airport": "airport", "base": "base", "critical_site": "critical"}


def sites_of(line: Line) -> set[str]:
    """Return the sites that a sentence names: by a word (airport, base, waters), or by a place's kind."""
    named = {site for site in (*_SITES, *_WATERS, "airspace") if line.first(site)}
    return named | {SITE_KINDS[part.kind] for part in line.parts if part.kind in SITE_KINDS}


def choose_object(frame: Frame, line: Line, objects: list[Hit]) -> None:
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
    if "shot_down" in frame.actions:  # the jets are what shot
        jets = {hit.start for hit in objects if hit.says("jet", "helicopter")}
        objects = [hit for hit in objects if hit.start not in jets] or objects
    best = min(objects, key=lambda hit: min((order.get(c, 99) for c in hit.concepts), default=99))
    concept = min((c for c in best.concepts if c in order), key=lambda c: order[c])
    if concept == "missile" and any(hit.says("wreckage") for hit in objects):
        frame.is_wreckage = True
    frame.object_hit = best
    frame.what = _WHAT[concept]
    if best.term.text.startswith("model:"):
        frame.model = best.term.text.split(":")[1]
    mark_owner(frame, line.parts if line.holds(best) else _without_names(line.parts), best)
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
    # "the craft that crossed the Bug"
    is_own_clause = not frame.borrowed or frame.clause.opener == "that"
    if concept == "flyer" and is_own_clause and frame.actions & {"enter", "violate"}:
        frame.has_unidentified = True  # a thing in the air that crosses, and nobody names it
    if not frame.is_own and _is_called_to_account(frame, line):
        frame.has_hostile = True  # "a note to Russia's diplomat over the planes' intrusion"
    is_wreck = any(hit.says("wreckage") for hit in objects)
    if is_wreck and line.first("incursion"):
        frame.has_unidentified = True  # "debris found after Tuesday's intrusion"
    weak = frame.is_verbless or frame.actions <= PASSING
    known = bool(frame.actor or frame.origin or frame.model or frame.has_unidentified)
    if frame.what == "aircraft" and not frame.markers and (concept == "plane" or weak):
        frame.what = "civil"
    is_ours = line.first("our", "airspace", "nato_state") is not None
    if frame.what == "missile" and frame.is_verbless and not (frame.markers or is_ours or is_wreck):
        frame.what = "civil"
    is_guarded = bool(frame.sites & {"base", "critical"})
    if concept == "flyer" and weak and not (frame.markers or frame.borrowed or is_guarded):
        frame.what = "civil"  # "the device was seen at the air show"
    if concept == "plane" and frame.is_verbless and line.first("other_hostile"):
        frame.what = "civil"  # "planes without GPS near Constanța: the Russian jamming"
    if frame.what == "helicopter" and (not frame.markers or (weak and not known)):
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


def _is_called_to_account(frame: Frame, line: Line) -> bool:
    """Tell whether a sentence calls Russia or Belarus to account over an intrusion, or "our" land."""
    if line.first("react", "accuse") is None:
        return False
    is_ours = line.first("our") is not None
    return (is_ours or "incursion" in frame.actions) and any(
        part.country in AGGRESSORS and (is_ours or part.part in (*VOICES, "target"))
        for part in line.parts
    )


def _without_names(parts: list[Part]) -> list[Part]:
    """Return the parts without bare names of states: of a thing named elsewhere they say nothing."""
    return [part for part in parts if part.part not in ("nominal", "speaker")]


def mark_owner(frame: Frame, parts: list[Part], thing: Hit | None) -> None:
    """Note whose object it is, where it came from, and whether that makes it hostile.

    Args:
        frame: Whose `is_own`, `has_hostile`, `actor`, `origin` are set.
        parts: Of the whole sentence.
        thing: The object; None when the sentence names none.
    """
    owners = {
        part.country
        for part in parts
        if part.part == "owner"
        and part.head is thing
        and thing is not None
        and not any(one.place and one.hit.start == part.hit.start for one in parts)
    }  # "the Galați drone" came down there
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
        is_navys = part.part == "speaker" and frame.what == "ship"  # "of the Russian navy"
        is_its = part.part in ("nominal", "event") or is_navys
        if is_its and part.country in AGGRESSORS and near:
            frame.has_hostile = True
            frame.actor = frame.actor or ("russia" if part.country == "RU" else "belarus")
    if frame.has_hostile:
        frame.is_own = False
