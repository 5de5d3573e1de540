"""seeds/ → one immutable, hashed Catalog; every fault with file, key and reason, all at once.

Each kind of seed has its module here with `read(sources, faults)`, which gives its part and
notes what is wrong. The user's own directory is laid over the shipped one, entry by entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from streams.catalog import events, languages, models, people, places, scorer
from streams.catalog.events import Events
from streams.catalog.languages import Language, Term
from streams.catalog.models import Models
from streams.catalog.places import Gazetteer
from streams.catalog.scorer import Scorer
from streams.catalog.sources import Sources
from streams.collecting import paused
from streams.errors import Fault, FaultsError


@dataclass(frozen=True)
class Catalog:
    """Everything in seeds/, read and checked."""

    hash: str
    sources: Sources
    languages: dict[str, Language]
    events: Events
    places: Gazetteer
    models: Models
    people: tuple[Term, ...] = ()
    scorer: Scorer = field(default_factory=Scorer)
    feeds: tuple[Any, ...] = ()
    publishers: Any = None
    policies: Any = ()
    channels: Any = None
    messages: Any = None
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def feed_countries(self) -> dict[str, str]:
        """Feed id → the country that its publisher sits in."""
        return {feed.id: feed.country for feed in self.feeds if feed.country}

    @cached_property
    def publisher_countries(self) -> dict[str, str]:
        """Publisher's name, folded, as a headline's suffix gives it → the one country that it sits in.

        "NDR" stands for "NDR Schleswig-Holstein"; names of several countries' publishers are left out.
        """
        found: dict[str, set[str]] = {}
        for feed in self.feeds:
            if feed.country and feed.publisher:
                first = feed.publisher.split()[0]
                for name in {feed.publisher, first if first.isupper() else feed.publisher}:
                    found.setdefault(name.casefold(), set()).add(feed.country)
        return {name: next(iter(codes)) for name, codes in found.items() if len(codes) == 1}


def load_catalog(*own: Path | None) -> Catalog:
    """Return the catalog of the shipped seeds with the given directories laid over them.

    Raises:
        FaultsError: with every fault of every file.
    """
    with paused():
        return _load(own)


def _load(own: tuple[Path | None, ...]) -> Catalog:
    from streams.catalog import channels, feeds, messages, policies, publishers

    faults: list[Fault] = []
    for path in own:
        if path is not None and not path.is_dir():
            faults.append(Fault(str(path), "", "the seeds directory does not exist"))
    sources = Sources.of(*own)
    catalog = Catalog(
        hash=sources.content_hash(),
        sources=sources,
        languages=languages.read(sources, faults),
        events=events.read(sources, faults),
        places=places.read(sources, faults),
        models=models.read(sources, faults),
        people=people.read(sources, faults),
        scorer=scorer.read(sources, faults),
        feeds=tuple(feeds.read(sources, faults)),
        publishers=publishers.read(sources, faults),
        policies=policies.read(sources, faults),
        channels=channels.read(sources, faults),
        messages=messages.read(sources, faults),
    )
    if faults:
        raise FaultsError(faults)
    return catalog
