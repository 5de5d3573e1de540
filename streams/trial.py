"""Try a room for real: the longest realistic message, sent once, and the answer without secrets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.guard import Guard
from connectors.http import host_of, user_agent
from connectors.room import Answer, NoAnswer, judge_silence, kind_of
from connectors.send import Sender
from streams.catalog.channels import sample_alert
from streams.deliver import read_seeds
from streams.errors import Fault, FaultsError
from streams.records import Delivery, Link
from streams.rooms import utc_now
from streams.settings import Settings
from streams.show import Show

MAX_ANSWER_CHARS = 500
_LONG = (
    "Test message with every character that has meaning somewhere: & < > * _ ~ ` | [ ] ( ) { } @"
)


async def try_room(settings: Settings, room_id: str) -> dict[str, Any]:
    """Send the test message and return what happened.

    Returns:
        room, kind, host, status (0: no answer), outcome, reason, answer.

    Raises:
        FaultsError: there is no such room, or its secret is not set.
    """
    channels, messages = read_seeds(settings)
    room = channels.room(room_id)
    if room is None:
        known = ", ".join(found.id for found in channels.rooms)
        raise FaultsError([Fault("channels.toml", room_id, f"no such room; there are: {known}")])
    target, kind, now = room.target(), kind_of(room.kind), utc_now()
    alert = sample_alert(
        headline=f"TEST, not an alert. {_LONG}",
        level="normal",
        at=now,
        expires_at=now + timedelta(hours=1),
        facts={name: _LONG for name in ("what", "where", "when", "who_says", "unknown", "why")},
        links=tuple(
            Link(
                title=f"{number}: {_LONG}",
                url="https://example.org/",
                publisher="Test",
                language="en",
            )
            for number in range(1, 6)
        ),
    )
    row = Delivery(subject="test", room=room.id, state="sending", step="post", alert=alert)
    request = kind.request(Show(room, messages).message(row), "post", target, now)
    guard = Guard(settings.allow_addresses)
    agent = user_agent(settings.contact)
    async with Sender(guard, proxy=settings.proxy, user_agent=agent) as sender:
        answer = await sender.send(request)
    told = {"room": room.id, "kind": room.kind, "host": host_of(target.url) if target.url else "-"}
    if isinstance(answer, NoAnswer):
        verdict = judge_silence(answer)
        return told | {"status": 0, "outcome": verdict.outcome, "reason": verdict.reason}
    verdict = kind.verdict(answer, utc_now())
    return told | {
        "status": answer.status,
        "outcome": verdict.outcome,
        "reason": target.redact(verdict.reason),
        "answer": _readable(target.redact(answer.text), answer),
    }


def _readable(text: str, answer: Answer) -> str:
    """Return the answer's beginning on one line."""
    shown = "".join(char if char.isprintable() else " " for char in text[:MAX_ANSWER_CHARS])
    return shown + (" …" if len(text) > MAX_ANSWER_CHARS else "")
