"""Words that a feed wrote, made safe to show anywhere; what is special to one service is its own.

Pure. `plain` takes away what steers a terminal or hides text and breaks addresses that are not
ours; `cut` shortens as the service counts; `safe_link` gives the only links that are shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, urlsplit, urlunsplit

from publicsuffixlist import PublicSuffixList

MAX_URL_CHARS = 2000
ELLIPSIS = "…"
#: Controls, zero-width and direction marks, soft hyphen, fillers, tags, lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
_SPACE = re.compile(r"\s+")
_ADDRESS = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]{1,20}:/{1,}|www\.)[^\s<>\"]*")
_SCHEME = re.compile(r"(?i)\b(javascript|data|vbscript|file|tel|mailto|slack|tg):")
_HOST = re.compile(r"[A-Za-z0-9._-]+")


def plain(text: str) -> str:
    """Return one line without hidden characters, in which no service finds an address."""
    text = _SPACE.sub(" ", _HIDDEN.sub("", text)).strip()
    text = _ADDRESS.sub(lambda found: _defang(found.group()), text)
    return _SCHEME.sub(r"\1[:]", text)


def _defang(address: str) -> str:
    """Return `http[:]//evil[.]example`: readable, and a link nowhere."""
    return address.replace("://", "[:]//").replace(":/", "[:]/").replace(".", "[.]")


def utf16_units(text: str) -> int:
    """Return the length in UTF-16 code units, as JavaScript counts."""
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF)


def utf8_bytes(text: str) -> int:
    """Return the length in bytes of UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def cut(text: str, limit: int, size: Callable[[str], int] = len) -> str:
    """Return the text, or its beginning and "…", with `size` of the result <= `limit`.

    Args:
        text: Unescaped; never cut between a character and its combining marks.
        limit: In the units of `size`.
        size: Size of a text once escaped; additive over characters.
    """
    if size(text) <= limit:
        return text
    room = limit - size(ELLIPSIS)
    end = used = 0
    for char in text:
        used += size(char)
        if used > room:
            break
        end += 1
    while 0 < end < len(text) and _clings(text[end]):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS if room >= 0 else ""


def _clings(char: str) -> bool:
    return bool(unicodedata.combining(char)) or unicodedata.category(char) in ("Mn", "Me", "Mc")


@dataclass(frozen=True)
class SafeLink:
    """An address fit to be linked, and the domain to show for it."""

    url: str  #: ASCII; no space, quote, bracket, pipe or backslash in it
    domain: str  #: registrable domain, punycode visible


def safe_link(url: str | None) -> SafeLink | None:
    """Return the link, or None when it is not plain http(s) to a named host."""
    if not url or len(url) > MAX_URL_CHARS or _SPACE.search(url) or _HIDDEN.search(url):
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    try:
        host = host.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    if not _HOST.fullmatch(host):
        return None
    clean = urlunsplit(
        (
            parts.scheme,
            host + (f":{port}" if port else ""),
            _quote(parts.path),
            _quote(parts.query),
            "",
        )
    )
    return SafeLink(clean, _registrable(host)) if len(clean) <= MAX_URL_CHARS else None


def _quote(text: str) -> str:
    """Escape all that means something in a markup: quotes, brackets, pipes, stars, backslashes."""
    return quote(text, safe="/%:@!$&+,;=?~-._")


def _registrable(host: str) -> str:
    return _suffixes().privatesuffix(host) or host


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
