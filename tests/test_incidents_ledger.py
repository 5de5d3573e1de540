from __future__ import annotations

import random

import pytest
from incident_stories import at, fold_all, gone, groups, ledger, live, night, told, whole_day
from msgspec.structs import replace

from streams.incidents.ledger import Effects, Ledger
from streams.records import (
    Alert,
    Decision,
    Incident,
    LedgerRecord,
    Tick,
    When,
    decode,
    encode,
)


def alerts_of(effects: list[Effects]) -> list[Alert]:
    return [alert for step in effects for alert in step.alerts]


# --- what is told ----------------------------------------------------------------------------


def test_first_account_is_told_once_and_copies_are_silent() -> None:
    book, effects = fold_all([told(name, hours=hours) for name, hours in (("a", 5), ("b", 6))])
    new = [alert for alert in alerts_of(effects) if alert.action == "new"]
    assert len(new) == 1
    assert new[0].n == 1
    assert new[0].level == "normal"
    assert new[0].headline == "Poland: drone, crossed the border (claimed)"
    assert new[0].links[0].url == "https://example.org/a"
    # A second independent voice raises it.
    update = effects[1].alerts[0]
    assert (update.action, update.level, update.notify) == ("update", "urgent", True)
    assert "status: claimed → reported" in update.changes
    assert live(book)[0].independent_origins == 2


def test_one_agency_text_on_eight_sites_is_one_origin() -> None:
    sets = [told(f"s{n}", hours=5 + n / 10, agency="afp") for n in range(8)]
    book, effects = fold_all(sets)
    incident = live(book)[0]
    assert incident.independent_origins == 1
    assert incident.status == "claimed"
    assert sum(alert.notify for alert in alerts_of(effects)) == 1


def test_one_family_under_two_names_is_one_origin() -> None:
    book, _ = fold_all([told("a", publisher="Delfi EE"), told("b", publisher="Delfi LV")])
    assert live(book)[0].independent_origins == 1


def test_near_copies_without_credit_are_one_origin() -> None:
    from streams.signature import signature

    words = (
        "In the night nineteen drones crossed into the country from the east, said the army. " * 5
    )
    book, _ = fold_all(
        [
            told("a", signature=signature(words)),
            told("b", signature=signature(words + "Our own reporter was there.")),
            told("c", signature=signature("Something else entirely, told by somebody. " * 12)),
        ]
    )
    assert live(book)[0].independent_origins == 2


def test_confirmation_by_the_state_concerned_is_one_loud_update() -> None:
    book, effects = fold_all(
        [told("a"), told("b", hours=9), told("c", hours=10, official="PL", realis="attributed")]
    )
    assert live(book)[0].status == "confirmed"
    assert [alert.changes for alert in effects[2].alerts] == [("status: reported → confirmed",)]
    assert effects[2].alerts[0].notify


def test_confirmation_by_another_state_confirms_nothing() -> None:
    book, _ = fold_all([told("a"), told("b", hours=10, official="LT", realis="attributed")])
    assert live(book)[0].status == "reported"


def test_false_alarm_is_a_correction_that_lowers_the_level() -> None:
    alarm = told("c", hours=11, official="PL", status_hint="false_alarm", realis="attributed")
    book, effects = fold_all([told("a"), told("b", hours=9), alarm])
    incident = live(book)[0]
    assert (incident.status, incident.level) == ("false_alarm", "digest")
    correction = effects[2].alerts[0]
    assert (correction.action, correction.level, correction.notify) == (
        "correction",
        "digest",
        True,
    )
    assert correction.subject == effects[0].alerts[0].subject


def test_denial_by_the_accused_changes_nothing() -> None:
    denial = told("d", hours=12, official="RU", realis="denied")
    book, _ = fold_all([told("a"), told("b"), denial])
    assert live(book)[0].status == "reported"


def test_denial_alone_opens_nothing_and_is_remembered() -> None:
    book, effects = fold_all(
        [told("d", hours=6, official="PL", realis="denied"), told("a", hours=7)]
    )
    assert effects[0].outcomes[0].what == "attach_only"
    assert not effects[0].alerts
    assert groups(book) == {frozenset("da")}


