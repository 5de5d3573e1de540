"""Denied or not: a denial must govern the crossing, or all observation of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.catalog.concepts import ACTIONS, AGGRESSORS, OBJECTS
from streams.understand.gates import Above, Gate
from streams.understand.lexicon import Hit
from streams.understand.roles import AND
from streams.understand.sentence import VOICES, Clause, Line

if TYPE_CHECKING:
    from streams.understand.frame import Frame

_NEAR_WORDS = 3
_NO_WORDS = 2
_CLAUSE_WORDS = 6
#: "Without that …", in all languages.
_THAT = frozenset(
    ["att", "at", "dass", "que", "che", "aby", "zeby", "da", "kad", "ka", "et", "hogy"]
)
_BESIDE = 24  # characters


def denied(frame: Frame, line: Line, clause: Clause, above: Above) -> Gate | None:
    """Return the gate that a denial closes, or one that names an innocent cause; else None."""
    nothing = line.first("nothing_seen")
    if nothing and not _is_reassured(clause):
        innocent = line.first("false_alarm")
        if innocent:
            return Gate("false_alarm", "an innocent cause is named", innocent)
        return Gate("nothing_seen", "all observation is denied", nothing)
    negation = _negation_on(frame, line, clause)
    if negation is None and not is_relative(frame, line):
        negation = before_object(frame, line, "not", _NEAR_WORDS)
    if negation:
        return Gate("denial", "a negation governs the crossing", negation)
    false_alarm = line.first("false_alarm") or above.innocent("false_alarm")
    if false_alarm and any(
        is_no(false_alarm, one) or _overlaps(false_alarm, one)
        for one in (line, *above.heads, *above.lead)
    ):
        false_alarm = None  # "these were not boys with toys"
    is_ours = false_alarm is line.first("false_alarm") or false_alarm is above.first("false_alarm")
    comes = frame.what == "balloon" and frame.origin is not None
    if false_alarm and comes and frame.object_hit and false_alarm.end > frame.object_hit.start:
        false_alarm = None  # "a weather balloon from Belarus entered Lithuania"
    if false_alarm and not frame.model and (is_ours or not frame.has_hostile):
        return Gate("false_alarm", "an innocent cause or a hoax is named", false_alarm)
    deny = clause.first("deny")
    if deny is not None and (is_no(deny, line) or _is_restated(deny, frame, clause)):
        return None  # "he did not deny that it was theirs"
    if deny is None and not is_relative(frame, line):
        deny = governing(line, clause, "deny")
    if deny and not _is_reassured(clause):
        deniers = [p.country for p in line.parts if p.part in VOICES]
        moscow = any(country in AGGRESSORS for country in deniers)
        return Gate(
            "denial", "a bare denial by the other side" if moscow else "the event is denied", deny
        )
    return None


def _is_restated(deny: Hit, frame: Frame, clause: Clause) -> bool:
    """Tell whether Moscow denies its part in what "after" takes for granted."""
    at = frame.action_hit.end if frame.action_hit else clause.end
    accused = any(p.country in AGGRESSORS and p.hit.start > at for p in clause.parts)
    return clause.opener == "after" and deny.start > at and accused


def is_relative(frame: Frame, line: Line) -> bool:
    """Tell whether the clause only says which object is meant: "the drone that fell in Latvia"."""
    thing, clause = frame.object_hit, frame.clause
    if thing is None or clause.opener != "that" or thing.end > clause.start:
        return False
    return not line.field.folded[thing.end : clause.start].strip()


def _negation_on(frame: Frame, line: Line, clause: Clause) -> Hit | None:
    """Return the negation that governs the action or the object, if one does."""
    for hit in clause.hits:
        if hit.says("not") and len(hit.concepts) > 1:
            if frame.action_hit is None or hit.start == frame.action_hit.start:
                return hit
        elif hit.says("without"):
            action = frame.action_hit
            if action is not None and hit.end <= action.start:
                words = line.field.folded[hit.end : action.start].split()
                # "without a single incursion", but "without permission flew into"
                reach = 1 if action.says("incursion") else 0
                if line.field.folded[hit.start : hit.end].split()[-1] in _THAT:
                    reach = _CLAUSE_WORDS  # sv "utan att något föremål hade kommit in"
                if len(words) <= reach:
                    return hit
        elif hit.says("not") and not _spares(hit, clause) and not _by_chance(hit, clause):
            for target in (
                frame.action_hit,
                _finite(frame, clause),
                frame.object_hit,
                *(h for h in clause.hits if h.says("airspace", "border")),
            ):
                if target is None or not clause.start <= target.start < clause.end:
                    continue
                between = line.field.folded[min(hit.end, target.end) : max(hit.start, target.start)]
                reach = 1 if target is frame.object_hit and frame.is_verbless else _NEAR_WORDS
                if hit.start <= target.start and len(between.split()) <= reach:
                    return hit
                after = hit.start > target.start and target is frame.action_hit
                # fi "the device that came down was no threat": behind the noun it is another verb's
                stands_between = any(
                    target.end <= one.start < hit.start for one in clause.all(*OBJECTS)
                )
                joined = between.strip() in AND  # nl "seen and not been able to stop"
                if after and not (stands_between or joined) and len(between.split()) <= 1:
                    return hit
    return None


def _finite(frame: Frame, clause: Clause) -> Hit | None:
    """Return what is told of an object that has gone astray, by its attribute: "did not fall"."""
    strays = {hit.start for hit in clause.all("stray")}
    if not strays or strays.isdisjoint(hit.start for hit in clause.all(*ACTIONS)):
        return None
    return next((hit for hit in clause.all(*ACTIONS) if hit.start not in strays), None)


def _spares(negation: Hit, clause: Clause) -> bool:
    """Tell whether a negation belongs to a shooting down: "why the drone was not shot down"."""
    action = next(
        (hit for hit in clause.hits if hit.start >= negation.end and hit.says(*ACTIONS)), None
    )
    return action is not None and action.says("shot_down")


def _by_chance(negation: Hit, clause: Clause) -> bool:
    """Tell whether it is only denied that it was an accident: "did not enter Poland by mistake"."""
    return any(
        hit.start > negation.end and hit.start - negation.end > _BESIDE
        for hit in clause.all("reassure", "stray")
    )


def before_object(frame: Frame, line: Line, concept: str, reach: int) -> Hit | None:
    """Return a cue at most `reach` words before an object that another clause of the sentence names.

    "No drone, say the police, that …"; "any drone that …".
    """
    thing = frame.object_hit
    for clause in line.clauses:
        if thing is None or clause is frame.clause or not clause.start <= thing.start < clause.end:
            continue
        for hit in clause.all(concept):
            between = line.field.folded[hit.end : thing.start].split()
            if hit.start < thing.start and len(between) <= reach:
                return hit
    return None


def _overlaps(hit: Hit, line: Line) -> bool:
    """Tell whether a phrase that takes back an innocent cause begins within a word: "no, these weren't"."""
    return any(
        one.start < hit.end and hit.start < one.end
        for clause in line.clauses
        if any(hit is own for own in clause.hits)
        for one in clause.all("reassure")
    )


def _is_reassured(clause: Clause) -> bool:
    return clause.first("reassure") is not None


def governing(line: Line, clause: Clause, concept: str) -> Hit | None:
    """Return a cue in a clause before this one that governs it: this one is its content."""
    if clause.opener == "after":
        return None
    index = line.clauses.index(clause)
    for earlier in reversed(line.clauses[:index]):
        if clause.opener != "that" and earlier.end < clause.start - 2:
            break
        found = earlier.first(concept)
        if found and not is_no(found, line):
            return found
        if earlier.opener == "after":
            break
    return None


def is_no(hit: Hit, line: Line) -> bool:
    """Tell whether a negation stands before a word: "these were no hobbyists", "not boys with toys"."""
    for clause in line.clauses:
        if not clause.start <= hit.start < clause.end:
            continue
        for negation in clause.all("not"):
            between = line.field.folded[negation.end : hit.start].split()
            if negation.end <= hit.start and len(between) <= _NO_WORDS:
                return True
    return False
