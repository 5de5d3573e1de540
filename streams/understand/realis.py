"""Did it happen? Gates that a frame must pass, each with the cue that closes it. Pure.

A cue counts only in its scope: the frame's clause, a clause that governs it, its sentence, or the
title. What a factive connector opens (after, when, because of) is out of reach of the modals and
plans of the main clause: that is the presupposition rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streams.catalog.concepts import ACTIONS
from streams.understand.denial import before_object, denied, governing, is_no, is_relative
from streams.understand.gates import Above, Gate
from streams.understand.lexicon import Hit
from streams.understand.sentence import Clause, Line
from streams.understand.since import long_after

if TYPE_CHECKING:
    from streams.understand.frame import Frame

_NEAR_WORDS = 3
_BESIDE = 24  # characters
_OPENING = 10  # characters: "Exactly a year ago"
_QUOTED_WORDS = 2
_THINGS = ("drone", "balloon", "missile", "jet", "plane", "helicopter", "ship", "flyer")
_SCARE = re.compile("[\"'‘’“”„«»]")


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
    for check in (denied, _hypothetical, _planned, _background, _harmless):
        gate = check(frame, line, clause, Above(heads, lead))
        if gate and gate.name not in is_open:
            return gate
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
    left, right = text.rfind("“", 0, thing.start), text.find("”", thing.end)
    inside = text[left + 1 : right] if 0 <= left < right else ""
    # tr “düşen füze”: the participle within the marks
    return 0 < len(inside.split()) <= _QUOTED_WORDS and not frame.has_unidentified


def _aged(line: Line, above: Above) -> Hit | None:
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


def _labelled(frame: Frame, line: Line, clause: Clause) -> Gate | None:
    """Return the gate of a label in front of a title or behind it: "Scenario: …", "… – a matter of time"."""
    if line.field.name != "title" or frame.is_dated:
        return None
    bare = frame.is_verbless or _is_one_word(frame)
    for other in line.clauses:
        if other is clause or other.opener or other.first(*ACTIONS, *_THINGS):
            continue
        first = other is line.clauses[0] and line.is_heading(other)
        label = other.first("exercise", "off_topic", "policy", "may", "fear") if first else None
        if label is not None and (label.says("exercise", "off_topic") or bare):
            name = "exercise" if label.says("exercise") else "hypothetical"
            if label.says("off_topic"):
                name = "words_out_of_place"
            return Gate(name, "stands under a label", label)
        work = other.first("off_topic") if other.start >= clause.end else None
        if work is not None and line.is_heading(clause):
            return Gate("words_out_of_place", "what stands behind it names a work", work)
        opinion = other.first("may") if other.start >= clause.end and frame.is_verbless else None
        if opinion is not None and not other.parts:
            return Gate("hypothetical", "what stands beside it says that it may be", opinion)
    return None


def _hypothetical(frame: Frame, line: Line, clause: Clause, above: Above) -> Gate | None:
    label = _labelled(frame, line, clause)
    if label is not None:
        return label
    if clause.opener == "if":
        return Gate("hypothetical", "stands after a conditional connector", clause.opener_hit)
    if clause.opener == "against":
        return Gate(
            "defence_against", "what one guards against has not happened", clause.opener_hit
        )
    if clause.opener == "that":
        at = line.clauses.index(clause)
        while at > 1 and line.clauses[at - 1].opener == "that":
            at -= 1  # "prepares for the case that …, which"
        before = line.clauses[max(0, at - 1)]
        if before is not clause:
            if before.opener in ("if", "against") and not frame.is_dated:
                return Gate(
                    "hypothetical", "tells more of what is only supposed", before.opener_hit
                )
            is_told = frame.is_dated or before.first("said", "confirm") is not None
            if before.first("react"):  # "wants an apology for the drones that entered its sky"
                is_told = is_told or is_relative(frame, line)
            cue = None if is_told else before.first(*_PLANS) or governing(line, clause, "may")
            if cue:
                return Gate("hypothetical", "tells more of what is only planned", cue)
    if not clause.first("suspected"):
        modal = _prospective(frame, clause)
        answer = next((h for h in clause.all("react", "diplomacy", "article_4")), None)
        at = frame.action_hit.start if frame.action_hit else clause.end
        # "NATO to hold talks over the drone crash": what is to come are the talks
        is_answer = modal and answer and modal.start <= answer.start < at
        if modal and not is_answer and not _is_presupposed(frame):
            return Gate("hypothetical", "a prospective modal governs the crossing", modal)
    fear = clause.first("fear")
    is_noun = _is_one_word(frame) and not frame.is_dated
    is_noun = is_noun and frame.actions <= {"sighted", "over", "flew"}
    if fear and (frame.is_verbless or is_noun or (frame.is_nominal and not frame.is_definite)):
        return Gate("hypothetical", "is feared or warned of", fear)
    return None


def _is_one_word(frame: Frame) -> bool:
    """Tell whether one term says object and deed: "drone flights"."""
    deed, thing = frame.action_hit, frame.object_hit
    return deed is not None and thing is not None and deed.start == thing.start


def _prospective(frame: Frame, clause: Clause) -> Hit | None:
    """Return the clause's modal, unless "without" stands between it and what happened before."""
    modal, deed, without = clause.first("may", "will"), frame.action_hit, clause.first("without")
    thing = frame.object_hit
    first = clause is frame.line.clauses[0] and clause.opener == "after"
    is_noun = frame.is_nominal or frame.is_verbless
    if modal and first and thing and is_noun and modal.start >= thing.end:
        return None  # da "after the drones over the base the minister will see for himself"
    if modal and deed and without and deed.start < without.start < modal.start:
        return None  # "reached Iași without anybody that would shoot it down"
    return modal


