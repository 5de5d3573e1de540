"""Why an article did, or did not, alert: sentences with spans, roles, gates, and what would flip it.

The flip is really tried (flip.py): the whole understanding runs again with the change.
"""

from __future__ import annotations

from typing import Any

import msgspec

from streams.catalog import Catalog
from streams.catalog.concepts import ACTIONS, OBJECTS, WATCHED
from streams.records import Article
from streams.understand.flip import find_flip, nearest_first
from streams.understand.lexicon import Hit
from streams.understand.report import Candidate
from streams.understand.sentence import Line
from streams.understand.verdict import Understanding, understand


def explain(article: Article, catalog: Catalog) -> dict[str, Any]:
    """Return the explanation as plain data; `render` makes text of it."""
    found = understand(article, catalog)
    flip = find_flip(found, catalog)
    told = [candidate for candidate in found.candidates if candidate.kind or candidate.gate]
    return {
        "id": article.id,
        "title": article.title,
        "language": {"tag": found.guess.language, "confidence": round(found.guess.confidence, 2), "why": found.guess.why},
        "incursion": found.tagged.incursion,
        "verdict": found.tagged.verdict,
        "tags": [tag.tag for tag in found.tagged.tags],
        "candidates": [_candidate(candidate, found.lines) for candidate in told],
        "decided_by": nearest_first(told)[0] + 1 if told else None,
        "reports": [msgspec.to_builtins(report) for report in found.report_set.reports],
        "flip": None if flip is None else flip.as_json(),
        "lacks": None if flip else _lacking(found),
        "catalog": catalog.hash,
        "why": list(found.tagged.why),
    }  # fmt: skip


def _lacking(found: Understanding) -> str:
    """Say which slots no sentence fills, when there is nothing that could be changed."""
    lines = found.lines
    lacks = [
        what
        for what, concepts in (("object", OBJECTS), ("action", (*ACTIONS, "incursion")))
        if not any(line.first(*concepts) for line in lines)
    ]
    if not any(part.country in WATCHED for line in lines for part in line.parts):
        lacks.append("territory")
    missing = " and ".join(lacks) if lacks else "a sentence that joins object, action and territory"
    return f"only a sentence with what this text lacks: {missing}."


def _candidate(candidate: Candidate, lines: list[Line]) -> dict[str, Any]:
    frame, found = candidate.frame, candidate.found
    line = frame.line

    def word(hit: Hit | None) -> str | None:
        """Return the words of a hit, with the field they stand in when it is not the sentence."""
        if hit is None:
            return None
        for one in (line, *lines):
            if one.holds(hit):
                text = one.field.text[hit.start : hit.end]
                return text if one is line else f"{text}, in the {one.field.name}"
        return f"({hit.term.text})"

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


#: What becomes of a report that passes every gate and is no news.
_OLD = "late: told of as over three days old, so it joins an incident and raises no alert"


def _is_old(candidate: dict[str, Any]) -> bool:
    return candidate["freshness"] in ("late", "past")


def _decided(data: dict[str, Any]) -> str:
    """Return the line that says first what decided."""
    number = data["decided_by"]
    decided = data["candidates"][number - 1]
    gate, roles = decided["gate"], decided["roles"]
    if gate is None:
        words = (roles["object"]["word"], roles["action"]["word"])
        carried = " and ".join(f"«{word}»" for word in words if word)
        because = f", because of {carried}" if carried else ""
        if _is_old(decided):
            return f"decided by sentence {number}: {_OLD}{because}"
        return f"decided by sentence {number}: told as a report{because}"
    because = f", because of «{gate['word']}»" if gate["word"] else ""
    return f"decided by sentence {number}: {gate['name']}: {gate['why']}{because}"


def _territory(territory: dict[str, Any]) -> str:
    """Return the line that says which state's land, air or water it was, and how that is known."""
    if not territory.get("country"):
        where = "   territory: no watched state found"
    else:
        where = f"   territory: {territory['country']} by step {territory['step']}"
    where += f" ({territory['word']})" if territory.get("word") else ""
    return where + (f": {territory['why']}" if territory.get("why") else "")


def _when(item: dict[str, Any]) -> str:
    """Return the day that an event is dated to, and how it is known."""
    happened = item["happened"]
    if happened is None:
        return ""
    if happened["precision"] == "assumed":
        return " (no date told)"
    return f" ({str(happened['start'])[:10]})"


def render(data: dict[str, Any]) -> str:
    """Return the explanation as text for a terminal."""
    word = "INCURSION" if data["incursion"] else "no incursion"
    language = data["language"]
    lines = [
        f"{data['title']}",
        f"verdict: {word} · language {language['tag']} ({language['confidence']}; {language['why']}) · catalog {data['catalog']}",
        f"tags: {', '.join(data['tags']) or 'none'}",
    ]
    if data["decided_by"]:
        lines.append(_decided(data))
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
            f"   object: {roles['object']['is']} ({roles['object']['word'] or 'no word for it'})"
            + (f", {roles['object']['model']}" if roles["object"]["model"] else "")
            + f" · action: {', '.join(roles['action']['is'])} ({roles['action']['word'] or 'no verb: read from where it stands'})"
            + (f" · actor: {roles['actor']}" if roles["actor"] else ""),
            _territory(territory),
        ]
        if item["kind"]:
            lines.append(
                f"   kind: {item['kind']} · freshness: {item['freshness']}{_when(item)} · certainty: {item['certainty']}"
            )
        gate = item["gate"]
        if gate:
            lines.append(
                f"   gate closed: {gate['name']}: {gate['why']}"
                + (f" («{gate['word']}»)" if gate["word"] else "")
            )
        else:
            lines.append(
                f"   all gates passed, but {_OLD}"
                if _is_old(item)
                else "   all gates passed: this is told as a report"
            )
    flip = data["flip"]
    lines.append("")
    if flip:
        turned = "an incursion" if flip["incursion"] else "no incursion"
        if flip["word"]:
            change = f"without «{flip['word']}» ({flip['what']})"
        else:
            change = f"with {' and '.join(flip['changes'])}, in sentence {flip['sentence']},"
        lines.append(f"Would flip: {change} the verdict is {turned} (tried).")
    else:
        lines.append(f"Would flip: {data['lacks']}")
    return "\n".join(lines)
