"""What four recorded days taught the ledger: which account goes where, and what it says there."""

from __future__ import annotations

from incident_stories import at, fold_all, groups, live, told, whole_day

from streams.records import When


def undated(hours: float) -> When:
    """No date in the text: the day before until it was said."""
    return When(start=at(0), end=at(hours), precision="assumed")


def test_an_account_of_two_countries_goes_with_each_countrys_own_event() -> None:
    base = {"what": "drone", "action": "crash"}
    book, _ = fold_all(
        [
            told("ee", hours=6, country="EE", happened=undated(6), **base),
            told("lv", hours=7, country="LV", happened=undated(7), **base),
            told(
                "both",
                hours=8,
                country="LV",
                happened=undated(8),
                related_countries=("EE",),
                **base,
            ),
        ]
    )
    assert groups(book) == {frozenset({"ee"}), frozenset({"lv", "both"})}


def test_two_airports_of_one_country_in_one_night_are_two() -> None:
    base = {
        "country": "DE",
        "what": "drone",
        "action": "closed",
        "kind": "drone_airport_disruption",
    }
    book, _ = fold_all(
        [
            told("one", hours=6, place="munich", happened=undated(6), **base),
            told("two", hours=7, place="aalborg", happened=undated(7), **base),
            told("more", hours=8, place="munich", happened=undated(8), **base),
        ]
    )
    assert groups(book) == {frozenset({"one", "more"}), frozenset({"two"})}


def test_a_reaction_is_not_of_what_was_told_later() -> None:
    book, _ = fold_all(
        [
            told("first", hours=6, happened=undated(6)),
            told(
                "summons",
                hours=10,
                happened=undated(10),
                freshness="undated",
                follow_up=True,
            ),
            told("next night", hours=39, happened=undated(39)),
        ]
    )
    assert frozenset({"first", "summons"}) in groups(book)


def test_a_find_goes_to_the_nearest_flight_however_it_is_dated() -> None:
    book, _ = fold_all(
        [
            told("tuesday", hours=8, country="RO", happened=whole_day(0)),
            told("friday", hours=76, country="RO", happened=undated(76)),
            told(
                "wreck",
                hours=78,
                country="RO",
                action="found",
                happened=undated(78),
                wreckage=True,
            ),
        ]
    )
    assert frozenset({"friday", "wreck"}) in groups(book)


def test_an_aircraft_that_flew_by_leaves_no_wreckage() -> None:
    book, _ = fold_all(
        [
            told("jet", hours=8, country="EE", what="aircraft", happened=undated(8)),
            told(
                "pieces",
                hours=20,
                country="EE",
                what="unknown",
                action="found",
                happened=undated(20),
                wreckage=True,
            ),
        ]
    )
    assert len(groups(book)) == 2


def test_an_old_number_printed_again_does_not_come_back() -> None:
    base = {"official": "PL", "status_hint": "confirmed"}
    book, _ = fold_all(
        [
            told("ten", hours=4, count=(10, 10), **base),
            told("nineteen", hours=9, count=(19, 19), **base),
            told("late copy", hours=11, count=(10, 10), **base),
            told("one of them", hours=12, count=(1, 1), **base),
            told("shot", hours=13, count=(4, 4), action="shot_down", **base),
        ]
    )
    (incident,) = live(book)
    assert (incident.object.count_low, incident.object.count_high) == (19, 19)


def test_several_is_no_number() -> None:
    book, _ = fold_all([told("some", hours=4, count=(2, None)), told("a", hours=5, count=(1, 1))])
    (incident,) = live(book)
    assert (incident.object.count_low, incident.object.count_high) == (2, None)


def test_one_is_no_change_of_number() -> None:
    _, effects = fold_all(
        [
            told("it", hours=4),
            told("one", hours=6, count=(1, 1), publisher="Other", seen_after=1),
        ]
    )
    facts = [entry.fact for step in effects for alert in step.alerts for entry in alert.revisions]
    assert "count" not in facts


def test_who_denies_that_it_was_him_names_no_actor() -> None:
    book, _ = fold_all(
        [
            told("it", hours=4),
            told("no", hours=8, actor="russia", official="RU", realis="denied"),
        ]
    )
    (incident,) = live(book)
    assert incident.actor is None


def test_a_stop_of_traffic_for_which_nothing_was_found_is_disputed() -> None:
    base = {"country": "DK", "place": "aalborg", "kind": "drone_airport_disruption"}
    book, _ = fold_all(
        [
            told("one", hours=4, action="closed", **base),
            told("two", hours=5, action="closed", **base),
            told("police", hours=30, action="over", official="DK", realis="denied", **base),
        ]
    )
    (incident,) = live(book)
    assert incident.status == "disputed"


def test_a_denial_of_another_region_denies_nothing_here() -> None:
    book, _ = fold_all(
        [
            told("it", hours=4, country="LV", place="rezekne"),
            told(
                "elsewhere", hours=5, country="LV", place="munich", official="LV", realis="denied"
            ),
        ]
    )
    statuses = {frozenset(a.article for a in i.accounts): i.status for i in live(book)}
    assert statuses[frozenset({"it"})] == "claimed"


def test_the_states_own_suspicion_makes_it_reported() -> None:
    book, _ = fold_all(
        [told("ministry", hours=4, country="EE", official="EE", status_hint="claimed")]
    )
    (incident,) = live(book)
    assert incident.status == "reported"


def test_looking_into_what_it_suspects_a_state_does_not_confirm_it() -> None:
    reports = [
        told("ministry", hours=6, country="FI", official="FI", status_hint="claimed"),
        told("inquiry", hours=20, country="FI", official="FI", follow_up=True),
    ]
    (incident,) = live(fold_all(reports)[0])
    assert incident.status == "reported"
    word = told("word", hours=30, country="FI", official="FI", status_hint="confirmed")
    (incident,) = live(fold_all([*reports, word])[0])
    assert incident.status == "confirmed"


def test_a_denial_said_before_anybody_told_it_is_of_something_else() -> None:
    base = {"country": "DK", "happened": undated(19)}
    venus = told("venus", hours=18, country="DK", happened=undated(18), status_hint="false_alarm")
    book, _ = fold_all([venus, told("drones", hours=19.5, **base)])
    assert groups(book) == {frozenset({"venus"}), frozenset({"drones"})}
    soon = told("venus", hours=19.2, country="DK", happened=undated(19), status_hint="false_alarm")
    (incident,) = live(fold_all([soon, told("drones", hours=19.5, **base)])[0])
    assert incident.status == "disputed"


def test_who_denies_it_names_nobody() -> None:
    reports = [
        told("first", hours=6, actor="belarus"),
        told("army", hours=7, official="PL", status_hint="denied", actor="belarus"),
    ]
    (incident,) = live(fold_all(reports)[0])
    assert len(incident.claims) == 1
    assert "PL" not in {claim.by for claim in incident.claims}