def test_revised_count_is_told_silently_and_only_once() -> None:
    book, effects = fold_all(
        [
            told("a", count=(3, 3), official="PL"),
            told("b", hours=10, count=(19, 19), official="PL"),
            told("c", hours=11, count=(19, 19)),
        ]
    )
    assert live(book)[0].object.count_high == 19
    changes = [change for alert in alerts_of(effects) for change in alert.changes]
    assert changes.count("number: 3 → 19") == 1


def test_material_updates_keep_their_distance_in_time() -> None:
    sets = [
        told("a", count=(3, 3), official="PL", hours=5),
        told("b", count=(4, 4), official="PL", hours=5.05),
        told("c", count=(5, 5), official="PL", hours=5.5),
    ]
    _, effects = fold_all(sets)
    assert [len(step.alerts) for step in effects[:3]] == [1, 0, 1]


def test_reactions_to_an_open_incident_are_silent() -> None:
    reaction = told("r", hours=20, happened=whole_day(0), follow_up=True, action="react")
    book, effects = fold_all([told("a"), told("b"), reaction], final=False)
    assert not effects[2].alerts
    assert effects[2].outcomes[0].what == "immaterial"
    assert groups(book) == {frozenset("abr")}


def test_reaction_to_an_event_nobody_told_opens_a_quiet_incident() -> None:
    reaction = told("r", hours=30, happened=whole_day(0), follow_up=True, action="react")
    book, effects = fold_all([reaction])
    (alert,) = alerts_of(effects)
    assert alert.level == "digest"
    assert (live(book)[0].status, live(book)[0].core) == ("claimed", False)
    assert "known only from reactions" in alert.facts["unknown"]


def test_backfill_teaches_and_a_fresh_account_then_tells() -> None:
    _, effects = fold_all([told("a", backfill=True), told("b", hours=9)])
    assert effects[0].outcomes[0].what == "learnt"
    assert not effects[0].alerts
    assert effects[1].alerts[0].action == "new"


def test_late_report_is_learnt_silently_in_a_young_ledger() -> None:
    late = told("a", hours=24 * 9, freshness="late", happened=whole_day(0))
    book, effects = fold_all([late])
    assert not alerts_of(effects)
    incident = live(book)[0]
    assert incident.late and incident.silent
    assert effects[0].outcomes[0].what == "late"


def test_late_report_in_an_old_ledger_is_told_in_the_digest_never_loud() -> None:
    late = told("a", hours=24 * 9, freshness="late", happened=whole_day(0), theatre="europe")
    book = ledger()
    book.fold(0, Tick(at=at(-24 * 40)))
    book.fold(1, Tick(at=at(24 * 9)))
    effects = book.fold(2, late)
    assert [(alert.action, alert.level, alert.late) for alert in effects.alerts] == [
        ("new", "digest", True)
    ]


def test_undated_report_of_something_older_than_three_days_is_late() -> None:
    loose = When(start=at(120), end=at(120), precision="assumed")
    undated = told("u", hours=24 * 5, freshness="undated", happened=loose)
    book, effects = fold_all([told("a"), undated])
    assert groups(book) == {frozenset("au")}
    assert not effects[1].alerts


def test_undated_report_that_matches_nothing_is_a_claim_and_never_urgent() -> None:
    loose = When(start=at(9), end=at(9), precision="assumed")
    sets = [
        told(name, hours=9, freshness="undated", happened=loose, certainty=0.9) for name in "ab"
    ]
    book, effects = fold_all(sets)
    assert live(book)[0].status == "claimed"
    assert all(alert.level != "urgent" for alert in alerts_of(effects))


def test_alert_first_seen_long_after_it_was_written_has_expired() -> None:
    book = ledger()
    book.fold(0, Tick(at=at(30)))
    effects = book.fold(1, told("a", hours=8, theatre="europe"))
    assert not effects.alerts
    assert effects.outcomes[0].what == "expired"
    assert effects.silenced == {"expired": 1}


def test_withdrawal_of_the_only_account_is_corrected() -> None:
    first = told("a", hours=5)
    book, effects = fold_all([first, gone(first, 7)], final=False)
    assert not live(book)
    assert effects[1].alerts[0].action == "correction"
    assert effects[1].last.gone == {"a": at(7)}


