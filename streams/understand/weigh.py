"""An article's candidates weighed together: the title's denial, borrowed dates, one report an event.

Pure. A candidate is judged by itself first (report.py); here the article has its word.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from streams.catalog.concepts import ACTIONS, AGGRESSORS, WATCHED
from streams.understand.about import (
    close_own_missiles,
    close_supposed,
    close_undated,
    close_what_title_is_not_about,
    is_same,
    let_lead_answer,
    titles_gate,
)
from streams.understand.gates import Gate
from streams.understand.lexicon import Hit
from streams.understand.report import BACKGROUND, WITHDRAWING, Candidate
from streams.understand.sentence import VOICES, Line

#: Gates that leave a sentence's date worth having: it tells of the same event.
_DATING = ("background", "past", "civilian", "words_out_of_place", "repeated")
_NEGATED_WORDS = 2
_MANY_PAST = 2
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def weigh_together(candidates: list[Candidate], heads: list[Line], lead: list[Line]) -> None:
    """Let the title's denial close the rest, and let a dated account date an undated reaction."""
    above = [one for one in candidates if one.prominence != "body"]
    is_told = any(one.gate is None for one in above)
    harmless = {one.frame.what for one in above if one.gate and one.gate.name in _HARMLESS}
    for one in candidates:
        if one.is_buried and one.gate is None and (is_told or one.frame.what in harmless):
            one.gate = BACKGROUND  # "Earlier this week …": the article is about another one
    _answer(candidates, heads)
    let_lead_answer(candidates, lead)
    _let_lead_say_none(candidates, heads, lead)
    _leave_questions_open(candidates)
    _close_history(candidates)
    told = any(c.prominence == "title" and c.gate is None for c in candidates)
    denial = None if told else _title_denial(candidates, heads)
    if denial:
        for candidate in candidates:
            if candidate.gate is None and candidate.prominence != "item":
                candidate.gate = denial
    if not told:
        close_what_title_is_not_about(candidates, heads)
        _close_elsewhere(candidates, titles_gate(candidates, "other_theatre"))
    _take_from_lead(candidates)
    close_supposed(candidates)
    close_own_missiles(candidates)
    for candidate in candidates:
        if candidate.gate is not None:
            continue
        is_vague = candidate.happened is not None and candidate.happened.precision == "month"
        if candidate.freshness == "undated" or is_vague:
            _adopt_date(candidate, candidates)
        elif candidate.happened and candidate.happened.precision == "assumed":
            # a date in the title holds for what the rest tells without one
            _adopt_date(candidate, [one for one in candidates if one.prominence == "title"])
        if candidate.prominence == "title" and candidate.freshness in ("fresh", "undated"):
            _age_by_lead(candidate, candidates)
        _adopt_facts(candidate, candidates)


def _close_elsewhere(candidates: list[Candidate], elsewhere: Gate | None) -> None:
    """Close what burns where the title says that it fell, under a title about another theatre."""
    if elsewhere is None:
        return
    accuses = any(
        one.gate is elsewhere and one.found and one.found.country in AGGRESSORS
        for one in candidates
    )
    for one in candidates:
        found = one.found
        if one.gate is not None or found is None:
            continue
        on_soil = any(  # "one of them crashed on Romanian soil"
            p.part == "territory" and p.country in WATCHED for p in one.frame.clause.parts
        )
        is_near = found.part is not None and found.part.role == "near"
        borrows = "object" in one.frame.borrowed
        is_its = found.step == "title_lead" or ((is_near or borrows) and not on_soil)
        is_its = is_its or (accuses and found.step in ("actor", "institution", "our"))
        one.gate = elsewhere if is_its else None


#: Gates of title or lead that hold for what the body tells of the same thing.
_HARMLESS = (
    "denial", "nothing_seen", "false_alarm", "exercise", "intercept_without_violation",
    "near_border", "civilian", "own_object", "words_out_of_place",
)  # fmt: skip
_SURE = frozenset({"crash", "strike", "found", "shot_down"})
_WEAK = frozenset({"over", "sighted", "flew", "tracked", "incursion", "closed"})


#: What a title's answer may be to "Russian drones over Prague?"
_ANSWERS = ("nothing_seen", "deny", "false_alarm", "exercise", "civilian", "arrested", "off_topic")


def _answer(candidates: list[Candidate], heads: list[Line]) -> None:
    """Let the title's answer close what it only asks, or names without a verb before denying it.

    "A drone over Snina? Ministry: no, radar showed nothing", "Drones over the base: nothing flew".
    """
    rules = next((hit for head in heads if (hit := head.first("policy"))), None)
    for one in candidates:
        line = one.frame.line
        if one.prominence != "title" or one.gate is not None:
            continue
        if rules and line.sentence.is_question and not one.frame.is_dated:
            # "Shooting down a drone without the minister? Parliament passes new rules"
            one.gate = Gate("policy", "the title answers with a rule", rules)
        if one.gate is not None or not one.frame.actions <= _WEAK:
            continue
        for other in candidates:
            gate, same = other.gate, other.frame.line is line
            if gate is None or gate.name not in ("denial", "nothing_seen", "false_alarm"):
                continue
            crossing = other.frame.actions & {"enter", "violate", "sighted", "incursion", "over"}
            if other.prominence == "title" and same and crossing and not _is_accuseds(line):
                one.gate = gate
        if line.sentence.is_question and one.gate is None:
            for head in heads:
                hit = head.first(*_ANSWERS) if head is not line else None
                if hit is not None:
                    one.gate = Gate("denial", "the title answers its own question", hit)


