"""Bytes to text: what a feed's bytes mean, whatever its headers claim. Pure.

Order: byte order mark; valid UTF-8 with letters beyond ASCII (it is never so by accident); the
declared encodings; the encoding usual for the feed's language. A wrong claim is told, not hidden.
"""

from __future__ import annotations

import codecs
import re
import sys

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_STARTS = (
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00<", "utf-16-be"),
    (b"<\x00", "utf-16-le"),
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']\s*([A-Za-z0-9._:-]{2,40})""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{2,40})""", re.I)
#: Encodings of the web before UTF-8, by language.
_BY_LANGUAGE = {
    "windows-1250": "pl cs sk hu ro sl hr bs sq",
    "windows-1251": "ru uk be bg sr mk",
    "windows-1253": "el",
    "windows-1254": "tr",
    "windows-1257": "lt lv et",
}
_USUAL = {code: name for name, codes in _BY_LANGUAGE.items() for code in codes.split()}
#: Single bytes that fit any text: a claim of these proves nothing.
_TAKES_ALL = frozenset(("iso8859-1", "latin-1", "cp1252", "ascii"))
#: Known to Python, meant by no publisher ("undefined" comes of a script's mistake).
_PYTHONS_OWN = frozenset(
    ("undefined", "idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7")
)
#: What web pages mean when they say these.
_MEANT = {"iso8859-1": "cp1252", "latin-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030"}
#: References with as many digits as half a surrogate pair, or what lies beyond the last character.
_LONG_REFERENCE = re.compile("&#(?:x0*+([0-9a-f]{4,})|0*+([0-9]{5,}));?", re.I)
#: C0 controls that XML forbids, U+FFFE and U+FFFF, lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def decode(body: bytes, content_type: str = "", language: str | None = None) -> tuple[str, str]:
    """Return the text, and what was wrong with the encoding ("" when nothing).

    Args:
        body: The whole document.
        content_type: The HTTP header.
        language: BCP 47 language of the feed, if known.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return legal(body[len(mark) :].decode(name, "replace")), ""
    for start, name in _STARTS:
        if body.startswith(start):
            return legal(body.decode(name, "replace")), ""
    claims = [_known(name) for name in _claims(body, content_type)]
    named = [name for name in claims if name]
    flaw = "" if all(claims) else "names an unknown encoding"
    is_utf8, broken = _utf8(body)
    if is_utf8 and not any(
        name.startswith(("shift", "euc", "iso2022", "gb", "big5")) for name in named
    ):
        if named and named[0] != "utf-8" and not body.isascii():
            flaw = f"says {named[0]} and is utf-8"
        return legal(body.decode("utf-8", "replace")), flaw or broken
    usual = _USUAL.get((language or "").partition("-")[0], "")
    guesses = [name for name in named if name != "utf-8"]
    if usual and all(name in _TAKES_ALL for name in guesses):
        guesses.insert(0, usual)
    if not guesses and _looks_cyrillic(body):
        guesses.append("windows-1251")
    for name in (*guesses, "cp1252"):
        name = _MEANT.get(name, name)
        try:
            text = body.decode(name)
        except UnicodeDecodeError:
            continue
        if not named or named[0] not in (name, _lookup(name)):
            claimed = named[0] if named else "nothing"
            flaw = flaw or f"says {claimed} and is read as {name}"
        return legal(text), flaw
    return legal(body.decode("cp1252", "replace")), "no encoding fits"


def mend_references(text: str) -> str:
    """Return the text without references to what is no character: parsers give a whole document up over one.

    An emoji written as two halves (`&#xD83D;&#xDEA8;`) is common, and meant.
    """
    text, count = _LONG_REFERENCE.subn(_character, text)
    return (
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if count else text
    )


def _character(reference: re.Match[str]) -> str:
    """Return the half pair or the replacement character for a bad reference, a good one as it is."""
    digits = reference[1] or reference[2]
    code = int(digits, 16 if reference[1] else 10) if len(digits) < 8 else sys.maxunicode + 1
    if 0xD800 <= code <= 0xDFFF:
        return chr(code)
    return reference[0] if code <= sys.maxunicode else "\ufffd"


def _claims(body: bytes, content_type: str) -> list[str]:
    header = _CHARSET.search(content_type)
    prolog = _DECLARED.match(body[:400])
    found = [header[1]] if header else []
    return found + ([prolog[1].decode("ascii")] if prolog else [])


def _known(name: str) -> str:
    """Return Python's name of a text encoding; "" when there is none."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    is_of_the_web = found._is_text_encoding and found.name.replace("_", "-") not in _PYTHONS_OWN
    return found.name if is_of_the_web else ""


def _lookup(name: str) -> str:
    return codecs.lookup(name).name


def _utf8(body: bytes) -> tuple[bool, str]:
    """Return whether the body is UTF-8, a few broken bytes allowed, and what is wrong with it."""
    try:
        body.decode("utf-8")
        return True, ""
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd") - body.count(b"\xef\xbf\xbd")
    letters = sum(text.count(character) for character in set(text) if ord(character) > 0x7F)
    if (letters - text.count("\ufffd")) > 4 * broken:
        return True, f"holds {broken} bytes that are not utf-8"
    return False, ""


def _looks_cyrillic(body: bytes) -> bool:
    """Return True when bytes 0xC0-0xFF come in runs, as letters of windows-1251 words do."""
    runs = re.findall(rb"[\xc0-\xff\xa8\xb8]{4,}", body[:200_000])
    high = sum(body[:200_000].count(bytes((value,))) for value in range(0x80, 0x100))
    return high > 0 and sum(map(len, runs)) > 0.5 * high


def legal(text: str) -> str:
    """Return the text without characters that no XML may hold."""
    return _FORBIDDEN.sub(" ", text)