def test_theatres_do_not_meet() -> None:
    book, _ = fold_all([told("a"), told("b", theatre="canary")])
    assert len(live(book)) == 1
    assert len(live(book, "canary")) == 1


def test_quiet_incident_closes_and_an_old_one_is_forgotten() -> None:
    book = ledger()
    book.fold(0, Tick(at=at(8)))
    opened = book.fold(1, told("a", theatre="europe")).last
    closed = book.fold(2, Tick(at=at(8 + 73)))
    assert [found.lifecycle for found in closed.touched] == ["closed"]
    forgotten = book.fold(3, Tick(at=at(8 + 24 * 401)))
    assert forgotten.forgotten == (opened.id,)
    assert not book.incidents("europe")


def test_incident_record_stays_small_however_many_tell_it() -> None:
    sets = [told(f"n{n:03}", hours=5 + n / 100, publisher=f"P{n % 40}") for n in range(320)]
    book, effects = fold_all(sets)
    incident = live(book)[0]
    assert len(incident.accounts) <= 200
    assert len(incident.accounts) + incident.folded_accounts == 320
    assert len(encode(incident)) <= 64 * 1024
    again = book.fold(1000, sets[-1])
    assert again.outcomes[0].what == "repeat"
    assert sum(alert.action == "new" for alert in alerts_of(effects)) == 1


# --- operators -------------------------------------------------------------------------------


def decision(action: str, number: int = 1, **fields: object) -> Decision:
    return Decision(
        id=f"d{number}",
        at=at(12),
        who="ann",
        action=action,
        why="because",
        theatre="replay",
        **fields,
    )


def test_operators_merge_wins_over_the_rules_and_lasts() -> None:
    one, two = told("a", country="DK"), told("b", country="NO", hours=9)
    book, effects = fold_all([one, two], final=False)
    ids = [step.last.id for step in effects]
    merged = book.fold(2, decision("merge", incident=ids[0], other=ids[1]))
    assert groups(book) == {frozenset("ab")}
    assert merged.last.id == ids[0]
    assert [alert.action for alert in merged.alerts if alert.subject == ids[1]] == ["correction"]
    book.fold(3, told("c", country="NO", hours=10))
    assert groups(book) == {frozenset("abc")}


def test_operators_split_lasts_through_new_accounts() -> None:
    book, effects = fold_all([told("a"), told("b", hours=9)], final=False)
    book.fold(2, decision("split", incident=effects[0].last.id, article="b"))
    book.fold(3, told("c", hours=10))
    assert groups(book) == {frozenset("ac"), frozenset("b")}


def test_operators_false_alarm_wins_over_confirmation() -> None:
    book, effects = fold_all([told("a", official="PL"), told("b")], final=False)
    told_false = book.fold(2, decision("mark_false", incident=effects[0].last.id))
    assert told_false.last.status == "false_alarm"
    assert told_false.alerts[0].action == "correction"
    later = book.fold(3, told("c", hours=11, official="PL"))
    assert later.last.status == "false_alarm"
    assert not later.alerts


def test_mark_false_of_one_article_takes_it_out_without_a_new_post() -> None:
    book, effects = fold_all([told("a"), told("b", hours=9)], final=False)
    marked = book.fold(2, decision("mark_false", article="b"))
    assert groups(book) == {frozenset("a"), frozenset("b")}
    assert not [alert for alert in marked.alerts if alert.action == "new"]
    assert live(book)[0].independent_origins == 1
    assert effects[0].alerts[0].subject in {alert.subject for alert in marked.alerts}


def test_silence_by_country_holds_alerts_until_it_ends() -> None:
    book = ledger()
    book.fold(0, decision("silence", country="PL", until=at(24)))
    held = book.fold(1, told("a"))
    assert not held.alerts
    assert (held.outcomes[0].what, held.outcomes[0].until) == ("suppressed", at(24))
    assert book.fold(2, told("l", country="LT")).alerts
    assert book.fold(3, told("b", hours=30, happened=night(1))).alerts


def test_silenced_room_is_named_in_the_alert() -> None:
    book = ledger()
    book.fold(0, decision("silence", room="ops"))
    assert book.fold(1, told("a")).alerts[0].silenced_rooms == ("ops",)
    book.fold(2, decision("unsilence", 2, room="ops"))
    assert book.fold(3, told("l", country="LT")).alerts[0].silenced_rooms == ()


