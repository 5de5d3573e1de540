"""Did it happen? Gates that a frame must pass, each with the cue that closes it. Pure.

A cue counts only in its scope: the frame's clause, a clause that governs it, its sentence, or the
title. What a factive connector opens (after, when, because of) is out of reach of the modals and
plans of the main clause: that is the presupposition rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.catalog.concepts import ACTIONS, AGGRESSORS, OBJECTS
from streams.understand.lexicon import Hit
from streams.understand.sentence import VOICES, Clause, Line

if TYPE_CHECKING:
    from streams.understand.frame import Frame

#: Closed list of gates; the words of `why`, explain and the metrics.
GATES = (
    "denial", "nothing_seen", "false_alarm", "hypothetical", "defence_against", "exercise", "policy",
    "repeated", "past", "intercept_without_violation", "near_border", "other_theatre", "no_territory",
    "civilian", "own_object", "words_out_of_place", "other_region", "late", "background", "not_told",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate that a frame did not pass."""

    name: str
    why: str
    hit: Hit | None = None


_NEAR_WORDS = 3
_BESIDE = 24  # characters
_SCARE = re.compile("[\"'‘’“”„«»]")


@dataclass(frozen=True, slots=True)
class _Above:
    """What stands above a sentence and may weigh on it."""

    heads: list[Line]
    lead: list[Line]

    def first(self, *concepts: str) -> Hit | None:
        """Return the title's first hit of one of these concepts."""
        return next((hit for line in self.heads if (hit := line.first(*concepts))), None)

    def innocent(self, concept: str) -> Hit | None:
        """Return the first hit of title or lead: that it was none may be told only below."""
        return self.first(concept) or next(
            (hit for line in self.lead if (hit := line.first(concept))), None
        )


def closed_gate(
    frame: Frame,
    line: Line,
    clause: Clause,
    heads: list[Line],
    lead: list[Line],
    is_open: frozenset[str] = frozenset(),
) -> Gate | None:
    """Return the first gate that the frame does not pass, or None when it is told as a fact.

    Args:
        frame: The candidate.
        line: Its sentence.
        clause: Its clause.
        heads: The sentences of the title.
        lead: The first sentences of the text: there an innocent cause is named.
        is_open: Names of gates that are to stay open; for `explain`.
    """
    for check in (_denied, _hypothetical, _planned, _background, _harmless):
        gate = check(frame, line, clause, _Above(heads, lead))
        if gate and gate.name not in is_open:
            return gate
    return None


def _denied(frame: Frame, line: Line, clause: Clause, above: _Above) -> Gate | None:
    nothing = line.first("nothing_seen")
    if nothing and not _is_reassured(clause):
        innocent = line.first("false_alarm")
        if innocent:
            return Gate("false_alarm", "an innocent cause is named", innocent)
        return Gate("nothing_seen", "all observation is denied", nothing)
    negation = _negation_on(frame, line, clause)
    if negation is None and not _is_relative(frame, line):
        negation = _before_object(frame, line, "not", _NEAR_WORDS)
    if negation:
        return Gate("denial", "a negation governs the crossing", negation)
    false_alarm = line.first("false_alarm") or above.innocent("false_alarm")
    is_ours = false_alarm is line.first("false_alarm") or false_alarm is above.first("false_alarm")
    if false_alarm and not frame.model and (is_ours or not frame.has_hostile):
        return Gate("false_alarm", "an innocent cause or a hoax is named", false_alarm)
    deny = clause.first("deny")
    if deny is not None and _is_no(deny, line):
        return None  # "he did not deny that it was theirs"
    if deny is None and not _is_relative(frame, line):
        deny = _governing(line, clause, "deny")
    if deny and not _is_reassured(clause):
        deniers = [p.country for p in line.parts if p.part in VOICES]
        moscow = any(country in AGGRESSORS for country in deniers)
        return Gate(
            "denial", "a bare denial by the other side" if moscow else "the event is denied", deny
        )
    return None


