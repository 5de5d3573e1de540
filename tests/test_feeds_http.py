"""The HTTP client at its edges: resets, lies, proxies, credentials, hostile headers."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

import pytest
from feed_server import Answer, Publisher, Request, stories

from connectors.clock import Clock
from connectors.encoding import Decoder
from connectors.errors import FetchError
from connectors.gate import Gate
from connectors.guard import Guard
from connectors.http import Client, host_of, user_agent
from connectors.robots import Robots


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    gate = Gate(Clock(), spacing_seconds=0.0)
    async with Client(Guard("127.0.0.0/8"), gate, user_agent(), total_seconds=3.0) as found:
        yield found


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(200, stories(1), reset_after=50), "connect_error"),
        (Answer(200, stories(1), reset_after=0), "connect_error"),
        (Answer(200, stories(1), length=100_000), "connect_error"),
        (Answer(301, headers={"Location": "ftp://x.example/"}), "http_error"),
        (Answer(301, headers={"Location": "http://[::1"}), "http_error"),
        (Answer(301, headers={"Location": "javascript:x"}), "http_error"),
    ],
)
async def test_each_failure_is_one_clear_reason(publisher, client, answer, reason) -> None:
    url = publisher.on("/feed?token=hush", answer)
    publisher.on("/feed", answer)
    with pytest.raises(FetchError) as caught:
        await client.get(url)
    assert caught.value.reason == reason
    assert "hush" not in str(caught.value) and "/feed" not in str(caught.value)


async def test_no_http_at_all_is_a_connect_error(client) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(FetchError) as caught:
        await client.get(f"http://127.0.0.1:{port}/")
    assert caught.value.reason in ("connect_error", "http_error")
    with pytest.raises(FetchError) as caught:
        await client.get(f"https://127.0.0.1:{port}/")
    assert caught.value.reason in ("tls_error", "connect_error")
    server.close()


async def test_a_refused_or_dropped_connection_is_told_in_words(client, free_port) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for url, told in (
        (f"http://127.0.0.1:{free_port}", "Connection refused"),
        (f"http://127.0.0.1:{port}", "it hung up without an answer"),
    ):
        with pytest.raises(FetchError) as caught:
            await client.get(url + "/feed")
        assert str(caught.value) == f"connect_error: {url}: {told}"
    server.close()


async def test_a_redirect_without_location_is_an_answer(publisher, client) -> None:
    assert (await client.get(publisher.on("/feed", Answer(302, b"where?")))).status == 302


async def test_a_redirect_to_bytes_that_are_no_text_is_followed(publisher, client) -> None:
    url = publisher.on("/feed", Answer(302, headers={"Location": "/caf\xe9"}))
    publisher.on("/caf%E9", Answer(200, stories(1)))
    answer = await client.get(url)
    assert (answer.status, answer.url) == (200, publisher.url("/caf%E9"))


async def test_a_redirect_to_nowhere_is_an_answer(publisher, client) -> None:
    url = publisher.on("/feed", Answer(302, headers={"Location": ""}))
    assert ((await client.get(url)).status, len(publisher.requests)) == (302, 1)


@pytest.mark.parametrize("wbits", [-15, 15, 31], ids=["raw", "zlib", "gzip"])
def test_a_body_is_whole_wherever_a_piece_of_it_ends(wbits: int) -> None:
    for size in range(256 * 1024, 256 * 1024 + 300, 9):
        packer = zlib.compressobj(9, wbits=wbits)
        sent = packer.compress(b" " * size) + packer.flush()
        decoder = Decoder("gzip" if wbits == 31 else "deflate")
        assert sum(map(len, decoder.feed(sent, 1024 * 1024))) == size
        decoder.finish()


async def test_chunked_bodies_are_read(publisher, client) -> None:
    url = publisher.on("/feed", Answer(200, stories(*range(300)), chunked=True))
    assert (await client.get(url)).body == stories(*range(300))


async def test_error_pages_are_cut_not_refused(publisher, client) -> None:
    url = publisher.on("/feed", Answer(500, b"x" * 1_000_000))
    answer = await client.get(url)
    assert answer.status == 500 and len(answer.body) <= 64 * 1024


async def test_credentials_go_to_the_first_host_only(publisher, client) -> None:
    async with Publisher() as other:
        other.on("/x", Answer(200, stories(1)))
        url = publisher.on("/feed", Answer(302, headers={"Location": other.url("/x")}))
        await client.get(url, headers={"Authorization": "Bearer hush"})
        assert publisher.requests[0].headers["authorization"] == "Bearer hush"
        assert "authorization" not in other.requests[0].headers


async def test_cookies_are_neither_kept_nor_sent(publisher, client) -> None:
    url = publisher.on("/feed", Answer(200, stories(1), {"Set-Cookie": "a=b; Path=/"}))
    await client.get(url)
    await client.get(url)
    assert all("cookie" not in request.headers for request in publisher.requests)


async def test_a_proxy_is_used_and_numeric_private_targets_stay_refused(publisher) -> None:
    def relay(request: Request) -> Answer:
        assert request.path == "http://news.example/feed"
        return Answer(200, stories(1))

    publisher.handle("http://news.example/feed", relay)
    gate = Gate(Clock(), spacing_seconds=0.0)
    async with Client(Guard(), gate, "t", proxy=publisher.url("")) as client:
        answer = await client.get("http://news.example/feed")
        assert answer.status == 200 and len(publisher.requests) == 1
        for url in (
            "http://10.0.0.1/",
            "http://169.254.169.254/latest",
            "http://[::1]/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://127.1./",
        ):
            with pytest.raises(FetchError) as caught:
                await client.get(url)
            assert caught.value.reason == "blocked"
        assert len(publisher.requests) == 1


async def test_a_proxy_from_the_environment_is_not_used(publisher, client, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    url = publisher.on("/feed", Answer(200, stories(1)))
    assert (await client.get(url)).status == 200


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [
        (Answer(200, b"User-agent: *\nDisallow: /"), False),
        (Answer(200, b"User-agent: Flankwatch\nDisallow: /x\n"), True),
        (Answer(200, b"User-agent: Flankwatch\nDisallow: /story"), False),
        (Answer(404), True),
        (Answer(403), True),
        (Answer(500), False),
        (Answer(200, b"\xff\xfe garbage"), True),
        (Answer(200, b"#" * 600_000), False),
    ],
)
async def test_robots(publisher, client, answer, allowed) -> None:
    publisher.on("/robots.txt", answer)
    robots = Robots(client, "Flankwatch", Clock())
    assert await robots.allows(publisher.url("/story/1")) is allowed
    assert await robots.allows(publisher.url("/story/2")) is allowed
    assert len(publisher.asked("/robots.txt")) == 1


def test_messages_show_host_only() -> None:
    assert host_of("https://u:p@news.example:8443/feed?key=x") == "https://news.example:8443"
    assert "?" not in host_of("http://[::1/x")


async def test_the_gate_lets_other_hosts_pass() -> None:
    gate = Gate(Clock(), spacing_seconds=30.0, at_once=1)
    async with gate.turn("a"), asyncio.timeout(1), gate.turn("b"):
        pass
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), gate.turn("a"):
            pass
    async with asyncio.timeout(1), gate.turn("c"):
        pass


async def test_the_gate_spaces_those_too_that_waited_for_others() -> None:
    gate = Gate(Clock(), spacing_seconds=0.5, at_once=2, in_all=2)
    starts: list[float] = []

    async def ask(host: str, seconds: float) -> None:
        async with gate.turn(host):
            starts.append(asyncio.get_running_loop().time())
            await asyncio.sleep(seconds)

    busy = [asyncio.create_task(ask(host, 1.0)) for host in ("a", "b")]
    await asyncio.sleep(0.1)
    await asyncio.gather(*busy, ask("c", 0.0), ask("c", 0.0))
    assert starts[3] - starts[2] > 0.3  # less what a slow machine shifts
