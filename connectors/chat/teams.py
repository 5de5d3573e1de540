"""Microsoft Teams: a Workflow's webhook; the address with its `sig=` is the secret.

An Adaptive Card 1.4 of RichTextBlocks: text runs know no Markdown; what would be a function or a
template (`{{…}}`, `${…}`) is broken up. Limit: 28 kB after the server has expanded the card, and
24 kB on the wire were seen to fail, so 18 kB. Accepted is not yet shown; messages cannot be edited.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

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
)
from connectors.words import cut, plain, safe_link, utf8_bytes

NEEDS = frozenset({"url"})
MAY_HAVE: frozenset[str] = frozenset()
IS_MACHINE = False
#: More than 4 requests a second are throttled.
PER_SECOND = 1.0
BURST = 4

MAX_BODY_BYTES = 18_000
_LINE_CHARS = (600, 300, 120, 60)
_COLOUR = {"urgent": "attention", "normal": "warning", "digest": "default"}


def can_edit(target: Target) -> bool:
    """Return False: a Workflow tells nothing of its message."""
    return False


def request(
    message: Message,
    action: Action,
    target: Target,
    now: datetime,
    ref: str | None = None,
    short: bool = False,
) -> Request:
    """Return the call, its lines cut shorter until it fits."""
    for limit in _LINE_CHARS:
        body = json.dumps(_envelope(message, short, limit), ensure_ascii=False)
        if utf8_bytes(body) <= MAX_BODY_BYTES:
            break
    return Request("POST", target.url, {"content-type": "application/json"}, body.encode())


def verdict(answer: Answer, now: datetime) -> Verdict:
    """Return what the answer means; a 200 may tell of an error further in."""
    found = judge(answer, now)
    if found.outcome == "delivered" and "HTTP error" in answer.text:
        if "429" in answer.text:
            until = now + timedelta(seconds=THROTTLED_SECONDS)
            return Verdict("throttled", "inner_429", until)
        return Verdict("rejected", "inner_error")
    if (
        found.outcome == "delivered"
        and answer.status == 200
        and answer.text.strip() not in ("", "1")
    ):
        return Verdict("unknown", "answer_not_understood")
    return found


def escape(text: str) -> str:
    """Return the text without anything that a card or a Workflow would evaluate."""
    for mark in ("{{", "${", "@{"):
        text = text.replace(mark, " ".join(mark))
    return text.replace("{ {{", "{ { {").replace("<", "‹")


def _envelope(message: Message, short: bool, limit: int) -> dict[str, Any]:
    marks = "".join(f"[{plain(mark)}] " for mark in message.marks)
    title = escape(cut(f"{marks}{plain(message.title)}", limit)) or "–"
    body = [_block(_run(title, weight="bolder", size="medium", color=_COLOUR[message.level]))]
    if not short:
        body += [_block(_run(escape(cut(f"• {plain(line)}", limit)))) for line in message.changes]
        body += [_block(_run(escape(cut(plain(line), limit)))) for line in message.lines]
    body += [_link(link, limit) for link in message.links[: 1 if short else 5]]
    if message.footer and not short:
        body.append(_block(_run(escape(plain(message.footer)), size="small")))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": {"width": "Full"},
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "summary": title, "attachments": [content]}


def _run(text: str, **look: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": text or "–", **look}


def _block(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _link(link: Link, limit: int) -> dict[str, Any]:
    said = f"{plain(link.publisher)} ({plain(link.language)}): {plain(link.title)} "
    safe = safe_link(link.url)
    runs = [_run(escape(cut(said, limit)))]
    if safe:
        act = {"type": "Action.OpenUrl", "url": safe.url}
        runs.append(_run(escape(safe.domain), color="accent") | {"selectAction": act})
    return _block(*runs)
