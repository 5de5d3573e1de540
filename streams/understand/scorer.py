"""How much a text reads like the report of an incursion, from which kinds of words follow which. Pure.

A logistic model in two steps over features that no language has to itself. The first looks at the
concepts of title and lead in their order (`drone enter W`, `policy .. shot_down`): W stands for a
watched state, A for Russia or Belarus, U for Ukraine, O for any other. The second weighs that
against how the rules came to their report: the ladder's step, a day, how many sentences tell it.
What scores below the threshold is closed by the gate `unlikely`. Weights: seeds/scorer.tsv, made by
benchmarks/scorer.py from our own labelled texts. It closes only; it opens nothing.
"""

from __future__ import annotations

from math import fsum, sqrt
from typing import TYPE_CHECKING

from streams.catalog.concepts import AGGRESSORS, WATCHED
from streams.understand.gates import Gate
from streams.understand.ladder import GUESSED
from streams.understand.lexicon import Hit, outermost
from streams.understand.sentence import PASSING
from streams.understand.text import sentences

if TYPE_CHECKING:
    from streams.catalog.places import Place
    from streams.catalog.scorer import Scorer
    from streams.understand.report import Candidate
    from streams.understand.text import Field

_LEAD_SENTENCES = 3
_LEAD_CHARS = 600
LINE_CHARS = 200  #: of a text that adds little to its title
_PAIRED = 12  #: kinds of words of a title whose order counts, whatever stands between
SCALE = 3.0  #: of the first step's features, each divided by the root of their number
_DEEDS = ("enter", "violate", "crash", "strike", "found", "shot_down")
_INNOCENT = ("civilian", "own_object", "words_out_of_place")
_PLANS = ("hypothetical", "policy", "exercise")


def kinds_of_words(
    field: Field | None, hits: list[Hit], places: dict[str, Place], *, is_lead: bool = False
) -> list[str]:
    """Return the concepts of a field in their order, the same twice in a row once.

    What a longer term has swallowed does not count: "no hobbyist's drone" names no hobbyist.

    Args:
        field: Title or text; None gives nothing.
        hits: The field's, as the lexicon finds them: sorted.
        places: The gazetteer's rows by id.
        is_lead: Only the first three sentences, at most 600 characters.
    """
    if field is None:
        return []
    end = len(field.folded)
    if is_lead:
        first = sentences(field)[:_LEAD_SENTENCES]
        end = min(first[-1].end if first else end, _LEAD_CHARS)
    found: list[str] = []
    inside = [hit for hit in outermost(hits) if hit.start < end]
    for kind in (kind for hit in sorted(inside, key=_order) for kind in _kinds(hit, places)):
        if not found or found[-1] != kind:
            found.append(kind)
    if not is_lead and "?" in field.text:
        found.append("?")
    return found


def _order(hit: Hit) -> tuple[int, tuple[str, ...], str]:
    return hit.start, hit.term.concepts, hit.term.country or hit.term.place or ""


def _kinds(hit: Hit, places: dict[str, Place]) -> tuple[str, ...]:
    if hit.term.country:
        return (_theatre(hit.term.country),)
    if hit.term.place:
        countries = places[hit.term.place].countries
        return (_theatre(countries[0] if len(countries) == 1 else "") + "p",)
    return hit.term.concepts


def _theatre(country: str) -> str:
    if country in WATCHED:
        return "W"
    return "A" if country in AGGRESSORS else "U" if country == "UA" else "O"


def text_features(title: list[str], lead: list[str]) -> set[str]:
    """Return the runs of one to three kinds in the title and of one or two in the lead, and pairs."""
    found = _runs(title, 3, "t:") | _runs(lead, 2, "l:")
    pairs = title[:_PAIRED]
    found |= {f"s:{one}..{other}" for at, one in enumerate(pairs) for other in pairs[at + 1 :]}
    if not lead:
        found.add("no lead")
    return found


