"""The scorer: one language's words as good as another's, weights read or refused, a gate that can be opened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_understand import catalog, read

from streams.catalog import load_catalog
from streams.catalog.scorer import Scorer
from streams.errors import FaultsError
from streams.understand import scorer
from streams.understand.explain import explain
from streams.understand.lexicon import as_written
from streams.understand.text import make_field
from streams.understand.verdict import lexicon_of, understand
from streams.understand.whatif import WhatIf

BLIND = Path(__file__).parent / "data/blind"
#: The rules would tell it; its words are those of a prospectus.
DOUBTFUL = "Jamming may explain the drones over Poland, says a study"


def _kinds(title: str, tag: str) -> list[str]:
    field = make_field("title", title)
    found = lexicon_of(catalog().languages[tag], catalog()).find(field.folded)
    hits = as_written(found, field.text, tag)
    return scorer.kinds_of_words(field, hits, catalog().places.places)


def test_one_event_is_the_same_kinds_of_words_in_every_language() -> None:
    told = {
        "en": "Drone crashes in Poland", "pl": "Dron rozbił się w Polsce",
        "de": "Drohne stürzt in Polen ab", "lt": "Dronas nukrito Lenkijoje",
        "es": "Un dron se estrella en Polonia",
    }  # fmt: skip
    for tag, title in told.items():
        kinds = _kinds(title, tag)
        assert [kind for kind in kinds if kind in ("drone", "crash", "W")][:3] in (
            ["drone", "crash", "W"], ["drone", "W", "crash"],
        ), (tag, kinds)  # fmt: skip


def test_a_number_or_another_watched_state_changes_no_feature() -> None:
    one = _kinds("Three Russian drones entered Poland on Monday", "en")
    other = _kinds("Seven Russian drones entered Estonia on Monday", "en")
    assert one == other
    theirs = _kinds("Seven Russian drones entered Ukraine on Monday", "en")
    assert theirs != one


def test_below_the_threshold_the_gate_closes_and_names_what_speaks_against() -> None:
    found = read(DOUBTFUL)
    gates = [one.gate for one in found.candidates if one.gate and one.gate.name == "unlikely"]
    assert gates and not found.tagged.incursion
    assert "score" in gates[0].why and "speak against" in gates[0].why
    opened = understand(found.article, catalog(), WhatIf(-1, open=frozenset({"unlikely"})))
    assert opened.tagged.incursion
    flip = explain(found.article, catalog())["flip"]
    assert flip is not None and flip["incursion"]


def test_an_own_empty_file_switches_it_off(tmp_path: Path) -> None:
    (tmp_path / "scorer.tsv").write_text("")
    found = understand(read(DOUBTFUL).article, load_catalog(tmp_path))
    assert found.tagged.incursion


def test_a_threshold_of_nought_is_one(tmp_path: Path) -> None:
    (tmp_path / "scorer.tsv").write_text("threshold\t0.00\t\nreport\t-0.10\t\n")
    assert not understand(read(DOUBTFUL).article, load_catalog(tmp_path)).tagged.incursion


@pytest.mark.parametrize("row", ["text\tmuch\tt:drone", "title\t0.5\tt:drone", "nonsense"])
def test_a_bad_row_names_file_line_and_reason(row: str, tmp_path: Path) -> None:
    (tmp_path / "scorer.tsv").write_text(f"# weights\n{row}\n")
    with pytest.raises(FaultsError) as caught:
        load_catalog(tmp_path)
    fault = caught.value.faults[0]
    assert "scorer.tsv" in fault.file and fault.key == "line 2" and "tabs" in fault.reason


def test_the_lead_counts_to_its_third_sentence_only() -> None:
    text = "A drone crashed. It was night. Police came. A missile exploded in Ukraine."
    field = make_field("body", text)
    hits = lexicon_of(catalog().languages["en"], catalog()).find(field.folded)
    lead = scorer.kinds_of_words(field, hits, catalog().places.places, is_lead=True)
    assert "drone" in lead and "missile" not in lead
    assert "missile" in scorer.kinds_of_words(field, hits, catalog().places.places)


def test_features_are_runs_and_pairs() -> None:
    found = scorer.text_features(["drone", "enter", "W"], [])
    assert {"t:drone", "t:drone enter W", "s:drone..W", "no lead"} <= found
    weights = Scorer(text={"": -1.0, "t:drone enter W": 2.0})
    assert scorer.text_score(found, weights) > scorer.text_score({"t:drone"}, weights)


def test_of_features_that_speak_alike_the_same_are_named_in_every_process() -> None:
    alike = Scorer(text={"": 0.0, "t:may": -1.0, "t:not": -1.0, "t:if": -1.0}, threshold=0.0)
    gate = scorer.unlikely(
        -1.0, {"t:not", "t:may", "t:if", "no lead"}, [], alike, {}, strictly=False
    )
    assert gate is not None and "«if» and «may» speak against" in gate.why


def test_first_looks_are_of_blind_texts_with_their_labels() -> None:
    labels = {
        row["id"]: row["expect"]["incursion"]
        for path in BLIND.glob("round-*.jsonl")
        if "second" not in path.name
        for row in map(json.loads, path.read_text("utf-8").splitlines())
    }
    looks = [
        json.loads(line) for line in (BLIND / "first-looks.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(looks) > 700
    assert all(labels[look["id"]] == look["incursion"] for look in looks)
    assert 0.75 < sum(look["incursion"] for look in looks) / len(looks) < 0.95
