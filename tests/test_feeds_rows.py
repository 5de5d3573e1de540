"""The 26 checks of polite fetching, each by its number, against a server that really behaves so."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from feed_server import Answer, Publisher, item, rss, stories, zipped
from prometheus_client import REGISTRY

from connectors.clock import Clock
from connectors.gate import Gate
from connectors.guard import Guard
from connectors.http import Client, user_agent
from connectors.worker import Parsers
from streams.catalog.feeds import FeedSpec
from streams.feeds.memory import Extra, extra_of, with_extra
from streams.feeds.poll import MOVED_AFTER, Polled, Poller
from streams.records import FeedState, encode


class Reader:
    """A poller with its own memory, as the role has one a feed."""

    def __init__(self, poller: Poller, clock: Clock) -> None:
        self.poller = poller
        self.clock = clock
        self.states: dict[str, FeedState] = {}

    async def poll(self, url: str, id: str = "paper", **fields: object) -> Polled:
        spec = FeedSpec.model_validate({"id": id, "url": url, "publisher": "Paper", **fields})
        state = self.states.get(id, FeedState(id=id, url=""))
        polled = await self.poller.poll(spec, state)
        self.states[id] = polled.state
        return polled

    def wait_seconds(self, id: str = "paper") -> float:
        at = self.states[id].next_poll_at
        assert at is not None
        return (at - self.clock.now()).total_seconds()


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    clock = Clock()
    gate = Gate(clock, spacing_seconds=0.0)
    async with (
        Client(
            Guard("127.0.0.1"),
            gate,
            user_agent("https://ops.example"),
            total_seconds=2.5,
            read_seconds=1.0,
        ) as client,
        Parsers(1) as parsers,
    ):
        yield Reader(Poller(client, parsers, clock), clock)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"flankwatch_{name}", labels) or 0.0


async def test_row_01_validators_are_opaque_and_never_invented(publisher, reader) -> None:
    odd = Answer(200, stories(1), {"ETag": 'W/"a b\'c"', "Last-Modified": "not a date at all"})
    url = publisher.on("/feed", odd, Answer(304))
    await reader.poll(url)
    polled = await reader.poll(url)
    first, second = publisher.asked("/feed")
    assert "if-modified-since" not in first.headers and "if-none-match" not in first.headers
    assert second.headers["if-none-match"] == 'W/"a b\'c"'
    assert second.headers["if-modified-since"] == "not a date at all"
    assert polled.outcome == "not_modified"


async def test_row_01_a_validator_that_is_no_text_is_not_taken(publisher, reader) -> None:
    latin = {"ETag": '"caf\xe9"', "Link": '<http://a.example/\xe9>; rel="hub"'}  # one byte each
    url = publisher.on("/feed", Answer(200, stories(1), latin), Answer(200, stories(2, 1)))
    polled = await reader.poll(url)
    assert encode(polled.state), "it can be saved"
    assert len((await reader.poll(url)).articles) == 1
    assert "if-none-match" not in publisher.asked("/feed")[1].headers


async def test_row_02_both_validators_are_replaced_though_the_body_is_equal(
    publisher, reader
) -> None:
    body = stories(1)
    url = publisher.on(
        "/feed",
        Answer(200, body, {"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}),
        Answer(200, body, {"ETag": '"2"', "Last-Modified": "Tue, 02 Jan 2024 00:00:00 GMT"}),
        Answer(304),
    )
    for _ in range(3):
        await reader.poll(url)
    last = publisher.asked("/feed")[-1]
    assert last.headers["if-none-match"] == '"2"'
    assert last.headers["if-modified-since"] == "Tue, 02 Jan 2024 00:00:00 GMT"


async def test_row_03_each_validator_is_taken_when_only_it_changes(publisher, reader) -> None:
    same = "Mon, 01 Jan 2024 00:00:00 GMT"
    url = publisher.on(
        "/feed",
        Answer(200, stories(1), {"ETag": '"1"', "Last-Modified": same}),
        Answer(200, stories(2, 1), {"ETag": '"2"', "Last-Modified": same}),
        Answer(200, stories(3, 2, 1), {"ETag": '"2"', "Last-Modified": "x"}),
        Answer(200, stories(4, 3, 2, 1), {}),
    )
    await reader.poll(url)
    await reader.poll(url)
    assert (reader.states["paper"].etag, reader.states["paper"].last_modified) == ('"2"', same)
    await reader.poll(url)
    assert (reader.states["paper"].etag, reader.states["paper"].last_modified) == ('"2"', "x")
    await reader.poll(url)
    assert (reader.states["paper"].etag, reader.states["paper"].last_modified) == (None, None)


async def test_row_04_a_304_brings_new_validators(publisher, reader) -> None:
    url = publisher.on(
        "/feed",
        Answer(200, stories(1), {"ETag": '"1"', "Last-Modified": "a"}),
        Answer(304, headers={"ETag": '"2"'}),
        Answer(304, headers={"Last-Modified": "b"}),
    )
    for _ in range(4):
        await reader.poll(url)
    asked = publisher.asked("/feed")
    assert (asked[2].headers["if-none-match"], asked[2].headers["if-modified-since"]) == (
        '"2"',
        "a",
    )
    assert (asked[3].headers["if-none-match"], asked[3].headers["if-modified-since"]) == (
        '"2"',
        "b",
    )


async def test_row_05_validators_belong_to_one_address(publisher, reader) -> None:
    publisher.on("/b", Answer(200, stories(1), {"ETag": '"of-b"'}))
    url = publisher.on(
        "/a",
        Answer(200, stories(1), {"ETag": '"of-a"'}),
        Answer(302, headers={"Location": "/b"}),
    )
    await reader.poll(url)
    await reader.poll(url)
    assert "if-none-match" not in publisher.asked("/b")[0].headers
    await reader.poll(url)
    assert "if-none-match" not in publisher.asked("/a")[2].headers
    assert publisher.asked("/b")[1].headers["if-none-match"] == '"of-b"'


async def test_row_06_ignore_cache_is_the_way_out_of_broken_validators(publisher, reader) -> None:
    url = publisher.on("/feed", Answer(200, stories(1), {"ETag": '"for ever"'}))
    await reader.poll(url, ignore_cache=True)
    await reader.poll(url, ignore_cache=True)
    assert all("if-none-match" not in request.headers for request in publisher.requests)


@pytest.mark.parametrize("status", [429, 503])
async def test_row_07_retry_after_as_seconds_and_as_date_and_without(
    publisher, reader, status
) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=5000), usegmt=True)
    url = publisher.on(
        "/feed",
        Answer(status, headers={"Retry-After": "4000"}),
        Answer(status, headers={"Retry-After": at}),
        Answer(status),
    )
    polled = await reader.poll(url)
    assert polled.outcome == "throttled" and polled.retry_after_seconds == 4000
    assert 3995 < reader.wait_seconds() < 4100
    await reader.poll(url)
    assert 4990 < reader.wait_seconds() < 5110
    await reader.poll(url)  # the third failure in a row, nothing asked: 300 s doubled twice
    assert 1195 < reader.wait_seconds() < 1400
    assert len(publisher.requests) == 3  # no immediate retry
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    publisher.on("/feed", *(Answer(status, headers={"Retry-After": t}) for t in (past, "0", "30")))
    await reader.poll(url)  # an instant gone by asks for nothing, as does 0: our own pauses grow on
    assert reader.wait_seconds() > 2390
    await reader.poll(url)
    assert reader.wait_seconds() > 4790
    await reader.poll(url)  # a short wish, heard six times in vain, is no licence to hammer
    assert reader.wait_seconds() > 1900


async def test_row_08_retry_after_covers_feed_host_or_domain() -> None:
    from streams.feeds.queue import Queue

    now = datetime(2026, 1, 1, tzinfo=UTC)

    def feed(id: str, url: str, scope: str) -> FeedSpec:
        return FeedSpec.model_validate(
            {"id": id, "url": url, "publisher": id, "retry_after_scope": scope}
        )

    def due_after_hold(scope: str) -> set[str]:
        feeds = (
            feed("one", "https://a.news.example/1", scope),
            feed("two", "https://a.news.example/2", scope),
            feed("three", "https://b.news.example/3", scope),
            feed("four", "https://other.example/4", scope),
        )
        queue = Queue(now, feeds, lambda spec: FeedState(id=spec.id, url=""))
        queue.hold(feeds[0], now + timedelta(hours=1))
        later = now + timedelta(minutes=10)
        due = set()
        while (found := queue.pop_due(later)) is not None:
            due.add(found.id)
            queue.free(found)
        return due

    assert due_after_hold("feed") == {"one", "two", "three", "four"}
    assert due_after_hold("host") == {"three", "four"}
    assert due_after_hold("domain") == {"four"}

    # It outlives a restart: what is saved of the one feed holds back the others of its host.
    feeds = (
        feed("one", "https://a.news.example/1", "host"),
        feed("two", "https://a.news.example/2", "host"),
    )
    extra = with_extra(Extra(held_until=now + timedelta(hours=1), seed_url=feeds[0].url))
    saved = {"one": FeedState(id="one", url="", outcome="throttled", extra=extra)}
    queue = Queue(now, feeds, lambda spec: saved.get(spec.id, FeedState(id=spec.id, url="")))
    assert queue.pop_due(now + timedelta(minutes=10)) is None
    assert queue.pop_due(now + timedelta(minutes=61)) is not None


async def test_row_09_403_as_rate_limit_has_its_own_backoff(publisher, reader) -> None:
    url = publisher.on("/feed", Answer(403))
    waits = []
    for _ in range(8):
        polled = await reader.poll(url)
        waits.append(reader.wait_seconds())
        assert polled.outcome == "forbidden"
    assert 890 < waits[0] < 1000 and 1790 < waits[1] < 2000
    assert waits[-1] < 12 * 3600 * 1.11  # grows to its ceiling, and stays


async def test_row_10_next_poll_is_the_longest_wish_within_bounds_on_304_too(
    publisher, reader
) -> None:
    expires = format_datetime(datetime.now(UTC) + timedelta(seconds=3000), usegmt=True)
    url = publisher.on(
        "/feed",
        Answer(200, stories(1, head="<ttl>20</ttl>"), {"ETag": "1", "Cache-Control": "max-age=60"}),
        Answer(304, headers={"Cache-Control": "max-age=2000, public"}),
        Answer(304, headers={"Expires": expires}),
        Answer(304, headers={"Retry-After": "7000"}),
        Answer(304, headers={"Cache-Control": "max-age=31536000"}),
        Answer(304),
    )
    waits = []
    for _ in range(6):
        await reader.poll(url, every=300)
        waits.append(reader.wait_seconds())
    expected = [1200, 2000, 3000, 7000, 6 * 3600, 1200]
    for wait, wish in zip(waits, expected, strict=True):
        assert wish - 3 < wait <= wish + 6


async def test_row_11_all_skip_hours_and_days_count(publisher, reader) -> None:
    now = datetime.now(UTC)
    hours = {(now + timedelta(minutes=n)).hour for n in (0, 60, 120)}
    head = "<skipHours>" + "".join(f"<hour>{hour}</hour>" for hour in hours) + "</skipHours>"
    url = publisher.on("/feed", Answer(200, stories(1, head=head)))
    polled = await reader.poll(url)
    assert set(extra_of(polled.state).skip_hours) == hours
    at = polled.state.next_poll_at
    assert at is not None and at.hour not in hours and at > now + timedelta(hours=2)


async def test_row_12_only_lasting_permanent_redirects_change_the_address(
    publisher, reader
) -> None:
    publisher.on("/new", Answer(200, stories(1), {"ETag": '"n"'}))
    url = publisher.on("/old", Answer(301, headers={"Location": "/new"}))
    for _ in range(MOVED_AFTER):
        await reader.poll(url)
    asked = len(publisher.asked("/old"))
    await reader.poll(url)
    assert len(publisher.asked("/old")) == asked == MOVED_AFTER  # asked directly from now on
    publisher.on("/new", Answer(404))
    await reader.poll(url)
    await reader.poll(url)
    assert len(publisher.asked("/old")) == asked + 1  # back to the seed's word when that fails

    away = publisher.on("/away", Answer(302, headers={"Location": "/new2"}))
    publisher.on("/new2", Answer(200, stories(1)))
    for _ in range(MOVED_AFTER + 2):
        await reader.poll(away, id="temporary")
    assert len(publisher.asked("/away")) == MOVED_AFTER + 2

    loop = publisher.on("/loop", Answer(301, headers={"Location": "/loop"}))
    polled = await reader.poll(loop, id="loop")
    assert (polled.outcome, len(publisher.asked("/loop"))) == ("http_error", 6)

    gone = publisher.on("/gone", Answer(410))
    polled = await reader.poll(gone, id="gone")
    assert polled.outcome == "gone" and polled.state.next_poll_at is None


def test_row_12_never_from_https_to_http() -> None:
    from connectors.errors import FetchError
    from connectors.http import _next_hop

    with pytest.raises(FetchError, match="https to http"):
        _next_hop("https://news.example/feed", 301, "http://news.example/feed", 0)
    with pytest.raises(FetchError, match="no http address"):
        _next_hop("https://news.example/feed", 301, "file:///etc/hostname", 0)


async def test_row_13_one_host_is_asked_by_few_at_once_and_spaced(publisher) -> None:
    import asyncio

    clock = Clock(speed=20.0)
    publisher.on("/slow", Answer(200, stories(1), wait=0.1))
    async with Client(Guard("127.0.0.1"), Gate(clock), "test") as client:
        await asyncio.gather(*(client.get(publisher.url("/slow")) for _ in range(6)))
    times = [request.at for request in publisher.requests]
    gaps = [(b - a) * clock.speed for a, b in zip(times, times[1:], strict=False)]
    assert publisher.open_max <= 2
    assert min(gaps) > 0.5  # a second of the gate's clock, less what the network shifts


async def test_row_14_connect_read_and_total_time_are_limited(publisher, reader) -> None:
    hang = publisher.on("/hang", Answer(200, stories(1), hang_after=20, chunked=False))
    polled = await reader.poll(hang, id="hang")
    assert polled.outcome == "timeout"
    silent = publisher.on("/silent", Answer(200, stories(1), wait=30))
    assert (await reader.poll(silent, id="silent")).outcome == "timeout"
    trickle = publisher.on("/trickle", Answer(200, stories(1) * 100, trickle=0.05))
    assert (await reader.poll(trickle, id="trickle")).outcome == "timeout"
    for hop in range(5):  # each in time, all together not
        slow = Answer(302, headers={"Location": f"/hop-{hop + 1}"}, wait=0.7)
        publisher.on(f"/hop-{hop}", slow)
    publisher.on("/hop-5", Answer(200, stories(1)))
    assert (await reader.poll(publisher.url("/hop-0"), id="hops")).outcome == "timeout"
    from connectors import http

    assert (http.TOTAL_SECONDS, http.CONNECT_SECONDS) == (20, 10) and http.READ_SECONDS <= 20


async def test_row_15_size_is_capped_while_streaming_and_the_ratio_is_told(
    publisher, reader
) -> None:
    bomb = gzip.compress(b"\0" * (512 * 1024 * 1024), 9)
    assert len(bomb) < 560 * 1024
    before = value("fetch_compression_ratio_count")
    url = publisher.on("/bomb", Answer(200, bomb, {"Content-Encoding": "gzip"}))
    polled = await reader.poll(url)
    assert polled.outcome == "too_large" and polled.articles == []
    plain = publisher.on("/plain", Answer(200, b"x" * (6 * 1024 * 1024), chunked=True))
    assert (await reader.poll(plain, id="plain")).outcome == "too_large"
    fine = publisher.on("/fine", zipped(stories(*range(1, 50))))
    assert (await reader.poll(fine, id="fine")).outcome == "ok"
    assert value("fetch_compression_ratio_count") == before + 1


async def test_row_16_only_what_is_advertised_is_decoded(publisher, reader) -> None:
    body = stories(1)
    raw = zlib.compressobj(wbits=-15)
    cases = {
        "gzip": (gzip.compress(body), "gzip"),
        "two members": (gzip.compress(body[:50]) + gzip.compress(body[50:]), "x-gzip"),
        "zlib": (zlib.compress(body), "deflate"),
        "raw deflate": (raw.compress(body) + raw.flush(), "deflate"),
        "a lie": (body, "utf-8"),
        "garbage behind": (gzip.compress(body) + b"\0" * 100, "gzip"),
    }
    for name, (sent, encoding) in cases.items():
        id = name.replace(" ", "-")
        url = publisher.on(f"/{id}", Answer(200, sent, {"Content-Encoding": encoding}))
        assert (await reader.poll(url, id=id)).outcome == "ok", name
    assert publisher.requests[0].headers["accept-encoding"] == "gzip, deflate"
    for id, (sent, encoding) in {
        "br": (b"\x8b\x00\x80xx\x03", "br"),
        "stacked": (gzip.compress(gzip.compress(body)), "gzip, gzip"),
        "cut": (gzip.compress(body)[:-20], "gzip"),
        "not-gzip": (body, "gzip"),
    }.items():
        url = publisher.on(f"/{id}", Answer(200, sent, {"Content-Encoding": encoding}))
        polled = await reader.poll(url, id=id)
        assert (polled.outcome, polled.articles) == ("bad_encoding", []), id


async def test_row_17_entities_neither_unfold_nor_read_files(publisher, reader, tmp_path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret of this file")
    rows = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    laughs = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY l0 "lol">{rows}]>'
    quadratic = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "{"a" * 50_000}">]>'
    external = (
        f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file://{secret}">'
        f'<!ENTITY % p SYSTEM "file://{secret}">]>'
    )
    for id, prolog, title in (
        ("laughs", laughs, "&l9;"),
        ("quadratic", quadratic, "&a;" * 5000),
        ("external", external, "A &x; B"),
    ):
        document = rss(item(1, title=title)).decode().partition("?>")[2]
        for kind in ("rss", "sitemap"):
            body = document
            if kind == "sitemap":
                body = f"<urlset><url><loc>https://a.example/</loc><title>{title}</title></url></urlset>"
            url = publisher.on(f"/{id}-{kind}", Answer(200, (prolog + body).encode()))
            polled = await reader.poll(url, id=f"{id}-{kind}", kind=kind)
            text = "".join(a.title + a.summary + a.body for a in polled.articles)
            assert "secret of this" not in text
            assert len(text) < 20_000


async def test_row_18_no_private_address_is_contacted(publisher) -> None:
    from aiohttp.abc import AbstractResolver

    class Rebinding(AbstractResolver):
        """Answers 127.0.0.1 first, 127.0.0.2 ever after."""

        def __init__(self) -> None:
            self.asked = 0

        async def resolve(self, host, port=0, family=0):  # type: ignore[no-untyped-def]
            self.asked += 1
            address = "127.0.0.1" if self.asked == 1 else "127.0.0.2"
            return [{"hostname": host, "host": address, "port": port, "family": 2, "proto": 0,
                     "flags": 0}]  # fmt: skip

        async def close(self) -> None:
            return None

    publisher.on("/feed", Answer(200, stories(1)))
    async with Publisher() as inner:
        inner.on("/inner", Answer(200, stories(1)))
        publisher.on("/jump", Answer(302, headers={"Location": inner.url("/inner")}))
        gate = Gate(Clock(), spacing_seconds=0)
        async with Client(Guard(f"127.0.0.1:{publisher.port}"), gate, "t") as client:
            from connectors.errors import FetchError

            assert (await client.get(publisher.url())).status == 200
            spellings = ["127.0.0.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "localhost"]
            for url in [publisher.url("/jump"), *(inner.url("/inner", host=s) for s in spellings)]:
                with pytest.raises(FetchError) as caught:
                    await client.get(url)
                assert caught.value.reason in ("blocked", "connect_error", "http_error"), url
            assert inner.requests == []
        resolver = Rebinding()
        guard = Guard("127.0.0.1")
        async with Client(guard, gate, "t", resolver=resolver) as client:
            url = publisher.url("/feed", host="rebind.example")
            assert (await client.get(url)).status == 200
            client._connector.clear_dns_cache()
            client._connector._conns.clear()
            with pytest.raises(FetchError) as caught:
                await client.get(url)
            assert caught.value.reason == "blocked"
        async with Client(Guard("127.0.0.0/8"), gate, "t") as client:  # the control: guard opened
            assert (await client.get(publisher.url("/jump"))).status == 200
        assert len(inner.requests) == 1


async def test_row_19_the_text_is_right_whatever_the_charset_claims(publisher, reader) -> None:
    word = "Žemaitija, Łódź"
    latin = "Köln, Ærø"
    cyrillic = "Беспилотник упал"
    cases = [
        ("mislabelled-latin", latin.encode("latin-1"), "utf-8", RSS_UTF8, latin, None),
        ("header-wins", word.encode(), "iso-8859-1", RSS_UTF8, word, None),
        ("prolog-right", word.encode(), "utf-8", "text/xml; charset=iso-8859-1", word, None),
        ("no-claim", cyrillic.encode(), "", "application/xml", cyrillic, None),
        ("impossible", word.encode(), "klingon-8", "application/xml", word, None),
        ("cp1251-as-utf8", cyrillic.encode("cp1251"), "utf-8", RSS_UTF8, cyrillic, "ru"),
        ("cp1251-unknown", cyrillic.encode("cp1251"), "utf-8", RSS_UTF8, cyrillic, None),
        ("cp1257-as-utf8", "Žirmūnai".encode("cp1257"), "utf-8", RSS_UTF8, "Žirmūnai", "lt"),
        ("cp1250-as-latin", "Łódź".encode("cp1250"), "iso-8859-1", RSS_UTF8, "Łódź", "pl"),
        ("koi8", cyrillic.encode("koi8-r"), "koi8-r", "application/xml", cyrillic, None),
    ]  # fmt: skip
    for id, title, declared, content_type, expected, language in cases:
        prolog = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        rest = rss(item(1, title="@@", description="")).partition(b"?>")[2]
        body = prolog.encode() + rest.replace(b"@@", title)
        url = publisher.on(f"/{id}", Answer(200, body, {"Content-Type": content_type}))
        polled = await reader.poll(url, id=id, language=language)
        assert [article.title for article in polled.articles] == [expected], id
    for id, codec in (("utf16", "utf-16"), ("utf16be", "utf-16-be"), ("bom", "utf-8-sig")):
        text = stories(1).decode().replace("utf-8", codec).replace("Story 1", word)
        url = publisher.on(f"/{id}", Answer(200, text.encode(codec)))
        polled = await reader.poll(url, id=id)
        assert polled.articles[0].title == f"{word} of the day", id


RSS_UTF8 = "application/rss+xml; charset=utf-8"


async def test_row_20_broken_is_not_fatal_while_a_page_is_an_error_of_its_own(
    publisher, reader
) -> None:
    whole = stories(3, 2, 1).decode()
    readable = {
        "truncated": whole[: whole.index("<pubDate>", whole.index("story:1"))],
        "controls": whole.replace("Story 2", "Story\x01\x02 2"),
        "ampersand": whole.replace("Story 2", "Fish & chips 2"),
        "undefined-ns": whole.replace("<title>Story 2", "<x:y>z</x:y><title>Story 2"),
        "no-end": whole.replace("</channel></rss>", ""),
    }
    for id, text in readable.items():
        url = publisher.on(f"/{id}", Answer(200, text.encode()))
        polled = await reader.poll(url, id=id)
        assert (polled.outcome, len(polled.articles)) == ("ok", 3), id
    page = "<!DOCTYPE html><html><head><title>Welcome</title></head><body>{}</body></html>"
    unreadable = {
        "empty": ("", "not_a_feed", "empty"),
        "page": (page.format("Our news"), "not_a_feed", "HTML page"),
        "login": (page.format('<input type="password">'), "not_a_feed", "login"),
        "captcha": (page.format('<div class="g-recaptcha">'), "challenge", "captcha"),
        "json": ('{"version": "https://jsonfeed.org/version/1"}', "not_a_feed", "jsonfeed"),
    }
    for id, (text, outcome, why) in unreadable.items():
        url = publisher.on(f"/{id}", Answer(200, text.encode(), {"ETag": '"p"'}))
        polled = await reader.poll(url, id=id)
        assert polled.outcome == outcome and why in polled.why, id
        assert polled.state.etag is None  # what was not read is not "unchanged" next time


async def test_row_21_a_challenge_is_its_own_class(publisher, reader) -> None:
    by_header = publisher.on("/header", Answer(403, b"", {"cf-mitigated": "challenge"}))
    assert (await reader.poll(by_header, id="by-header")).outcome == "challenge"
    html = b"<html><title>Just a moment...</title></html>"
    by_page = publisher.on("/page", Answer(503, html, {"Content-Type": "text/html"}))
    assert (await reader.poll(by_page, id="by-page")).outcome == "challenge"
    as_200 = publisher.on("/ok", Answer(200, b"<html>/cdn-cgi/challenge-platform/</html>"))
    assert (await reader.poll(as_200, id="as-ok")).outcome == "challenge"
    assert reader.wait_seconds("as-ok") > 3590


async def test_row_22_a_failing_feed_is_polled_for_ever(publisher, reader) -> None:
    url = publisher.on("/feed", *[Answer(500)] * 40, Answer(200, stories(1)))
    for _ in range(40):
        polled = await reader.poll(url)
        assert 0 < reader.wait_seconds() < 24 * 3600
    assert polled.state.failures == 40
    assert (await reader.poll(url)).outcome == "ok"
    assert reader.states["paper"].failures == 0


async def test_row_23_the_user_agent_is_honest_and_stable(publisher, reader) -> None:
    url = publisher.on("/feed", Answer(200, stories(1)))
    await reader.poll(url)
    await reader.poll(url)
    agents = {request.headers["user-agent"] for request in publisher.requests}
    assert len(agents) == 1
    agent = agents.pop()
    assert agent.startswith("Flankwatch/") and "+https://ops.example" in agent
    assert "mozilla" not in agent.lower()
    assert "cookie" not in publisher.requests[-1].headers


async def test_row_24_feeds_ignore_robots_and_pages_obey_them(publisher, reader) -> None:
    publisher.on(
        "/robots.txt", Answer(200, b"User-agent: *\nDisallow: /", {"Content-Type": "text/plain"})
    )
    url = publisher.on("/feed", Answer(200, stories(1)))
    assert (await reader.poll(url)).outcome == "ok"
    assert publisher.asked("/robots.txt") == []
    from connectors.robots import Robots

    robots = Robots(reader.poller._client, "Flankwatch", reader.clock)
    assert not await robots.allows(publisher.url("/story"))
    assert len(publisher.asked("/robots.txt")) == 1


async def test_row_25_schedule_and_validators_outlive_a_restart(publisher, reader) -> None:
    from streams.feeds.queue import Queue
    from streams.records import decode, encode

    url = publisher.on("/feed", Answer(200, stories(1), {"ETag": '"1"'}), Answer(304))
    await reader.poll(url)
    reader.states = {id: decode(FeedState, encode(state)) for id, state in reader.states.items()}
    polled = await reader.poll(url)
    assert publisher.asked("/feed")[1].headers["if-none-match"] == '"1"'
    assert polled.articles == []

    now = datetime(2026, 1, 1, tzinfo=UTC)
    feeds = tuple(
        FeedSpec.model_validate({"id": f"f-{n}", "url": f"https://h{n}.example/", "publisher": "p"})
        for n in range(600)
    )
    planned = now + timedelta(minutes=30)
    saved = FeedState(id="f-0", url="", next_poll_at=planned)
    queue = Queue(now, feeds, lambda f: saved if f.id == "f-0" else FeedState(id=f.id, url=""))
    per_second: dict[int, int] = {}
    for second in range(61):
        while queue.pop_due(now + timedelta(seconds=second)) is not None:
            per_second[second] = per_second.get(second, 0) + 1
    assert sum(per_second.values()) == 599  # all but the one that is not due
    assert max(per_second.values()) < 30


async def test_row_26_unconditional_requests_are_counted(publisher, reader) -> None:
    url = publisher.on("/feed", Answer(200, stories(1), {"ETag": '"1"'}),
                       Answer(200, stories(2, 1), {"ETag": '"2"'}), Answer(304))  # fmt: skip
    for _ in range(3):
        await reader.poll(url, id="row-26")
    counted = {
        result: value("conditional_requests_total", feed="row-26", result=result)
        for result in ("unconditional", "modified", "not_modified")
    }
    assert counted == {"unconditional": 1, "modified": 1, "not_modified": 1}
