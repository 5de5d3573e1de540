"""Slack: an incoming webhook (`url`), or a bot (`token` and `chat`) whose messages can be edited.

Block Kit; headlines are `plain_text`, which Slack does not parse; `&`, `<`, `>` are escaped in
every `mrkdwn` text and in the fallback. Limits: header 150 characters, text object 3000, 50
blocks (docs.slack.dev/reference/block-kit, as other clients cite it; not tried on the service).
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
    retry_after,
)
from connectors.words import cut, plain, safe_link

NEEDS = frozenset({"url"})
#: A bot needs `token` and `chat`; its `url` is Slack's API, or a proxy's.
MAY_HAVE = frozenset({"token", "chat"})
IS_MACHINE = False
PER_SECOND = 1.0
BURST = 4

MAX_HEADER_CHARS = 150
MAX_TEXT_CHARS = 3000
MAX_FALLBACK_CHARS = 3000
MAX_LINE_CHARS = 600

_DISABLED = frozenset(
    [
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "no_permission",
        "org_login_required",
        "team_access_not_granted",
        "access_denied",
    ]
)
_REJECTED = frozenset(
    [
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_payload",
        "msg_too_long",
        "msg_blocks_too_long",
        "no_text",
        "too_many_attachments",
        "invalid_arguments",
        "edit_window_closed",
        "cant_update_message",
        "message_not_found",
        "missing_text_or_fallback_or_attachments",
    ]
)


def can_edit(target: Target) -> bool:
    """Return whether it is a bot; an incoming webhook never learns its message's id."""
    return bool(target.token and target.chat)


def request(
    message: Message,
    action: Action,
    target: Target,
    now: datetime,
    ref: str | None = None,
    short: bool = False,
) -> Request:
    """Return the call: `chat.postMessage` or `chat.update` for a bot, else the webhook's."""
    body: dict[str, Any] = {
        "text": _fallback(message, action),
        "blocks": _notice(message) if action == "reply" else _blocks(message, short),
        "unfurl_links": False,
        "unfurl_media": False,
    }
    headers = {"content-type": "application/json; charset=utf-8"}
    url = target.url
    if can_edit(target):
        headers["authorization"] = f"Bearer {target.token}"
        url = (
            f"{target.url.rstrip('/')}/{'chat.update' if action == 'edit' else 'chat.postMessage'}"
        )
        body |= {"channel": target.chat, "parse": "none", "link_names": False}
        if action == "edit":
            body["ts"] = ref
        elif action == "reply" and ref:
            body |= {"thread_ts": ref, "reply_broadcast": True}
    return Request("POST", url, headers, json.dumps(body, ensure_ascii=False).encode())


def verdict(answer: Answer, now: datetime) -> Verdict:
    """Return what the answer means: a webhook's success is literally `ok`, a bot's is JSON."""
    found = judge(answer, now)
    if found.outcome != "delivered":
        return found
    text = answer.text.strip()
    if text == "ok":
        return found
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict) or "ok" not in told:
        word = text if text in _REJECTED | _DISABLED else ""
        return _by_word(word, answer, now) if word else Verdict("unknown", "answer_not_ok")
    if told["ok"] is True:
        ref = told.get("ts")
        return Verdict("delivered", found.reason, ref=ref if isinstance(ref, str) else None)
    return _by_word(str(told.get("error", ""))[:60], answer, now)


def _by_word(word: str, answer: Answer, now: datetime) -> Verdict:
    """Return what Slack's error word means when the status says 200."""
    if word in ("ratelimited", "rate_limited"):
        until = retry_after(answer.headers, now) or now + timedelta(seconds=THROTTLED_SECONDS)
        return Verdict("throttled", word, until)
    if word in _DISABLED:
        return Verdict("disabled", word)
    if word in _REJECTED:
        return Verdict("rejected", word)
    return Verdict("retry", word if word.isidentifier() and word.islower() else "slack_error")


def escape(text: str) -> str:
    """Return the text as Slack's own escaping asks, once."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _size(text: str) -> int:
    return len(escape(text))


def _plain_text(text: str, limit: int = MAX_TEXT_CHARS) -> dict[str, Any]:
    return {"type": "plain_text", "text": cut(text, limit) or "–", "emoji": False}


def _marked(message: Message) -> str:
    return "".join(f"[{plain(mark)}] " for mark in message.marks) + plain(message.title)


def _fallback(message: Message, action: Action) -> str:
    """Return what notifications show, escaped."""
    text = plain(message.notice) if action == "reply" and message.notice else _marked(message)
    return escape(cut(text, MAX_FALLBACK_CHARS, _size)) or "–"


def _notice(message: Message) -> list[dict[str, Any]]:
    return [
        {"type": "section", "text": _plain_text(plain(message.notice) or _marked(message))},
    ]


def _blocks(message: Message, short: bool) -> list[dict[str, Any]]:
    """Return header, changes, facts, one context a link; the first link alone when `short`."""
    title = _marked(message)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain_text(title, MAX_HEADER_CHARS)}
    ]
    if len(title) > MAX_HEADER_CHARS:
        blocks.append({"type": "section", "text": _plain_text(title)})
    if not short:
        for group in (message.changes, message.lines):
            text = "\n".join(cut(plain(line), MAX_LINE_CHARS) for line in group)
            if text:
                blocks.append({"type": "section", "text": _plain_text(text)})
    blocks += [_link(link) for link in message.links[: 1 if short else 5]]
    if message.footer and not short:
        footer = _plain_text(plain(message.footer), MAX_LINE_CHARS)
        blocks.append({"type": "context", "elements": [footer]})
    return blocks


def _link(link: Link) -> dict[str, Any]:
    """Return publisher and headline as text, and our own label on the address."""
    safe = safe_link(link.url)
    said = f"{plain(link.publisher)} ({plain(link.language)}): {plain(link.title)}"
    elements: list[dict[str, Any]] = [_plain_text(said, MAX_LINE_CHARS)]
    if safe:
        label = escape(safe.domain)
        elements.append(
            {"type": "mrkdwn", "text": f"<{escape(safe.url)}|{label}>", "verbatim": True}
        )
    return {"type": "context", "elements": elements}
