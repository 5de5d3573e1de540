"""WebSub against a local hub: discovery, verification, leases, signatures; polling underneath."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from feed_server import Answer, Publisher, item, rss, stories
from hypothesis import given
from hypothesis import strategies as st
from test_feeds_role import Detect, broker_of, fetching, until, write_seeds

from connectors import websub
from connectors.guard import parse_allowed
from streams import metrics, topics
from streams.engine.bus import read_latest
from streams.feeds.memory import extra_of
from streams.records import FeedState
from streams.settings import Settings, load_settings

SECRET = "a secret of many letters"


# --- what is pure -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("links", "found"),
    [
        (['<https://h.example/>; rel="hub"', '<https://p.example/f>; rel="self"'],
         ("https://h.example/", "https://p.example/f")),
        (['<https://h.example/>; rel=hub, </f>; rel="alternate self"; type="a/b"'],
         ("https://h.example/", "https://p.example/f")),
        (['<https://a.example/>; rel="hub", <https://b.example/>; rel="hub"'],
         ("https://a.example/", None)),
        (["<javascript:alert(1)>; rel=hub", "<>; rel=hub", "nonsense", "<x"], (None, None)),
        (['<https://h.example/>; title="rel=hub"; rel="prefetch"'], (None, None)),
        ([], (None, None)),
    ],
)  # fmt: skip
def test_hub_and_topic_in_link_headers(links: list[str], found: tuple[str | None, ...]) -> None:
    assert websub.announced(links, "https://p.example/feed") == found


@given(st.binary(max_size=200), st.sampled_from(websub.METHODS), st.binary(max_size=200))
def test_only_the_right_signature_of_the_right_body_passes(body, method, other) -> None:
    right = f"{method}={hmac.new(SECRET.encode(), body, method).hexdigest()}"
    assert websub.is_signed(body, right, SECRET)
    assert websub.is_signed(body, right.upper(), SECRET)
    assert not websub.is_signed(body + b" ", right, SECRET)
    assert not websub.is_signed(body, right, SECRET + "x")
    assert websub.is_signed(other, right, SECRET) == (other == body)


@pytest.mark.parametrize("text", ["", "sha256=", "sha256", "md5=00", "sha256=é", "=" * 9999])
def test_what_is_no_signature_is_none(text: str) -> None:
    assert not websub.is_signed(b"body", text, SECRET)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("3600", 3600), ("", 432_000), ("-5", 432_000), ("1", 300), ("9" * 12, 30 * 86400)],
)
def test_leases_are_kept_within_bounds(told: str, seconds: float) -> None:
    assert websub.lease(told) == seconds


def test_a_secret_goes_over_tls_or_to_a_host_of_the_operators_list() -> None:
    allowed = parse_allowed("127.0.0.1:8000")
    assert websub.is_secret_safe("https://hub.example/")
    assert not websub.is_secret_safe("http://hub.example/", allowed)
    assert websub.is_secret_safe("http://127.0.0.1:8000/", allowed)
    assert not websub.is_secret_safe("http://127.0.0.1:8001/", allowed)


def test_a_callback_needs_a_secret() -> None:
    from streams.errors import FaultsError

    given = {"FLANKWATCH_WEBSUB_CALLBACK": "https://n.example/w"}
    for secret in ({}, {"FLANKWATCH_WEBSUB_SECRET": "too short"}):
        with pytest.raises(FaultsError, match="16 characters or more") as caught:
            load_settings(given | secret)
        assert "too short" not in str(caught.value)
    assert load_settings(given | {"FLANKWATCH_WEBSUB_SECRET": SECRET}).websub_callback


# --- a hub that behaves, and does not -------------------------------------------------------------


class Hub:
    """A local hub: verifies as the standard says, and pushes what it is told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.verified: list[tuple[int, str]] = []
        self.lease = "432000"
        self.mode = "subscribe"  # or denied, silent, broken
        self.url = ""
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Hub:
        app = web.Application()
        app.router.add_post("/hub", self._subscribe)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hub"
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()
        await self._runner.cleanup()

    async def _subscribe(self, request: web.Request) -> web.Response:
        form = {key: values[0] for key, values in parse_qs(await request.text()).items()}
        self.asked.append(form)
        if self.mode == "broken":
            return web.Response(status=500)
        if self.mode != "silent":
            task = asyncio.create_task(self.call(self.mode))
            self._tasks.add(task)
        return web.Response(status=202)

    async def call(self, mode: str, **other: str) -> tuple[int, str]:
        """Call the last callback back, as a hub does to verify or deny; return what it answered."""
        form = self.asked[-1]
        query = {"hub.mode": mode, "hub.topic": form["hub.topic"], "hub.challenge": "a challenge",
                 "hub.lease_seconds": self.lease, **other}  # fmt: skip
        async with self._session.get(form["hub.callback"], params=query) as answer:
            self.verified.append((answer.status, await answer.text()))
        return self.verified[-1]

    async def push(
        self, body: bytes, signature: str | None = "", callback: str = "", **headers: str
    ) -> int:
        """Push a body, signed unless told otherwise; return the status."""
        form = self.asked[-1]
        if signature == "":
            digest = hmac.new(form["hub.secret"].encode(), body, hashlib.sha256).hexdigest()
            signature = f"sha256={digest}"
        if signature is not None:
            headers["X-Hub-Signature"] = signature
        headers.setdefault("Content-Type", "application/rss+xml")
        where = callback or form["hub.callback"]
        async with self._session.post(where, data=io.BytesIO(body), headers=headers) as answer:
            return answer.status


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with Hub() as running:
        yield running


