"""The catalog: shipped seeds are without fault; each kind of fault names file, key and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.catalog import load_catalog
from streams.errors import FaultsError

LANGUAGE = """
id = "xx"
name = "Test"
[suffixes]
m = ["", "s"]
[terms]
drone = ["dron{m}"]
"""


def own(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return tmp_path


def test_shipped_seeds_have_no_fault() -> None:
    catalog = load_catalog()
    assert len(catalog.languages) >= 7
    assert len(catalog.feeds) >= 120
    assert len(catalog.places.places) >= 1000
    assert catalog.hash == load_catalog().hash


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("languages/xx.toml", "id = 'xx'\nname = ", "languages/xx.toml: not TOML"),
        (
            "languages/xx.toml",
            LANGUAGE + "[termz]\n",
            "termz: unknown key; did you mean 'terms'?",
        ),
        (
            "languages/xx.toml",
            LANGUAGE.replace("drone =", "dron ="),
            "terms.dron: unknown concept 'dron'; did you mean 'drone'?",
        ),
        (
            "languages/xx.toml",
            LANGUAGE.replace("{m}", "{q}"),
            "terms.drone: 'dron{q}': unknown suffix class 'q'",
        ),
        (
            "languages/xx.toml",
            LANGUAGE.replace("dron{m}", "dr*"),
            "the bare prefix 'dr*' is shorter than 4 letters",
        ),
        ("languages/yy.toml", LANGUAGE, "id: must be the file's stem 'yy', got 'xx'"),
        (
            "languages/xx.toml",
            LANGUAGE + "[countries]\nZZ = { name = ['zedland'] }\n",
            "countries.ZZ: unknown country",
        ),
        (
            "languages/xx.toml",
            LANGUAGE + "[time]\nweekdays = [['monday']]\n",
            "time.weekdays: must have 7 lists, got 1",
        ),
        (
            "languages/xx.toml",
            LANGUAGE + "[[test]]\ntitle = 'x'\nexpect = true\n",
            "test[0].expect",
        ),
        ("languages/xx.toml", LANGUAGE + "[prepositions]\nonto = ['x']\n", "unknown role"),
        (
            "events/odd.toml",
            "id='odd'\ntitle='t'\nfamily='drone'\nlevel='loud'\n[match]\nobjects=['drone']\nactions=['enter']\n",
            "level: Input should be 'urgent', 'normal' or 'digest', got 'loud'",
        ),
        (
            "events/odd.toml",
            "id='odd'\ntitle='t'\nfamily='drone'\nlevel='urgent'\n[match]\nobjects=['drones']\nactions=['enter']\n",
            "match.objects: unknown 'drones'; did you mean 'drone'?",
        ),
        ("places.tsv", "id\tkind\n", "line 1: the header must be"),
        (
            "places.tsv",
            "id\tkind\tcountry\tlat\tlon\tnames\tflags\tsource\nx\tvilage\tPL\t50\t20\t*:X\t\ttest\n",
            "line 2: unknown kind 'vilage'; did you mean 'village'?",
        ),
        (
            "places.tsv",
            "id\tkind\tcountry\tlat\tlon\tnames\tflags\tsource\nx\tvillage\tPL\t95\t20\t*:X\t\ttest\n",
            "line 2: lat or lon is out of range",
        ),
    ],
)
def test_each_fault_names_file_key_and_reason(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    with pytest.raises(FaultsError) as caught:
        load_catalog(own(tmp_path, name, text))
    assert expected in str(caught.value)
    assert name in str(caught.value)


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    own(tmp_path, "languages/xx.toml", LANGUAGE.replace("drone =", "dron ="))
    own(tmp_path, "events/odd.toml", "id='odd'\n")
    own(tmp_path, "places.tsv", "nothing\n")
    with pytest.raises(FaultsError) as caught:
        load_catalog(tmp_path)
    files = {Path(fault.file).name for fault in caught.value.faults}
    assert files == {"xx.toml", "odd.toml", "places.tsv"}


def test_a_missing_directory_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="the seeds directory does not exist"):
        load_catalog(tmp_path / "nowhere")


def test_own_seeds_lie_over_the_shipped_ones(tmp_path: Path) -> None:
    own(tmp_path, "languages/xx.toml", LANGUAGE)
    shipped, laid = load_catalog(), load_catalog(tmp_path)
    assert set(laid.languages) - set(shipped.languages) == {"xx"}
    assert laid.hash != shipped.hash
