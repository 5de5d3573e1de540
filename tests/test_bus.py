"""The bus on both brokers: what is sent is there, what is too large is refused, dead letters whole."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from streams import topics
from streams.engine.bus import Bus, Outgoing, Received, Tail, read_all, read_latest
from streams.engine.embedded import EmbeddedBroker
from streams.engine.offsets import Offsets
from streams.engine.provision import Provisioner
from streams.errors import BrokerError, RecordError
from streams.records import Article, FeedState, Outcome, decode
from streams.settings import Settings, load_settings

NOW = datetime(2025, 9, 10, 4, 0, tzinfo=UTC)


def article(number: int, body: str = "") -> Article:
    return Article(
        id=f"a{number}",
        feed="f",
        publisher="p",
        title="t",
        first_seen_at=NOW,
        revision="r",
        body=body,
    )


@pytest_asyncio.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
async def settings(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings of a running broker with its topics."""
    environment = {"FLANKWATCH_STATE_DIR": str(tmp_path)}
    if request.param == "embedded":
        given = load_settings(environment)
        broker = EmbeddedBroker(given)
        await broker.start()
        yield given
        await broker.stop()
        return
    server = request.getfixturevalue("kafka")
    environment |= {
        "FLANKWATCH_KAFKA": server.address,
        "FLANKWATCH_PREFIX": f"t{uuid.uuid4().hex[:8]}.",
    }
    given = load_settings(environment)
    async with Provisioner(given) as provisioner:
        await provisioner.create()
    yield given


ON_KAFKA = pytest.mark.parametrize(
    "settings", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True
)


async def test_sent_record_is_read_with_its_headers(settings: Settings) -> None:
    async with Bus(settings, "fetch") as bus:
        offset = await bus.send(topics.ARTICLES, "a1", article(1), {"traceparent": "00-1-2-01"})
        (found,) = [message async for message in read_all(settings, topics.ARTICLES)]
    assert (found.key, found.offset) == ("a1", offset)
    assert decode(Article, found.value or b"") == article(1)
    assert found.headers == {
        "schema": b"Article/1",
        "content-type": b"application/json",
        "traceparent": b"00-1-2-01",
    }


async def test_ordered_topic_keeps_one_order(settings: Settings) -> None:
    outcomes = [Outcome(article=f"a{n}", revision="r", what="new", through=n) for n in range(50)]
    async with Bus(settings, "merge") as bus:
        sent = [Outgoing(topics.OUTCOMES, one.article, one) for one in outcomes]
        assert await bus.send_all(sent) == list(range(50))
    found = await read_latest(settings, topics.OUTCOMES, Outcome)
    assert found == {one.article: one for one in outcomes}


async def test_highest_version_of_a_key_wins(settings: Settings) -> None:
    async with Bus(settings, "fetch") as bus:
        for version in (1, 3, 2):  # a stale writer comes last
            state = FeedState(id="pap", url="u", version=version)
            await bus.send(topics.FEEDS, "pap", state)
        await bus.send(topics.FEEDS, "gone", FeedState(id="gone", url="u", version=1))
        await bus.send(topics.FEEDS, "gone", None)
    found = await read_latest(settings, topics.FEEDS, FeedState)
    assert {key: state.version for key, state in found.items()} == {"pap": 3}


async def test_unreadable_state_costs_that_key_alone(settings: Settings) -> None:
    async with Bus(settings, "fetch") as bus:
        await bus.send(topics.FEEDS, "bad", b"\xff not JSON")
        await bus.send(topics.FEEDS, "pap", FeedState(id="pap", url="u", version=1))
    assert list(await read_latest(settings, topics.FEEDS, FeedState)) == ["pap"]


async def test_oversize_record_is_refused_and_the_next_goes_on(settings: Settings) -> None:
    async with Bus(settings, "fetch") as bus:
        with pytest.raises(RecordError) as refused:
            await bus.send(topics.ARTICLES, "a1", article(1, body="x" * 5_000_000))
        assert refused.value.reason == "too_large"
        await bus.send(topics.ARTICLES, "a2", article(2, body="x" * 500_000))
        keys = [message.key async for message in read_all(settings, topics.ARTICLES)]
    assert keys == ["a2"]


async def test_dead_letter_keeps_the_original_and_says_why(settings: Settings) -> None:
    original = Received(
        topic="news.articles.v1",
        key="k",
        value=b"\x00\xff broken",
        headers={"schema": b"Article/1", "odd": b"\xff\x00"},
        partition=3,
        offset=41,
        timestamp=1_757_476_800_000,
    )
    before = REGISTRY.get_sample_value(
        "flankwatch_dlq_total", {"stage": "detect", "reason": "unreadable"}
    )
    async with Bus(settings, "detect") as bus:
        try:
            raise ValueError("no such é")
        except ValueError as error:
            await bus.dead_letter("detect", original, "unreadable", error)
    (found,) = [message async for message in read_all(settings, topics.DEAD_LETTERS)]
    assert (found.key, found.value) == ("k", b"\x00\xff broken")
    assert found.headers["schema"] == b"Article/1"
    assert found.headers["odd"] == b"\xff\x00"
    told = {
        name.removeprefix("flankwatch.dlq."): value.decode()
        for name, value in found.headers.items()
        if name.startswith("flankwatch.dlq.")
    }
    assert told["topic"] == "news.articles.v1"
    assert (told["partition"], told["offset"]) == ("3", "41")
    assert (told["stage"], told["reason"]) == ("detect", "unreadable")
    assert (told["exception"], told["message"]) == ("ValueError", "no such é")
    assert "test_bus.py" in told["stack"]
    after = REGISTRY.get_sample_value(
        "flankwatch_dlq_total", {"stage": "detect", "reason": "unreadable"}
    )
    assert after == (before or 0) + 1


@ON_KAFKA  # the embedded broker takes up to half a minute to let the same member in again
async def test_tail_reads_again_what_was_not_committed(settings: Settings) -> None:
    async with Bus(settings, "merge") as bus:
        for number in range(3):
            await bus.send(topics.ALERTS, "s", b"%d" % number)
    group = settings.group("deliver")
    async with Tail(settings, topics.ALERTS, group, instance="one") as tail:
        first = await anext(tail)
        await tail.commit(first)
        assert (await anext(tail)).value == b"1"
    async with Offsets(settings) as offsets:
        assert sum((await offsets.lag(topics.ALERTS)).values()) == 2
    async with asyncio.timeout(30), Tail(settings, topics.ALERTS, group, instance="one") as tail:
        assert (await anext(tail)).value == b"1"


async def test_backlog_counts_what_nobody_committed(settings: Settings) -> None:
    async with Bus(settings, "fetch") as bus:
        await bus.send_all(Outgoing(topics.ARTICLES, f"a{n}", article(n)) for n in range(7))
        assert await bus.backlog(topics.ARTICLES) == 7


async def test_unreachable_broker_is_named(free_port: int, tmp_path: Path) -> None:
    given = load_settings(
        {
            "FLANKWATCH_KAFKA": f"127.0.0.1:{free_port}",
            "FLANKWATCH_STATE_DIR": str(tmp_path),
        }
    )
    with pytest.raises(BrokerError, match=f"cannot reach Kafka at 127.0.0.1:{free_port}"):
        async with Bus(given, "fetch"):
            pass


async def test_no_embedded_broker_says_what_to_do(tmp_path: Path) -> None:
    given = load_settings({"FLANKWATCH_STATE_DIR": str(tmp_path)})
    with pytest.raises(BrokerError, match="start `flankwatch run`, or set FLANKWATCH_KAFKA"):
        async with Bus(given, "fetch"):
            pass
