"""Discord: a channel's webhook; messages can be edited, pings are forbidden in every request.

Limits: content 2000 characters, one embed's description 4096, all embeds 6000 together. Asked with
`wait=true`, because without it Discord hides messages that it did not keep. Rates are not written
here: the bucket's own headers say when to stop.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from connectors.room import (
    THROTTLED_SECONDS,
    Action,
    Answer,
    Link,
    Message,
    Request,
    Target,
    Verdict,
    judge,
    wait_until,
)
from connectors.words import cut, plain, safe_link, utf16_units

NEEDS = frozenset({"url"})
MAY_HAVE: frozenset[str] = frozenset()
IS_MACHINE = False
PER_SECOND = 2.0
BURST = 5

MAX_CONTENT_CHARS = 2000
MAX_DESCRIPTION_CHARS = 4096
#: With content and description full, what is left of the 6000 is spare.
_LINE_CHARS = (600, 300, 120, 60)
_COLOUR = {"urgent": 0xC0392B, "normal": 0xE67E22, "digest": 0x7F8C8D}
_MARKUP = re.compile(r"([\\*_~`|>#\-\[\]()<:@+!])")
_UNKNOWN_MESSAGE = 10008


def can_edit(target: Target) -> bool:
    """Return True: the answer names the message."""
    return True


def request(
    message: Message,
    action: Action,
    target: Target,
    now: datetime,
    ref: str | None = None,
    short: bool = False,
) -> Request:
    """Return the call; a reply is a new message, for webhooks cannot answer one."""
    body: dict[str, Any] = {"allowed_mentions": {"parse": []}}
    if action == "reply":
        body |= {"content": _content(message, message.notice or message.title)}
    else:
        body |= {
            "content": _content(message, message.title),
            "embeds": [
                {
                    "description": _description(message, short),
                    "color": _COLOUR.get(message.level, 0),
                    "footer": {"text": cut(plain(message.footer), 200) or "Flankwatch"},
                }
            ],
        }
    method, url = "POST", _address(target.url, "")
    if action == "edit":
        method, url = "PATCH", _address(target.url, f"/messages/{ref}")
    headers = {"content-type": "application/json"}
    return Request(method, url, headers, json.dumps(body, ensure_ascii=False).encode())


def verdict(answer: Answer, now: datetime) -> Verdict:
    """Return what the answer means; the rate limit's own headers and body count."""
    found = judge(answer, now)
    told = _json(answer)
    if found.outcome == "throttled":
        waits = [str(told.get("retry_after", "")), answer.headers.get("retry-after", "")]
        instants = [at for raw in waits if raw and (at := wait_until(raw, now))]
        until = max(instants, default=now + timedelta(seconds=THROTTLED_SECONDS))
        return replace(found, until=until)
    if answer.status == 404 and told.get("code") == _UNKNOWN_MESSAGE:
        return Verdict("rejected", "unknown_message")
    if found.outcome != "delivered":
        return found
    ref = told.get("id")
    if not isinstance(ref, str) and answer.status != 204:
        return Verdict("unknown", "answer_without_id")
    is_last = answer.headers.get("x-ratelimit-remaining") == "0"
    wait = answer.headers.get("x-ratelimit-reset-after", "")
    return Verdict(
        "delivered",
        found.reason,
        wait_until(wait, now) if is_last else None,
        ref if isinstance(ref, str) else None,
    )


def escape(text: str) -> str:
    """Return the text with Discord's markup made literal."""
    return _MARKUP.sub(r"\\\1", text)


def _size(text: str) -> int:
    return utf16_units(escape(text))


def _content(message: Message, title: str) -> str:
    marks = "".join(f"[{plain(mark)}] " for mark in message.marks)
    return escape(cut(f"{marks}{plain(title)}", MAX_CONTENT_CHARS, _size)) or "–"


def _description(message: Message, short: bool) -> str:
    """Return changes, facts and links, with lines cut shorter until all fits."""
    for limit in _LINE_CHARS:
        lines = [] if short else [*message.changes, *message.lines]
        told = [escape(cut(plain(line), limit, _size)) for line in lines]
        told += [_link(link, limit) for link in message.links[: 1 if short else 5]]
        text = "\n".join(line for line in told if line)
        if utf16_units(text) <= MAX_DESCRIPTION_CHARS:
            return text or "–"
    return _link(message.links[0], _LINE_CHARS[-1]) if message.links else "–"


def _link(link: Link, limit: int) -> str:
    said = f"{plain(link.publisher)} ({plain(link.language)}): {plain(link.title)}"
    safe = safe_link(link.url)
    text = escape(cut(said, limit, _size))
    return f"{text} [{escape(safe.domain)}](<{safe.url}>)" if safe else text


def _address(url: str, path: str) -> str:
    """Return the webhook's address with `wait=true`, and a thread's id kept."""
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query), ("wait", "true")])
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + path, query, ""))


def _json(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
