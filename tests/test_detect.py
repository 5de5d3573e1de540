"""The detect role as a real process on a real wire: nothing is lost, one bad article costs one."""
# ruff: noqa: F811 (fixtures are imported)

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from mock_broker import MockBroker, mock_broker  # noqa: F401
from role_process import Start, article, read, send, start_role, wait_done  # noqa: F401

from streams import topics
from streams.engine.bus import Outgoing
from streams.errors import EXIT_GAVE_UP
from streams.records import Alert, Hit, ReportSet, TaggedArticle, decode, decode_ledger
from streams.settings import Settings
from streams.topics import ALERTS, ARTICLES, DEAD_LETTERS, HITS, LEDGER, TAGGED

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(mock_broker: MockBroker, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    prefix = request.node.name.removeprefix("test_").replace("_", "-").lower() + "."
    return Settings(kafka=mock_broker.address, prefix=prefix, state_dir=tmp_path)


def outgoing(number: int, title: str, feed: str = "feed") -> Outgoing:
    one = article(number, title, feed)
    return Outgoing(ARTICLES, one.id, one, {"traceparent": f"00-{number:032x}-1-01"})


async def test_articles_are_tagged_and_reports_go_to_the_ledger(
    settings: Settings, start_role: Start
) -> None:
    await send(settings, [outgoing(n, "report PL" if n % 10 == 0 else "calm") for n in range(50)])
    role = start_role(settings, "detect")
    await wait_done(settings, ARTICLES, role)
    tagged = await read(settings, TAGGED)
    assert {decode(TaggedArticle, m.value or b"").id for m in tagged} == {
        f"a{n}" for n in range(50)
    }
    assert all(m.headers["schema"] == b"TaggedArticle/1" for m in tagged)
    assert all(m.headers["traceparent"].startswith(b"00-") for m in tagged)
    sets = [decode_ledger(m.value or b"") for m in await read(settings, LEDGER)]
    assert sorted(s.article for s in sets if isinstance(s, ReportSet)) == [
        "a0", "a10", "a20", "a30", "a40",
    ]  # fmt: skip
    assert role.stop() == 0, role.told()


async def test_bad_articles_cost_themselves_alone(settings: Settings, start_role: Start) -> None:
    huge = b'{"id":"' + b"x" * topics.INPUT_MAX_BYTES + b'"}'
    bad = [
        Outgoing(ARTICLES, "broken", b"{nope", {"from": "here"}),
        Outgoing(ARTICLES, "latin", b'{"id": "\xff"}'),
        Outgoing(ARTICLES, "other", b'{"title": 3}'),
        Outgoing(ARTICLES, "gone", None),
    ]
    await send(settings, [outgoing(1, "calm"), *bad, outgoing(2, "boom"), outgoing(3, "calm")])
    # Our own producer refuses what is too large; a stranger's may not.
    await send_raw(settings, "huge", huge)
    await send(settings, [outgoing(4, "report PL")])
    role = start_role(settings, "detect")
    await wait_done(settings, ARTICLES, role)
    assert {m.key for m in await read(settings, TAGGED)} == {"a1", "a3", "a4"}
    letters = {m.key: m for m in await read(settings, DEAD_LETTERS)}
    reasons = {key: m.headers["flankwatch.dlq.reason"] for key, m in letters.items()}
    assert reasons == {
        "broken": b"unreadable",
        "latin": b"unreadable",
        "other": b"unreadable",
        "gone": b"unreadable",
        "a2": b"failed",
        "huge": b"too_large",
    }
    assert letters["broken"].value == b"{nope"
    assert letters["broken"].headers["from"] == b"here"
    assert letters["huge"].value == huge
    assert b"a rule failed" in letters["a2"].headers["flankwatch.dlq.stack"]
    assert role.stop() == 0, role.told()


async def send_raw(settings: Settings, key: str, value: bytes) -> None:
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, max_request_size=4 * 1024 * 1024)
    await producer.start()
    await producer.send_and_wait(settings.topic(ARTICLES.name), value, key=key.encode())
    await producer.stop()


#: So many slow articles that a role is still at work when a slow machine has read its first output.
MANY = 400


