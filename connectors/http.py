"""Fetch one address politely: streamed, capped, guarded, redirects counted.

Guarantees: no more than `max_bytes` decoded bytes are ever held; no connection to an address the
guard refuses, on any hop; never from https to http; validators go to the address they belong to
and to no other; a truncated body is an error, never a result.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from msgspec import Struct
from multidict import CIMultiDict, CIMultiDictProxy

from connectors.encoding import Decoder
from connectors.errors import BlockedAddress, FetchError
from connectors.gate import Gate
from connectors.guard import Guard

MAX_BODY_BYTES = 5 * 1024 * 1024  # decoded
MAX_ERROR_BYTES = 64 * 1024  # of a page that is not 200: enough to know a challenge by
MAX_REDIRECTS = 5
TOTAL_SECONDS = 20.0
CONNECT_SECONDS = 10.0
READ_SECONDS = 10.0
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
#: Bytes of a header that are not UTF-8, as aiohttp gives them.
_ESCAPED = re.compile("[\udc80-\udcff]")


class Validators(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a server gave to ask "changed since?"; opaque, sent back as it came."""

    url: str = ""  #: they belong to this address alone
    etag: str | None = None
    last_modified: str | None = None

    def headers_for(self, url: str) -> dict[str, str]:
        """Return the conditional headers for a request to `url`; none for another address."""
        headers = {}
        if url == self.url:
            if self.etag is not None:
                headers["If-None-Match"] = self.etag
            if self.last_modified is not None:
                headers["If-Modified-Since"] = self.last_modified
        return headers


class Hop(Struct, frozen=True):
    """A redirect that was followed."""

    status: int
    target: str  #: absolute address it led to


class Response(Struct, frozen=True, kw_only=True):
    """An answer, whatever its status."""

    status: int
    url: str  #: address that answered, after all redirects
    headers: CIMultiDictProxy[str]
    body: bytes = b""
    hops: tuple[Hop, ...] = ()
    wire_bytes: int = 0
    is_conditional: bool = False  #: validators were sent
    seconds: float = 0.0  #: asking and reading, on all hops; waiting for the host's turn left out

    @property
    def validators(self) -> Validators:
        """Return the validators of this answer."""
        return Validators(
            url=self.url,
            etag=_verbatim(self.headers.get("ETag")),
            last_modified=_verbatim(self.headers.get("Last-Modified")),
        )


def user_agent(contact: str | None = None) -> str:
    """Return the one User-Agent: name, version, and where to complain."""
    where = f"+{contact}" if contact else "news monitor; operator not named"
    return f"Flankwatch/{version('flankwatch')} ({where})"


def host_of(url: str) -> str:
    """Return the host and port that messages may show; never path or query."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "an address that cannot be read"


class Client:
    """One HTTP client for a process.

    Args:
        guard: Judges every address before a socket exists.
        gate: Spaces the requests to one host.
        agent: Value of the User-Agent header.
        proxy: `http://host:port`; an explicit setting and the guard's one exception, because
            the proxy then resolves names. Numeric private targets are still refused.
        total_seconds: Limit for one request with all its redirects.
    """

    def __init__(
        self,
        guard: Guard,
        gate: Gate,
        agent: str,
        *,
        proxy: str | None = None,
        total_seconds: float = TOTAL_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        resolver: aiohttp.abc.AbstractResolver | None = None,
    ) -> None:
        self._guard = guard
        self._gate = gate
        self._proxy = proxy
        self._total = total_seconds
        self._headers = {"User-Agent": agent, "Accept-Encoding": "gzip, deflate"}
        self._connect = connect_seconds
        self._read = read_seconds
        options: dict[str, Any] = {"limit": 0, "ttl_dns_cache": 60, "resolver": resolver}
        self._connector = aiohttp.TCPConnector(**options) if proxy else guard.connector(**options)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        """Open the session."""
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            headers=self._headers,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()

    async def get(
        self,
        url: str,
        *,
        accept: str = "*/*",
        validators: Validators | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        """Return the answer to a GET, of any status, after at most five redirects.

        Args:
            url: http or https.
            accept: Accept header.
            validators: Sent to the hop whose address they belong to.
            headers: Credentials and the like; sent to the first host only.
            max_bytes: Cap on the decoded body of a 200.

        Raises:
            FetchError: with a reason of the closed list; a 4xx or 5xx is not an error here.
        """
        hops: list[Hop] = []
        current = url
        spent = 0.0
        while True:
            sent = validators.headers_for(current) if validators else {}
            own = dict(headers or {}) if _same_origin(url, current) else {}
            asked = {"Accept": accept, **own, **sent}
            response = await self._one(current, asked, max_bytes, spent=spent)
            spent += response.seconds
            target = response.headers.get("Location")
            if response.status not in _REDIRECTS or not target:
                break
            hops.append(_next_hop(current, response.status, target, len(hops)))
            current = hops[-1].target
        return Response(
            status=response.status,
            url=current,
            headers=response.headers,
            body=response.body,
            hops=tuple(hops),
            wire_bytes=response.wire_bytes,
            is_conditional=bool(sent),
            seconds=spent,
        )

    async def post(self, url: str, form: bytes, *, max_bytes: int = MAX_ERROR_BYTES) -> Response:
        """Return the answer to a form that is posted; redirects are an answer, not followed.

        Args:
            url: http or https.
            form: Body, `application/x-www-form-urlencoded`.
            max_bytes: Cap on the decoded body.

        Raises:
            FetchError: as `get`.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._one(url, headers, max_bytes, form=form)

    async def _one(
        self,
        url: str,
        headers: dict[str, str],
        max_bytes: int,
        *,
        form: bytes | None = None,
        spent: float = 0.0,
    ) -> Response:
        """Make one request, a POST when there is a form; no redirect is followed.

        Of the time for all hops `spent` seconds are gone. Foreign exceptions end here.
        """
        if self._session is None:
            raise RuntimeError("the client is not open")
        where = host_of(url)
        timeout = aiohttp.ClientTimeout(
            total=max(0.001, self._total - spent),  # 0 would be no limit
            connect=self._connect,
            sock_connect=self._connect,
            sock_read=self._read,
        )
        try:
            if self._proxy:
                self._guard.check_figures(url)
            async with self._gate.turn(urlsplit(url).netloc.lower()):
                began = time.monotonic()
                async with self._session.request(
                    "GET" if form is None else "POST",
                    url,
                    headers=headers,
                    data=form,
                    allow_redirects=False,
                    proxy=self._proxy,
                    timeout=timeout,
                ) as answer:
                    cap = max_bytes if answer.status == 200 else MAX_ERROR_BYTES
                    body, wire = await _read(answer, cap, is_strict=answer.status == 200)
                return Response(
                    status=answer.status,
                    url=url,
                    headers=CIMultiDictProxy(CIMultiDict(answer.headers)),
                    body=body,
                    wire_bytes=wire,
                    seconds=time.monotonic() - began,
                )
        except (FetchError, asyncio.CancelledError):
            raise
        except TimeoutError as error:
            raise FetchError("timeout", f"{where} did not answer in time") from error
        except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch) as error:
            raise FetchError("tls_error", f"{where}: {_brief(error)}") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise FetchError("connect_error", f"{where}: its name is not found") from error
        except aiohttp.ClientPayloadError as error:
            raise FetchError("connect_error", f"{where}: the body ended early") from error
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise FetchError("connect_error", f"{where}: {_brief(error)}") from error
        except (aiohttp.InvalidURL, ValueError) as error:
            raise FetchError("http_error", "the address cannot be requested") from error
        except aiohttp.ClientError as error:
            raise FetchError("http_error", f"{where}: {type(error).__name__}") from error


