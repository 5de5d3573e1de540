from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from incident_stories import at, fold_all, gone, groups, live, night, told, whole_day

from streams.records import ReportSet, When


def test_grouping_wave_over_many_villages_is_one_incident() -> None:
    book, _ = fold_all(
        [
            told("a", place="wyryki", hours=5),
            told("b", place="czosnowka", hours=6),
            told("c", hours=7, happened=whole_day(0)),
        ]
    )
    assert groups(book) == {frozenset("abc")}


def test_grouping_same_airport_on_two_nights_is_two_incidents() -> None:
    first = told("a", country="DK", place="aalborg", action="disrupt", hours=3)
    second = told("b", country="DK", place="aalborg", action="disrupt", hours=27, happened=night(1))
    book, _ = fold_all([first, second])
    assert groups(book) == {frozenset("a"), frozenset("b")}


def test_grouping_two_countries_in_one_night_are_two_related_incidents() -> None:
    estonia = told("e", country="EE", hours=6)
    latvia = told("l", country="LV", place="rezekne", hours=7)
    book, _ = fold_all([estonia, latvia])
    assert groups(book) == {frozenset("e"), frozenset("l")}
    one, two = live(book)
    assert one.related == (two.id,)
    assert two.related == (one.id,)


def test_grouping_unknown_country_joins_the_night() -> None:
    book, _ = fold_all([told("a"), told("b", country=None, hours=9)])
    assert groups(book) == {frozenset("ab")}


def test_grouping_unknown_country_before_the_named_one_comes_out_alike() -> None:
    book, _ = fold_all([told("b", country=None, hours=9), told("a", hours=10)])
    assert groups(book) == {frozenset("ab")}


def test_grouping_other_object_is_another_incident() -> None:
    book, _ = fold_all([told("a"), told("b", what="balloon")])
    assert groups(book) == {frozenset("a"), frozenset("b")}


def test_grouping_unknown_object_matches_any() -> None:
    book, _ = fold_all([told("a"), told("b", what="unknown")])
    assert groups(book) == {frozenset("ab")}


def test_grouping_wreckage_found_two_days_later_joins_the_flight() -> None:
    find = told("w", action="found", wreckage=True, hours=55, happened=whole_day(2))
    book, _ = fold_all([told("a"), find])
    assert groups(book) == {frozenset("aw")}


def test_grouping_breaking_report_without_date_joins_what_just_happened() -> None:
    assumed = When(start=at(8.5), end=at(9), precision="assumed")
    book, _ = fold_all([told("a"), told("b", hours=9, happened=assumed)])
    assert groups(book) == {frozenset("ab")}


def test_grouping_reaction_dated_by_the_day_joins() -> None:
    reaction = told("r", hours=35, happened=whole_day(0), follow_up=True, action="react")
    book, _ = fold_all([reaction, told("a")])
    assert groups(book) == {frozenset("ar")}


def test_grouping_undated_reaction_joins_the_latest_known_event() -> None:
    undated = When(start=at(50), end=at(50), precision="assumed")
    reaction = told(
        "r", hours=50, happened=undated, follow_up=True, action="react", freshness="undated"
    )
    book, _ = fold_all([told("old", happened=night(-4), hours=-80), reaction, told("a")])
    assert groups(book) == {frozenset({"old"}), frozenset("ar")}


def test_grouping_sites_far_apart_in_one_night_are_two() -> None:
    north = told("n", country="DE", place="aalborg", action="disrupt")
    south = told("s", country="DE", place="munich", action="disrupt")
    book, _ = fold_all([north, south])
    assert groups(book) == {frozenset("n"), frozenset("s")}


def test_revision_moves_the_account_to_its_new_night() -> None:
    first = told("a", hours=5)
    other = told("b", hours=29, happened=night(1))
    revised = told("a", hours=30, happened=night(1), revision="r2")
    book, _ = fold_all([first, told("c", hours=6), other, revised])
    assert groups(book) == {frozenset("c"), frozenset("ab")}