async def test_sigterm_in_a_body_loses_nothing(settings: Settings, start_role: Start) -> None:
    await send(settings, [outgoing(n, "slow") for n in range(MANY)])
    role = start_role(settings, "detect")
    while not await read(settings, TAGGED):
        assert role.process.poll() is None, role.told()
        await asyncio.sleep(0.1)
    assert role.stop(signal.SIGTERM) == 0, role.told()
    first = len(await read(settings, TAGGED))
    assert first < MANY, "it was to be stopped in the middle"
    again = start_role(settings, "detect")
    await wait_done(settings, ARTICLES, again)
    keys = [m.key for m in await read(settings, TAGGED)]
    assert set(keys) == {f"a{n}" for n in range(MANY)}
    assert len(keys) == MANY, "a clean stop repeats nothing"
    assert again.stop() == 0


async def test_kill_in_a_body_loses_nothing(settings: Settings, start_role: Start) -> None:
    await send(settings, [outgoing(n, "slow") for n in range(100)])
    role = start_role(settings, "detect")
    while not await read(settings, TAGGED):
        assert role.process.poll() is None, role.told()
        await asyncio.sleep(0.1)
    assert role.stop(signal.SIGKILL) == -signal.SIGKILL
    again = start_role(settings, "detect")
    await wait_done(settings, ARTICLES, again)
    assert {m.key for m in await read(settings, TAGGED)} == {f"a{n}" for n in range(100)}
    assert again.stop() == 0


async def test_broken_rule_stops_the_role_instead_of_emptying_the_stream(
    settings: Settings,
    start_role: Start,
) -> None:
    await send(settings, [outgoing(n, "boom", f"feed{n % 5}") for n in range(60)])
    role = start_role(settings, "detect")
    assert role.wait() == EXIT_GAVE_UP, role.told()
    assert "own errors" in role.told()
    assert len(await read(settings, DEAD_LETTERS)) <= 20


async def test_one_odd_feed_does_not_stop_the_role(settings: Settings, start_role: Start) -> None:
    odd = [outgoing(n, "boom", "odd") for n in range(40)]
    await send(settings, [*odd, outgoing(99, "calm", "other")])
    role = start_role(settings, "detect")
    await wait_done(settings, ARTICLES, role)
    assert [m.key for m in await read(settings, TAGGED)] == ["a99"]
    assert len(await read(settings, DEAD_LETTERS)) == 40
    assert role.stop() == 0


async def test_sigterm_while_joining_the_group_ends_in_good_order(
    settings: Settings, start_role: Start
) -> None:
    """A second worker that is stopped in the middle of the rebalance it caused does not hang."""
    await send(settings, [outgoing(n, "calm") for n in range(20)])
    first = start_role(settings, "detect")
    await wait_done(settings, ARTICLES, first)
    second = start_role(settings, "detect", worker=1)
    await second.until_told("role started")
    await asyncio.sleep(0.7)  # by now it has asked the coordinator in
    assert second.stop() == 0, second.told()
    assert "ended hard" not in second.told()
    await send(settings, [outgoing(n, "calm") for n in range(20, 40)])
    await wait_done(settings, ARTICLES, first)
    assert first.stop() == 0, first.told()


WATCH = {
    "id": "calm-seas",
    "title": "Calm seas",
    "watches": "articles",
    "any": ["calm"],
    "terms": {"calm": ["calm"]},
}


async def test_watch_tells_once_for_a_window_over_kills_and_workers(
    settings: Settings, start_role: Start
) -> None:
    """One record a policy and window, whoever reads the articles and however often it dies."""
    await send(settings, [outgoing(n, "slow calm") for n in range(60)])
    role = start_role(settings, "detect", watches=[WATCH])
    while not await read(settings, HITS):
        assert role.process.poll() is None, role.told()
        await asyncio.sleep(0.1)
    assert role.stop(signal.SIGKILL) == -signal.SIGKILL
    heir = start_role(settings, "detect", watches=[WATCH])
    await wait_done(settings, ARTICLES, heir)
    other = start_role(settings, "detect", worker=1, watches=[WATCH])
    await other.until_told("role started")
    await send(settings, [outgoing(n, "calm") for n in range(60, 80)])
    await wait_done(settings, ARTICLES, heir)
    assert (heir.stop(), other.stop()) == (0, 0), heir.told() + other.told()
    hits = [decode(Hit, m.value or b"") for m in await read(settings, HITS)]
    alerts = [decode(Alert, m.value or b"") for m in await read(settings, ALERTS)]
    assert {hit.id for hit in hits} == {hits[0].id}
    assert {(hit.policy, hit.article) for hit in hits} == {("calm-seas", hits[0].article)}
    assert {alert.subject for alert in alerts} == {"watch-replay-calm-seas-20260101T0000"}
    assert {alert.headline for alert in alerts} == {"Calm seas: slow calm"}
    assert len(hits) <= 2, "only the batch in hand when it was killed may be repeated"