def _leave_questions_open(candidates: list[Candidate]) -> None:
    """Close what a title only asks, unless its next sentence or the text tells it.

    "Russian drone over Augustów? The command speaks": the answer is behind the link.
    """
    for one in candidates:
        line = one.frame.line
        if one.prominence != "title" or one.gate is not None or not line.sentence.is_question:
            continue
        if one.frame.clause.opener in ("that", "after") or line.first("react") or one.is_follow_up:
            continue  # "what do we know of the drone that fell?"
        if line.is_heading(one.frame.clause) and one.frame.markers:
            continue  # "Unknown objects over the base: what is behind it?"
        if one.frame.is_dated or not one.frame.actions <= _WEAK:
            continue  # "who steered the drones over Landvetter on Friday?"
        denied = next(
            (
                other.gate for other in candidates
                if other.prominence == "lead" and other.gate and other.gate.name in WITHDRAWING
            ),
            None,
        )  # fmt: skip
        if denied is not None:  # "Russian drone over Augustów? The command speaks": it was none
            for other in candidates:
                if other.gate is None and not other.frame.actions & _SURE:
                    other.gate = denied
        elif not any(other.gate is None and other.frame.line is not line for other in candidates):
            one.gate = Gate("hypothetical", "the title only asks, and nothing below tells it")


def _close_history(candidates: list[Candidate]) -> None:
    """Let a text that opens on a day long past close what it goes on to tell without a date.

    "On 15 November 2022 a missile fell … Poland was NATO's territory, and the missile Russian".
    """
    opening = next(
        (
            one for one in candidates
            if one.prominence == "lead" and one.frame.line.number == 0
            and one.gate is not None and one.gate.name == "past" and one.frame.is_dated
        ),
        None,
    )  # fmt: skip
    if opening is None:  # or a year in ten moments
        items = [
            one for one in candidates
            if one.prominence == "item" and one.happened and one.happened.precision != "assumed"
        ]  # fmt: skip
        gone = [one for one in items if one.gate and one.gate.name == "past"]
        opening = gone[0] if len(gone) >= _MANY_PAST else None
    _close_statistics(candidates)
    if opening is None:
        return
    if any(
        one.gate is None and one.happened is not None and one.happened.precision == "day"
        and one.freshness == "fresh"
        for one in candidates
    ):  # fmt: skip
        return
    close_undated(candidates, opening.gate)


#: "2005–2025": a span of years makes what stands beside it a statistic.
_SPAN = re.compile(r"\b(?:19|20)\d\d\s*[–-]\s*(?:19|20)?\d\d\b")


#: "2025, the year when …"
_YEAR_FIRST = re.compile(r"(?:[^\W\d]+ )?(20\d\d)\.?(?: [^\W\d]+)?[,:]")


def _close_statistics(candidates: list[Candidate]) -> None:
    """Close what a title counts over years, and what it tells without a day."""
    for one in candidates:
        line = one.frame.line
        if one.prominence != "title" or one.gate is not None or one.frame.is_dated:
            continue
        year = _YEAR_FIRST.match(line.field.text, line.sentence.start)
        is_review = year and one.happened and int(year[1]) < one.happened.end.year
        if is_review or _SPAN.search(line.field.text, line.sentence.start, line.sentence.end):
            one.gate = Gate("past", "counted over years", one.frame.action_hit)


def _take_from_lead(candidates: list[Candidate]) -> None:
    """Let title and lead share what one says of the other's event: how far off, how long ago."""
    off = [
        c for c in candidates if c.prominence == "lead" and c.gate and c.gate.name == "near_border"
    ]
    old = [
        c for c in candidates
        if c.prominence == "title" and c.gate is None and c.freshness == "late"
    ]  # fmt: skip
    for one in candidates:
        if one.gate is not None or one.found is None:
            continue
        if one.prominence == "title" and one.found.step == "title_lead" and off:
            one.gate = off[0].gate
        assumed = one.happened is not None and one.happened.precision == "assumed"
        if one.prominence == "lead" and assumed and any(is_same(one, other) for other in old):
            one.freshness = "late"


def _age_by_lead(candidate: Candidate, candidates: list[Candidate]) -> None:
    """Age a title without a date whose lead tells the same event, and only that, as long past."""
    if candidate.happened is None or candidate.happened.precision != "assumed":
        return
    lead = [
        one for one in candidates
        if one.prominence == "lead" and is_same(one, candidate)
        # another stop, for another cause
        and not (one.gate and one.gate.hit and one.gate.hit.says("other_cause"))
    ]  # fmt: skip
    if lead and all(
        one.freshness in ("late", "past") or (one.gate and one.gate.name == "past") for one in lead
    ):
        candidate.freshness = "late"


