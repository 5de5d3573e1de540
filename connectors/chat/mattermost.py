"""Mattermost: an incoming webhook. Messages cannot be edited.

Limit: 16,383 characters (as others cite it; not found in the official pages). The text is
Markdown, so its marks are escaped; every `@` becomes a wide one, because a webhook's `@channel`,
and any `@name`, would ping.
"""

from __future__ import annotations

import json
import re
from datetime import datetime

from connectors.room import Action, Answer, Link, Message, Request, Target, Verdict, judge
from connectors.words import cut, plain, safe_link

NEEDS = frozenset({"url"})
MAY_HAVE: frozenset[str] = frozenset()
IS_MACHINE = False
PER_SECOND = 2.0
BURST = 5

MAX_TEXT_CHARS = 16_000
_LINE_CHARS = (1000, 400, 120)
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-!>~|])")


def can_edit(target: Target) -> bool:
    """Return False: a webhook never learns its message's id."""
    return False


def request(
    message: Message,
    action: Action,
    target: Target,
    now: datetime,
    ref: str | None = None,
    short: bool = False,
) -> Request:
    """Return the call."""
    body = {"text": _text(message, short)}
    headers = {"content-type": "application/json"}
    return Request("POST", target.url, headers, json.dumps(body, ensure_ascii=False).encode())


def verdict(answer: Answer, now: datetime) -> Verdict:
    """Return what the answer means: success is literally `ok`."""
    found = judge(answer, now)
    if found.outcome == "delivered" and answer.text.strip() != "ok":
        return Verdict("unknown", "answer_not_ok")
    return found


def escape(text: str) -> str:
    """Return the text with Markdown made literal and no mention in it."""
    return _MARKUP.sub(r"\\\1", text.replace("<", "‹").replace("@", "＠"))


def _size(text: str) -> int:
    return len(escape(text))


def _text(message: Message, short: bool) -> str:
    """Return the message, with lines cut shorter until all fits."""
    marks = "".join(f"[{plain(mark)}] " for mark in message.marks)
    for limit in _LINE_CHARS:
        title = escape(cut(f"{marks}{plain(message.title)}", limit, _size)) or "–"
        told = [f"**{title}**"]
        if not short:
            told += [f"* {escape(cut(plain(line), limit, _size))}" for line in message.changes]
            told += [escape(cut(plain(line), limit, _size)) for line in message.lines]
        told += [_link(link, limit) for link in message.links[: 1 if short else 5]]
        if message.footer and not short:
            told.append(escape(plain(message.footer)))
        text = "\n\n".join(told)
        if len(text) <= MAX_TEXT_CHARS:
            return text
    return told[0]


def _link(link: Link, limit: int) -> str:
    said = f"{plain(link.publisher)} ({plain(link.language)}): {plain(link.title)}"
    safe = safe_link(link.url)
    text = escape(cut(said, limit, _size))
    return f"{text} [{escape(safe.domain)}]({safe.url})" if safe else text
