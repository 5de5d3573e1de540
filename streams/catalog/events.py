"""seeds/events/<kind>.toml → event kinds: which concepts in which roles make one.

A kind fires when one of its objects meets one of its actions (and a site or marker, where it asks
for one); of the kinds that fire for a frame the highest priority is told. `context` kinds only
tag: an article whose title or lead says all their concepts in one sentence gets the kind as a tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field as Key

from streams.catalog.concepts import ACTIONS, CONCEPTS
from streams.catalog.faults import Seed, read_toml, suggest, validate
from streams.catalog.languages import LanguageTest
from streams.catalog.sources import Sources
from streams.errors import Fault

#: Actions that a frame may have besides verbs: an event noun, or a place alone ("drone over Riga").
FRAME_ACTIONS = frozenset((*ACTIONS, "incursion", "over"))
OBJECT_KINDS = (
    "drone",
    "missile",
    "aircraft",
    "helicopter",
    "balloon",
    "ship",
    "troops",
    "unknown",
)


class EventMatch(Seed):
    """What makes the kind."""

    objects: list[str] = []  #: of OBJECT_KINDS
    actions: list[str] = []
    all: list[str] = []  #: of a context kind: concepts that one sentence must say
    sites: list[str] = []  #: airport, base, critical: one must be there
    wreckage: bool | None = None  #: True: only wreckage; False: never; None: either
    needs: list[Literal["hostile", "unidentified", "marker"]] = []  #: marker: either of the two


class EventTest(LanguageTest):
    """A language's test, with the language."""

    lang: str


class EventKind(Seed):
    """One file of seeds/events."""

    id: str
    title: str
    family: (
        str  #: drone | missile | aircraft | balloon | ship | troops: kinds that may be one event
    )
    level: Literal["urgent", "normal", "digest"]
    priority: int = 0
    status: Literal["stable", "experimental", "context"] = "experimental"
    references: list[str] = []
    falsepositives: list[str] = []
    match: EventMatch
    disabled: bool = False
    test: list[EventTest] = Key(default=[])


@dataclass(frozen=True)
class Events:
    """All kinds, highest priority first."""

    kinds: tuple[EventKind, ...]
    context: tuple[EventKind, ...] = ()

    def __getitem__(self, kind: str) -> EventKind:
        """Return the kind of this id."""
        return next(found for found in (*self.kinds, *self.context) if found.id == kind)

    def fitting(
        self, what: str, actions: set[str], sites: set[str], is_wreckage: bool, markers: set[str]
    ) -> tuple[EventKind, str] | None:
        """Return the highest kind that fires, with the action that made it; None when none does."""
        for kind in self.kinds:
            match = kind.match
            if what not in match.objects:
                continue
            action = next((name for name in match.actions if name in actions), None)
            if action is None:
                continue
            if match.sites and not sites & set(match.sites):
                continue
            if match.wreckage is not None and match.wreckage != is_wreckage:
                continue
            if match.needs and not any(
                bool(markers) if need == "marker" else need in markers for need in match.needs
            ):
                continue
            return kind, action
        return None


def read(sources: Sources, faults: list[Fault]) -> Events:
    """Return the kinds of all layers; a later file of the same name replaces the earlier."""
    kinds: dict[str, EventKind] = {}
    for file in sources.files("events"):
        data = read_toml(file.path, file.name, faults)
        kind = None if data is None else validate(EventKind, data, file.name, faults)
        if kind is None:
            continue
        if kind.id != file.stem:
            faults.append(
                Fault(file.name, "id", f"must be the file's stem {file.stem!r}, got {kind.id!r}")
            )
        for key, given, known in (
            ("objects", kind.match.objects, OBJECT_KINDS),
            ("actions", kind.match.actions, FRAME_ACTIONS),
            ("sites", kind.match.sites, CONCEPTS),
            ("all", kind.match.all, CONCEPTS),
        ):
            for word in given:
                if word not in known:
                    faults.append(
                        Fault(file.name, f"match.{key}", f"unknown {word!r}{suggest(word, known)}")
                    )
        needed = ("all",) if kind.status == "context" else ("objects", "actions")
        for key in needed:
            if not getattr(kind.match, key):
                faults.append(Fault(file.name, f"match.{key}", "must name at least one"))
        kinds[kind.id] = kind
    alive = sorted(
        (kind for kind in kinds.values() if not kind.disabled),
        key=lambda kind: (-kind.priority, kind.id),
    )
    return Events(
        tuple(kind for kind in alive if kind.status != "context"),
        tuple(kind for kind in alive if kind.status == "context"),
    )