def _runs(kinds: list[str], longest: int, prefix: str) -> set[str]:
    return {
        prefix + " ".join(kinds[at : at + length])
        for length in range(1, longest + 1)
        for at in range(len(kinds) - length + 1)
    }


def text_score(features: set[str], scorer: Scorer) -> float:
    """Return the first step's log-odds: exactly summed, for a set has no order of its own."""
    total = fsum(scorer.text.get(feature, 0.0) for feature in features)
    return scorer.text[""] + SCALE / sqrt(max(1, len(features))) * total


def report_features(
    told: list[Candidate], all_of: list[Candidate], text: float, *, has_lead: bool
) -> dict[str, float]:
    """Return the second step's features, of the surest candidate that is told and of its article.

    Args:
        told: Those that passed every gate, at least one.
        all_of: Every candidate of the article.
        text: The first step's log-odds.
        has_lead: There is more than a title.
    """
    best = _surest(told)
    frame, step = best.frame, best.found.step if best.found else ""
    gates = {one.gate.name for one in all_of if one.gate}
    bare = float(not has_lead)
    dated = float(frame.is_dated)
    return {
        "text": text,
        "text, bare": text * bare,
        "bare": bare,
        "certainty": best.certainty,
        "guessed": float(step in GUESSED),
        "that": float(frame.clause.opener == "that" and not best.is_follow_up),
        "after": float(frame.clause.opener == "after"),
        "item": float(best.prominence == "item"),
        "past": float("past" in gates),
        "plans": float(not gates.isdisjoint(_PLANS)),
        "marked": float(bool(frame.markers)),
        "wreck": float(frame.is_wreckage or best.action == "found"),
        "passing": float(best.action in PASSING),
        "closed": float(best.action == "closed"),
        "dated, bare": dated * bare,
        "dated": dated * (1 - bare),
        "told": min(3.0, len(told)) * (1 - bare),
        "body": float(best.prominence == "body"),
        "follow-up": float(best.is_follow_up),
        "innocent": float(not gates.isdisjoint(_INNOCENT)),
    }


def _surest(told: list[Candidate]) -> Candidate:
    return max(told, key=lambda one: one.certainty)


def weighable(told: list[Candidate], text_chars: int) -> bool:
    """Tell whether an article gives enough to be weighed strictly.

    A text of several sentences says what it is about; a headline with a line gives little. Nor is an
    authority's own word in the title put to that test: "Operational command: drones violated …".
    """
    if text_chars <= LINE_CHARS:
        return False
    best = _surest(told)
    line = best.frame.line
    by_authority = line.first("official", "confirm") is not None and line.field.name == "title"
    return not (by_authority and best.action in _DEEDS)


def likeness(features: dict[str, float], scorer: Scorer) -> float:
    """Return the second step's log-odds that the article is one to tell."""
    return scorer.report[""] + sum(
        value * scorer.report.get(name, 0.0) for name, value in features.items()
    )


def unlikely(
    score: float,
    features: set[str],
    title: list[Hit],
    scorer: Scorer,
    places: dict[str, Place],
    *,
    strictly: bool,
) -> Gate | None:
    """Return the gate that closes below the threshold, with the title's word that speaks most against."""
    least = scorer.text_threshold if strictly else scorer.threshold
    if score >= least:
        return None

    def against(hit: Hit) -> float:
        return min(scorer.text.get(f"t:{kind}", 0.0) for kind in _kinds(hit, places))

    hit = min((hit for hit in title if against(hit) < 0), key=against, default=None)
    worst = sorted(features, key=lambda feature: (scorer.text.get(feature, 0.0), feature))[:2]
    named = " and ".join(f"«{feature.partition(':')[2] or feature}»" for feature in worst)
    return Gate(
        "unlikely",
        f"reads like no report of an incursion: score {score:.1f} < {least:.1f}; {named} speak against",
        hit,
    )