def test_decision_folded_twice_changes_nothing_more() -> None:
    book, effects = fold_all([told("a")], final=False)
    first = book.fold(1, decision("close", incident=effects[0].last.id))
    assert first.last.lifecycle == "closed"
    assert book.fold(2, decision("close", incident=effects[0].last.id)).last is None


# --- crashes ---------------------------------------------------------------------------------


class Topics:
    """What survives a crash: alerts by id, the newest version of each incident, outcomes."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.incidents: dict[str, bytes] = {}
        self.versions: dict[str, int] = {}
        self.outcomes: dict[str, str] = {}

    def write(self, effects: Effects, upto: int | None = None) -> None:
        """Write a fold's effects in order; stop after `upto` writes, as a crash does."""
        writes: list[object] = [*effects.alerts, *effects.touched]
        writes += [effects.last] if effects.last is not None else []
        writes += effects.outcomes
        for record in writes[:upto]:
            match record:
                case Alert():
                    known = self.alerts.setdefault(record.id, record)
                    assert known == record, "one id, two alerts"
                case Incident():
                    if record.version >= self.versions.get(record.id, 0):
                        self.versions[record.id] = record.version
                        self.incidents[record.id] = encode(record)
                case _:
                    self.outcomes[record.article] = record.what  # type: ignore[attr-defined]

    def recover(self) -> Ledger:
        book = ledger()
        for raw in self.incidents.values():
            book.load(decode(Incident, raw))
        return book


def _story() -> list[LedgerRecord]:
    """A story in which incidents open, grow, merge, split, lose and are decided upon."""
    base = told("w", country="DE", place="munich", action="disrupt", hours=2)
    other = told("x", country="DE", place="aalborg", action="disrupt", hours=3)
    records: list[LedgerRecord] = [
        told("a", hours=5),
        base,
        other,
        told("b", hours=6, count=(3, 3)),
        told("n", country=None, hours=6.5),
        told("c", hours=7, official="PL", count=(19, 19)),
        told("x", country="DE", place="munich", action="disrupt", hours=8, revision="r2"),
        told("y", country="DE", hours=8.5, action="disrupt"),
        told("b", hours=9, happened=night(1), revision="r2"),
        told("l", country="LT", hours=9),
        told("l2", country="LV", hours=9.5),
        told("n", country="LT", hours=10, revision="r2"),
        gone(told("a"), 11),
        told("f", hours=12, official="PL", status_hint="false_alarm"),
        Tick(at=at(13), theatre="replay"),
        told("o", country="RO", hours=13.1, follow_up=True, action="react"),
        told("p", country="RO", hours=13.6, follow_up=True, action="react"),
        told("w", country="DE", place="aalborg", action="disrupt", hours=14, revision="r2"),
        Tick(at=at(24 * 9), theatre="replay", final=True),
    ]
    return records


def _state(book: Ledger) -> list[bytes]:
    """All incidents but `leaving`, which only says what an unfinished step would have to redo."""
    return [encode(replace(found, leaving=())) for found in book.incidents("replay")]


def _written(topics: Topics) -> dict[str, bytes]:
    found = {key: decode(Incident, raw) for key, raw in topics.incidents.items()}
    return {key: encode(replace(incident, leaving=())) for key, incident in found.items()}


def _run(records: list[LedgerRecord], crashes: dict[int, int]) -> tuple[Ledger, Topics]:
    """Fold all, crashing once at each given offset after so many writes."""
    topics, book = Topics(), ledger()
    for offset, record in enumerate(records):
        if offset in crashes:
            topics.write(book.fold(offset, record), crashes[offset])
            book = topics.recover()
        topics.write(book.fold(offset, record))
    return book, topics


def test_crash_at_every_write_of_every_record_loses_and_doubles_nothing() -> None:
    records = _story()
    calm, calm_topics = _run(records, {})
    tries = 0
    for offset in range(len(records)):
        for writes in range(9):
            book, topics = _run(records, {offset: writes})
            where = f"crash at record {offset} after {writes} writes"
            assert _state(book) == _state(calm), where
            assert topics.alerts == calm_topics.alerts, where
            assert _written(topics) == _written(calm_topics), where
            assert topics.outcomes == calm_topics.outcomes, where
            tries += 1
    assert tries > 100


