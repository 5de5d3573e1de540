"""An article's text: HTML to plain text, folding, sentences, digest items. Pure.

Folding maps one character to one character (case, accents, quotes, dashes, signs to spaces), so
an offset in the folded text is an offset in the plain text; `Field.span` leads back to the
original, tags and entities included.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Container
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streams.records import Span

MAX_BODY_CHARS = 64 * 1024
MAX_TITLE_CHARS = 1000
_QUOTE_CHARS = 300
MAX_SENTENCE_CHARS = 1000

#: Characters that stand for nothing: zero-width, soft hyphen, bidi controls.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)
_MARKUP = re.compile(
    r"<!--.*?-->|<(script|style|figcaption)\b.*?</\1\s*>|<[/!]?[a-zA-Z][^<>]{0,2000}>|&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});",
    re.S | re.I,
)
_BLOCK = re.compile(r"</?(?:p|div|br|li|ul|ol|h[1-6]|tr|table|section|article|blockquote)\b", re.I)
_ITEM = re.compile(r"<(?:li|h[2-6])\b", re.I)


def _fold_table() -> NDArray[np.uint32]:
    """Return the folded code point for each code point of the basic plane."""
    table = np.full(0x10000, ord(" "), dtype=np.uint32)
    for code in range(0x10000):
        char = chr(code)
        if not char.isalnum() and unicodedata.category(char) != "Mn":
            continue
        low = char.lower()
        low = low if len(low) == 1 else low[0]
        name = unicodedata.name(low, "")
        if name.startswith(("LATIN", "GREEK")):
            base = unicodedata.normalize("NFKD", low)[0]
            low = base.lower() if base.isalnum() else low
        table[code] = ord(low)
    for char, plain in zip("ßæœøłđðþıħŧŋəёўѓќς", "saoolddtihtneеугкσ", strict=True):
        table[ord(char)] = ord(plain)
        upper = char.upper()
        if len(upper) == 1:
            table[ord(upper)] = ord(plain)
    table[ord("Ў")] = table[ord("ў")] = ord("ў")  # the letter that tells Belarusian
    table[ord("İ")] = ord("i")
    return table


_TABLE = _fold_table()
#: The same table for short texts, where numpy's fixed costs would rule.
_SHORT_TABLE = {
    code: chr(folded) for code, folded in enumerate(_TABLE[:0x2000].tolist()) if code != folded
}
_SHORT_CHARS = 40
#: By code point: a look-up for the whole text is a quarter of the expression's time.
_IS_INVISIBLE = np.zeros(0x10000, dtype=bool)
_IS_INVISIBLE[[ord(one) for one in _INVISIBLE.findall("".join(map(chr, range(0x10000))))]] = True


def fold(text: str) -> str:
    """Return the text lower-cased, without accents, signs as spaces; same length, always."""
    if len(text) <= _SHORT_CHARS and (text.isascii() or max(text) < "\u2000"):
        return text.translate(_SHORT_TABLE)
    return _folded(_codes(text))


def _codes(text: str) -> NDArray[np.uint32]:
    """Return the code point of each character; lone surrogates, unreadable anyway, included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _folded(codes: NDArray[np.uint32]) -> str:
    # clipped: what lies beyond the basic plane is the table's last entry, a space
    return _TABLE.take(codes, mode="clip").tobytes().decode("utf-32-le")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of one field."""

    start: int
    end: int
    paragraph: int  #: number of the paragraph in its field, from 0
    is_item: bool = False  #: a digest item: bullet, clock time, live-blog subhead
    is_question: bool = False


@dataclass(slots=True)
class Field:
    """One field of an article: `original` as given, `text` plain, `folded` for matching."""

    name: str
    original: str
    text: str
    folded: str
    items: tuple[int, ...] = ()  #: offsets where digest items start, from the markup
    _clean: tuple[int, ...] = field(default=(0,), repr=False)
    _origin: tuple[int, ...] = field(default=(0,), repr=False)

    def span(self, start: int, end: int) -> Span:
        """Return the span of the original that `text[start:end]` came from."""
        return Span(
            field=self.name,
            start=self._back(start),
            end=max(self._back(start), self._back(max(start, end - 1)) + 1),
            quote=self.text[start:end][:_QUOTE_CHARS],
        )

    def _back(self, offset: int) -> int:
        index = bisect_right(self._clean, offset) - 1
        return min(
            self._origin[index] + offset - self._clean[index], max(len(self.original) - 1, 0)
        )


def make_field(name: str, original: str, limit: int = MAX_BODY_CHARS) -> Field:
    """Return the field with its markup set aside; linear in the text's length."""
    cut = original[:limit]
    codes = _codes(cut)
    if "<" not in cut and "&" not in cut and not _IS_INVISIBLE.take(codes, mode="clip").any():
        return Field(name, original, cut, _folded(codes))
    pieces: list[str] = []
    clean: list[int] = [0]
    origin: list[int] = [0]
    items: list[int] = []
    length = position = 0

    def add(piece: str, begin: int) -> None:
        nonlocal length
        for part in _split_invisible(piece, begin):
            if part[0]:
                clean.append(length)
                origin.append(part[1])
                pieces.append(part[0])
                length += len(part[0])

    for match in _MARKUP.finditer(cut):
        add(cut[position : match.start()], position)
        markup = match.group()
        if markup[0] == "&":
            add(html.unescape(markup)[:1], match.start())
        elif _BLOCK.match(markup):
            add("\n", match.start())
            if _ITEM.match(markup):
                items.append(length)
        elif markup.startswith("<!--") or match.group(1):
            add("\n", match.start())
        position = match.end()
    add(cut[position:], position)
    text = "".join(pieces)
    return Field(name, original, text, fold(text), tuple(items), tuple(clean), tuple(origin))