def _is_relative(frame: Frame, line: Line) -> bool:
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
                if len(words) <= (1 if action.says("incursion") else 0):
                    return hit
        elif hit.says("not") and not _spares(hit, clause) and not _by_chance(hit, clause):
            for target in (
                frame.action_hit,
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
                if after and not stands_between and len(between.split()) <= 1:
                    return hit
    return None


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


def _before_object(frame: Frame, line: Line, concept: str, reach: int) -> Hit | None:
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


def _is_reassured(clause: Clause) -> bool:
    return clause.first("reassure") is not None


def _governing(line: Line, clause: Clause, concept: str) -> Hit | None:
    """Return a cue in a clause before this one that governs it: this one is its content."""
    if clause.opener == "after":
        return None
    index = line.clauses.index(clause)
    for earlier in reversed(line.clauses[:index]):
        if clause.opener != "that" and earlier.end < clause.start - 2:
            break
        found = earlier.first(concept)
        if found and not _is_no(found, line):
            return found
        if earlier.opener == "after":
            break
    return None


def _is_scare_quoted(frame: Frame, line: Line) -> bool:
    """Tell whether the title puts the bare object in quotation marks: a 'drone' that was none."""
    thing, text = frame.object_hit, line.field.text
    if thing is None or line.field.name != "title" or frame.model or frame.actor:
        return False
    if thing.says("incursion", "incident", *ACTIONS):
        return False  # 'night of drones' names an event, whatever its quotation marks
    enemies = [hit for hit in frame.clause.hits if hit.says("hostile")]  # a drill's "enemy" drones
    for hit in [one for one in enemies if abs(one.start - thing.end) <= _BESIDE] or [thing]:
        before, after = text[max(0, hit.start - 1) : hit.start], text[hit.end : hit.end + 1]
        if _SCARE.fullmatch(before) and _SCARE.fullmatch(after):
            return True
    return False


def _aged(line: Line, above: _Above) -> Hit | None:
    """Return a person told by age, a word like "year-old" behind a number, in sentence or title."""
    for one in (line, *above.heads):  # not the lead: witnesses have an age, too
        for clause in one.clauses:
            for hit in clause.all("aged"):
                before = one.field.folded[max(0, hit.start - 6) : hit.start].split()
                inside = one.field.folded[hit.start : hit.end].split()
                if any(word.isdigit() and len(word) == 2 for word in (*before[-1:], *inside)):
                    return hit
                if inside and inside[0][:2].isdigit():  # cs "52letý"
                    return hit
    return None


#: What makes the content of a main clause a plan: "a law that lets troops down drones that enter".
_PLANS = ("policy", "procure", "technology", "may", "will", "fear", "exercise")


def _hypothetical(frame: Frame, line: Line, clause: Clause, above: _Above) -> Gate | None:
    if clause.opener == "if":
        return Gate("hypothetical", "stands after a conditional connector", clause.opener_hit)
    if clause.opener == "against":
        return Gate(
            "defence_against", "what one guards against has not happened", clause.opener_hit
        )
    if clause.opener == "that":
        before = line.clauses[max(0, line.clauses.index(clause) - 1)]
        if before is not clause:
            if before.opener in ("if", "against") and not frame.is_dated:
                return Gate(
                    "hypothetical", "tells more of what is only supposed", before.opener_hit
                )
            is_told = frame.is_dated or before.first("said", "confirm") is not None
            if before.first("react"):  # "wants an apology for the drones that entered its sky"
                is_told = is_told or _is_relative(frame, line)
            cue = None if is_told else before.first(*_PLANS)
            if cue:
                return Gate("hypothetical", "tells more of what is only planned", cue)
    if not clause.first("suspected"):
        modal = clause.first("may", "will")
        answer = next((h for h in clause.all("react", "diplomacy", "article_4")), None)
        at = frame.action_hit.start if frame.action_hit else clause.end
        # "NATO to hold talks over the drone crash": what is to come are the talks
        is_answer = modal and answer and modal.start <= answer.start < at
        if modal and not is_answer and not _is_presupposed(frame):
            return Gate("hypothetical", "a prospective modal governs the crossing", modal)
    fear = clause.first("fear")
    if fear and (frame.is_verbless or (frame.is_nominal and not frame.is_definite)):
        return Gate("hypothetical", "is feared or warned of", fear)
    return None


def _is_presupposed(frame: Frame) -> bool:
    """Tell whether the event is a definite or dated noun, which no modal reaches."""
    return frame.is_nominal and frame.is_definite and frame.is_event_noun


def _planned(frame: Frame, line: Line, clause: Clause, above: _Above) -> Gate | None:
    exercise = clause.first("exercise") or (
        None if clause.opener == "after" else line.first("exercise")
    )
    if exercise and not (frame.has_hostile and frame.actions & {"enter", "violate", "incursion"}):
        return Gate("exercise", "happens in an exercise", exercise)
    if not (frame.actor or frame.origin or frame.model):
        around = above.first("exercise")
        if around is None and frame.actions & {"shot_down", "crash"}:
            around = above.innocent("exercise")
        if around:
            return Gate("exercise", "the article is about an exercise", around)
    if clause.opener != "after":
        cue = clause.first("procure", "technology") or (
            None if frame.is_nominal and frame.is_definite else _plan(clause)
        )
        if cue is None and not (frame.is_dated or line in above.heads):
            cue = above.first("technology")  # what the new gun downs, it downs in a prospectus
        if cue:
            return Gate("policy", "is a plan, a rule or a purchase", cue)
        if frame.is_verbless:
            cue = line.first("policy", "procure", "technology", "air_defence", "reinforce")
            if cue:
                return Gate("policy", "names an object and a place in a plan", cue)
    return None


def _past(frame: Frame, line: Line, above: _Above) -> Hit | None:
    """Return the word that makes the event history, unless it only measures it: "worst since 2022"."""
    if frame.clause.first("again"):
        return None
    found = frame.clause.first("past")
    if found is not None and not frame.is_dated:
        return found
    if frame.is_dated:
        return None  # the day itself says how old it is
    for clause in line.clauses:
        if clause is not frame.clause and not clause.first("again"):
            found = clause.first("past")
            if found is not None:
                return found
    return above.first("past")


def _plan(clause: Clause) -> Hit | None:
    """Return the clause's first word of policy; "without permission" is none."""
    before: Hit | None = None
    for hit in clause.hits:
        if hit.says("policy") and not (before and before.says("without", "not")):
            return hit
        before = hit
    return None


def _background(frame: Frame, line: Line, clause: Clause, above: _Above) -> Gate | None:
    repeated = clause.first("repeated") or _before_object(frame, line, "repeated", 1)
    if repeated and not (frame.is_definite and (line.first("again") or not frame.is_nominal)):
        return Gate("repeated", "is generic or told of many times", repeated)
    past = _past(frame, line, above)
    if past:
        return Gate("past", "is history", past)
    if not frame.actions & {
        "enter",
        "violate",
        "incursion",
        "shot_down",
        "crash",
        "found",
        "strike",
        "closed",
    }:
        harmless = line.first("international", "escort") or above.first("escort")
        if harmless:
            return Gate("intercept_without_violation", "met outside the airspace", harmless)
    else:
        outside = clause.first("international")
        if outside:
            return Gate("intercept_without_violation", "stayed outside the airspace", outside)
    return None


def _is_no(hit: Hit, line: Line) -> bool:
    """Tell whether a negation stands right before a word: "these were no hobbyists"."""
    return any(
        0 <= hit.start - negation.end <= 1
        for clause in line.clauses
        for negation in clause.all("not")
    )


def _harmless(frame: Frame, line: Line, clause: Clause, above: _Above) -> Gate | None:
    off_topic = line.first("off_topic") or above.first("off_topic")
    is_known = frame.has_hostile or (frame.has_unidentified and frame.sites)
    told = line.first("confirm", "react", "said")
    if off_topic and (not is_known or (line.first("off_topic") and frame.is_verbless and not told)):
        return Gate("words_out_of_place", "is about something else", off_topic)
    civilian = line.first("civilian") or above.first("civilian")
    if civilian and not frame.has_hostile and not _is_no(civilian, line):
        return Gate("civilian", "is a private or civil craft", civilian)
    aged = _aged(line, above)
    found = frame.actions & {"found", "crash", "strike", "shot_down"}  # finders have an age, too
    if aged and not frame.has_hostile and not found:
        return Gate("civilian", "a person of that age flew it", aged)
    cause = line.first("other_cause") or above.first("other_cause")
    if cause and frame.actions <= {"closed"} and not frame.clause.first("after"):
        return Gate("civilian", "traffic stopped for another cause", cause)
    arrested = line.first("arrested")
    if arrested and not frame.has_hostile:
        return Gate("civilian", "has a person as operator, or is before a court", arrested)
    if _is_scare_quoted(frame, line):
        return Gate(
            "false_alarm", "the article itself puts the object in quotation marks", frame.object_hit
        )
    if frame.is_own and not frame.actions & {"closed"}:
        return Gate("own_object", "is the state's own", frame.object_hit)
    migration = line.first("migration")
    if migration and frame.what in ("troops", "unknown"):
        return Gate("civilian", "is about migration", migration)
    return None