def _is_presupposed(frame: Frame) -> bool:
    """Tell whether the event is a definite or dated noun, which no modal reaches."""
    return frame.is_nominal and frame.is_definite and frame.is_event_noun


def _planned(frame: Frame, line: Line, clause: Clause, above: Above) -> Gate | None:
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
            cues = ("policy", "procure", "technology", "air_defence", "reinforce")
            # "New Russian drone over Romania: Rutte promises support"
            is_news = line.is_heading(clause) and (frame.markers or clause.first("again"))
            cue = (clause if is_news else line).first(*cues)
            if cue:
                return Gate("policy", "names an object and a place in a plan", cue)
    return None


def _past(frame: Frame, line: Line, above: Above) -> Hit | None:
    """Return the word that makes the event history, unless it only measures it: "worst since 2022"."""
    for one in (line, *above.heads):
        since = next((hit for c in one.clauses if (hit := long_after(one, c))), None)
        if since is not None and not (frame.is_dated and one is not line):
            return since
    again, found = frame.clause.first("again"), frame.clause.first("past")
    opening = line.clauses[0].first("past")
    if opening and opening.start - line.sentence.start <= _OPENING and not frame.is_dated:
        return opening  # "Exactly a year ago … shot down drones for the first time"
    if again and not (found and found.end < again.start):
        return None  # "the worst since 2022", but not "last year, new drones entered"
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


def _background(frame: Frame, line: Line, clause: Clause, above: Above) -> Gate | None:
    repeated = clause.first("repeated") or before_object(frame, line, "repeated", 1)
    has_verb = not (frame.is_nominal or frame.is_verbless)
    if repeated and not (frame.is_definite and (line.first("again") or has_verb)):
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
        if outside and not clause.first("home", "our"):
            return Gate("intercept_without_violation", "stayed outside the airspace", outside)
    return None


def _harmless(frame: Frame, line: Line, clause: Clause, above: Above) -> Gate | None:
    off_topic = line.first("off_topic") or above.first("off_topic")
    thing = frame.object_hit
    if off_topic and thing and 0 <= thing.start - off_topic.end <= _BESIDE and line in above.heads:
        return Gate("words_out_of_place", "is about a work on it", off_topic)
    is_known = frame.has_hostile or (frame.has_unidentified and frame.sites)
    told = line.first("confirm", "react", "said")
    if off_topic and (not is_known or (line.first("off_topic") and frame.is_verbless and not told)):
        return Gate("words_out_of_place", "is about something else", off_topic)
    civilian = line.first("civilian") or above.first("civilian")
    if civilian and frame.what == "balloon" and "closed" in frame.actions:
        civilian = None  # balloons that stop an airport are nobody's fun
    denied_civil = civilian and any(is_no(civilian, one) for one in (line, *above.heads))
    if civilian and not frame.has_hostile and not denied_civil:
        return Gate("civilian", "is a private or civil craft", civilian)
    aged = _aged(line, above)
    found = frame.actions & {"found", "crash", "strike", "shot_down"}  # finders have an age, too
    if aged and not frame.has_hostile and not found:
        return Gate("civilian", "a person of that age flew it", aged)
    cause = line.first("other_cause") or above.first("other_cause")
    if cause is None and "object" in frame.borrowed:  # the drone is the text's, and so is the cause
        cause = next((hit for one in above.lead if (hit := one.first("other_cause"))), None)
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
