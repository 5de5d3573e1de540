"""Ordinary headlines of every language, put together from their parts, are judged right."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT
from probes import draw, share
from test_understand import catalog

GRAMMARS = sorted((ROOT / "tests" / "data" / "probes").glob("*.toml"))
_HITS, _MISSES = 0.95, 0.95
_SENTENCES = 240


def test_every_language_has_a_grammar() -> None:
    told = {path.stem.partition("-")[0] for path in GRAMMARS}
    assert told == set(catalog().languages)


@pytest.mark.parametrize("path", GRAMMARS, ids=lambda path: path.stem)
def test_drawn_headlines_are_judged_right(path: Path) -> None:
    drawn = draw(path, catalog(), _SENTENCES)
    assert len(drawn) > _SENTENCES // 2
    wrong = [(one.is_hit, one.text, one.why) for one in drawn if not one.is_right]
    assert share(drawn, is_hit=True) >= _HITS, wrong
    assert share(drawn, is_hit=False) >= _MISSES, wrong
