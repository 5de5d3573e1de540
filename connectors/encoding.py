"""Content-Encoding, undone piece by piece under a cap: a bomb never unfolds.

Only what we advertise is decoded (gzip, deflate); other encodings are an error.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from connectors.errors import FetchError

#: Seen in the wild where no encoding was meant.
_PLAIN = frozenset(("", "identity", "none", "utf-8", "utf8", "binary", "8bit"))
_GZIP = frozenset(("gzip", "x-gzip"))
_AUTO_WBITS = 47  # gzip or zlib, told by the header
_RAW_WBITS = -15
_PIECE_BYTES = 256 * 1024


class Decoder:
    """Decodes one body.

    Raises:
        FetchError: bad_encoding, from every method.
    """

    def __init__(self, encoding: str) -> None:
        names = [name.strip().lower() for name in encoding.split(",")]
        names = [name for name in names if name not in _PLAIN]
        if len(names) > 1 or (names and names[0] not in _GZIP | {"deflate"}):
            raise FetchError("bad_encoding", f"Content-Encoding {encoding[:40]!r} was not offered")
        self._is_gzip = bool(names) and names[0] in _GZIP
        self._inflater: Any = zlib.decompressobj(_AUTO_WBITS) if names else None
        self._has_data = False
        self._is_done = False

    def feed(self, chunk: bytes, room: int) -> Iterator[bytes]:
        """Yield what `chunk` decodes to, at most one piece beyond `room` bytes."""
        if self._inflater is None:
            yield chunk
            return
        is_full = False
        while (chunk or is_full) and room >= 0 and not self._is_done:
            limit = min(room + 1, _PIECE_BYTES)
            piece = self._inflate(chunk, limit)
            is_full = len(piece) == limit  # there may be more, though all was taken in
            room -= len(piece)
            if piece:
                yield piece
            chunk = self._inflater.unconsumed_tail
            if self._inflater.eof:
                chunk = self._next_member(self._inflater.unused_data)

    def finish(self) -> None:
        """Check that the body was whole."""
        if self._inflater is not None and self._has_data and not self._inflater.eof:
            raise FetchError("bad_encoding", "the compressed body ends early")

    def _inflate(self, chunk: bytes, limit: int) -> bytes:
        try:
            piece: bytes = self._inflater.decompress(chunk, limit)
        except zlib.error as error:
            if self._has_data or self._is_gzip:
                raise FetchError("bad_encoding", "the compressed body is damaged") from error
            self._inflater = zlib.decompressobj(_RAW_WBITS)  # deflate without its zlib header
            try:
                piece = self._inflater.decompress(chunk, limit)
            except zlib.error:
                raise FetchError("bad_encoding", "the body is not compressed as told") from error
        self._has_data = True
        return piece

    def _next_member(self, rest: bytes) -> bytes:
        """Return what is left to decode after one gzip member; other trailing bytes are dropped."""
        if not rest.startswith(b"\x1f\x8b"):
            self._is_done = bool(rest)
            return b""
        self._inflater = zlib.decompressobj(_AUTO_WBITS)
        return rest
