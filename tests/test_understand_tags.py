"""What an article gives besides its verdict: context tags, withdrawals for the ledger, speakers."""

from __future__ import annotations

import pytest
from test_understand import catalog, read

from streams.understand.lexicon import Lexicon
from streams.understand.tags import tags_of
from streams.understand.text import fold, make_field
from streams.understand.verdict import lexicon_of


@pytest.mark.parametrize(
    ("title", "tag"),
    [
        ("Poland scrambles jets during Russian strikes on Ukraine", "jets-scrambled"),
        ("Airspace closed over eastern Poland after missile barrage", "airspace-closed"),
        ("Tallinn asks for consultations under Article 4", "article-4"),
        ("Sejm debates air defence plan for the border provinces", "air-defence-policy"),
        ("Netherlands orders air defence systems for two billion euros", "air-defence-purchase"),
        ("GPS jamming over the Baltic grows, airlines report", "gps-jamming"),
    ],
)
def test_context_kinds_only_tag(title: str, tag: str) -> None:
    found = read(title)
    assert tag in {one.tag for one in found.tagged.tags}
    assert not found.tagged.incursion


def test_a_context_kind_needs_its_concepts_close_together() -> None:
    body = "Air defence was at the fair, too. " + "The market was full of people. " * 12
    found = read("Fair opens in Lublin", body + "The council debates a plan for the harbour.")
    assert "air-defence-policy" not in {one.tag for one in found.tagged.tags}


@pytest.mark.parametrize(
    ("title", "country", "status", "official"),
    [
        (
            "Estonian defence ministry: no drone entered our airspace on Monday",
            "EE",
            "denied",
            "EE",
        ),
        (
            "Drone over Munich airport was a false alarm, German police say",
            "DE",
            "false_alarm",
            "DE",
        ),
        ("Russia denies its jets violated Estonian airspace", "EE", "denied", "RU"),
    ],
)
def test_a_withdrawal_tells_the_ledger_and_nobody_else(
    title: str, country: str, status: str, official: str
) -> None:
    found = read(title)
    assert not found.tagged.incursion
    assert found.tagged.verdict == "near_miss"
    (report,) = found.report_set.reports
    assert report.attach_only
    assert (report.territory.country, report.status_hint, report.realis, report.official) == (
        country,
        status,
        "denied",
        official,
    )


def test_an_article_that_tells_the_event_withdraws_nothing() -> None:
    found = read("Russian jets violated Estonian airspace, Tallinn says; Moscow denies it")
    assert found.tagged.incursion
    assert all(report.realis != "denied" for report in found.report_set.reports)


@pytest.mark.parametrize(
    ("title", "country"),
    [
        ("Tusk: we shot down the drones that violated our airspace", "PL"),
        ("Nausėda: a Russian drone has violated our airspace", "LT"),
    ],
)
def test_our_sky_is_the_speakers(title: str, country: str) -> None:
    assert {r.territory.country for r in read(title).report_set.reports} == {country}


def test_moscows_sky_is_no_watched_one() -> None:
    assert not read("Peskov: a Ukrainian drone has violated our airspace").tagged.incursion


def test_hits_lie_in_the_text_however_it_is_spaced() -> None:
    language = catalog().languages["en"]
    lexicon = Lexicon(language.terms)
    text = "Over  the\tnight - in the event, of: a drone   wall; the   drones  crossed."
    for hit in lexicon.find(fold(text)):
        assert (
            fold(text)[hit.start : hit.end].split()
            == text[hit.start : hit.end]
            .lower()
            .replace(",", " ")
            .replace(":", " ")
            .replace(";", " ")
            .replace("-", " ")
            .split()
        )
        assert text[hit.start : hit.end].strip() == text[hit.start : hit.end]
    spaced = {hit.term.text for hit in lexicon.find(fold("a drone,   wall"))}
    assert spaced == {hit.term.text for hit in lexicon.find(fold("a drone wall"))}


def test_the_first_look_gives_the_same_tags() -> None:
    for language in catalog().languages.values():
        lexicon = lexicon_of(language, catalog())
        for test in language.tests[:20]:
            field = make_field("title", f"{test.title}. {test.body}")
            first = {"title": lexicon.find(field.folded, is_first_look=True)}
            whole = {"title": lexicon.find(field.folded)}
            assert tags_of([field], first, catalog()) == tags_of([field], whole, catalog())
            assert len(first["title"]) <= len(whole["title"])
