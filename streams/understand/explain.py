"""Why an article did, or did not, alert: sentences with spans, roles, gates, and what would flip it.

The flip is really tried: the word that closed the gate, or the one that filled a role, is taken
out of (or put for another in) the text and the whole understanding runs again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from streams.catalog import Catalog
from streams.records import Article
from streams.understand.lexicon import Hit
from streams.understand.report import Candidate
from streams.understand.text import Field
from streams.understand.verdict import Understanding, understand


@dataclass(frozen=True, slots=True)
class Flip:
    """The smallest change that turned the verdict."""

    field: str
    start: int
    end: int
    removed: str
    verdict: bool  #: incursion, after the change
    what: str  #: which role or gate the word was


def explain(article: Article, catalog: Catalog) -> dict[str, Any]:
    """Return the explanation as plain data; `render` makes text of it."""
    found = understand(article, catalog)
    flip = find_flip(found, catalog)
    return {
        "id": article.id,
        "title": article.title,
        "language": {"tag": found.guess.language, "confidence": round(found.guess.confidence, 2), "why": found.guess.why},
        "incursion": found.tagged.incursion,
        "verdict": found.tagged.verdict,
        "tags": [tag.tag for tag in found.tagged.tags],
        "candidates": [_candidate(candidate) for candidate in found.candidates if candidate.kind or candidate.gate],
        "reports": [msgspec.to_builtins(report) for report in found.report_set.reports],
        "flip": None if flip is None else {"field": flip.field, "start": flip.start, "end": flip.end, "word": flip.removed, "what": flip.what, "incursion": flip.verdict},
        "catalog": catalog.hash,
        "why": list(found.tagged.why),
    }  # fmt: skip


def _candidate(candidate: Candidate) -> dict[str, Any]:
    frame, found = candidate.frame, candidate.found
    line = frame.line

    def word(hit: Hit | None) -> str | None:
        return (
            None
            if hit is None
            else line.field.text[hit.start : hit.end]
            if line.sentence.start <= hit.start < line.sentence.end
            else f"({hit.term.text})"
        )

    return {
        "field": line.field.name,
        "sentence": line.text,
        "prominence": candidate.prominence,
        "kind": candidate.kind.id if candidate.kind else None,
        "action": candidate.action or None,
        "roles": {
            "object": {"is": frame.what, "word": word(frame.object_hit), "model": frame.model, "markers": sorted(frame.markers)},
            "action": {"is": sorted(frame.actions), "word": word(frame.action_hit)},
            "territory": None if found is None else {"country": found.country, "step": found.step, "word": word(found.part.hit) if found.part else None, "why": found.why},
            "actor": frame.actor,
            "origin": frame.origin,
        },
        "happened": None if candidate.happened is None else msgspec.to_builtins(candidate.happened),
        "freshness": candidate.freshness,
        "certainty": candidate.certainty,
        "gate": None if candidate.gate is None else {"name": candidate.gate.name, "why": candidate.gate.why, "word": word(candidate.gate.hit)},
    }  # fmt: skip


def find_flip(found: Understanding, catalog: Catalog) -> Flip | None:
    """Return the smallest change that flips the verdict, found by trying; None when none of them does.

    Tried, in order: taking out the word that closed a gate (shortest first); for a hit, taking out
    the object, the action, the territory, each wherever the article repeats it.
    """
    trials: list[tuple[str, Hit, Field]] = []
    for candidate in found.candidates:
        line = candidate.frame.line
        if (
            candidate.gate is not None
            and candidate.gate.hit is not None
            and not found.tagged.incursion
        ):
            trials.append(
                (
                    f"gate {candidate.gate.name}",
                    candidate.gate.hit,
                    _field_of(candidate.gate.hit, candidate, found),
                )
            )
        if candidate.gate is None and found.tagged.incursion:
            for what, hit in (
                ("action", candidate.frame.action_hit),
                ("object", candidate.frame.object_hit),
                (
                    "territory",
                    candidate.found.part.hit if candidate.found and candidate.found.part else None,
                ),
            ):
                if hit is not None:
                    trials.append((what, hit, line.field))
    for what, hit, field in trials:
        word = field.text[hit.start : hit.end]
        changed = without(found.article, word)
        verdict = understand(changed, catalog).tagged.incursion
        if verdict != found.tagged.incursion:
            span = field.span(hit.start, hit.end)
            return Flip(field.name, span.start, span.end, word, verdict, what)
    return None


def without(article: Article, word: str) -> Article:
    """Return the article with every occurrence of a word taken out."""
    changes = {
        name: getattr(article, name).replace(word, " ") for name in ("title", "summary", "body")
    }
    return msgspec.structs.replace(article, **changes)


def _field_of(hit: Hit, candidate: Candidate, found: Understanding) -> Field:
    """Return the field that a gate's word stands in: the frame's own, else the title."""
    line = candidate.frame.line
    if line.sentence.start <= hit.start < line.sentence.end:
        return line.field
    return found.lines[0].field if found.lines else line.field


def render(data: dict[str, Any]) -> str:
    """Return the explanation as text for a terminal."""
    word = "INCURSION" if data["incursion"] else "no incursion"
    language = data["language"]
    lines = [
        f"{data['title']}",
        f"verdict: {word} · language {language['tag']} ({language['confidence']}; {language['why']}) · catalog {data['catalog']}",
        f"tags: {', '.join(data['tags']) or 'none'}",
    ]
    if not data["candidates"]:
        lines.append(
            "No sentence joins an object (drone, aircraft, missile…) with a crossing and a place."
        )
    for number, item in enumerate(data["candidates"], 1):
        roles = item["roles"]
        territory = roles["territory"] or {}
        lines += [
            "",
            f"{number}. [{item['prominence']}] {item['sentence']}",
            f"   object: {roles['object']['is']} ({roles['object']['word']})"
            + (f", {roles['object']['model']}" if roles["object"]["model"] else "")
            + f" · action: {', '.join(roles['action']['is'])} ({roles['action']['word']})"
            + (f" · actor: {roles['actor']}" if roles["actor"] else ""),
            f"   territory: {territory.get('country') or 'none'} by step {territory.get('step')}"
            + (f" ({territory['word']})" if territory.get("word") else "")
            + (f": {territory['why']}" if territory.get("why") else ""),
        ]
        if item["kind"]:
            lines.append(
                f"   kind: {item['kind']} · freshness: {item['freshness']} · certainty: {item['certainty']}"
            )
        gate = item["gate"]
        if gate:
            lines.append(
                f"   gate closed: {gate['name']}: {gate['why']}"
                + (f" («{gate['word']}»)" if gate["word"] else "")
            )
        else:
            lines.append("   all gates passed: this is told as a report")
    flip = data["flip"]
    lines.append("")
    if flip:
        turned = "an incursion" if flip["incursion"] else "no incursion"
        lines.append(
            f"Would flip: without «{flip['word']}» ({flip['what']}) the verdict is {turned} (tried)."
        )
    else:
        lines.append("Would flip: no single word taken out turns this verdict (tried).")
    return "\n".join(lines)
