"""Records to bytes and back: JSON, typed, deterministic for equal records."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from streams.records.ledger import LedgerRecord

R = TypeVar("R", bound=Struct)

_encoder = msgspec.json.Encoder()

_ledger_decoder: msgspec.json.Decoder[LedgerRecord] = msgspec.json.Decoder(LedgerRecord)

_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def encode(record: Struct) -> bytes:
    """Return the record's JSON as UTF-8 bytes; deterministic for equal records."""
    return _encoder.encode(record)


def decode(kind: type[R], raw: bytes) -> R:
    """Return the record in `raw`.

    Raises:
        msgspec.DecodeError: not JSON, or not of this shape (ValidationError is a subclass).
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    record: R = decoder.decode(raw)
    return record


def decode_ledger(raw: bytes) -> LedgerRecord:
    """Return the ledger record in `raw`, told apart by its `type` field.

    Raises:
        msgspec.DecodeError: not JSON, or of no known type.
    """
    return _ledger_decoder.decode(raw)