def _split_invisible(piece: str, begin: int) -> list[tuple[str, int]]:
    if not _INVISIBLE.search(piece):
        return [(piece, begin)]
    parts: list[tuple[str, int]] = []
    position = 0
    for match in _INVISIBLE.finditer(piece):
        parts.append((piece[position : match.start()], begin + position))
        position = match.end()
    parts.append((piece[position:], begin + position))
    return parts


_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĖĘĚĞĢĪĮİĶĹĽĻŁŃŇŅŌŐŒŘŚŠŞȘŢȚŤŪŮŰŲŹŻŽА-ЯЁЄІЇҐЎЈЉЊЋЏΑ-ΩΆΈΉΊΌΎΏ"
_BREAK = re.compile(
    rf"""(?:\n+\s*)                                        # a line
    |(?<=[.!?…])["'»”“’)\]]*\s+(?=["'«„“”‘(\[–—-]*\s?[{_UPPER}0-9])   # a full stop, then a capital
    """,
    re.X,
)
_LAST_WORD = re.compile(r"(\w+)\.[\"'»”“’)\]]*\s*$")
_TIME_LEAD = re.compile(
    r"^\s*(?:[-–—•*▪▫■□●○◦◆◇▶►▸‣✔✅➡⇒→+]+\s*|\d{1,2}[:.]\d{2}\b\s*(?:Uhr|h)?\s*[-–—:|]?|\+\+)"
)
#: Abbreviations of all our languages before which a sentence rarely ends.
_ABBREVIATIONS = frozenset(
    [
        "gen",
        "płk",
        "mjr",
        "kpt",
        "por",
        "dr",
        "prof",
        "mgr",
        "inż",
        "min",
        "ul",
        "al",
        "nr",
        "plkst",
        "val",
        "tzw",
        "np",
        "godz",
        "im",
        "św",
        "pkt",
        "tys",
        "mln",
        "mld",
        "mr",
        "mrs",
        "ms",
        "st",
        "col",
        "lt",
        "sgt",
        "jr",
        "sr",
        "vs",
        "inc",
        "ltd",
        "no",
        "art",
        "etc",
        "ca",
        "bzw",
        "usw",
        "z",
        "b",
        "d",
        "h",
        "u",
        "a",
        "str",
        "tel",
        "hr",
        "frau",
        "plk",
        "brig",
        "r",
        "g",
        "p",
        "m",
        "v",
        "sv",
        "dz",
        "t",
        "y",
        "k",
        "i",
        "o",
        "kl",
        "maks",
        "plg",
        "ir",
        "žr",
        "ministr",
        "prez",
        "prem",
        "adm",
        "cmdr",
        "maj",
        "cap",
        "sen",
        "rep",
        "gov",
        "dl",
        "rr",
        "г",
        "гг",
        "ул",
        "им",
        "тыс",
        "млн",
        "млрд",
        "руб",
        "ген",
        "полк",
        "мин",
        "др",
        "пр",
        "т",
        "е",
        "п",
        "см",
        "рис",
        "ім",
        "вул",
        "тис",
        "грн",
        "нач",
    ]
)