def settings_for(tmp_path: Path, port: int, *feeds: dict[str, str]) -> Settings:
    return Settings(
        state_dir=tmp_path / "state",
        seeds=write_seeds(tmp_path / "seeds", *feeds),
        allow_addresses="127.0.0.1",
        health_port=0,
        websub_callback=f"http://127.0.0.1:{port}/some/prefix/",
        websub_port=port,
        websub_secret=SECRET,  # type: ignore[arg-type]
    )


def counted(result: str) -> float:
    return float(metrics.websub.labels(result)._value.get())


@pytest.mark.slow
async def test_news_comes_by_the_hub_and_what_is_not_the_hubs_is_ignored(
    tmp_path: Path, publisher: Publisher, hub: Hub, free_port: int
) -> None:
    head = f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="hub" href="{hub.url}"/>'
    url = publisher.on("/feed", Answer(200, stories(2, 1, head=head), {"ETag": '"1"'}))
    feed = {"id": "paper", "url": url, "publisher": "P", "every": "6h"}
    settings = settings_for(tmp_path, free_port, feed)
    before = {name: counted(name) for name in ("unsigned", "repeated", "pushed", "too_large")}
    async with broker_of(settings), Detect(settings) as detect, fetching(settings):
        await until(lambda: hub.verified)
        assert hub.verified == [(200, "a challenge")]
        asked = hub.asked[0]
        assert asked["hub.mode"] == "subscribe" and asked["hub.topic"] == url
        assert len(asked["hub.secret"]) == 40 and SECRET not in str(asked)
        await until(lambda: len(detect.articles) == 2)

        assert await hub.push(rss(item(3))) == 202  # a part of the feed, as hubs send it
        await until(lambda: len(detect.articles) == 3)
        pushed = detect.articles[-1]
        assert pushed.title == "Story 3 of the day" and not pushed.backfill
        assert pushed.feed == "paper"

        body = rss(item(4))
        assert await hub.push(body, signature=None) == 202
        assert await hub.push(body, signature="sha256=" + "0" * 64) == 202
        assert await hub.push(rss(item(3))) == 202  # replayed
        assert await hub.push(b"x" * (6 * 1024 * 1024)) == 413
        assert await hub.push(body, callback=asked["hub.callback"] + "0") == 404
        other = asked["hub.callback"].replace("/paper/", "/other/")
        assert await hub.push(body, callback=other) == 404
        await hub.push(b"<html>no feed</html>")
        assert (await hub.call("unsubscribe"))[0] == 404
        assert (await hub.call("subscribe"))[0] == 404  # nobody asked
        assert (await hub.call("subscribe", **{"hub.topic": "http://other.example/"}))[0] == 404
        await asyncio.sleep(1.0)
        assert len(detect.articles) == 3
        change = {name: counted(name) - count for name, count in before.items()}
        assert change["repeated"] == 1 and change["too_large"] == 1 and change["unsigned"] >= 2

        flood = [await hub.push(rss(item(n)), signature=None) for n in range(40)]
        assert 429 in flood
        state = (await read_latest(settings, topics.FEEDS, FeedState))["paper"]
        assert len(state.seen) == 3 and state.etag == '"1"'  # a push teaches polls nothing
        assert extra_of(state).is_pushed and extra_of(state).hub == hub.url
    # After a restart the lease that runs is known: nothing is asked, and pushes are taken.
    async with broker_of(settings), Detect(settings) as detect, fetching(settings):
        await asyncio.sleep(1.5)
        assert len(hub.asked) == 1
        assert await hub.push(rss(item(5))) == 202
        await until(
            lambda: [article.title for article in detect.articles] == ["Story 5 of the day"]
        )
    assert len(publisher.requests) == 1


