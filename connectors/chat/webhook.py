"""Generic webhook, signed as Standard Webhooks asks: the whole alert as JSON, for a program.

`webhook-id` is the idempotency key: the same message to the same room has the same id on every
try, so a receiver that remembers ids sees each once. The spec was read at
https://github.com/standard-webhooks/standard-webhooks (b2fa7b8, 2026-08-17).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from standardwebhooks import Webhook

from connectors.room import Action, Answer, Message, Request, Target, Verdict, judge
from connectors.words import cut, plain, safe_link, utf8_bytes

NEEDS = frozenset({"url"})
MAY_HAVE = frozenset({"signing"})
IS_MACHINE = True
PER_SECOND = 50.0
BURST = 100

MAX_BODY_BYTES = 20_000  # the spec asks for less than 20 kB
#: What is left out first when the alert is too long; the receiver is told in `truncated`.
_HEAVY = ("incident", "facts", "links")
_LONG_CHARS = 300


def can_edit(target: Target) -> bool:
    """Return False: a program gets every change as a message of its own."""
    return False


def request(
    message: Message,
    action: Action,
    target: Target,
    now: datetime,
    ref: str | None = None,
    short: bool = False,
) -> Request:
    """Return the signed call. Data: `{type, timestamp, text, marks, data}`."""
    body = _body(message, now, short)
    headers = {
        "content-type": "application/json",
        "webhook-id": message.key,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if target.signing:
        headers["webhook-signature"] = " ".join(
            Webhook(secret).sign(message.key, now, body) for secret in target.signing
        )
    return Request("POST", target.url, headers, body.encode())


def verdict(answer: Answer, now: datetime) -> Verdict:
    """Return what the status means; here 502 and 504 are a wish for time, as the spec has it."""
    found = judge(answer, now)
    if answer.status in (502, 504):
        return replace(found, outcome="throttled" if found.until else "retry")
    return found


def _body(message: Message, now: datetime, short: bool) -> str:
    """Return the JSON, trimmed until it fits: heavy parts first, then long texts."""
    data: dict[str, Any] = dict(message.data)
    truncated: list[str] = []
    whole: dict[str, Any] = {
        "type": f"alert.{data.get('action', 'new')}",
        "timestamp": now.isoformat().replace("+00:00", "Z"),
        "text": _text(message, 1000 if short else 6000),
        "marks": list(message.marks),
        "data": data,
    }
    heavy = [part for part in _HEAVY if data.get(part)]
    limit = MAX_BODY_BYTES // 4 if short else MAX_BODY_BYTES
    while utf8_bytes(text := _dump(whole)) > limit:
        if heavy:
            data.pop(part := heavy.pop(0))
            truncated.append(part)
        elif "text" not in truncated:
            whole["text"] = _text(message, _LONG_CHARS)
            whole["data"] = _shortened(data)
            truncated.append("text")
        else:
            whole["data"] = {name: data[name] for name in ("id", "subject", "n") if name in data}
            return _dump(whole)
        whole["truncated"] = truncated
    return text


def _dump(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


def _shortened(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: cut(value, _LONG_CHARS) if isinstance(value, str) else value
        for name, value in data.items()
        if isinstance(value, str | int | float | bool)
    }


def _text(message: Message, limit: int) -> str:
    """Return the message as people read it elsewhere, at most `limit` characters."""
    lines = [plain(message.title), *(plain(line) for line in message.lines)]
    for link in message.links:
        safe = safe_link(link.url)
        lines.append(
            f"{plain(link.publisher)}: {plain(link.title)}{f' {safe.url}' if safe else ''}"
        )
    return cut("\n".join(lines), limit)
