"""A feed's fields made harmless: plain text, http(s) links, plausible times. Runs in the worker.

Every field is cut to its cap before anything else looks at it: no HTML parser tried is safe on
unbounded input (nested tags cost quadratic time).
"""

from __future__ import annotations

import html
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit

import nh3

MAX_FIELD_CHARS = 32 * 1024
MAX_TITLE_CHARS = 500
MAX_URL_CHARS = 2048
MAX_GUID_CHARS = 1024
#: More tags than this and the linear stripper is used; nh3 is quadratic on nesting.
MAX_TAGS = 2000
#: Clocks of publishers run ahead by so much at most; further in the future is no date.
MAX_AHEAD = timedelta(hours=48)
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

_BLOCKS = (
    "address article aside blockquote br dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6"
    " header hr li main nav ol p pre section table td th tr ul"
)
_BLOCK_NAMES = frozenset(_BLOCKS.split())
_DROPPED = {"script", "style", "template", "noscript", "iframe", "svg", "math", "object"}
_LOOKS_HTML = re.compile(r"<[A-Za-z/!?]|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]\w{1,31});")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]\w{1,31});")
_KNOWN_TAG = re.compile(
    r"</?(?:a|b|i|u|em|strong|p|br|span|div|img|script|style|font|ul|ol|li|h[1-6]|iframe)[\s/>]",
    re.I,
)
_TAG = re.compile(r"<(/?[A-Za-z][A-Za-z0-9]*)?[^<>]*>")
#: C0 and C1 controls but tab and newline; line and paragraph separators.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
#: Bidirectional controls, zero-width characters and the byte order mark: never news.
_INVISIBLE = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\u00ad]")
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")


def cap(text: str, limit: int = MAX_FIELD_CHARS) -> tuple[str, bool]:
    """Return the text cut to `limit` characters, and whether it was longer."""
    return (text, False) if len(text) <= limit else (text[:limit], True)


def plain_text(text: str, *, is_html: bool | None = None) -> str:
    """Return text without markup, one line a paragraph, no control or invisible characters.

    Args:
        text: At most `MAX_FIELD_CHARS`; longer is cut.
        is_html: None: guessed from what it looks like.
    """
    text, _ = cap(text)
    if is_html is None:
        is_html = bool(_LOOKS_HTML.search(text))
    if is_html:
        text = _strip(text)
        if _ENTITY.search(text) or _KNOWN_TAG.search(text):  # escaped twice: common, never meant
            text = _strip(text)
    text = _CONTROL.sub(" ", text.replace("\r", "\n"))
    text = _INVISIBLE.sub("", text)
    text = unicodedata.normalize("NFC", text)
    return _LINES.sub("\n", _SPACES.sub(" ", text)).strip()


def one_line(text: str, *, is_html: bool | None = None) -> str:
    """Return a title: plain text on one line, at most `MAX_TITLE_CHARS`."""
    text = plain_text(text, is_html=is_html).replace("\n", " ")
    return text if len(text) <= MAX_TITLE_CHARS else text[: MAX_TITLE_CHARS - 1].rstrip() + "…"


def _strip(text: str) -> str:
    """Return HTML's text; block tags become line breaks."""
    if text.count("<") <= MAX_TAGS:
        text = nh3.clean(
            text,
            tags=set(_BLOCK_NAMES),
            clean_content_tags=_DROPPED,
            attributes={},
            strip_comments=True,
            link_rel=None,
        )
    else:
        text = _drop_between(text, "<!--", "-->")
        for name in ("script", "style"):
            text = _drop_between(text, f"<{name}", f"</{name}")
    return html.unescape(_TAG.sub(_break, text))


def _break(tag: re.Match[str]) -> str:
    name = (tag[1] or "").lstrip("/").lower()
    return "\n" if name in _BLOCK_NAMES else "" if name else " "


def _drop_between(text: str, start: str, end: str) -> str:
    """Remove everything from `start` to `end`, in linear time; an open end takes the rest."""
    kept: list[str] = []
    low = text.lower()
    position = 0
    while (begin := low.find(start, position)) >= 0:
        kept.append(text[position:begin])
        close = low.find(end, begin)
        if close < 0:
            return "".join(kept)
        position = close + len(end)
    kept.append(text[position:])
    return "".join(kept)


def link(value: str | None, base: str) -> str | None:
    """Return an absolute http(s) address; None for anything else (javascript:, data:, mailto:)."""
    text = _CONTROL.sub("", (value or "").strip()).replace("\n", "").replace("\t", "")
    if not text or len(text) > MAX_URL_CHARS:
        return None
    try:
        text.encode()  # half a surrogate pair is no character of an address
        absolute = urljoin(base, text)
        parts = urlsplit(absolute)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        _ = parts.port
    except ValueError:
        return None
    return absolute.replace(" ", "%20")


def plausible(when: datetime | None, now: datetime) -> datetime | None:
    """Return the instant in UTC, or None when no publisher can mean it. A date is never invented."""
    if when is None:
        return None
    try:
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return when if EARLIEST <= when <= now + MAX_AHEAD else None