@pytest.mark.parametrize("seed", range(25))
def test_crashes_at_random_points_in_one_run_converge(seed: int) -> None:
    choice = random.Random(seed)
    records = _story()
    crashes = {
        offset: choice.randrange(6) for offset in range(len(records)) if choice.random() < 0.5
    }
    calm, calm_topics = _run(records, {})
    book, topics = _run(records, crashes)
    assert _state(book) == _state(calm)
    assert topics.alerts == calm_topics.alerts


def test_recovery_does_not_depend_on_the_order_or_number_of_versions() -> None:
    records = _story()
    book, topics = ledger(), Topics()
    versions: list[Incident] = []
    for offset, record in enumerate(records[:12]):
        effects = book.fold(offset, record)
        topics.write(effects)
        versions += [*effects.touched, *([effects.last] if effects.last else [])]
    expected = _state(_fold_rest(topics.recover(), records))
    for seed in range(6):
        random.Random(seed).shuffle(versions)
        found = ledger()
        found.load(replace(versions[0], id="gone-0", version=1))
        for incident in versions:
            found.load(incident)
        found.unload("gone-0")
        found.unload("never-there")
        assert _state(_fold_rest(found, records)) == expected


def _fold_rest(book: Ledger, records: list[LedgerRecord]) -> Ledger:
    for offset, record in enumerate(records[12:], 12):
        book.fold(offset, record)
    return book


def test_same_log_twice_is_byte_identical() -> None:
    one, _ = _run(_story(), {})
    two, _ = _run(_story(), {})
    assert _state(one) == _state(two)


def test_two_processes_in_turn_end_where_one_does() -> None:
    records = _story()
    calm, calm_topics = _run(records, {})
    topics, book = Topics(), ledger()
    for offset, record in enumerate(records):
        book = topics.recover()  # a new owner for every record
        topics.write(book.fold(offset, record))
    assert _state(topics.recover()) != []
    assert topics.incidents == calm_topics.incidents
    assert topics.alerts == calm_topics.alerts


def test_last_shown_text_does_not_depend_on_the_order() -> None:
    sets = [record for record in _story() if not isinstance(record, Tick | Decision)]
    plain = [found for found in sets if found.revision == "r1"]
    expected = None
    for seed in range(20):
        random.Random(seed).shuffle(plain)
        _, effects = fold_all(plain)
        last: dict[str, str] = {}
        for alert in alerts_of(effects):
            last[alert.subject] = f"{alert.headline}|{sorted(alert.facts.items())}|{alert.links}"
        merged = {alert.subject for alert in alerts_of(effects) if "merged" in str(alert.changes)}
        shown = sorted(text for subject, text in last.items() if subject not in merged)
        expected = expected or shown
        assert shown == expected


# --- read again by other rules ---------------------------------------------------------------


def test_quiet_set_puts_incidents_right_and_tells_nobody() -> None:
    first = told("a", hours=5)
    book, effects = fold_all([first, told("b", hours=9)], final=False)
    subject = effects[0].alerts[0].subject
    mended = replace(told("b", hours=9, country="LT", revision="r1"), quiet=True)
    missed = replace(told("c", hours=6, country="RO"), quiet=True)
    for offset, quiet in enumerate((mended, missed), 2):
        assert not book.fold(offset, quiet).alerts
    assert groups(book) == {frozenset("a"), frozenset("b"), frozenset("c")}
    assert {found.status for found in live(book)} == {"claimed"}
    assert not book.fold(4, Tick(at=at(12), theatre="replay")).alerts
    later = book.fold(5, told("d", hours=10, official="PL", realis="attributed")).alerts
    assert [(a.subject, a.action, a.status) for a in later] == [(subject, "update", "confirmed")]
    new = book.fold(6, told("e", hours=10, country="RO")).alerts
    assert [(a.action, a.country) for a in new] == [("new", "RO")], "its first ordinary account"


def test_quiet_set_without_reports_takes_the_account_back_in_silence() -> None:
    first = told("a", hours=5)
    book, _ = fold_all([first], final=False)
    effects = book.fold(1, replace(gone(first, 7), quiet=True))
    assert not live(book)
    assert not effects.alerts
