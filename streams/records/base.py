"""What all records share: ids from content, frozen structs, closed lists of words."""

from __future__ import annotations

import hashlib
from typing import Literal

from msgspec import Struct

Freshness = Literal["fresh", "late", "past", "undated"]


Realis = Literal[
    "asserted", "attributed", "denied", "hypothetical", "exercise", "policy", "historical"
]


Level = Literal["urgent", "normal", "digest"]


Status = Literal["claimed", "reported", "confirmed", "disputed", "denied", "false_alarm"]


Lifecycle = Literal["open", "closed", "merged_into"]

LEVELS: tuple[Level, ...] = ("digest", "normal", "urgent")  # rising


def content_id(*parts: str | None, length: int = 16) -> str:
    """Return a hex id of `length` characters; None and "" are told apart."""
    digest = hashlib.sha256()
    for part in parts:
        raw = b"\xff" if part is None else part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()[:length]


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all records; `schema_name()` goes into the `schema` header."""

    @classmethod
    def schema_name(cls) -> str:
        """Return `<name>/1`, the value of the `schema` header."""
        return f"{cls.__name__}/1"