@pytest.mark.slow
async def test_leases_are_renewed_and_a_dead_hub_leaves_polling_as_it_was(
    tmp_path: Path, publisher: Publisher, hub: Hub, free_port: int
) -> None:
    served = [1]
    link = f'<{hub.url}>; rel="hub", <{{}}>; rel="self"'

    def serve(_request: object) -> Answer:
        return Answer(200, stories(*reversed(served)), {"Link": link.format(publisher.url("/f"))})

    url = publisher.handle("/f", serve)
    feed = {"id": "paper", "url": url, "publisher": "P", "every": "2m"}
    settings = settings_for(tmp_path, free_port, feed)
    hub.lease = "600"  # ten minutes: five seconds of the test's clock
    async with broker_of(settings), Detect(settings) as detect, fetching(settings):
        await until(lambda: len(hub.verified) >= 3)  # granted, and renewed twice
        assert {status for status, _ in hub.verified} == {200}
        assert len({asked["hub.callback"] for asked in hub.asked}) == 1
        hub.mode = "broken"
        asked = len(hub.asked)
        await until(lambda: len(hub.asked) > asked)
        served.append(2)
        await until(lambda: len(detect.articles) == 2)  # by polling
        await asyncio.sleep(6.0)  # twelve minutes: the lease has run out
        assert await hub.push(rss(item(9))) == 410
        assert len(hub.asked) - asked <= 3  # asked ever more rarely
        await until(lambda: len(publisher.requests) > 8)
    assert detect.titles() == ["Story 1 of the day", "Story 2 of the day"]


@pytest.mark.slow
async def test_a_denied_feed_is_polled_and_the_hub_left_alone(
    tmp_path: Path, publisher: Publisher, hub: Hub, free_port: int
) -> None:
    hub.mode = "denied"
    url = publisher.on("/f", Answer(200, stories(1), {"Link": f"<{hub.url}>; rel=hub"}))
    feed = {"id": "paper", "url": url, "publisher": "P", "every": "1m"}
    settings = settings_for(tmp_path, free_port, feed)
    async with broker_of(settings), Detect(settings), fetching(settings):
        await until(lambda: hub.verified)
        await until(lambda: len(publisher.requests) >= 5)
        assert len(hub.asked) == 1
        assert await hub.push(rss(item(2))) == 410


async def test_a_taken_port_is_a_fault_not_a_silence(tmp_path: Path, free_port: int) -> None:
    from streams.errors import FlankwatchError

    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", free_port)
    settings = settings_for(tmp_path, free_port)
    with pytest.raises(FlankwatchError, match="FLANKWATCH_WEBSUB_PORT"):
        async with broker_of(settings), fetching(settings):
            await asyncio.sleep(5.0)
    server.close()


async def test_slower_polling_only_while_the_hub_is_ahead(publisher: Publisher) -> None:
    from msgspec.structs import replace

    from connectors.clock import Clock
    from connectors.gate import Gate
    from connectors.guard import Guard
    from connectors.http import Client
    from connectors.worker import Parsers
    from streams.catalog.feeds import FeedSpec
    from streams.feeds.memory import with_extra
    from streams.feeds.poll import Polled, Poller

    url = publisher.on("/f", Answer(200, stories(1)), Answer(200, stories(1, head="<ttl>1</ttl>")),
                       Answer(200, stories(2, 1)))  # fmt: skip
    spec = FeedSpec(id="paper", url=url, publisher="P", every=120)
    clock = Clock()

    def pause(polled: Polled) -> float:
        at: datetime = polled.state.next_poll_at or clock.now()
        return (at - clock.now()).total_seconds()

    async with Client(Guard("127.0.0.1"), Gate(clock), "test") as client, Parsers(1) as parsers:
        poller = Poller(client, parsers, clock)
        first = await poller.poll(spec, FeedState(id="paper", url=""))
        assert pause(first) <= 120
        taken = await poller.take(spec, first.state, rss(item(7)), "")
        assert [article.title for article in taken.articles] == ["Story 7 of the day"]
        assert taken.state.next_poll_at == first.state.next_poll_at
        lease = clock.now() + timedelta(days=1)
        extra = replace(extra_of(taken.state), lease_until=lease)
        live = replace(taken.state, extra=with_extra(extra))
        second = await poller.poll(spec, live)
        assert 600 < pause(second) <= 900
        assert pause(await poller.poll(spec, taken.state)) <= 120  # no lease
        publisher.on("/f", Answer(200, stories(2, 1)))
        third = await poller.poll(spec, second.state)  # a story that the hub did not bring
        assert third.counts["new"] == 1 and pause(third) <= 120
        surging = await poller.poll(spec, live, is_surge=True)
        assert pause(surging) <= 65
