"""Recorded articles from files: JSON Lines, or a plain text with its date on the command line.

A line is `{"id", "title", "body", "published", "link"?, "source"?, "declared_language"?}`; other
keys are ignored. A line that cannot be read is told by file and number, and the rest is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import clean
from connectors.base import Entry
from connectors.dates import parse_date
from connectors.urls import canonical_url

#: A longer line is not read.
MAX_LINE_BYTES = 16 * 1024 * 1024
#: A first line up to this length is the title of a plain text.
_TITLE_CHARS = 300
_SHOWN_CHARS = 60
#: A date without a time stands for that day: its noon, UTC.
_NOON = timedelta(hours=12)


@dataclass(frozen=True)
class BadLine:
    """A line that could not be read; the rest of the file was."""

    file: str
    line: int  #: from 1; 0: the file as a whole
    reason: str

    def __str__(self) -> str:
        """Return `file:line: reason`."""
        return (
            f"{self.file}:{self.line}: {self.reason}"
            if self.line
            else f"{self.file}: {self.reason}"
        )


@dataclass(frozen=True)
class Recorded:
    """One readable line."""

    file: str
    line: int
    id: str
    entry: Entry


def read_lines(
    lines: Iterable[bytes | str], file: str, *, need_date: bool = True
) -> Iterator[Recorded | BadLine]:
    """Yield what each line holds, in order; blank lines are passed over.

    Args:
        lines: Of a JSON Lines file.
        file: Its name, for messages.
        need_date: Whether a line without `published` is unreadable.
    """
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            yield _line(raw, file, number, need_date)
        except ValueError as error:
            yield BadLine(file, number, str(error))


def read_text(text: str, file: str, published: datetime | None) -> Recorded:
    """Return a plain text as one article: its first line is the title when short enough."""
    text = clean.plain_text(text, is_html=False)
    first, _, rest = text.partition("\n")
    title, body = (first, rest) if len(first) <= _TITLE_CHARS else ("", text)
    name = Path(file).stem
    return Recorded(file, 0, name, Entry(guid=name, title=title, body=body, published_at=published))


def read_files(targets: Iterable[str], *, need_date: bool = True) -> Iterator[Recorded | BadLine]:
    """Yield what files hold: `FILE.jsonl`, or `FILE@2025-09-11` for a plain text.

    Args:
        targets: As given on a command line. A file that is not .jsonl or .ndjson is plain text
            and needs its date.
        need_date: Whether an article without a date is unreadable.
    """
    for target in targets:
        path, published = split_date(target)
        try:
            if path.suffix in (".jsonl", ".ndjson", ".json"):
                with path.open("rb") as file:
                    yield from read_lines(bounded(file), str(path), need_date=need_date)
            elif published is None and need_date:
                yield BadLine(
                    str(path),
                    0,
                    "a plain text needs its date: FILE@2025-09-11 or FILE@2025-09-11T06:30Z",
                )
            else:
                with path.open("rb") as file:
                    raw = file.read(MAX_LINE_BYTES)
                yield read_text(raw.decode("utf-8"), str(path), published)
        except UnicodeDecodeError as error:
            yield BadLine(str(path), 0, f"is not UTF-8 (byte {error.start})")
        except OSError as error:
            yield BadLine(str(path), 0, f"cannot be read: {error.strerror}")


def split_date(target: str) -> tuple[Path, datetime | None]:
    """Return the path and the date of `FILE@DATE`; a file whose own name has an @ is not split."""
    path = Path(target)
    name, at, date = target.rpartition("@")
    if not at or path.exists():
        return path, None
    published = parse_date(date, "YMD")
    if published is None:
        return path, None
    return Path(name), _at_noon(published, date)


def bounded(file: Any) -> Iterator[bytes]:
    """Yield lines as they come; one over the limit is yielded cut, which makes it a bad line."""
    while line := file.readline(MAX_LINE_BYTES):
        yield line
        while not line.endswith(b"\n") and len(line) == MAX_LINE_BYTES:
            line = file.readline(MAX_LINE_BYTES)


def _line(raw: bytes | str, file: str, number: int, need_date: bool) -> Recorded:
    """Return what a line holds; ValueError, fit to be shown, when it is no article."""
    if len(raw) >= MAX_LINE_BYTES:
        raise ValueError(f"is longer than {MAX_LINE_BYTES} bytes")
    try:
        value = json.loads(raw if isinstance(raw, str) else raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start})") from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"must be an object, is {_shown(value)}")
    title = clean.one_line(_string(value, "title"))
    body = clean.plain_text(_string(value, "body"))
    if not title and not body:
        raise ValueError("has neither title nor body")
    written = value.get("published")
    published = _published(written) if written not in (None, "") else None
    if published is None and need_date:
        raise ValueError("`published` is missing")
    url = clean.link(_string(value, "link") or None, "")
    key = canonical_url(url)
    entry = Entry(
        guid=_id(value) or key or f"{title}|{body}"[:200],
        url=url,
        canonical_url=key,
        title=title,
        summary=clean.plain_text(_string(value, "summary")),
        body=body,
        published_at=published,
        language=_language(value),
        source_name=clean.one_line(_string(value, "source")) or None,
    )
    return Recorded(file, number, entry.guid or "", entry)


def _string(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ValueError(f"`{key}` must be a string, is {_shown(found)}")
    return found.encode("utf-8", "replace").decode()  # a lone surrogate cannot go on


def _id(value: dict[str, Any]) -> str:
    found = value.get("id")
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise ValueError(f"`id` must be a string, is {_shown(found)}")
    return str(found).encode("utf-8", "replace").decode()[: clean.MAX_GUID_CHARS]


def _published(written: Any) -> datetime:
    found = parse_date(str(written), "YMD") if isinstance(written, str | int) else None
    if found is None:
        raise ValueError(f"`published` is no date: {_shown(written)}")
    return _at_noon(found, str(written))


def _at_noon(when: datetime, written: str) -> datetime:
    is_day = re.fullmatch(r"\s*\d{4}-?\d{2}-?\d{2}\s*", written) is not None
    return when + _NOON if is_day else when


def _language(value: dict[str, Any]) -> str | None:
    found = _string(value, "declared_language")
    return found if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", found) else None


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
