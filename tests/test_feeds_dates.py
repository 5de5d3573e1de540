"""Dates in words: the months of every language that the seeds know, as list pages write them."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from conftest import ROOT

from connectors.dates import parse_date

FILES = sorted((ROOT / "seeds" / "languages").glob("*.toml"))


def months(path: Any) -> list[list[str]]:
    """Return the language's names of each month, those apart that the seeds write with endings."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    names: list[list[str]] = content.get("time", {}).get("months", [])
    return [[name for name in month if "{" not in name and " " not in name] for month in names]


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_months_are_read_in_every_language_and_never_as_another(path: Any) -> None:
    for number, names in enumerate(months(path), start=1):
        read = {name: parse_date(f"15. {name} 2025", language=path.stem) for name in names}
        wrong = {name: at for name, at in read.items() if at is not None and at.month != number}
        assert not wrong
        assert any(read.values()), (number, names)


def test_listopad_is_october_or_november_by_language() -> None:
    for language, month in (("hr", 10), ("hr-HR", 10), ("pl", 11), ("cs", 11), (None, 11)):
        at = parse_date("5. listopada 2025.", language=language)
        assert at is not None and at.month == month
