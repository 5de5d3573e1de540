"""A real loopback server that plays every chat service and a webhook receiver.

It checks what the services document (limits, required fields, signatures) and can misbehave in
every way the network knows. It shows what we send, not what a vendor accepts: for that there is
`flankwatch channels test`.
"""

from __future__ import annotations

import asyncio
import email.utils
import html
import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook

SIGNING = "whsec_Zmxhbmt3YXRjaC10ZXN0LXNlY3JldC1vZi0zMi1ieXRlcw=="


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    kind: str
    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    accepted: bool  #: the service took it

    @property
    def body(self) -> Any:
        """Return the JSON."""
        return json.loads(self.raw)


@dataclass
class ChatServer:
    """Serves `/<kind>/…`; what comes next is in `script`, then everything is well."""

    script: deque[str] = field(default_factory=deque)
    stuck: set[str] = field(default_factory=set)  #: kinds that never answer
    calls: list[Call] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  #: documented limits that we broke
    on_call: Callable[[Call], None] = lambda call: None
    port: int = 0
    _runner: web.AppRunner | None = None
    _refs: int = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_route("*", "/{kind}/{rest:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._runner
        await self._runner.cleanup()

    def url(self, kind: str, secret: str = "hook") -> str:
        """Return the address of a room of this kind."""
        return f"http://127.0.0.1:{self.port}/{kind}/{secret}"

    @property
    def accepted(self) -> list[Call]:
        """Calls that the service took."""
        return [call for call in self.calls if call.accepted]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        kind = request.match_info["kind"]
        raw = await request.read()
        how = self.script.popleft() if self.script else "ok"
        how = "hang" if kind in self.stuck else how
        fault = _CHECKS.get(kind, _check_nothing)(request, raw)
        if fault:
            self.faults.append(f"{kind}: {fault}")
        takes = how in ("ok", "ok-then-reset", "huge", "slow") and not fault
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(kind, request.method, request.path, headers, raw, takes)
        self.calls.append(call)
        self.on_call(call)
        if how == "ok":
            return self._refuse(kind, fault) if fault else self._accept(kind)
        return await self._misbehave(request, how)

    def _accept(self, kind: str) -> web.Response:
        self._refs += 1
        return _SUCCESS.get(kind, lambda ref: web.Response(status=204))(self._refs)

    def _refuse(self, kind: str, fault: str) -> web.Response:
        return web.Response(status=400, text="invalid_payload" if kind == "slack" else fault)

    async def _misbehave(self, request: web.Request, how: str) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        if how == "200-error":
            return web.Response(text='{"ok": false, "error": "internal"} but not ok')
        if how == "302":
            return web.Response(status=302, headers={"Location": "/elsewhere/x"})
        if how == "429-seconds":
            return web.Response(status=429, headers={"Retry-After": "2"})
        if how == "429-date":
            at = datetime.now(UTC) + timedelta(seconds=3)
            date = email.utils.format_datetime(at, usegmt=True)
            return web.Response(status=429, headers={"Retry-After": date})
        if how.isdigit():
            return web.Response(status=int(how), text=f"no: {request.path}")
        if how == "hang":
            await asyncio.sleep(60)
        if how in ("reset", "ok-then-reset"):
            transport.abort()
        if how in ("huge", "slow"):
            response = web.StreamResponse()
            await response.prepare(request)
            chunk, pause = (b"x" * 65536, 0.0) if how == "huge" else (b"o", 0.2)
            for _ in range(16384 if how == "huge" else 300):
                await response.write(chunk)
                await asyncio.sleep(pause)
            return response
        return web.Response()


def _check_nothing(request: web.Request, raw: bytes) -> str:
    return ""


def _check_webhook(request: web.Request, raw: bytes) -> str:
    if len(raw) >= 20_480:
        return f"body of {len(raw)} bytes"
    for name in ("webhook-id", "webhook-timestamp"):
        if name not in request.headers:
            return f"{name} is missing"
    if "webhook-signature" in request.headers:
        Webhook(SIGNING).verify(raw, dict(request.headers))
    told = json.loads(raw)
    return "" if {"type", "timestamp", "data"} <= set(told) else "not a Standard Webhooks body"


def _check_slack(request: web.Request, raw: bytes) -> str:
    told = json.loads(raw)
    if not told.get("text"):
        return "no text"
    if len(told.get("blocks", [])) > 50:
        return "too many blocks"
    for block in told.get("blocks", []):
        texts = [block["text"]] if "text" in block else block.get("elements", [])
        if block["type"] == "context" and not 1 <= len(texts) <= 10:
            return "context elements"
        for text in texts:
            limit = 150 if block["type"] == "header" else 3000
            if not 1 <= len(text["text"]) <= limit:
                return f"{block['type']} text of {len(text['text'])}"
            if block["type"] == "header" and text["type"] != "plain_text":
                return "header is not plain_text"
    if len(told["text"]) > 40_000:
        return "text too long"
    is_bot = "authorization" in request.headers
    if is_bot and not told.get("channel"):
        return "no channel"
    return ""


def _check_discord(request: web.Request, raw: bytes) -> str:
    told = json.loads(raw)
    if told.get("allowed_mentions") != {"parse": []}:
        return "mentions are allowed"
    if request.query.get("wait") != "true":
        return "without wait"
    if not 1 <= units(told["content"]) <= 2000:
        return "content"
    total = 0
    for embed in told.get("embeds", []):
        total += units(embed["description"]) + units(embed["footer"]["text"])
        if not 1 <= units(embed["description"]) <= 4096:
            return "description"
    return "embeds" if total > 6000 else ""


def _check_mattermost(request: web.Request, raw: bytes) -> str:
    return "" if 1 <= len(json.loads(raw)["text"]) <= 16_383 else "text"


def _check_teams(request: web.Request, raw: bytes) -> str:
    if len(raw) > 20_000:
        return f"{len(raw)} bytes"
    card = json.loads(raw)["attachments"][0]["content"]
    if card["version"] != "1.4" or card["type"] != "AdaptiveCard":
        return "card"
    runs = [run for block in card["body"] for run in block["inlines"]]
    return "" if all(run["text"] for run in runs) else "an empty run"


def _check_telegram(request: web.Request, raw: bytes) -> str:
    told = json.loads(raw)
    if "/bot" not in request.path or not told.get("chat_id"):
        return "no token or chat"
    shown = _TAG.sub("", told["text"])
    if (
        "<" in shown
        or ">" in shown
        or not re.fullmatch(r"(?s)(?:[^&]|&(?:amp|lt|gt|quot|#x27);)*", shown)
    ):
        return "can't parse entities"
    return "" if 1 <= units(html.unescape(shown)) <= 4096 else "message is too long"


def units(text: str) -> int:
    """Return UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def _telegram_ok(ref: int) -> web.Response:
    return web.json_response({"ok": True, "result": {"message_id": ref}})


_TAG = re.compile(r'</?b>|</?i>|</?a(?: href="[^"<>]*")?>')
_CHECKS: dict[str, Callable[[web.Request, bytes], str]] = {
    "slack": _check_slack,
    "slackbot": _check_slack,
    "webhook": _check_webhook,
    "discord": _check_discord,
    "mattermost": _check_mattermost,
    "teams": _check_teams,
    "telegram": _check_telegram,
}
_SUCCESS: dict[str, Callable[[int], web.Response]] = {
    "slack": lambda ref: web.Response(text="ok"),
    "slackbot": lambda ref: web.json_response({"ok": True, "ts": f"17{ref}.000100"}),
    "discord": lambda ref: web.json_response({"id": f"11{ref}"}),
    "mattermost": lambda ref: web.Response(text="ok"),
    "teams": lambda ref: web.Response(status=202),
    "telegram": _telegram_ok,
}
