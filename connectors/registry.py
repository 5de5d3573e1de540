"""Kinds by folder scan: a kind is a file in connectors/feeds/ or connectors/chat/.

Adding a kind is adding a file; nothing else names it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType

from connectors.errors import UnknownKindError

_HERE = Path(__file__).parent


@cache
def kinds(folder: str) -> frozenset[str]:
    """Return the kinds of a folder (`feeds` or `chat`): its modules' names."""
    found = pkgutil.iter_modules([str(_HERE / folder)])
    return frozenset(module.name for module in found if not module.name.startswith("_"))


def load(folder: str, kind: str) -> ModuleType:
    """Return the module of a kind.

    Raises:
        UnknownKindError: no such file; the message lists those there are.
    """
    if kind not in kinds(folder):
        raise UnknownKindError(folder, kind, sorted(kinds(folder)))
    return importlib.import_module(f"connectors.{folder}.{kind}")


@cache
def fetched_kinds() -> frozenset[str]:
    """Return the kinds of feed that are fetched by URL: all but replay, which reads files."""
    return kinds("feeds") - {"replay"}
