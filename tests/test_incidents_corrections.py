"""Denied, called off, taken back: what it does to an incident, and what rooms then show."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from incident_stories import at, fold_all, groups, live, night, seeds, told

from connectors.room import Verdict
from streams.catalog.channels import Room
from streams.records import Alert, Delivery, ReportSet, When
from streams.rows import Place, plan, settle
from streams.show import Show

BY_STATE: dict[str, Any] = {"official": "PL", "realis": "attributed"}


def off(article: str, hint: str = "false_alarm", **fields: Any) -> ReportSet:
    """A report that only attaches: the event is denied, or was nothing."""
    realis = "denied" if hint == "denied" else "asserted"
    given: dict[str, Any] = {"hours": 11, "realis": realis, "attach_only": True}
    return told(article, **(given | {"status_hint": hint} | fields))


def undated(hours: float) -> dict[str, Any]:
    """Without a date in the text, said so many hours after midnight."""
    when = When(start=at(hours), end=at(hours), precision="assumed")
    return {"hours": hours, "happened": when}


STORY = [told("a"), told("b", hours=9)]


@pytest.mark.parametrize("hint", ["denied", "false_alarm"])
@pytest.mark.parametrize(
    "who",
    [{"official": "PL"}, {"publisher": "Paper a"}],
    ids=["the state concerned", "who told it first"],
)
def test_word_of_standing_corrects_and_lowers_the_level(hint: str, who: dict[str, str]) -> None:
    book, effects = fold_all([*STORY, off("c", hint, **who)])
    (incident,) = live(book)
    assert (incident.status, incident.level) == (hint, "digest")
    (alert,) = effects[2].alerts
    assert (alert.action, alert.level, alert.notify) == ("correction", "digest", True)
    assert alert.links[0].url == "https://example.org/c", "the word that corrects comes first"
    assert "Title of c" in alert.facts["why"]
    assert effects[2].outcomes[0].what == "attach_only"


@pytest.mark.parametrize("hint", ["denied", "false_alarm"])
@pytest.mark.parametrize(
    "who", [{}, {"official": "LT"}, {"publisher": "Paper b"}], ids=["a paper", "LT", "the second"]
)
def test_word_without_standing_makes_it_disputed(hint: str, who: dict[str, str]) -> None:
    book, effects = fold_all([*STORY, off("c", hint, **who)])
    (incident,) = live(book)
    assert (incident.status, incident.level) == ("disputed", "urgent")
    assert [alert.action for alert in effects[2].alerts] == ["update"]


@pytest.mark.parametrize("accused", ["RU", "BY"])
def test_denial_by_the_accused_changes_nothing(accused: str) -> None:
    book, effects = fold_all([*STORY, off("c", "denied", official=accused)])
    assert live(book)[0].status == "reported"
    assert not effects[2].alerts


def test_article_that_takes_its_own_word_back_corrects() -> None:
    revised = off("a", revision="r2", seen_after=0.5)
    book, effects = fold_all([*STORY, revised, revised])
    (incident,) = live(book)
    assert (incident.status, incident.level) == ("false_alarm", "digest")
    assert [alert.action for alert in effects[2].alerts] == ["correction"]
    assert effects[3].outcomes[0].what == "repeat"


def test_others_who_still_tell_it_afterwards_keep_it_open() -> None:
    sets = [*STORY, off("c", publisher="Paper a"), told("d", hours=14), told("e", hours=15)]
    book, _ = fold_all(sets)
    assert live(book)[0].status == "disputed"


def test_state_that_takes_back_its_own_confirmation() -> None:
    confirmed = told("c", hours=10, **BY_STATE)
    book, _ = fold_all([*STORY, confirmed, off("d", "denied", official="PL", hours=12)])
    assert live(book)[0].status == "disputed", "a bare denial against its own word"
    book, _ = fold_all([*STORY, confirmed, off("d", official="PL", hours=12)])
    assert live(book)[0].status == "false_alarm", "it says what it was"


def test_confirmed_stays_confirmed_while_the_state_still_checks() -> None:
    """Confirmed → reported → confirmed was told as three changes."""
    sets = [
        *STORY,
        told("c", hours=10, **BY_STATE),
        told("d", hours=11, status_hint="claimed", **BY_STATE),
        told("e", hours=12, **BY_STATE),
    ]
    for seed in range(12):
        shuffled = list(sets)
        random.Random(seed).shuffle(shuffled)
        book, effects = fold_all(shuffled)
        assert live(book)[0].status == "confirmed"
        said = [c for step in effects for alert in step.alerts for c in alert.changes]
        assert sum("confirmed" in change for change in said) <= 1, said


def test_it_was_a_weather_balloon() -> None:
    """What it turned out to be is not what it was taken for; it still is that event."""
    balloon = off("c", what="balloon", official="PL", kind="balloon_incursion")
    book, effects = fold_all([*STORY, balloon])
    (incident,) = live(book)
    assert groups(book) == {frozenset("abc")}
    assert (incident.object.what, incident.status) == ("drone", "false_alarm")
    assert [alert.action for alert in effects[2].alerts] == ["correction"]


@pytest.mark.parametrize("hours", [30, 55, 70])
def test_undated_denial_days_later_finds_its_event(hours: float) -> None:
    book, effects = fold_all([*STORY, off("c", official="PL", **undated(hours))])
    assert groups(book) == {frozenset("abc")}
    assert effects[2].alerts[0].action == "correction"


def test_denial_of_another_night_or_country_leaves_it_alone() -> None:
    other_night = off("c", official="PL", hours=35, happened=night(1))
    abroad = off("d", official="LT", country="LT")
    book, effects = fold_all([*STORY, other_night, abroad])
    assert groups(book) == {frozenset("ab"), frozenset("c"), frozenset("d")}
    assert not effects[2].alerts and not effects[3].alerts
    assert [found.silent for found in live(book)].count(True) == 2, "they open nothing"


def test_denial_that_comes_first_speaks_only_once_the_event_is_told() -> None:
    sets = [off("c", "denied", official="PL", hours=5), told("a", hours=8)]
    book, effects = fold_all(sets)
    assert not effects[0].alerts
    assert live(book)[0].status == "denied"
    assert [alert.level for alert in effects[1].alerts] == ["digest"]
    assert not effects[1].alerts[0].notify, "it calls nobody"


def test_any_order_ends_in_the_same_facts() -> None:
    sets = [*STORY, off("c", what="balloon", official="PL"), off("d", "denied"), told("e")]
    expected = None
    for seed in range(20):
        shuffled = list(sets)
        random.Random(seed).shuffle(shuffled)
        book, effects = fold_all(shuffled)
        (incident,) = live(book)
        facts = (incident.status, incident.level, incident.object, incident.quote)
        expected = expected or facts
        assert facts == expected
        told_of = [alert for step in effects for alert in step.alerts]
        assert told_of[-1].status == "false_alarm"


# --- what a room shows -------------------------------------------------------------------------


def deliver(row: Delivery | None, alert: Alert, place: Place) -> tuple[Delivery, list[Delivery]]:
    """Let a room take all that an alert owes it; return its row, and each thing sent."""
    now = alert.at
    row = plan(row, alert, place, now) or row
    sent = []
    while row is not None and row.state == "pending":
        now += timedelta(seconds=1)
        sent.append(row)
        row = settle(row, row, Verdict("delivered", "ok", ref="m1"), place, now)
    assert row is not None
    return row, sent


@pytest.mark.parametrize("level", ["urgent", "normal", "digest"])
def test_false_alarm_edits_the_message_and_replies_to_it(level: Any) -> None:
    balloon = off("c", what="balloon", official="PL")
    _, effects = fold_all([*STORY, balloon])
    _, words = seeds()
    room = Room.model_validate(
        {
            "id": "r",
            "kind": "discord",
            "url": "https://example.org/h",
            "level": level,
            "language": "pl",
        }
    )
    show = Show(room, words)
    place = Place("r", level, True, False, "repeat", show.text)
    row, sent = None, []
    for step in effects[:3]:
        for alert in step.alerts:
            row, steps = deliver(row, alert, place)
            sent.append([(one.step, show.message(one)) for one in steps])
    assert row is not None
    assert [[step for step, _ in steps] for steps in sent if steps][0] == ["post"]
    (edit, shown), (reply, notice) = sent[-1]
    assert (edit, reply) == ("edit", "reply")
    assert "fałszywy alarm" in shown.title
    assert "fałszywy alarm" in notice.notice
    assert row.shown_status == "false_alarm"
    assert row.message_ref == "m1", "one and the same message"