def _title_denial(candidates: list[Candidate], heads: list[Line]) -> Gate | None:
    """Return the title's denial of the event, if it holds one: of the crossing, not of its sighting."""
    for candidate in candidates:
        gate = candidate.gate
        if candidate.prominence != "title" or gate is None:
            continue
        crossing = candidate.frame.actions & {
            "enter",
            "violate",
            "incursion",
            "crash",
            "strike",
            "over",
        }
        thing = candidate.frame.object_hit
        if thing and gate.hit and 0 < thing.start - gate.hit.end <= 1:
            crossing |= {"over"}  # "no drones": whatever they were said to do
        if gate.name in ("nothing_seen", "false_alarm") or (gate.name == "denial" and crossing):
            return None if _is_accuseds(candidate.frame.line) else gate
    for line in heads:
        if _is_accuseds(line):
            continue
        if none := _was_none(line):
            return Gate("denial", "the title says that it was none", none)
        hit = line.first("nothing_seen") or (None if line.first("reassure") else line.first("deny"))
        if hit is not None:
            return Gate("denial", "the title denies the event", hit)
    return None


def _was_none(line: Line) -> Hit | None:
    """Return a negated object that does nothing: "It was no drone: a cut cable left Palma…"."""
    for clause in line.clauses:
        if clause.first(*ACTIONS, "incursion", "reassure", "attack") is not None:
            continue
        for thing in clause.all("drone", "balloon", "missile"):
            for negation in clause.all("not"):
                first, last = min(negation.end, thing.end), max(negation.start, thing.start)
                between = line.field.folded[first:last].split()
                if len(between) <= _NEGATED_WORDS:
                    return negation  # "no drone"; de "eine Drohne war es nicht"
    return None


def _let_lead_say_none(candidates: list[Candidate], heads: list[Line], lead: list[Line]) -> None:
    """Close what title and lead tell of an object when the lead says that it was none.

    "Was it a drone? Police clear up the closure || … It was not a drone."
    """
    none = next((hit for line in lead if (hit := _was_none(line))), None)
    asks = any(line.sentence.is_question or line.first("suspected") for line in heads)
    if none is None or not asks:
        return
    for one in candidates:
        if one.gate is None and one.prominence in ("title", "lead") and not one.frame.markers:
            one.gate = Gate("denial", "the text says that it was none", none)


def _is_accuseds(line: Line) -> bool:
    """Tell whether Moscow or Minsk denies: that does not undo what the text below tells."""
    voices = [p.country for p in line.parts if p.part in VOICES]
    return bool(voices) and voices[0] in AGGRESSORS


def _adopt_facts(candidate: Candidate, candidates: list[Candidate]) -> None:
    """Give an event the actor and the number that title or lead tell of it in another sentence."""
    for other in candidates:
        is_top = other.prominence in ("title", "lead") and candidate.prominence in ("title", "lead")
        if other is candidate or other.gate is not None or not is_top:
            continue
        if not is_same(other, candidate) or other.frame.what != candidate.frame.what:
            continue
        frame = candidate.frame
        frame.actor = frame.actor or other.frame.actor
        frame.origin = frame.origin or other.frame.origin
        if candidate.count[0] is None and candidate.action == other.action:
            candidate.count = other.count


def _adopt_date(candidate: Candidate, candidates: list[Candidate]) -> None:
    """Give an event without a date that of the same event told with one elsewhere in the article."""
    same = [
        other
        for other in candidates
        if is_same(other, candidate)
        and other.happened and other.happened.precision not in ("assumed", "month")
        and (other.gate is None or other.gate.name in _DATING)
    ]  # fmt: skip
    if same:
        latest = max(same, key=lambda other: other.happened.end if other.happened else _LONG_AGO)
        candidate.happened, candidate.freshness = latest.happened, latest.freshness
        if latest.freshness == "past":
            candidate.gate = Gate(
                "past", "the event that it looks back on is older than thirty days"
            )


_SURE_STEPS = frozenset({"clause", "sentence", "title_lead", "actor", "institution", "our"})


def withdrawing(candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates of title or lead that say of a watched state's event: it was not so.

    None when the article tells an event as well: then the denial is one voice in it.
    """
    if any(candidate.gate is None for candidate in candidates):
        return []
    found: dict[str | None, Candidate] = {}
    for one in candidates:
        if (
            one.gate is not None and one.gate.name in WITHDRAWING and one.kind is not None
            and one.frame.object_hit is not None  # "no violation was observed" tells of no event
            and one.prominence in ("title", "lead") and one.freshness in ("fresh", "undated")
            and one.found is not None and one.found.country in WATCHED
            and one.found.step in _SURE_STEPS
        ):  # fmt: skip
            found.setdefault(one.found.country, one)
    return list(found.values())
