"""Seed files → pydantic models; every fault with file, key, reason and, for a typo, a suggestion.

A fault never stops the reading: all files are read, all faults are told at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import tomli
from pydantic import BaseModel, ConfigDict, ValidationError

from streams.errors import Fault

M = TypeVar("M", bound="Seed")


class Seed(BaseModel):
    """Base of every seed model: frozen, unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


def read_toml(path: Path, name: str, faults: list[Fault]) -> dict[str, Any] | None:
    """Return the file's content; None, with a fault noted, when it cannot be read."""
    try:
        return tomli.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        faults.append(Fault(name, "", "file is missing"))
    except (OSError, UnicodeDecodeError) as error:
        faults.append(Fault(name, "", f"cannot be read: {error}"))
    except tomli.TOMLDecodeError as error:
        faults.append(Fault(name, "", f"not TOML: {error}"))
    return None


def dotted(location: Iterable[int | str]) -> str:
    """Return `feed[3].every` for `("feed", 3, "every")`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?`, or "" when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def validate(model: type[M], data: Any, name: str, faults: list[Fault], key: str = "") -> M | None:
    """Return the model of `data`; None, with every fault noted, when it does not fit.

    Args:
        model: Class to build.
        data: What the file holds at `key`.
        name: The file as the user knows it.
        faults: Receives what is wrong.
        key: Prefix of the keys in the faults, e.g. `feed[3]`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for item in error.errors():
            where = ".".join(part for part in (key, dotted(item["loc"])) if part)
            reason = item["msg"].removeprefix("Value error, ")
            if item["type"] == "extra_forbidden":
                reason = "unknown key" + suggest(
                    str(item["loc"][-1]), _fields_at(model, item["loc"][:-1])
                )
            elif item["type"] != "missing":
                reason += f", got {item['input']!r}"[:200]
            faults.append(Fault(name, where, reason))
    return None


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the field names (and aliases) of the model that sits at `location`."""
    current: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part) if hasattr(current, "model_fields") else None
        if field is None:
            return []
        current = _inner_model(field.annotation)
    if not hasattr(current, "model_fields"):
        return []
    return [field.alias or name for name, field in current.model_fields.items()]


def _inner_model(annotation: Any) -> Any:
    """Return the first model class inside `list[X]`, `X | None`, `dict[str, X]` and the like."""
    if hasattr(annotation, "model_fields"):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _inner_model(inner)
        if found is not None:
            return found
    return None
