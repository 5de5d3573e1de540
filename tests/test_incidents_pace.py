"""When people are told: distance in time, rises, reminders, quiet hours, expiry."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from incident_stories import at, ledger, live, publishers, seeds, told

from streams.catalog.policies import Policies, Policy
from streams.incidents.ledger import Effects, Ledger
from streams.records import Alert, Decision, ReportSet, Tick, When, decode, encode

LIVE = {"theatre": "europe"}


def book_of(**fields: Any) -> Ledger:
    """A ledger with one policy that speaks of everything, and lets what was withdrawn be low."""
    policy = Policy.model_validate({"id": "p", "title": "P", "level": "urgent"} | fields)
    low = Policy.model_validate(
        {"id": "low", "title": "L", "level": "digest", "match": {"statuses": ["false_alarm"]}}
    )
    main = policy.model_copy(
        update={"match": policy.match.model_copy(update={"not_statuses": ("false_alarm",)})}
    )
    return Ledger(Policies((main, low)), publishers(), seeds()[1])


class Clock:
    """Folds ticks every ten minutes from an hour to another; keeps the alerts."""

    def __init__(self, book: Ledger) -> None:
        self.book = book
        self.offset = -1
        self.alerts: list[Alert] = []

    def fold(self, record: Any) -> Effects:
        self.offset += 1
        effects = self.book.fold(self.offset, record)
        self.alerts += effects.alerts
        return effects

    def run(self, start: float, end: float) -> list[Alert]:
        """Return what is told between two hours, at every full ten minutes."""
        before = len(self.alerts)
        for minute in range(math.ceil(start * 6) * 10, round(end * 60) + 1, 10):
            self.fold(Tick(at=at(minute / 60)))
        return self.alerts[before:]


def ack(incident: str, hours: float) -> Decision:
    return Decision(id="d", at=at(hours), who="ann", action="ack", why="on it", incident=incident)


# --- distance in time ------------------------------------------------------------------------


def test_rise_in_level_ignores_the_distance_between_updates() -> None:
    book = ledger()
    clock = Clock(book)
    clock.run(5, 5)
    first = clock.fold(told("a", hours=5, **LIVE)).alerts
    second = clock.fold(told("b", hours=5.01, **LIVE)).alerts
    assert [(a.level, a.notify) for a in (*first, *second)] == [("normal", True), ("urgent", True)]
    third = clock.fold(told("c", hours=5.02, official="PL", count=(19, 19), **LIVE)).alerts
    assert [(a.status, a.notify) for a in third] == [("confirmed", True)]
    assert not clock.fold(told("d", hours=5.03, official="PL", count=(21, 21), **LIVE)).alerts
    later = clock.run(5.1, 5.5)
    assert [a.changes for a in later if a.changes] == [("number: 19 → 21",)]
    assert not any(a.notify for a in later)


# --- reminders -------------------------------------------------------------------------------


def test_reminder_comes_until_somebody_acknowledges() -> None:
    clock = Clock(book_of(remind_every_minutes=30))
    clock.run(5, 5)
    incident = clock.fold(told("a", hours=5, **LIVE)).last
    assert incident is not None
    reminded = clock.run(5.1, 6.6)
    assert [a.at for a in reminded] == [at(5.5), at(6.0), at(6.5)]
    assert all(a.reminder and a.notify and a.action == "update" for a in reminded)
    assert reminded[0].changes == ("reminder: nobody has acknowledged this yet",)
    assert [a.n for a in reminded] == [2, 3, 4]
    clock.fold(ack(incident.id, 6.6))
    assert clock.run(6.7, 12) == []


@pytest.mark.parametrize(
    "end",
    [
        lambda i: Decision(id="d", at=at(6), who="a", action="close", why="x", incident=i),
        lambda i: told("f", hours=6, official="PL", status_hint="false_alarm", **LIVE),
    ],
    ids=["closed", "false alarm"],
)
def test_reminders_end_with_the_incident(end: Any) -> None:
    clock = Clock(book_of(remind_every_minutes=30))
    clock.run(5, 5)
    incident = clock.fold(told("a", hours=5, **LIVE)).last
    assert incident is not None
    assert clock.run(5.1, 5.9)
    clock.fold(end(incident.id))
    assert not [alert for alert in clock.run(6.1, 12) if alert.reminder]


def test_reminders_end_after_their_time_and_keep_quiet_at_night() -> None:
    clock = Clock(book_of(remind_every_minutes=60, remind_for_minutes=180))
    clock.run(5, 5)
    clock.fold(told("a", hours=5, **LIVE))
    assert len(clock.run(5.1, 30)) == 3
    quiet = {"start": "06:00:00", "end": "08:00:00", "zone": "UTC", "level": "urgent"}
    clock = Clock(book_of(remind_every_minutes=60, remind_for_minutes=300, quiet=quiet))
    clock.run(5, 5)
    clock.fold(told("a", hours=5, **LIVE))
    assert [a.at for a in clock.run(5.1, 9.5)] == [at(8), at(9)]


def test_no_reminder_while_an_operator_silences_it() -> None:
    clock = Clock(book_of(remind_every_minutes=30))
    clock.run(5, 5)
    clock.fold(told("a", hours=5, **LIVE))
    clock.fold(
        Decision(
            id="s", at=at(5.1), who="a", action="silence", why="x", country="PL", until=at(6.05)
        )
    )
    assert [a.at for a in clock.run(5.2, 6.4)] == [at(6 + 10 / 60)]


def test_reminders_survive_a_restart() -> None:
    clock = Clock(book_of(remind_every_minutes=30))
    clock.run(5, 5)
    clock.fold(told("a", hours=5, **LIVE))
    clock.run(5.1, 5.6)
    (incident,) = live(clock.book, "europe")
    heir = book_of(remind_every_minutes=30)
    heir.load(decode(type(incident), encode(incident)))
    heir.fold(0, Tick(at=at(5)))  # the first tick of the ledger's past
    clock.book = heir
    assert [(a.at, a.n) for a in clock.run(5.7, 6.1)] == [(at(6), 3)]


def test_reminder_that_could_never_be_due_is_a_fault() -> None:
    with pytest.raises(ValueError, match="never due"):
        book_of(remind_every_minutes=60, remind_for_minutes=30)


# --- quiet hours -----------------------------------------------------------------------------

NIGHT = {"start": "22:00:00", "end": "07:00:00", "zone": "Europe/Warsaw", "level": "digest"}


def test_quiet_hours_lower_the_alert_and_their_end_raises_it() -> None:
    """04:00 UTC is 06:00 in Warsaw: still quiet; 05:00 UTC is not."""
    clock = Clock(book_of(quiet=NIGHT))
    clock.run(4, 4)
    first = clock.fold(told("a", hours=4, **LIVE)).alerts
    assert [(a.level, a.action) for a in first] == [("digest", "new")]
    morning = clock.run(4.1, 7)
    assert [(a.at, a.level, a.notify) for a in morning] == [(at(5), "urgent", True)]
    assert morning[0].changes == ("level: digest → urgent",)


def test_quiet_hours_take_nothing_down_that_was_told_loud() -> None:
    clock = Clock(book_of(quiet=NIGHT))
    clock.run(19, 19)
    assert clock.fold(told("a", hours=19, **LIVE)).alerts[0].level == "urgent"
    assert clock.run(19.1, 30) == [], "neither the evening nor the morning is news"


def test_what_was_called_off_in_the_night_is_not_raised_in_the_morning() -> None:
    clock = Clock(book_of(quiet=NIGHT))
    clock.run(3, 3)
    clock.fold(told("a", hours=3, **LIVE))
    clock.fold(told("f", hours=4, official="PL", status_hint="false_alarm", **LIVE))
    assert [a.level for a in clock.run(4.1, 8)] == []


# --- expiry ----------------------------------------------------------------------------------


def test_alert_says_until_when_it_is_news() -> None:
    clock = Clock(book_of(expires_after_minutes=90))
    clock.run(5.5, 5.5)
    alert = clock.fold(told("a", hours=5, **LIVE)).alerts[0]
    assert alert.expires_at == at(5) + timedelta(minutes=90), "from first sight, not from the fold"
    late = Clock(book_of(expires_after_minutes=90))
    late.run(7, 7)
    assert not late.fold(told("b", hours=5, **LIVE)).alerts


# --- known from reactions only ---------------------------------------------------------------


def reaction(hours: float = 8) -> ReportSet:
    """A reaction without a date: what it speaks of, only other accounts can tell."""
    loose = When(start=at(hours), end=at(hours), precision="assumed")
    return told(
        "r",
        hours=hours,
        happened=loose,
        freshness="undated",
        follow_up=True,
        action="react",
        **LIVE,
    )


def test_reaction_waits_for_the_event_itself_and_then_says_nothing_of_its_own() -> None:
    clock = Clock(ledger())
    clock.run(8, 8)
    waiting = clock.fold(reaction())
    assert not waiting.alerts
    outcome = waiting.outcomes[0]
    assert (outcome.what, outcome.until) == ("suppressed", at(8) + timedelta(minutes=15))
    told_of = clock.fold(told("a", hours=8.1, **LIVE)).alerts
    clock.run(8.2, 12)
    assert [(a.action, a.subject) for a in told_of] == [("new", told_of[0].subject)]
    assert {a.subject for a in clock.alerts} == {told_of[0].subject}, "no second message, no merge"
    assert all(a.action != "correction" for a in clock.alerts)


def test_reaction_that_waits_in_vain_is_told() -> None:
    clock = Clock(ledger())
    clock.run(8, 8)
    clock.fold(reaction())
    late = clock.run(8.1, 12)
    assert [(a.action, a.level, a.at) for a in late] == [("new", "digest", at(8) + TWO_TICKS)]
    assert late[0].first_seen_at == at(8)


def test_reaction_that_waits_is_not_forgotten_by_a_restart() -> None:
    clock = Clock(ledger())
    clock.run(8, 8)
    incident = clock.fold(reaction()).last
    assert incident is not None
    heir = ledger()
    heir.load(decode(type(incident), encode(incident)))
    heir.fold(0, Tick(at=at(8)))
    clock.book = heir
    assert [a.action for a in clock.run(8.1, 12)] == ["new"]


TWO_TICKS = timedelta(minutes=20)  # the first tick after the fifteen minutes
