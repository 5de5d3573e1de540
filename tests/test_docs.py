"""The documents are complete: every setting, the two commands, the guarantees, the coverage table."""

from __future__ import annotations

import json
import re

import msgspec
from conftest import ROOT

from streams import topics
from streams.catalog import load_catalog
from streams.records import Article, decode
from streams.settings import Settings
from streams.understand import understand

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_in_the_readme() -> None:
    missing = [
        name for name in Settings.model_fields if f"`FLANKWATCH_{name.upper()}`" not in README
    ]
    assert not missing


def test_every_language_is_in_the_coverage_table() -> None:
    header = next(line for line in README.splitlines() if line.startswith("| class |"))
    assert {cell.strip() for cell in header.split("|")[2:-1]} == {
        language.id for language in load_catalog().languages.values() if language.tests
    }


def test_the_makefile_has_the_readmes_two_commands() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in ("run", "test"):
        assert f"make {command}" in README
        assert f"\n{command}: " in makefile


def test_the_article_that_the_readme_lets_people_produce_is_one() -> None:
    found = re.search(r"```json\n(\{.*?\})\n```", README, re.S)
    assert found and f"`{topics.ARTICLES.name}`" in README
    article = decode(Article, found[1].encode())
    assert understand(article, load_catalog()).report_set.reports
    needed = {field.name for field in msgspec.structs.fields(Article) if field.required}
    assert needed <= json.loads(found[1]).keys()
    assert topics.ARTICLES.max_bytes == 512 * 1024
