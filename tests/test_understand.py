"""Understanding: the five documents, the corpus, hostile text; verdicts that keep or flip as they must."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.catalog import Catalog, load_catalog
from streams.checks import language_results
from streams.records import Article
from streams.understand import understand
from streams.understand.explain import explain, render
from streams.understand.flip import find_flip, without
from streams.understand.language import SUPPORTED, detect_language
from streams.understand.verdict import Understanding
from streams.understand.verdict import understand as understand_changed

CORPUS = ("incidents.jsonl", "traps.jsonl")


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    return load_catalog()


def read(title: str, body: str = "", published: str = "2025-09-15", **more: Any) -> Understanding:
    at = datetime.fromisoformat(published + "T12:00:00+00:00")
    article = Article(
        id="a", feed="test", publisher="Test", title=title, body=body, first_seen_at=at,
        published_at=at, revision="1", **more,
    )  # fmt: skip
    return understand(article, catalog())


def document(shared: Path, number: str, published: str) -> Understanding:
    path = next((shared / "seeds").glob(f"{number}_*.txt"))
    title, _, body = path.read_text(encoding="utf-8").strip().partition("\n")
    return read(title, body, published)


@pytest.mark.parametrize("number", ["000", "001"])
def test_the_poland_documents(shared: Path, number: str) -> None:
    found = document(shared, number, "2025-09-11")
    tags = {tag.tag for tag in found.tagged.tags}
    assert found.tagged.language == "fr"
    assert {"nato", "russia", "poland", "ukraine", "drone", "airspace"} <= tags
    assert found.tagged.incursion
    (report,) = found.report_set.reports
    assert (report.territory.country, report.object.count_low, report.actor) == ("PL", 3, "russia")
    assert report.happened.start <= datetime(2025, 9, 10, 4, tzinfo=UTC) <= report.happened.end
    assert report.origin is None


def test_the_lithuania_document_tells_two_late_events(shared: Path) -> None:
    found = document(shared, "002", "2025-08-06")
    assert {"nato", "russia", "belarus", "lithuania", "drone"} <= {t.tag for t in found.tagged.tags}
    assert not found.tagged.incursion
    days = {report.happened.end.date().isoformat() for report in found.report_set.reports}
    assert days == {"2025-07-28", "2025-07-10"}
    assert {r.freshness for r in found.report_set.reports} == {"late"}
    assert {r.territory.country for r in found.report_set.reports} == {"LT"}


@pytest.mark.parametrize(("number", "published"), [("003", "2025-06-09"), ("004", "2022-03-02")])
def test_the_documents_without_an_incursion(shared: Path, number: str, published: str) -> None:
    found = document(shared, number, published)
    assert not found.report_set.reports
    assert found.tagged.why


def test_every_test_inside_the_seeds_holds() -> None:
    failed = [
        f"{r.file} {r.key} {r.test.title}: {r.problem}"
        for r in language_results(catalog())
        if not r.ok
    ]
    assert not failed, "\n".join(failed)


def rows(name: str) -> list[dict[str, Any]]:
    path = ROOT / "seeds" / "articles" / name
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_replay_corpus_keeps_its_score() -> None:
    right = hits = found = told = country = 0
    for row in (row for name in CORPUS for row in rows(name)):
        if row["expect"]["ambiguous"]:
            continue
        got = read(row["title"], row["body"], row["published"][:10])
        expected = row["expect"]["incursion"]
        hits += expected
        told += got.tagged.incursion
        if expected and got.tagged.incursion:
            found += 1
            wanted = (row["expect"]["target_country"] or "").split(",")
            country += any(r.territory.country in wanted for r in got.report_set.reports)
        right += expected == got.tagged.incursion
    assert found / told >= 0.93, f"precision {found}/{told}"
    assert found / hits >= 0.93, f"recall {found}/{hits}"
    assert country / found >= 0.97, f"country {country}/{found}"


def test_variants_come_out_alike() -> None:
    """Ten variants of each of the five documents: other country, date, object, language."""
    wrong = []
    for row in rows("variants.jsonl"):
        got = read(row["title"], row["body"], row["published"][:10])
        if got.tagged.incursion != row["expect"]["incursion"]:
            wrong.append(row["id"])
        if row.get("expect_late") and {r.freshness for r in got.report_set.reports} != {"late"}:
            wrong.append(f"{row['id']} is not late")
        if row["variant_of"] in ("003", "004") and got.report_set.reports:
            wrong.append(f"{row['id']} holds reports")
    assert not wrong


def test_ordinary_news_does_not_alert() -> None:
    path = ROOT / "tests" / "data" / "ordinary.jsonl"
    told = [
        row["title"]
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
        if read(row["title"], row["body"], row["published"][:10]).tagged.incursion
    ]
    assert told == []


FLIPS = [
    ("Russian drone entered Polish airspace", "Russian drone did not enter Polish airspace"),
    ("Russian drone entered Polish airspace", "Russian drone could enter Polish airspace"),
    ("Russian drone entered Polish airspace", "Russian drone entered Ukrainian airspace"),
    ("Poland scrambles jets after drone enters airspace", "Poland scrambles jets in case a drone enters airspace"),
    ("Poland scrambles jets after drone entered its airspace", "Poland scrambles jets after drone attack on Ukraine"),
    ("Rosyjski dron wleciał nad Polskę", "Rosyjski dron nie wleciał nad Polskę"),
    ("Российский дрон упал в Румынии", "Российский дрон упал в Одессе"),
    ("Rusijos dronas įskrido į Lietuvą", "Rusijos dronas neįskrido į Lietuvą"),
    ("Un drone russe est entré en Roumanie", "Si un drone russe entre en Roumanie"),
    ("Російський дрон залетів до Польщі", "Російський дрон міг би залетіти до Польщі"),
]  # fmt: skip


@pytest.mark.parametrize(("told", "untold"), FLIPS)
def test_minimal_pairs(told: str, untold: str) -> None:
    assert read(told).tagged.incursion, read(told).tagged.why
    assert not read(untold).tagged.incursion, read(untold).tagged.why


KEPT = "Three Russian drones entered Polish airspace overnight, the army said"


@pytest.mark.parametrize(
    "variant",
    [
        KEPT.upper(),
        KEPT.lower(),
        f"“{KEPT}”",
        KEPT.replace("Polish", "Lithuanian"),
        KEPT.replace("Three", "Seven"),
        KEPT.replace("drones", "dro\u200bnes"),
        f"<b>{KEPT}</b> - Example News",
        KEPT.replace("R", "R\u200d"),
    ],
)
def test_what_may_not_change_the_verdict(variant: str) -> None:
    found = read(variant)
    assert found.tagged.language == "en"
    assert found.tagged.incursion, found.tagged.why


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("", ""),
        ("🚁🚁🚁", ""),
        ("x" * 1_000_000, ""),
        ("", "drone " * 200_000),
        ("«" * 3000, "“" * 3000),
        ("\u202eдрон\u202c", "\x00\x01"),
        ("Drone </p><p", "<div>" * 20_000),
        ("drone Poland " * 5000, "drone entered Poland. " * 5000),
    ],
)
def test_hostile_text_gets_a_verdict(title: str, body: str) -> None:
    found = read(title, body)
    assert found.tagged.language in (*SUPPORTED, "und")


_WORDS = st.sampled_from(
    [
        "drone",
        "Poland",
        "entered",
        "дрон",
        "Польша",
        "упал",
        "dronas",
        "Lietuva",
        "įskrido",
        "«",
        "»",
        "“",
        "”",
        ",",
        ":",
        "after",
        "if",
        "not",
        "10",
        "September",
        "\n\n",
        "<b>",
        "&amp;",
        "Shahed",
    ]
)


@given(st.lists(st.one_of(_WORDS, st.text(max_size=8)), max_size=60))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_raises_and_evidence_is_inside(words: list[str]) -> None:
    text = " ".join(words)
    found = read(text[:80], text)
    originals = {"title": text[:80], "body": text}
    for report in found.report_set.reports:
        for span in report.evidence:
            assert 0 <= span.start < span.end <= len(originals[span.field])


@pytest.mark.parametrize(
    ("title", "language"),
    [
        ("12:30", "und"),
        ("你好，世界，今天天气很好", "und"),
        ("RUSSISCHE DROHNE ÜBER POLEN ABGESCHOSSEN", "de"),
        ("Беспилотник упал в Румынии", "ru"),
        ("Безпілотник упав у Румунії", "uk"),
        ("Беспілотнік упаў у Польшчы", "be"),
    ],
)
def test_languages(title: str, language: str) -> None:
    assert detect_language(title, "").language == language


def test_explain_names_sentence_gate_and_a_change_that_flips() -> None:
    article = read("Poland scrambles jets as Russian drones could enter its airspace").article
    data = explain(article, catalog())
    assert not data["incursion"]
    gates = [item["gate"]["name"] for item in data["candidates"] if item["gate"]]
    assert "hypothetical" in gates
    flip = data["flip"]
    assert flip["word"] == "could" and flip["incursion"]
    assert understand(without(article, flip["word"]), catalog()).tagged.incursion
    text = render(data)
    assert "gate closed: hypothetical" in text and "could" in text


@pytest.mark.parametrize(
    ("title", "body", "changes"),
    [
        (  # two gates, of which no single word opens both
            "No drones crossed into Poland last year, and none could, says army",
            "",
            {
                "gate nothing_seen open",
                "gate past open",
                "gate hypothetical open",
                "gate unlikely open",
            },
        ),
        ("Drone crashed in a field near Kharkiv", "", {"territory: PL", "gate unlikely open"}),
    ],
)
def test_explain_changes_as_few_slots_and_gates_as_it_takes(
    title: str, body: str, changes: set[str]
) -> None:
    found = read(title, body)
    flip = find_flip(found, catalog())
    assert flip is not None and flip.verdict
    if flip.what_if is not None:
        assert set(flip.what_if.changes) <= changes
        changed = understand_changed(found.article, catalog(), flip.what_if)
        assert changed.tagged.incursion
        for name in flip.what_if.open:  # none of them is too many
            fewer = replace(flip.what_if, open=flip.what_if.open - {name})
            assert not understand_changed(found.article, catalog(), fewer).tagged.incursion
    assert "Would flip: with" in render(explain(found.article, catalog()))


def test_explain_says_what_a_text_lacks_when_nothing_can_be_changed() -> None:
    data = explain(read("Prime minister opens a new library in Kraków").article, catalog())
    assert data["flip"] is None and not data["candidates"]
    assert "object" in data["lacks"] and "Would flip: only a sentence with" in render(data)


def test_explain_of_a_hit_flips_too() -> None:
    article = read(
        "Dron rozbił się w powiecie bialskim, armia potwierdza rosyjskie pochodzenie"
    ).article
    data = explain(article, catalog())
    assert data["incursion"]
    assert data["flip"] is not None and not data["flip"]["incursion"]
    changed = without(article, data["flip"]["word"])
    assert not understand(changed, catalog()).tagged.incursion


def test_reports_do_not_depend_on_the_catalog_for_their_ids() -> None:
    first = read("Russian drone entered Polish airspace").report_set.reports
    other = msgspec.structs.replace(first[0], catalog="another", rule="another")
    assert other.id == first[0].id
