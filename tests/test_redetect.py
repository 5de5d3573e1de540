"""`flankwatch redetect`: articles read again by the seeds of now go to the ledger, quietly."""
# ruff: noqa: F811 (fixtures are imported)

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from incident_stories import fold_all, told
from mock_broker import MockBroker, mock_broker  # noqa: F401
from role_process import read, send

from streams.catalog import load_catalog
from streams.engine.bus import Outgoing
from streams.records import Article, ReportSet, decode_ledger
from streams.redetect import redetect
from streams.settings import Settings
from streams.topics import ARTICLES, INCIDENTS, LEDGER

NOW = datetime(2025, 9, 10, 6, tzinfo=UTC)


def article(name: str, title: str, hours: float = 0, revision: str = "r1") -> Outgoing:
    one = Article(
        id=name,
        feed="f",
        publisher="P",
        title=title,
        first_seen_at=NOW + timedelta(hours=hours),
        published_at=NOW + timedelta(hours=hours),
        revision=revision,
    )
    return Outgoing(ARTICLES, name, one)


async def test_what_counts_now_or_counted_before_is_sent_quietly(
    mock_broker: MockBroker, tmp_path: Path
) -> None:
    settings = Settings(kafka=mock_broker.address, prefix="re.", state_dir=tmp_path)
    book, _ = fold_all([told("misread", theatre="europe")], final=False)
    forgotten, _ = fold_all([told("calm", theatre="europe", country="LV")], final=False)
    drone = "Russian drones violated Poland's airspace overnight, the army said"
    await send(
        settings,
        [
            *(Outgoing(INCIDENTS, one.id, one) for one in book.incidents("europe")),
            *(Outgoing(INCIDENTS, one.id, one) for one in forgotten.incidents("europe")),
            *(Outgoing(INCIDENTS, one.id, None) for one in forgotten.incidents("europe")),
            article("missed", "A tram line opens"),
            article("missed", drone, 1, "r2"),
            article("misread", "Mayor of Lublin opens a tram line"),
            article("calm", "Warsaw opens another tram line"),
            article("old", drone, -99),
            Outgoing(ARTICLES, "bad", b"{nope"),
        ],
    )
    since = NOW - timedelta(hours=1)
    catalog = load_catalog()
    dry = await redetect(settings, catalog, since, "europe", dry=True)
    assert not await read(settings, LEDGER)
    done = await redetect(settings, catalog, since, "europe")
    assert done == dry
    assert (done.read, done.sent, done.empty) == (3, 2, 1)
    sets = [decode_ledger(m.value or b"") for m in await read(settings, LEDGER)]
    assert all(isinstance(one, ReportSet) and one.quiet for one in sets)
    assert [(s.article, len(s.reports)) for s in sets if isinstance(s, ReportSet)] == [
        ("misread", 0),
        ("missed", 1),
    ]
