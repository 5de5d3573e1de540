"""Telegram: a bot (`token`) in a chat (`chat`); messages can be edited and answered.

Limit: 4096 UTF-16 units of shown text. HTML mode, three characters escaped; every `@` becomes a
wide one, because `@name` would ping. The token is part of the address, so the address is never
shown. `retry_after` is waited for exactly.
"""

from __future__ import annotations

import html
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.room import (
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

NEEDS = frozenset({"token", "chat"})
MAY_HAVE = frozenset({"url"})
IS_MACHINE = False
#: About 20 messages a minute to a group, "not documented precisely".
PER_SECOND = 0.33
BURST = 5

API = "https://api.telegram.org"
MAX_TEXT_UNITS = 4096
_LINE_UNITS = (500, 250, 100, 50)


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
    """Return the call: sendMessage, or editMessageText."""
    text = _notice(message) if action == "reply" else _text(message, short)
    body: dict[str, Any] = {
        "chat_id": target.chat,
        "text": text,
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    method = "sendMessage"
    if action == "edit":
        method = "editMessageText"
        body["message_id"] = _number(ref)
    else:
        body["disable_notification"] = message.level == "digest"
    if action == "reply" and ref:
        body["reply_parameters"] = {
            "message_id": _number(ref),
            "allow_sending_without_reply": True,
        }
    url = f"{(target.url or API).rstrip('/')}/bot{target.token}/{method}"
    headers = {"content-type": "application/json"}
    return Request("POST", url, headers, json.dumps(body, ensure_ascii=False).encode())


def verdict(answer: Answer, now: datetime) -> Verdict:
    """Return what the answer means; Telegram explains itself in words."""
    found = judge(answer, now)
    told = _json(answer)
    said = str(told.get("description", "")).lower()
    parameters = told.get("parameters")
    if isinstance(parameters, dict) and "retry_after" in parameters:
        until = wait_until(str(parameters["retry_after"]), now)
        return Verdict(
            "throttled", found.reason, max(filter(None, (until, found.until)), default=None)
        )
    if answer.status == 400:
        if "message is not modified" in said:
            return Verdict("delivered", "not_modified")
        if any(word in said for word in ("chat not found", "upgraded to a supergroup", "not enough rights", "topic_closed")):  # fmt: skip
            return Verdict("disabled", "chat_gone")
    if found.outcome != "delivered":
        return found
    if told.get("ok") is not True:
        return Verdict("unknown", "answer_not_ok")
    result = told.get("result")
    number = result.get("message_id") if isinstance(result, dict) else None
    return replace(found, ref=None if number is None else str(number))


def escape(text: str) -> str:
    """Return the text for Telegram's HTML mode, without mentions."""
    return html.escape(text.replace("@", "＠"), quote=False)


def _title(message: Message) -> str:
    return "".join(f"[{plain(mark)}] " for mark in message.marks) + plain(message.title)


def _notice(message: Message) -> str:
    text = plain(message.notice) or _title(message)
    return escape(cut(text, 1000, utf16_units)) or "–"


def _text(message: Message, short: bool) -> str:
    """Return the message, with lines cut shorter until what is shown fits."""
    for limit in _LINE_UNITS:
        shown = [cut(_title(message), limit, utf16_units) or "–"]
        told = [f"<b>{escape(shown[0])}</b>"]
        if not short:
            lines = [*(f"• {plain(line)}" for line in message.changes)]
            lines += [plain(line) for line in message.lines]
            cuts = [cut(line, limit, utf16_units) for line in lines]
            shown += cuts
            told += [escape(line) for line in cuts]
        for link in message.links[: 1 if short else 5]:
            text, domain, markup = _link(link, limit)
            shown.append(f"{text} {domain}")
            told.append(markup)
        if message.footer and not short:
            shown.append(plain(message.footer))
            told.append(f"<i>{escape(plain(message.footer))}</i>")
        if utf16_units("\n".join(shown)) <= MAX_TEXT_UNITS:
            break
    return "\n".join(told)


def _link(link: Link, limit: int) -> tuple[str, str, str]:
    """Return the shown text, our label, and both as markup."""
    said = f"{plain(link.publisher)} ({plain(link.language)}): {plain(link.title)}"
    text, safe = cut(said, limit, utf16_units), safe_link(link.url)
    if safe is None:
        return text, "", escape(text)
    label = f'<a href="{html.escape(safe.url)}">{escape(safe.domain)}</a>'
    return text, safe.domain, f"{escape(text)} {label}"


def _number(ref: str | None) -> int:
    return int(ref) if ref and ref.isdigit() else 0


def _json(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