async def _read(answer: aiohttp.ClientResponse, cap: int, *, is_strict: bool) -> tuple[bytes, int]:
    """Return the decoded body and the bytes on the wire.

    Raises:
        FetchError: too_large or bad_encoding, when `is_strict`; else what was read is returned.
    """
    body = bytearray()
    wire = 0
    try:
        decoder = Decoder(answer.headers.get("Content-Encoding", ""))
        async for chunk in answer.content.iter_any():
            wire += len(chunk)
            for piece in decoder.feed(chunk, cap - len(body)):
                body += piece
            if max(len(body), wire) > cap:
                answer.close()
                raise FetchError("too_large", f"over {cap} bytes")
        decoder.finish()
    except FetchError:
        answer.close()
        if is_strict:
            raise
    return bytes(body[:cap]), wire


def _next_hop(current: str, status: int, location: str, count: int) -> Hop:
    """Return the redirect to follow.

    Raises:
        FetchError: one too many, not http(s), or down from https to http.
    """
    where = host_of(current)
    if count >= MAX_REDIRECTS:
        raise FetchError("http_error", f"{where}: more than {MAX_REDIRECTS} redirects")
    try:
        target = urljoin(current, _ESCAPED.sub(_percent, location.strip()))
        parts = urlsplit(target)
        host = parts.hostname
    except ValueError:
        raise FetchError("http_error", f"{where}: redirects to no address") from None
    if parts.scheme not in ("http", "https") or not host:
        raise FetchError("http_error", f"{where}: redirects to no http address")
    if urlsplit(current).scheme == "https" and parts.scheme == "http":
        raise FetchError("http_error", f"{where}: redirects from https to http, not followed")
    return Hop(status, target.partition("#")[0])


def _same_origin(first: str, second: str) -> bool:
    one, two = urlsplit(first), urlsplit(second)
    return (one.scheme, one.netloc) == (two.scheme, two.netloc)


def _percent(byte: re.Match[str]) -> str:
    return f"%{ord(byte[0]) - 0xDC00:02X}"


def _verbatim(value: str | None) -> str | None:
    """Return a validator, or None when it cannot be sent back as it came: bytes that are no text."""
    return None if value is None or _ESCAPED.search(value) else value


def _brief(error: BaseException) -> str:
    """Return an error's reason without addresses or paths in it."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it hung up without an answer"
    cause: Any = getattr(error, "os_error", None) or error
    told = getattr(cause, "strerror", None) or type(cause).__name__
    if told.startswith("Connect call failed") and cause.errno:
        return os.strerror(cause.errno)
    return str(told)


__all__ = [
    "BlockedAddress",
    "Client",
    "Hop",
    "Response",
    "Validators",
    "host_of",
    "user_agent",
]
