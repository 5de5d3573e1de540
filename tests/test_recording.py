"""Four recorded days: told right in order, and the same in any order."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT

from streams import recording as rec
from streams.backtest import Backtest
from streams.catalog import Catalog, load_catalog
from streams.recording import Recording
from streams.understand.verdict import Understanding

FILE = ROOT / "seeds" / "recordings" / "four-days.jsonl"
HOUR = 3600.0
#: What is reached today; it rises, and never sinks.
LEAST_F1 = 0.985

Replayed = tuple[Recording, list[Understanding], Catalog, Backtest]


@pytest.fixture(scope="module")
def four_days() -> Replayed:
    recording, catalog = rec.read_recording(FILE), load_catalog(None)
    understood = rec.understand_all(recording, catalog)
    return recording, understood, catalog, rec.replay(recording, understood, catalog)


def shuffled(recording: Recording, seed: int) -> list[int]:
    """Arrivals up to 72 h late; revisions of one article keep their order, as on its partition."""
    luck = random.Random(seed)
    seen = [a.first_seen_at.timestamp() + luck.uniform(0, 72 * HOUR) for a in recording.articles]
    last: dict[str, int] = {}
    for index, article in enumerate(recording.articles):
        before = last.get(article.id)
        if before is not None and seen[before] > seen[index]:
            seen[before], seen[index] = seen[index], seen[before]
        last[article.id] = index
    return sorted(range(len(seen)), key=seen.__getitem__)


def test_recording_is_what_its_readme_says(four_days: Replayed) -> None:
    recording = four_days[0]
    assert len({article.id for article in recording.articles}) == 457
    assert len({article.declared_language for article in recording.articles}) >= 10
    assert len(recording.incidents) == 28
    assert len(recording.expected()) == 65
    known = {article.guid for article in recording.articles}
    assert {message.article for message in recording.expected()} <= known


def test_recording_groups_articles_as_labelled(four_days: Replayed) -> None:
    recording, _, _, result = four_days
    card = rec.grouping(recording, result)
    assert card["f1"] >= LEAST_F1, rec.joined_wrongly(recording, result)


def test_recording_tells_exactly_the_labelled_messages(four_days: Replayed) -> None:
    recording, _, _, result = four_days
    expected, told = recording.expected(), rec.messages(recording, result)
    assert Counter(m[:3] for m in told) == Counter(m[:3] for m in expected)
    for label in {m.incident for m in expected}:  # and each incident's in order
        assert [m[1:3] for m in told if m.incident == label] == [
            m[1:3] for m in expected if m.incident == label
        ]
    statuses = {m[:3]: m.status for m in told}
    wrong = [(m, statuses[m[:3]]) for m in expected if m.status not in ("", statuses[m[:3]])]
    assert not wrong


def test_recording_posts_each_incident_once_and_shows_no_fact_twice(four_days: Replayed) -> None:
    result = four_days[3]
    assert max(rec.first_posts(result).values()) == 1
    assert rec.shown_twice(result) == []


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_recording_in_any_order_ends_in_the_same_facts(four_days: Replayed, seed: int) -> None:
    recording, understood, catalog, in_order = four_days
    order = shuffled(recording, seed)
    if seed % 2:
        order += order  # and every record twice
    other = rec.replay(recording, understood, catalog, order)
    assert rec.groups(other) == rec.groups(in_order)
    assert rec.final_facts(other) == rec.final_facts(in_order)
    assert max(rec.first_posts(other).values()) == 1
    assert rec.shown_twice(other) == []


def test_recording_doubled_record_by_record_tells_nothing_more(four_days: Replayed) -> None:
    recording, understood, catalog, in_order = four_days
    order = sorted(
        range(len(recording.articles)), key=lambda i: (recording.articles[i].first_seen_at, i)
    )
    other = rec.replay(recording, understood, catalog, [i for i in order for _ in range(2)])
    assert [alert.id for alert in other.alerts] == [alert.id for alert in in_order.alerts]


def test_recording_reads_labels_apart_from_articles(tmp_path: Path, four_days: Replayed) -> None:
    lines = FILE.read_text("utf-8").splitlines()[:20]
    bare = [line.replace('"incursion": true', '"incursion": false') for line in lines]
    path = tmp_path / "four-days.jsonl"
    path.write_text("\n".join(bare), "utf-8")
    labels = FILE.with_suffix(".labels.json").read_text("utf-8")
    path.with_suffix(".labels.json").write_text(labels, "utf-8")
    assert rec.read_recording(path).articles == four_days[0].articles[:20]
