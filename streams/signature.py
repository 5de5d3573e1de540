"""Near-duplicate signatures of texts: one agency text on eight sites gives eight equal ones.

In:  plain text.   Out: a short string with a version prefix, kept in `Report.signature`.
Long texts: 128 MinHash permutations over 3-word shingles, the lowest byte of each.
Short texts (under 48 words): a hash of the folded words, since a few shared shingles of a
headline say nothing. Signatures of different versions compare as unknown.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from functools import lru_cache

from rensa import RMinHash

PERMUTATIONS = 128
SEED = 42
SHORT_WORDS = 48
SHINGLE_WORDS = 3
#: Version prefixes. Change one whenever the strings after it change their meaning.
LONG = "m1:"
SHORT = "x1:"

_WORD = re.compile(r"\w+")
# no combining sign stands beyond the table
_COMBINING = dict.fromkeys(code for code in range(0x20000) if unicodedata.combining(chr(code)))


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall(folded.translate(_COMBINING))


def signature(text: str) -> str | None:
    """Return the signature of a text; None when it holds no word."""
    words = _words(text)
    if not words:
        return None
    if len(words) < SHORT_WORDS:
        return SHORT + hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]
    sketch = RMinHash(num_perm=PERMUTATIONS, seed=SEED)
    sketch.update(
        [" ".join(words[at : at + SHINGLE_WORDS]) for at in range(len(words) - SHINGLE_WORDS + 1)]
    )
    low = bytes(value & 0xFF for value in sketch.digest())
    return LONG + base64.b85encode(low).decode()


@lru_cache(maxsize=65_536)
def similarity(one: str | None, other: str | None) -> float | None:
    """Return the estimated share of common shingles, ratio in [0, 1]; None when unknown.

    Short against short is 1.0 or 0.0. Short against long, different versions, and absent
    signatures are unknown. Symmetric.
    """
    if one is None or other is None or one[:3] != other[:3]:
        return None
    if one == other:
        return 1.0
    if one.startswith(SHORT):
        return 0.0
    if not one.startswith(LONG):
        return None
    equal = sum(a == b for a, b in zip(_sketch(one), _sketch(other), strict=True))
    # One byte of each value is kept: 1 in 256 agree by chance.
    chance = 1 / 256
    return max(0.0, (equal / PERMUTATIONS - chance) / (1 - chance))


@lru_cache(maxsize=16_384)
def _sketch(value: str) -> bytes:
    return base64.b85decode(value.removeprefix(LONG))