_DASH = re.compile(r"\s*[-–—]")
_MIN_ITEMS = 2
_DIGEST_SHARE = 0.6


#: "Bucharest. Near Galați …", "Sport: …": a place or a topic opens each paragraph of a digest.
_HEADED = re.compile(rf"[{_UPPER}][^\s.:–—|]+(?: [^\s.:–—|]+){{0,2}}(?:[.:|]| [–—-])\s")
_HEADED_SHARE = 0.7
_FIRST_WORD = re.compile(r"\w*")


def digest_items(
    field: Field, found: list[Sentence], months: Container[str] = ()
) -> frozenset[int]:
    """Return the paragraphs that are items of a digest or a live blog, each news of its own.

    A dash opens direct speech as well: dashes count only where most paragraphs begin with one.
    A place or a topic may open them all, but no month: that is a look back on a year.

    Args:
        field: The field.
        found: Its sentences.
        months: Words for months in its language, folded.
    """
    first = {one.paragraph: one for one in reversed(found)}
    items = {number for number, one in first.items() if one.is_item}
    headed = {
        number for number, one in first.items()
        if _HEADED.match(field.text, one.start)
        and _FIRST_WORD.match(field.folded, one.start)[0] not in months  # type: ignore[index]
    }  # fmt: skip
    if len(headed) >= _MIN_ITEMS and len(headed) >= _HEADED_SHARE * len(first):
        items |= headed
    dashed = {n for n in items if _DASH.match(field.text, first[n].start)}
    if len(items) < _MIN_ITEMS:
        return frozenset()
    if len(dashed) < _DIGEST_SHARE * len(first):
        items -= dashed
    return frozenset(items) if len(items) >= _MIN_ITEMS else frozenset()


def sentences(field: Field) -> list[Sentence]:
    """Return the field's sentences in order; linear time."""
    text = field.text
    found: list[Sentence] = []
    start = paragraph = 0
    items = field.items[:200]

    def close(end: int) -> None:
        nonlocal start
        while end - start > MAX_SENTENCE_CHARS:  # a run-on: cut it, so that work stays linear
            cut = text.rfind(" ", start, start + MAX_SENTENCE_CHARS)
            cut = cut if cut > start else start + MAX_SENTENCE_CHARS
            take(cut)
            start = cut
        take(end)

    def take(end: int) -> None:
        piece = text[start:end]
        stripped = piece.strip()
        if stripped:
            begin = start + piece.index(stripped[0])
            is_item = bool(_TIME_LEAD.match(piece)) or any(start <= i <= begin for i in items)
            is_question = stripped.rstrip("\"'»”").endswith("?")
            found.append(Sentence(begin, begin + len(stripped), paragraph, is_item, is_question))

    for match in _BREAK.finditer(text):
        is_line = match.group().startswith("\n")
        if not is_line:
            last = _LAST_WORD.search(
                text[max(start, match.start() - 20) : match.start() + 1].rstrip()
            )
            if last and (
                last[1].lower() in _ABBREVIATIONS
                or last[1].isdigit()
                or (len(last[1]) == 1 and last[1].isupper())
            ):
                continue
        close(match.start())
        start = match.end()
        paragraph += is_line
    close(len(text))
    return found
