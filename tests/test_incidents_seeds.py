from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from conftest import ROOT
from incident_stories import fold_all, seeds, told

from streams.alert_checks import failed_message_tests, failed_policy_tests
from streams.catalog import messages, policies, publishers
from streams.catalog.policies import Quiet, Watch
from streams.catalog.sources import Sources
from streams.errors import Fault
from streams.incidents.message import render
from streams.incidents.watch import Counter, alert_of, look
from streams.records import Article, TaggedArticle
from streams.signature import signature, similarity

TEN = {"en", "pl", "lt", "lv", "et", "fi", "ro", "de", "fr", "uk"}


def faults_of(tmp_path: Path, name: str, text: str) -> list[Fault]:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    faults: list[Fault] = []
    for part in (policies, messages, publishers):
        part.read(Sources.of(tmp_path), faults)
    return faults


def test_tests_inside_policies_and_messages_hold() -> None:
    shipped, words = seeds()
    assert failed_policy_tests(shipped) == []
    assert failed_message_tests(words) == []
    assert set(words.words) >= TEN


def test_policy_without_a_miss_is_a_fault(tmp_path: Path) -> None:
    text = """id = "loud"
title = "Loud"
level = "urgent"
[[test]]
incident = { country = "PL" }
expect = "urgent"
"""
    faults = faults_of(tmp_path, "alerts/loud.toml", text)
    assert [str(fault).removeprefix(str(tmp_path)) for fault in faults] == [
        "/alerts/loud.toml: test: at least one test that fits and one that does not"
    ]


def test_policy_faults_name_key_and_suggest(tmp_path: Path) -> None:
    text = """id = "other"
title = "Loud"
level = "loud"
levle = "urgent"
[match]
objects = ["dron"]
countries = ["pl"]
[quiet]
start = 22:00:00
end = 07:00:00
zone = "Europe/Warsow"
"""
    found = {fault.key: fault.reason for fault in faults_of(tmp_path, "alerts/loud.toml", text)}
    assert "did you mean 'level'" in found["levle"]
    assert "unknown ['dron']" in found["match.objects"]
    assert "capitals" in found["match.countries"]
    assert "time zone" in found["quiet.zone"]
    assert "level" in found


def test_message_file_that_forgets_a_slot_is_a_fault(tmp_path: Path) -> None:
    text = (ROOT / "seeds/messages/de.toml").read_text("utf-8").replace("laut {names}", "laut")
    faults = faults_of(tmp_path, "messages/de.toml", text)
    assert [fault.key for fault in faults] == ["phrases.publishers"]
    assert "{names}" in faults[0].reason or "names" in faults[0].reason


def test_publishers_claimed_twice_are_faults(tmp_path: Path) -> None:
    text = """[[family]]
id = "one-news"
name = "One News"
domains = ["example.org"]
[[family]]
id = "two-news"
name = "Two News"
domains = ["example.org"]
[[agnecy]]
id = "x"
"""
    reasons = [fault.reason for fault in faults_of(tmp_path, "publishers.toml", text)]
    assert "domain 'example.org' belongs to 'one-news' already" in reasons
    assert "unknown key; did you mean 'agency'?" in reasons


def test_quiet_hours_over_midnight_lower_the_level() -> None:
    quiet = Quiet.model_validate({"start": "22:00", "end": "07:00", "zone": "Europe/Warsaw"})
    assert quiet.holds_at(datetime(2025, 9, 10, 21, 0, tzinfo=UTC))
    assert not quiet.holds_at(datetime(2025, 9, 10, 6, 0, tzinfo=UTC))


