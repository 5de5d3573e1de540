"""What a change moves is exactly what grouping everything anew would move."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from incident_stories import at, publishers, seeds
from msgspec.structs import replace

from streams.incidents.ledger import Ledger
from streams.incidents.match import group_frames
from streams.records import Decision, Report, ReportSet, Territory, Thing, When, content_id

PLACES = {"PL": (51.5, 23.5), "LT": (54.7, 25.3), "EE": (58.0, 27.5)}


def random_set(luck: random.Random, name: str, hours: float) -> ReportSet:
    """An article of some event of some night; sure and unsure, with and without place or country."""
    reports = []
    said = at(hours)
    for number in range(luck.choice((1, 1, 1, 2))):
        country = luck.choice((*PLACES, *PLACES, None))
        lat, lon = PLACES[country or "PL"]
        length = luck.choice((1, 6, 12, 24, 40))
        end = said - timedelta(hours=luck.uniform(0, 30))
        precision = luck.choice(("hour", "part", "day", "assumed"))
        has_place = luck.random() < 0.6
        kind = luck.random()
        reports.append(
            Report(
                id=content_id(name, str(number)),
                article=name,
                revision="",
                kind="drone_incursion",
                object=Thing(what=luck.choice(("drone", "drone", "balloon", "unknown"))),
                action=luck.choice(("cross", "cross", "found", "disrupt")),
                territory=Territory(
                    country=country,
                    place=f"{country}-{luck.randrange(3)}" if has_place else None,
                    lat=lat + luck.uniform(-1, 1) if has_place else None,
                    lon=lon + luck.uniform(-1, 1) if has_place else None,
                ),
                happened=When(start=end - timedelta(hours=length), end=end, precision=precision),
                freshness="undated" if luck.random() < 0.2 else "fresh",
                realis="denied" if kind < 0.1 else "asserted",
                certainty=0.8,
                rule="r",
                catalog="c",
                follow_up=kind > 0.8,
                signature=f"x1:{luck.randrange(40)}",
            )
        )
    return ReportSet(
        article=name,
        revision=content_id(name, str(hours)),
        feed="f",
        publisher=luck.choice(("A", "B", "C")),
        first_seen_at=said,
        published_at=said,
        title=name,
        theatre="replay",
        reports=tuple(reports),
    )


@pytest.mark.parametrize("seed", range(6))
def test_after_every_change_the_grouping_is_that_of_all_accounts(seed: int) -> None:
    luck = random.Random(seed)
    policies, messages = seeds()
    book = Ledger(policies, publishers(), messages)
    theatre = book.theatre("replay")
    for offset in range(140):
        hours = offset * 0.6 + luck.uniform(-6, 6) + 48
        is_edit = offset > 5 and luck.random() < 0.25
        name = f"a{luck.randrange(offset) if is_edit else offset}"
        found = random_set(luck, name, hours)
        if is_edit and luck.random() < 0.4:
            found = replace(found, reports=())
        book.fold(offset, found)
        frames = [held.frames for held in theatre.held.values()]
        now = {frozenset(of.values()) for of in frames if of}
        anew = {frozenset(g.frames) for g in group_frames(f for of in frames for f in of.values())}
        assert now == anew, f"after {offset}"


@pytest.mark.parametrize("seed", range(4))
def test_operators_links_hold_whatever_comes_after(seed: int) -> None:
    luck = random.Random(100 + seed)
    policies, messages = seeds()
    book = Ledger(policies, publishers(), messages)
    theatre = book.theatre("replay")
    sets = [random_set(luck, f"a{number}", 48 + number * 0.5) for number in range(60)]
    offset = -1
    pair: tuple[str, ...] = ()
    for number, found in enumerate(sets):
        book.fold(offset := offset + 1, found)
        held = sorted(held.id for held in theatre.held.values() if held.seeds)
        if number == 20:
            one, other = luck.sample(held, 2)
            accounts = [theatre.held[name].incident.accounts for name in (one, other)]
            pair = tuple(
                min(of, key=lambda a: (a.published_at, a.report.id)).article for of in accounts
            )
            decision = Decision(
                id="d", at=at(60), who="ann", action="merge", why="one", incident=one,
                other=other, theatre="replay",
            )  # fmt: skip
            book.fold(offset := offset + 1, decision)
    holding = [{held.id for held, _ in theatre.holding(article)} for article in pair]
    assert holding[0] & holding[1], "still one incident"
    joined = next(iter(holding[0] & holding[1]))
    again = Ledger(policies, publishers(), messages)
    for incident in reversed(book.incidents("replay")):
        again.load(incident)
    again.fold(offset, sets[-1])
    assert {h.id: h.seeds for h in again.theatre("replay").held.values()} == {
        h.id: h.seeds for h in theatre.held.values()
    }
    frames = [f for held in theatre.held.values() for f in held.frames.values()]
    anew = {frozenset(group.frames) for group in group_frames(frames)}
    for held in theatre.held.values():
        if held.seeds and held.id != joined:
            assert frozenset(held.frames.values()) in anew
    assert frozenset(theatre.held[joined].frames.values()) not in anew
