"""Dates as feeds really write them → aware UTC. Pure; None when it is no date.

Strict formats first; then RFC 822 with its usual sins; then, for list pages, day and month in
figures or in words of the languages of the flank. A date without a time zone is taken as UTC,
because nothing better is known; a time is never invented beyond midnight of a given day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

Order = Literal["DMY", "MDY", "YMD"]

_ISO = re.compile(
    r"^(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})"
    r"(?:[T\s_]+(\d{1,2}):?(\d{2})(?::?(\d{2})(?:[.,]\d{1,9})?)?\s*(Z|UTC|GMT|[+-]\d{1,2}:?(?:\d{2})?)?)?$",
    re.I,
)
_RFC = re.compile(
    r"(\d{1,2})\.?[\s-]+([^\W\d_]{3,12})\.?,?[\s-]+(\d{2,4})"
    r"(?:[,\s]+(?:um|at|kl\.?|o|u|в|о)?\s*(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*(am|pm)?\s*([A-Z]{1,5}|[+-]\d{1,2}:?\d{2})?)?",
    re.I,
)
_US = re.compile(
    r"([^\W\d_]{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})"
    r"(?:[,\s]+(?:at)?\s*(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(am|pm)?\s*([A-Z]{1,5}|[+-]\d{2}:?\d{2})?)?",
    re.I,
)
#: What the standard library reads wrongly: zones by other names, am and pm, zones with a colon.
_NOT_RFC = re.compile(r"\b(?:MEZ|MESZ|CES?T|EES?T|MSK|TRT|WE?S?T|BST|[ap]m)\b|[+-]\d\d:\d\d$", re.I)
_ASCTIME = re.compile(
    r"^[A-Z][a-z]{2}\s+([A-Z][a-z]{2})\s+(\d{1,2})\s+(\d{2}):(\d{2}):(\d{2})\s+(?:[A-Z]{3,4}\s+)?(\d{4})$"
)
_FIGURES = re.compile(
    r"(\d{1,4})[./-]\s?(\d{1,2})[./-]\s?(\d{2,4})\.?(?:[,\s]+(?:-\s*)?(\d{1,2})[:.](\d{2})(?::(\d{2}))?)?"
)
_EPOCH = re.compile(r"^\d{10}(?:\d{3})?$")
_ZONES = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2, "EEST": 3,
    "MSK": 3, "TRT": 3,
}  # fmt: skip
#: Beginnings of month names, each list one month, in the languages of seeds/languages; of several
#: that fit the longest counts (pl lipca is July, hr lipnja June).
_MONTHS = (
    "jan jaan jän janv enero ene gen ian sty sije led saus tamm oca янв јан яну січ сту ιαν",
    "feb fév fev febbr velj lut úno vas veebr helmi şub shku фев феб лют φεβ",
    "mar mär mrz març maart marz bře kov maal maalis márc ožuj мар бер сак μαρ μάρ",
    "apr avr abr kwi dub bal huhti ápr trav nis prill апр кві крас травањ травњ απρ",
    "may mai maj mayo mag mei maí kvě geg touko máj svib мая май мај маі тра μαΐ μαι μάι",
    "jun juin giu cze červn červen birž kesä jún jūn juun lipnj lipanj haz qersh iun июн јун юни чер чэр липањ липњ ιουν ιούν",
    "jul juil lug lip červenc červene liep heinä júl jūl juul srpnj srpanj tem korr iul июл јул юли лип ліп ιουλ ιούλ",
    "aug août aou ago avg ágú sie srp rugp elo kolo ağu gush авг сер жні αυγ αύγ",
    "sep set wrz zář rugs syys szept ruj eyl shta сен сеп вер σεπ",
    "oct okt ott out paź říj spal loka eki teto окт жов кас οκτ",
    "nov nóv noi lis lap marras stud kas nënt ноя ное нов лис ліст студен νοε νοέ",
    "dec dez déc dic des dets gru pro gruod joulu ara dhje дек дец гру сне δεκ",
)


def _month_table() -> dict[str, int]:
    """Return beginnings of names → month, longest first wins on look-up."""
    table: dict[str, int] = {}
    for number, names in enumerate(_MONTHS, start=1):
        for name in names.split():
            table.setdefault(name, number)
    return table


_MONTH_BY_START = _month_table()


def parse_date(
    text: str | None, order: Order = "DMY", language: str | None = None
) -> datetime | None:
    """Return the instant that `text` names, aware UTC; None when it names none.

    Args:
        text: As published, at most 100 characters are read.
        order: How figures like 01.02.2025 are read.
        language: BCP 47, if known: listopad is October in Croatian, November in Polish and Czech.
    """
    if (language or "").partition("-")[0] in ("hr", "bs", "sr") and text:
        text = re.sub(r"\b(?:listopad|листопад)", "oktobar", text[:100], flags=re.I)
    text = re.sub(r"\s+", " ", (text or "")[:100]).strip(" \t|–—")
    if not text or re.search(r"\b0\d{3}\b(?!:)", text.partition(":")[0]):  # the year 1
        return None
    try:
        return _iso(text) or _epoch(text) or _rfc(text) or _figures(text, order)
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> datetime | None:
    found = _ISO.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    return _build(year, month, day, hour, minute, second) - _offset(found[7])


def _epoch(text: str) -> datetime | None:
    if not _EPOCH.match(text):
        return None
    return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC)


def _rfc(text: str) -> datetime | None:
    if not _NOT_RFC.search(text):
        try:
            parsed = parsedate_to_datetime(text)
            return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            pass
    found = _ASCTIME.match(text)
    if found:
        month = _month(found[1])
        if month:
            rest = (int(found[i]) for i in (2, 3, 4, 5))
            return _build(int(found[6]), month, *rest)
    found = _RFC.search(text)
    if found and (month := _month(found[2])):
        return _named(int(found[3]), month, int(found[1]), found.groups()[3:])
    found = _US.search(text)
    if found and (month := _month(found[1])):
        return _named(int(found[3]), month, int(found[2]), found.groups()[3:])
    return None


def _named(year: int, month: int, day: int, rest: tuple[str | None, ...]) -> datetime:
    hour, minute, second = (int(part or 0) for part in rest[:3])
    if rest[3]:
        hour = hour % 12 + (12 if rest[3].lower() == "pm" else 0)
    return _build(_full_year(year), month, day, hour, minute, second) - _offset(rest[4])


def _figures(text: str, order: Order) -> datetime | None:
    found = _FIGURES.search(text)
    if not found:
        return None
    one, two, three = (int(found[i]) for i in (1, 2, 3))
    if len(found[1]) == 4:
        year, month, day = one, two, three
    elif order == "YMD":
        year, month, day = _full_year(one), two, three
    elif order == "MDY":
        year, month, day = _full_year(three), one, two
    else:
        year, month, day = _full_year(three), two, one
    return _build(year, month, day, *(int(found[i] or 0) for i in (4, 5, 6)))


def _build(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0
) -> datetime:
    """Return the instant; 24:00 and a leap second roll over as meant."""
    extra = timedelta(days=hour == 24, seconds=second == 60)
    hour, second = hour % 24, min(second, 59)
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC) + extra


def _full_year(year: int) -> int:
    return year if year > 99 else year + (2000 if year < 70 else 1900)


def _month(name: str) -> int | None:
    name = name.lower()
    for length in range(len(name), 2, -1):
        if (month := _MONTH_BY_START.get(name[:length])) is not None:
            return month
    return None


def _offset(zone: str | None) -> timedelta:
    """Return what a zone is ahead of UTC; an unknown name is taken as UTC."""
    if not zone:
        return timedelta()
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        hours = int(digits[:2] if len(digits) != 3 else digits[:1])
        minutes = int(digits[-2:]) if len(digits) > 2 else 0
        return (1 if zone[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes)
    return timedelta(hours=_ZONES.get(zone.upper(), 0))
