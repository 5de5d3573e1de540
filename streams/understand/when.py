"""When it happened, from the text relative to publication; how fresh that is. Pure.

A weekday is the latest one not after publication; a date without a year the nearest one not after
it. Days are calendar days, and the third still counts as fresh. Without a date a breaking report
is fresh, the day assumed; a reaction without a date is `undated`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from streams.catalog.languages import Language
from streams.records import Freshness, When

FRESH_DAYS = 3
_WEEK = 7
_NIGHT_WORDS = 2  # from one weekday to the next: "z wtorku na środę"
_LATE_HOUR = 20  # UTC: in the east of the flank it is tomorrow soon
LATE_DAYS = 30
_NUMERIC = re.compile(r"(?<!\d)(\d{1,2})[ ./-](\d{1,2})[ ./-](20\d\d)(?!\d)")
_ISO = re.compile(r"(?<!\d)(20\d\d)[ .-](\d{1,2})[ .-](\d{1,2})(?!\d)")
_TOKEN = re.compile(r"\S+")
_DAY = re.compile(r"^(\d{1,2})(?:st|nd|rd|th|er|ci|go|e|a|o)?$")
_YEAR = re.compile(r"^(20\d\d|19\d\d)$")
_MONTH_WORD = frozenset(
    [
        "de",
        "di",
        "of",
        "den",
        "der",
        "the",
        "d",
        "m",
        "dnia",
        "gada",
        "gads",
        "metu",
        "roku",
        "of",
        "la",
    ]
)


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar day found in a text."""

    day: datetime  #: midnight, UTC
    start: int  #: offsets in the field
    end: int
    precision: str  #: day | month | year
    is_weekday: bool = False  #: only a weekday: which week is a guess


