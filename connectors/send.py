"""Send one request of a chat kind and bring back the answer; never an exception, never a secret.

Redirects off, TLS verified, no proxy from the environment, answers capped, every address through
the guard that feeds use too. A connection serves one request: a kept one that the other side has
just closed would make a message's fate unknown.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from types import TracebackType
from typing import Any, Self

import aiohttp

from connectors.errors import BlockedAddress
from connectors.guard import Guard
from connectors.room import Answer, NoAnswer, Request

MAX_ANSWER_BYTES = 64 * 1024
TOTAL_SECONDS = 15.0
CONNECT_SECONDS = 6.0
READ_SECONDS = 10.0


class Sender:
    """One HTTP session for all rooms of a process; an async context manager.

    Args:
        guard: Judges every address before a socket exists.
        proxy: `http://host:port`; an explicit setting and the guard's one exception, because the
            proxy then resolves names. Numeric private targets are still refused.
        user_agent: Value of the User-Agent header.
    """

    def __init__(
        self, guard: Guard, *, proxy: str | None = None, user_agent: str = "Flankwatch"
    ) -> None:
        self._guard = guard
        self._proxy = proxy
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        options: dict[str, Any] = {"force_close": True, "limit_per_host": 4}
        proxied = self._proxy is not None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(**options)
            if proxied
            else self._guard.connector(**options),
            timeout=aiohttp.ClientTimeout(
                total=TOTAL_SECONDS, connect=CONNECT_SECONDS, sock_read=READ_SECONDS
            ),
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session:
            await self._session.close()

    async def send(self, request: Request) -> Answer | NoAnswer:
        """Return the answer, or why there is none."""
        if request.method == "PRINT":
            return await asyncio.to_thread(_print, request.body)
        assert self._session, "use it as a context manager"
        try:
            if self._proxy is not None:
                self._guard.check_figures(request.url)
            async with self._session.request(
                request.method,
                request.url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                proxy=self._proxy,
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, await _read(response))
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            return NoAnswer("bad_url", sent=False)
        except aiohttp.ClientConnectorDNSError:
            return NoAnswer("dns", sent=False)
        except aiohttp.ClientConnectorError as error:
            return NoAnswer(_why(error), sent=False)
        except aiohttp.ConnectionTimeoutError:
            return NoAnswer("timeout", sent=False)
        except TimeoutError:
            return NoAnswer("timeout", sent=True)
        except BlockedAddress:
            return NoAnswer("blocked", sent=False)
        except (aiohttp.ClientError, OSError, ValueError):
            return NoAnswer("reset", sent=True)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return at most `MAX_ANSWER_BYTES`; the status stands even when the body does not come."""
    body = bytearray()
    try:
        async for chunk in response.content.iter_chunked(8192):
            body += chunk
            if len(body) >= MAX_ANSWER_BYTES:
                break
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass
    return bytes(body[:MAX_ANSWER_BYTES])


def _why(error: aiohttp.ClientConnectorError) -> str:
    """Return the reason of a failed connect; the error's own text may hold the address."""
    if isinstance(error, aiohttp.ClientSSLError):
        return "tls"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BlockedAddress):
            return "blocked"
        if isinstance(cause, ssl.SSLError):
            return "tls"
        cause = getattr(cause, "os_error", None) if cause is error else cause.__cause__
    return "connect"


def _print(body: bytes) -> Answer | NoAnswer:
    try:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    except (OSError, ValueError):
        return NoAnswer("closed", sent=False)
    return Answer(200, {}, b"")
