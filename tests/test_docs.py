"""The documents are complete: every setting, the two commands, the guarantees, the coverage table."""

from __future__ import annotations

from conftest import ROOT

from streams.catalog import load_catalog
from streams.settings import Settings

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