def find_dates(
    folded: str, start: int, end: int, language: Language, published: datetime
) -> list[Date]:
    """Return the dates in a stretch of folded text, resolved against the publication time."""
    found: list[Date] = []
    stretch = folded[start:end]
    for match in _ISO.finditer(stretch):
        _add(found, start, match, int(match[1]), int(match[2]), int(match[3]))
    for match in _NUMERIC.finditer(stretch):
        day, month = int(match[1]), int(match[2])
        if language.date_order == "mdy":
            day, month = month, day
        _add(found, start, match, int(match[3]), month, day)
    found += _years(stretch, start, language, published)
    months, weekdays = language.months, language.weekdays
    if not any(token in months or token in weekdays for token in stretch.split()):
        return found
    tokens = [(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(stretch)]
    night = -_WEEK  # token of the weekday before
    for index, (token, begin, finish) in enumerate(tokens):
        month = months.get(token, 0)
        if month:
            found += _month_date(tokens, index, month, start, published)
            continue
        weekday = weekdays.get(token)
        if index and tokens[index - 1][0] in language.numbers:
            weekday = None  # ro "nouă luni": nine months, no Monday
        if weekday is not None:
            back = (published.weekday() - weekday) % 7
            if back == _WEEK - 1 and published.hour >= _LATE_HOUR:
                back = -1  # "the night to Wednesday", written on Tuesday evening
            latest = _midnight(published) - timedelta(days=back)
            if index - night <= _NIGHT_WORDS and latest - found[-1].day == timedelta(days=1):
                begin = found.pop().start - start  # "the night from Tuesday to Wednesday"
            night = index
            found.append(Date(latest, start + begin, start + finish, "day", is_weekday=True))
    return found


_BARE_YEAR = re.compile(r"(?:(\S+) )?(?<!\d)(20\d\d)(?!\d)(?: (\S+))?")
#: Words for "year" that make a number before or behind them a date, in the cases that date.
_YEAR_WORDS = frozenset(
    [
        "roku",
        "roce",
        "evben",
        "evi",
        "yilinda",
        "yili",
        "г",
        "metais",
        "metu",
        "metų",
        "gada",
        "gadā",
        "gadu",
        "aastal",
        "aasta",
        "vuonna",
        "vuoden",
        "году",
        "года",
        "рік",
        "році",
        "року",
        "годзе",
        "года",
        "година",
        "godine",
        "godini",
        "leta",
        "letu",
        "évben",
        "évi",
        "ben",
        "ban",
        "jahr",
        "yılında",
        "yılı",
        "viti",
        "në",
    ]
)


def _years(stretch: str, start: int, language: Language, published: datetime) -> list[Date]:
    """Return years before this one that date an event by themselves: "in 2024", "2024 metais"."""
    found: list[Date] = []
    if "20" not in stretch:  # most sentences: the expression tries every word
        return found
    for match in _BARE_YEAR.finditer(stretch):
        before, year, behind = match[1] or "", int(match[2]), match[3] or ""
        is_date = language.prepositions.get(before) == "in" or {before, behind} & _YEAR_WORDS
        if is_date and before not in language.months and 2000 <= year < published.year:
            day = datetime(year, 1, 1, tzinfo=UTC)
            found.append(Date(day, start + match.start(2), start + match.end(2), "year"))
    return found


def _month_date(
    tokens: list[tuple[str, int, int]], index: int, month: int, start: int, published: datetime
) -> list[Date]:
    day = year = 0
    first, last = index, index
    near = index - 1
    while near >= 0 and index - near <= 2 and tokens[near][0] in _MONTH_WORD:
        near -= 1
    if near >= 0 and (match := _DAY.match(tokens[near][0])) and 1 <= int(match[1]) <= 31:
        day, first = int(match[1]), near
    following = index + 1
    if following < len(tokens) and tokens[following][0] in _MONTH_WORD:
        following += 1
    if following < len(tokens):
        word = tokens[following][0]
        if not day and (match := _DAY.match(word)) and 1 <= int(match[1]) <= 31:
            day, last = int(match[1]), following
            following += 1
        if following < len(tokens) and (match := _YEAR.match(tokens[following][0])):
            year, last = int(match[1]), following
    if not year and first and (match := _YEAR.match(tokens[first - 1][0])):
        year = int(match[1])
    if not day and not year and len(tokens[index][0]) <= 3:
        return []  # "may", "mar": too short to be a month by itself
    precision = "day" if day else "month"
    if not year:
        year = published.year
        probe = _date(year, month, day or 1)
        if probe and probe > published + timedelta(days=1):
            year -= 1
    value = _date(year, month, day or 1)
    return (
        [Date(value, start + tokens[first][1], start + tokens[last][2], precision)] if value else []
    )


def _add(
    found: list[Date], start: int, match: re.Match[str], year: int, month: int, day: int
) -> None:
    value = _date(year, month, day)
    if value:
        found.append(Date(value, start + match.start(), start + match.end(), "day"))


def _date(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def assumed(published: datetime) -> When:
    """Return the interval of a breaking report that gives no date: the day before until now."""
    return When(start=_midnight(published) - timedelta(days=1), end=published, precision="assumed")


def on_day(date: Date) -> When:
    """Return the interval of a date; a night may have begun the evening before."""
    if date.precision == "year":
        end = date.day.replace(month=12, day=31, hour=23, minute=59, second=59)
        return When(start=date.day, end=end, precision="month")
    if date.precision == "month":
        following = (date.day.replace(day=28) + timedelta(days=4)).replace(day=1)
        return When(start=date.day, end=following - timedelta(seconds=1), precision="month")
    return When(
        start=date.day - timedelta(hours=6),
        end=date.day + timedelta(days=1) - timedelta(seconds=1),
        precision="day",
    )


def freshness(happened: When, published: datetime) -> Freshness:
    """Return how old the event was when published, in calendar days of the interval's end."""
    end = min(happened.end, published)
    days = (_midnight(published) - _midnight(end)).days
    if days <= FRESH_DAYS:
        return "fresh"
    return "late" if days <= LATE_DAYS else "past"