def test_withdrawn_article_takes_its_account_back_for_good() -> None:
    first, other = told("a", hours=5), told("b", hours=6)
    book, effects = fold_all([first, other, gone(first, 8), first])
    assert groups(book) == {frozenset("b")}
    assert effects[2].outcomes[0].what == "withdrawn"
    assert effects[3].outcomes[0].what == "repeat"


def test_older_revision_after_the_newer_is_a_repeat() -> None:
    newer = told("a", hours=9, revision="r2", count=(3, 3))
    book, effects = fold_all([newer, told("a", hours=5)])
    assert effects[1].outcomes[0].what == "repeat"
    assert live(book)[0].object.count_high == 3


def test_evidence_that_two_are_one_merges_them_and_keeps_the_older() -> None:
    # Two airports, far apart, until a revision says that one account named the wrong place.
    one = told("a", country="DE", place="munich", action="disrupt", hours=2)
    two = told("b", country="DE", place="aalborg", action="disrupt", hours=3)
    fixed = told("b", country="DE", place="munich", action="disrupt", hours=4, revision="r2")
    book, effects = fold_all([one, two, fixed])
    assert groups(book) == {frozenset("ab")}
    survivor = live(book)[0]
    assert survivor.id == effects[0].last.id
    pointer = next(found for found in book.incidents("replay") if not found.accounts)
    assert pointer.merged_into == survivor.id
    assert pointer.lifecycle == "merged_into"
    corrections = [alert for alert in effects[2].alerts if alert.subject == pointer.id]
    assert [alert.action for alert in corrections] == ["correction"]


_COUNTRIES = ("PL", "LT", None)
_STORY = st.builds(
    lambda number, **kw: (number, kw),
    st.integers(0, 10_000),
    day=st.integers(0, 3),
    country=st.sampled_from(_COUNTRIES),
    what=st.sampled_from(("drone", "balloon", "unknown")),
    kind=st.sampled_from(("core", "day", "assumed", "reaction", "undated", "find", "denied")),
    lag=st.integers(1, 60),
)


def _set(number: int, kw: dict[str, object]) -> ReportSet:
    day, kind, lag = int(str(kw["day"])), kw["kind"], int(str(kw["lag"]))
    country, what = kw["country"], str(kw["what"])
    hours = 24 * day + 6 + (lag if kind != "core" else lag % 12)
    base = {"country": country, "what": what, "hours": hours}
    loose = When(start=at(hours), end=at(hours), precision="assumed")
    match kind:
        case "core":
            return told(f"n{number}", happened=night(day), **base)
        case "day":
            return told(f"n{number}", happened=whole_day(day), **base)
        case "assumed":
            return told(f"n{number}", happened=loose, **base)
        case "reaction":
            return told(f"n{number}", happened=whole_day(day), follow_up=True, **base)
        case "undated":
            return told(f"n{number}", happened=loose, freshness="undated", follow_up=True, **base)
        case "find":
            return told(f"n{number}", happened=whole_day(day), action="found", **base)
    return told(f"n{number}", happened=night(day), realis="denied", **base)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_STORY, min_size=1, max_size=14, unique_by=lambda item: item[0]), st.randoms())
def test_grouping_any_order_and_duplication_gives_the_same_incidents(stories, random) -> None:
    sets = [_set(number, kw) for number, kw in stories]
    in_order, _ = fold_all(sorted(sets, key=lambda found: found.first_seen_at))
    shuffled = sets + [random.choice(sets) for _ in range(len(sets) // 2)]
    random.shuffle(shuffled)
    other, effects = fold_all(shuffled)
    assert groups(other) == groups(in_order)

    def facts(book):
        return sorted(
            (
                sorted(account.article for account in found.accounts),
                found.status,
                found.level,
                found.country or "",
                str(found.object),
                found.happened.start,
                found.independent_origins,
                found.late,
                found.silent,
            )
            for found in live(book)
        )

    assert facts(other) == facts(in_order)
    firsts = [alert.subject for step in effects for alert in step.alerts if alert.action == "new"]
    assert len(firsts) == len(set(firsts))
