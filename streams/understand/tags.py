"""Tags of an article: what its words name, and the kinds of event that only give it a context. Pure."""

from __future__ import annotations

from streams.catalog import Catalog
from streams.catalog.concepts import CONCEPTS, COUNTRIES
from streams.records import Tag
from streams.understand.lexicon import Hit
from streams.understand.text import Field

_TAGS = {name: concept.tag for name, concept in CONCEPTS.items() if concept.tag}
#: A context kind's concepts must stand so close together…
_NEAR_CHARS = 200
#: …and so near the top: what an article says far below is not what it is about.
_TOP_CHARS = 1200


def tags_of(fields: list[Field], hits: dict[str, list[Hit]], catalog: Catalog) -> tuple[Tag, ...]:
    """Return the tags of an article, each with the first place that gives it.

    Args:
        fields: Title, summary, body.
        hits: Each field's, by its name.
        catalog: For the context kinds.
    """
    tags: dict[str, Tag] = {}
    for one in fields:
        said: dict[str, list[Hit]] = {}
        for hit in hits[one.name]:
            term = hit.term
            names = [_TAGS[concept] for concept in term.concepts if concept in _TAGS]
            if term.country and term.form != "person":
                names.append(COUNTRIES[term.country])
            for name in names:
                if name not in tags:
                    tags[name] = Tag(tag=name, span=one.span(hit.start, hit.end))
            if hit.start < _TOP_CHARS:
                for concept in term.concepts:
                    said.setdefault(concept, []).append(hit)
        for kind in catalog.events.context:
            if kind.match.all[0] in said and (found := _together(kind.match.all, said)) is not None:
                name = kind.id.replace("_", "-")
                if name not in tags:
                    tags[name] = Tag(tag=name, span=one.span(*found))
    return tuple(tags.values())


def tagging(catalog: Catalog) -> frozenset[str]:
    """Return the concepts that give a tag, alone or together with others."""
    together = {concept for kind in catalog.events.context for concept in kind.match.all}
    return frozenset(together.union(_TAGS))


def _together(concepts: list[str], said: dict[str, list[Hit]]) -> tuple[int, int] | None:
    """Return the stretch in which all concepts are said, close to each other; None when none is."""
    if any(concept not in said for concept in concepts):
        return None
    for first in said[concepts[0]]:
        near = [
            next((hit for hit in said[c] if abs(hit.start - first.start) <= _NEAR_CHARS), None)
            for c in concepts
        ]
        if all(near):
            starts = [hit.start for hit in near if hit is not None]
            ends = [hit.end for hit in near if hit is not None]
            return min(starts), max(ends)
    return None
