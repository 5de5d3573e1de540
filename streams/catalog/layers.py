"""Who says what: every entry of the seeds with the layers and files that speak of it.

For `flankwatch check --sources`. It reads the same files as the parts of the catalog do, raw: what
is wrong in them is for those to tell. The effect of the last word on an entry is one of `EFFECTS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streams.catalog.faults import read_toml
from streams.catalog.sources import SeedFile, Sources

#: shipped: as it came; added: only an own layer has it; changed: an own table is laid over it, key
#: by key; replaced: an own file or table stands in its place; disabled: it is left out.
EFFECTS = ("shipped", "added", "changed", "replaced", "disabled")
#: Parts whose entry is a whole file, by folder.
_FOLDERS = {
    "languages": "language",
    "events": "event",
    "alerts": "policy",
    "messages": "message words",
}
#: Parts whose entries are tables of one file: file, table, key of its id, whether laid over.
_TABLES = (
    ("channels.toml", "room", "id", True),
    ("channels.toml", "route", "id", True),
    ("publishers.toml", "family", "id", False),
    ("publishers.toml", "agency", "id", False),
    ("models.toml", "model", "name", False),
)


@dataclass(frozen=True)
class Origin:
    """One entry, and who speaks of it."""

    part: str  #: feed, language, event, policy, room…
    id: str
    effect: str  #: of `EFFECTS`
    layers: tuple[int, ...]  #: lowest first; 0 = shipped
    files: tuple[str, ...]  #: as faults name them, lowest first

    @property
    def is_own(self) -> bool:
        """True when a layer above the shipped one speaks of it."""
        return any(self.layers)

    @property
    def layer(self) -> str:
        """Return where the last word comes from: `shipped` or `own`."""
        return "own" if self.layers[-1] else "shipped"


@dataclass(frozen=True)
class _Word:
    """What one file says of one entry."""

    file: SeedFile
    is_disabled: bool = False
    is_reset: bool = False  #: `replace_shipped`: what follows begins anew


def origins(sources: Sources) -> list[Origin]:
    """Return every entry of every part, sorted by part and id; unreadable files are passed over."""
    found = [*_of_folders(sources), *_of_tables(sources), *_of_people(sources)]
    return sorted([*found, *_of_feeds(sources), *_of_places(sources)], key=lambda o: (o.part, o.id))


def _of_folders(sources: Sources) -> Iterator[Origin]:
    for folder, part in _FOLDERS.items():
        words: dict[str, list[_Word]] = {}
        for file in sources.files(folder):
            content = read_toml(file.path, file.name, []) or {}
            words.setdefault(file.stem, []).append(_Word(file, content.get("disabled") is True))
        yield from (_origin(part, id, said, is_laid_over=False) for id, said in words.items())


def _of_tables(sources: Sources) -> Iterator[Origin]:
    for name, table, key, is_laid_over in _TABLES:
        words: dict[str, list[_Word]] = {}
        for file in sources.single(name):
            content = read_toml(file.path, file.name, []) or {}
            _note(words, content.get(table), key, file)
        yield from (_origin(table, id, said, is_laid_over) for id, said in words.items())


def _of_people(sources: Sources) -> Iterator[Origin]:
    words: dict[str, list[_Word]] = {}
    for file in sources.single("people.toml"):
        for country in read_toml(file.path, file.name, []) or {}:
            words.setdefault(country, []).append(_Word(file))
    yield from (_origin("people", id, said, is_laid_over=False) for id, said in words.items())


def _of_feeds(sources: Sources) -> Iterator[Origin]:
    """Yield the feeds; what `replace_shipped` leaves out counts as disabled by that file."""
    contents = []
    for file in sources.files("feeds"):
        contents.append((file, read_toml(file.path, file.name, []) or {}))
    contents.sort(key=lambda pair: (pair[0].layer, pair[1].get("overlay") is True))
    words: dict[str, list[_Word]] = {}
    for file, content in contents:
        if content.get("replace_shipped") is True:
            for said in words.values():
                if said[-1].file.layer < file.layer:
                    said.append(_Word(file, is_disabled=True, is_reset=True))
        tables = content.get("feed")
        if content.get("overlay") is True and isinstance(tables, list):
            live = {id for id, said in words.items() if not said[-1].is_reset}
            tables = [one for one in tables if isinstance(one, dict) and one.get("id") in live]
        _note(words, tables, "id", file, keeps=True)
    yield from (_origin("feed", id, said, is_laid_over=True) for id, said in words.items())


def _of_places(sources: Sources) -> Iterator[Origin]:
    """Yield the places that an own layer speaks of, and for each shipped file one line."""
    words: dict[str, list[_Word]] = {}
    for file in sources.single("places.tsv") + sources.files("places", ".tsv"):
        try:
            lines = file.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        rows = [line for line in lines if line and line[0] != "#"][1:]
        for row in rows:
            words.setdefault(row.partition("\t")[0], []).append(_Word(file))
        if file.layer == 0:
            yield Origin("places", f"{file.stem} ({len(rows)})", "shipped", (0,), (file.name,))
    for id, said in words.items():
        if any(word.file.layer for word in said):
            yield _origin("place", id, said, is_laid_over=False)


def _note(
    words: dict[str, list[_Word]], tables: Any, key: str, file: SeedFile, *, keeps: bool = False
) -> None:
    """Note each table; with `keeps`, one that is silent on `disabled` leaves it as it was."""
    for table in tables if isinstance(tables, list) else []:
        if not isinstance(table, dict) or not isinstance(id := table.get(key), str):
            continue
        said = words.setdefault(id, [])
        was_disabled = keeps and bool(said) and said[-1].is_disabled and not said[-1].is_reset
        said.append(_Word(file, table.get("disabled", was_disabled) is True))


def _origin(part: str, id: str, said: list[_Word], is_laid_over: bool) -> Origin:
    layers = tuple(word.file.layer for word in said)
    if said[-1].is_disabled:  # the last word decides
        effect = "disabled"
    elif layers[-1] == 0:
        effect = "shipped"
    elif 0 not in layers:
        effect = "added"
    else:
        effect = "changed" if is_laid_over else "replaced"
    return Origin(part, id, effect, layers, tuple(word.file.name for word in said))
