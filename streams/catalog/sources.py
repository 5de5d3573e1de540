"""Where seeds come from: the shipped directory, then the user's own, laid over it.

A later layer adds, overrides or disables entries of an earlier one by id; what an entry is (a
whole file, or one table of a file) is for each kind's reader to say.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path


def shipped() -> Path:
    """Return the seeds directory that came with the program."""
    return Path(str(resources.files("seeds")))


@dataclass(frozen=True, order=True)
class SeedFile:
    """One file of one layer."""

    layer: int  #: 0 = shipped
    name: str  #: as faults name it: seeds/feeds/baltic.toml
    path: Path = field(compare=False)

    @property
    def stem(self) -> str:
        """Return the file name without its ending."""
        return self.path.stem


@dataclass(frozen=True)
class Sources:
    """The layers, lowest first."""

    layers: tuple[Path, ...]

    @classmethod
    def of(cls, *own: Path | None) -> Sources:
        """Return the shipped layer and the given own ones; None is passed over."""
        return cls((shipped(), *(path for path in own if path is not None)))

    def files(self, folder: str, ending: str = ".toml") -> list[SeedFile]:
        """Return the files of a folder in all layers, lowest layer first, each sorted by name."""
        found: list[SeedFile] = []
        for layer, root in enumerate(self.layers):
            base = root / folder
            if base.is_dir():
                found += [
                    SeedFile(layer, self._name(layer, path), path)
                    for path in sorted(base.glob(f"*{ending}"))
                ]
        return found

    def single(self, name: str) -> list[SeedFile]:
        """Return the file of this name in each layer that has it, lowest first."""
        return [
            SeedFile(layer, self._name(layer, root / name), root / name)
            for layer, root in enumerate(self.layers)
            if (root / name).is_file()
        ]

    def content_hash(self) -> str:
        """Return a hash of every data file of every layer: what a report's `catalog` names."""
        digest = hashlib.sha256()
        for root in self.layers:
            for path in sorted(root.rglob("*")):
                if path.suffix in (".toml", ".tsv") and path.is_file():
                    digest.update(str(path.relative_to(root)).encode() + b"\0")
                    digest.update(path.read_bytes() + b"\0")
        return digest.hexdigest()[:12]

    def _name(self, layer: int, path: Path) -> str:
        root = self.layers[layer]
        return f"seeds/{path.relative_to(root)}" if layer == 0 else str(path)