@pytest.mark.parametrize("language", sorted(TEN))
def test_an_alert_reads_in_every_language(language: str) -> None:
    _, effects = fold_all([told("a", country="LT", count=(2, 3), actor="belarus", official="LT")])
    alert = effects[0].alerts[0]
    _, words = seeds()
    text = render(alert, language, ZoneInfo("Europe/Vilnius"), words)
    country = words.of(language).countries["LT"]
    assert text.title.startswith(country)
    assert "2–3" in text.title
    body = "\n".join(text.lines)
    assert "Europe/Vilnius" in body
    assert "01:00–09:00" in body
    assert "{" not in text.title + body
    assert f"{words.of(language).labels.why}: " in body


def test_unknown_language_of_a_room_falls_back_to_english() -> None:
    _, effects = fold_all([told("a")])
    _, words = seeds()
    assert render(effects[0].alerts[0], "xx", UTC, words).title.startswith("Poland")
    assert render(effects[0].alerts[0], "de-AT", UTC, words).title.startswith("Polen")


def tagged(number: int, minute: int = 0) -> TaggedArticle:
    return TaggedArticle(
        id=f"a{number}",
        revision="r",
        feed="f",
        publisher="P",
        title=f"T{number}",
        first_seen_at=datetime(2025, 9, 10, 5, minute, tzinfo=UTC),
        language="en",
        language_confidence=1.0,
    )


def watch_of(**fields: object) -> Watch:
    base = {"id": "w", "title": "W", "watches": "articles", "any": ["nato"]}
    return Watch.model_validate(base | fields)


def article_of(title: str, **fields: object) -> Article:
    given = {
        "id": "a1",
        "feed": "f",
        "publisher": "P",
        "title": title,
        "first_seen_at": datetime(2025, 9, 10, 5, tzinfo=UTC),
        "revision": "r",
    }
    return Article(**(given | fields))  # type: ignore[arg-type]


def test_watch_tells_the_first_of_a_window_and_counts_the_rest() -> None:
    watch = watch_of(cap=3)
    counter = Counter()
    first = counter.count(watch, tagged(0))
    assert first.what == "told" and first.hit is not None
    assert counter.count(watch, tagged(0)) == first, "a repeat gives the same hit"
    others = [counter.count(watch, tagged(n, n)).what for n in range(1, 6)]
    assert others == ["grouped", "grouped", "capped", "capped", "capped"]
    assert alert_of(first.hit, watch) == alert_of(first.hit, watch)


def test_watch_knows_what_another_worker_told() -> None:
    watch = watch_of()
    hit = Counter().count(watch, tagged(0)).hit
    assert hit is not None
    other = Counter()
    other.know(hit)
    assert other.count(watch, tagged(1)).what == "grouped"
    assert other.count(watch, tagged(0)).hit == hit, "written, but perhaps not its alert"


def test_watch_reads_all_of_an_article_and_passes_over_what_is_no_news() -> None:
    watch = watch_of(terms={"nato": ["pakt", "Brücke*"]})

    def told_of(title: str, **fields: object) -> bool:
        return bool(look([watch], article_of(title, **fields), tagged(1), Counter()))

    assert told_of("Der Pakt")
    assert told_of("x", summary="Die BRUCKENBAUER")
    assert told_of("x", body="<p>Sie bauen die <b>Br&uuml;cken</b></p>")
    assert not told_of("x", body='<a href="pakt">mehr</a> Paktieren')
    assert not told_of("Der Pakt", backfill=True)
    assert not told_of("Der Pakt", theatre="canary")
    assert not told_of("Der Pakt", published_at=datetime(2025, 9, 9, 5, tzinfo=UTC))


def test_signature_tells_copies_from_others() -> None:
    words = "The army said that several drones crossed into the country during the night. " * 6
    other = "The ministry of agriculture expects a poor harvest of apples this autumn again. " * 6
    assert similarity(signature(words), signature(words + "Edited by us.")) > 0.5
    assert similarity(signature(words), signature(other)) < 0.1
    assert similarity(signature("short text"), signature("Short  TEXT!")) == 1.0
    assert similarity(signature("short text"), signature(words)) is None
    assert similarity("m0:old", signature(words)) is None
    assert signature("…") is None
