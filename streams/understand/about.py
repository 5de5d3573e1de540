"""What the title is about weighs on what its text tells without a day of its own. Pure."""

from __future__ import annotations

from streams.catalog.concepts import WATCHED
from streams.understand.gates import Gate
from streams.understand.ladder import BORROWED, GUESSED
from streams.understand.report import Candidate
from streams.understand.sentence import PASSING, Line
from streams.understand.waters import is_beyond_waters

#: What a title may be about instead of an event, and what its text then says in principle.
_PLANS = ("policy", "procure", "technology")


def close_what_title_is_not_about(candidates: list[Candidate], heads: list[Line]) -> None:
    """Close what the text tells in principle under a title about a plan, a film, the own drone.

    Called only when the title itself tells of no event.
    """
    # a title about something else: its text names the film's jets
    close_undated(candidates, titles_gate(candidates, "words_out_of_place"))
    # a title that asks what would be if: its text only plays that through
    close_undated(candidates, titles_gate(candidates, "hypothetical", is_question=True))
    for name in ("own_object", "exercise"):  # its wreckage is recovered in the next sentence
        _close_borrowed(candidates, titles_gate(candidates, name))
    plan = next((hit for line in heads if (hit := line.first(*_PLANS))), None)
    if plan is not None:  # "Parliament lets troops down drones || … drones that violate our sky"
        _close_principles(candidates, Gate("policy", "the title is about a plan or a rule", plan))
    modal = next((hit for line in heads if (hit := line.first("may"))), None)
    if modal is not None:  # "Moscow may test the Baltic sky || It may send drones …"
        _close_guessed(candidates, Gate("hypothetical", "the title tells what may be", modal))


def _close_guessed(candidates: list[Candidate], gate: Gate) -> None:
    for one in candidates:
        is_guessed = one.found is not None and one.found.step in GUESSED
        if one.gate is None and is_guessed and not one.frame.is_dated and one.prominence == "lead":
            one.gate = gate


def _close_borrowed(candidates: list[Candidate], gate: Gate | None) -> None:
    if gate is None:
        return
    for one in candidates:
        if one.gate is not None or one.prominence == "item" or one.found is None:
            continue
        if one.found.step in BORROWED and not one.frame.markers and not one.frame.is_dated:
            one.gate = gate


def _close_principles(candidates: list[Candidate], gate: Gate) -> None:
    for one in candidates:
        happened, found = one.happened, one.found
        if one.gate is not None or one.prominence not in ("lead", "body") or found is None:
            continue
        is_after = any(c.opener == "after" for c in one.frame.line.clauses)
        if is_after or happened is None or happened.precision != "assumed":
            continue
        if found.step in BORROWED and one.frame.clause.opener in ("that", ""):
            one.gate = gate


def let_lead_answer(candidates: list[Candidate], lead: list[Line]) -> None:
    """Close a title's weak sighting that the lead denies, gives an owner, or puts far off the coast.

    "Latvia spots balloons over its border || They turned back and did not enter Latvia".
    """
    off = any(
        is_beyond_waters(line)
        and not any(p.country in WATCHED and p.part == "territory" for p in line.parts)
        and not any(one.gate is None and one.frame.line is line for one in candidates)
        for line in lead
    )
    denied = next(
        (
            one for one in candidates
            if one.prominence == "lead" and one.gate and one.gate.name == "denial"
            and one.frame.actions & {"enter", "violate"}
        ),
        None,
    )  # fmt: skip
    private = next(
        (
            one for one in candidates
            if one.prominence == "item" and one.gate and one.gate.name == "civilian"
            and one.frame.what == "drone"
        ),
        None,
    )  # fmt: skip
    owned = next((hit for line in lead if (hit := line.first("civilian"))), None)
    for one in candidates:
        frame, found = one.frame, one.found
        if one.prominence != "title" or one.gate is not None or found is None:
            continue
        at_sea = frame.line.first("ship") or frame.what == "ship"
        if (
            off
            and (at_sea or found.step in GUESSED)
            and not frame.clause.first("airspace", "waters")
        ):
            one.gate = Gate("near_border", "the text puts it farther off than waters reach")
        elif denied and frame.actions <= PASSING and not frame.sites and _is_same_land(one, denied):
            one.gate = denied.gate
        elif (
            private and not frame.markers and frame.what == "drone" and _is_same_land(one, private)
        ):
            one.gate = private.gate
        elif owned and found.step in GUESSED and not frame.markers and frame.what == "drone":
            one.gate = Gate("civilian", "the text gives it an owner", owned)
            for other in candidates:
                if other.gate is None and other.prominence == "lead" and not other.frame.markers:
                    other.gate = one.gate


def _is_same_land(one: Candidate, other: Candidate) -> bool:
    return bool(one.found and other.found and one.found.country == other.found.country)


def titles_gate(
    candidates: list[Candidate], name: str, *, is_question: bool = False
) -> Gate | None:
    """Return the first gate of this name that closed in the title, or in a title that asks."""
    for candidate in candidates:
        gate, asks = candidate.gate, candidate.frame.line.sentence.is_question
        if candidate.prominence != "title" or (is_question and not asks):
            continue
        if gate is not None and gate.name == name:
            return gate
    return None


def close_undated(candidates: list[Candidate], gate: Gate | None) -> None:
    """Let what weighs on the title close what the text tells without a date of its own."""
    for candidate in candidates:
        happened = candidate.happened
        if candidate.prominence == "item" and not (gate and gate.name == "past"):
            continue  # it stands for itself
        if candidate.gate is None and happened and happened.precision == "assumed":
            candidate.gate = gate


def close_supposed(candidates: list[Candidate]) -> None:
    """Close what is only supposed of something else than the title tells, at no place of its own.

    "Why the drone was not shot down … a missile that misses would have come down somewhere."
    """
    titled = {one.frame.what for one in candidates if one.prominence == "title"}
    for one in candidates:
        if one.gate is None and one.found is not None and one.prominence != "title":
            cue = one.frame.clause.first("suspected")
            is_vague = one.found.step in BORROWED
            if cue and is_vague and titled and one.frame.what not in titled:
                one.gate = Gate("hypothetical", "only supposed, beside what the title tells", cue)


def close_own_missiles(candidates: list[Candidate]) -> None:
    """Close the title's missile that the lead tells to be from the state's own jet."""
    for one in candidates:
        if one.prominence != "title" or one.gate is not None or one.frame.what != "missile":
            continue
        if one.frame.markers or one.found is None:
            continue
        for other in candidates:
            clause = other.frame.clause
            jets = [
                part.hit
                for part in clause.parts
                if part.country == one.found.country and part.part in ("owner", "ally")
                and part.head is not None and part.head.says("jet", "own_jet")
            ]  # fmt: skip
            if other.prominence == "lead" and jets and clause.first("missile"):
                one.gate = Gate("own_object", "shot by the state's own jet", jets[0])


def is_same(one: Candidate, other: Candidate) -> bool:
    """Tell whether two candidates of an article may be one event."""
    return _is_same_land(one, other) and one.frame.what in (other.frame.what, "unknown")
