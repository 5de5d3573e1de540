"""A local publisher that really behaves, and really misbehaves: answers are scripted, bytes are real.

`Publisher` speaks raw HTTP/1.1 over asyncio streams, so that hangs, resets, trickles, lying
lengths and broken chunks are what a client gets on the wire. Every request is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

RSS = "application/rss+xml; charset=utf-8"
REASONS = {200: "OK", 301: "Moved Permanently", 302: "Found", 304: "Not Modified", 410: "Gone"}


@dataclass
class Request:
    """What a client asked."""

    path: str
    headers: dict[str, str]  #: names in lower case
    at: float  #: seconds of the loop's clock
    raw: bytes = b""


@dataclass
class Answer:
    """What the publisher answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0  #: seconds before the first byte
    trickle: float = 0.0  #: seconds between single bytes of the body
    hang_after: int | None = None  #: bytes of the body, then silence
    reset_after: int | None = None  #: bytes of the body, then a reset
    chunked: bool = False
    length: int | None = None  #: a lying Content-Length

    def head(self) -> bytes:
        """Return status line and headers."""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}"]
        headers = {"Content-Type": RSS, **self.headers}
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif self.status != 304:
            length = len(self.body) if self.length is None else self.length
            headers["Content-Length"] = str(length)
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


Handler = Callable[[Request], Answer | Awaitable[Answer]]


class Publisher:
    """One loopback port; `on(path, answers…)` scripts it, the last answer repeats."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.port = 0
        self.open = 0  #: requests under way
        self.open_max = 0
        self._routes: dict[str, list[Answer] | Handler] = {}
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Publisher:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    def url(self, path: str = "/feed", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def on(self, path: str, *answers: Answer) -> str:
        """Script a path; return its address."""
        self._routes[path] = list(answers)
        return self.url(path)

    def handle(self, path: str, handler: Handler) -> str:
        """Let a function answer a path; return its address."""
        self._routes[path] = handler
        return self.url(path)

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path.partition("?")[0] == path]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                request = _request(raw)
                self.requests.append(request)
                self.open += 1
                self.open_max = max(self.open_max, self.open)
                try:
                    if not await self._answer(request, writer):
                        break
                finally:
                    self.open -= 1
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Send the answer; return whether the connection may go on."""
        answer = await self._choose(request)
        if answer.wait:
            await asyncio.sleep(answer.wait)
        writer.write(answer.head())
        if answer.status == 304:
            await writer.drain()
            return True
        if answer.reset_after is not None:
            writer.write(answer.body[: answer.reset_after])
            await writer.drain()
            writer.transport.abort()
            return False
        if answer.hang_after is not None:
            writer.write(answer.body[: answer.hang_after])
            await writer.drain()
            await asyncio.sleep(3600)
        if answer.trickle:
            for value in answer.body:
                writer.write(bytes((value,)))
                await writer.drain()
                await asyncio.sleep(answer.trickle)
        elif answer.chunked:
            for start in range(0, len(answer.body), 7000):
                part = answer.body[start : start + 7000]
                writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        else:
            for start in range(0, len(answer.body), 65536):
                writer.write(answer.body[start : start + 65536])
                await writer.drain()
        await writer.drain()
        return answer.length is None

    async def _choose(self, request: Request) -> Answer:
        route = self._routes.get(request.path.partition("?")[0])
        if route is None:
            return Answer(404, b"nothing here", {"Content-Type": "text/plain"})
        if callable(route):
            made = route(request)
            return made if isinstance(made, Answer) else await made
        return route.pop(0) if len(route) > 1 else route[0]


def _request(raw: bytes) -> Request:
    first, *lines = raw.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Request(first.split(" ")[1], headers, asyncio.get_running_loop().time(), raw)


def item(number: int, **parts: str) -> str:
    """Return one RSS item; `parts` override or add elements, None-like "" leaves one out."""
    fields = {
        "title": f"Story {number} of the day",
        "link": f"https://news.example/{number}",
        "guid": f"urn:story:{number}",
        "description": f"What story {number} tells.",
        "pubDate": format_datetime(datetime(2026, 1, 1, number % 24, tzinfo=UTC)),
    } | parts
    return "<item>" + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items() if v) + "</item>"


def rss(*items: str, head: str = "") -> bytes:
    """Return an RSS 2.0 document."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
        f"<title>A paper</title>{head}{''.join(items)}</channel></rss>"
    ).encode()


def stories(*numbers: int, head: str = "") -> bytes:
    """Return an RSS document with these stories, newest first as given."""
    return rss(*(item(number) for number in numbers), head=head)


def zipped(body: bytes, **headers: str) -> Answer:
    """Return a 200 with a gzip body."""
    return Answer(200, gzip.compress(body), {"Content-Encoding": "gzip", **headers})


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    """A publisher for one test."""
    async with Publisher() as server:
        yield server
