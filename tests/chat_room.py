"""What the chat tests share: a target for every kind, a message, a bus that needs no Kafka."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chat_server import SIGNING

from connectors.room import Kind, Link, Message, Target, kind_of

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
#: Planted where secrets are; must never be seen in a log, an error, a metric or a dead letter.
CANARY = "canary7SECRETcanary7"


def target(kind: Kind, base: str) -> Target:
    """Return a target with a secret in every place this kind has.

    Args:
        kind: The kind's module.
        base: Address of the fake service.
    """
    has = kind.NEEDS | kind.MAY_HAVE
    return Target(
        url=f"{base}/{CANARY}" if "url" in has else "",
        token=f"123:{CANARY}" if "token" in kind.NEEDS else "",
        chat="-100123" if "chat" in kind.NEEDS else "",
        signing=(SIGNING,) if "signing" in has else (),
    )


def targets(name: str, base: str = "http://127.0.0.1:1") -> list[Target]:
    """Return the targets of a kind that tests go through: Slack has two forms."""
    kind = kind_of(name)
    found = [target(kind, f"{base}/{name}")]
    if name == "slack":
        found.append(Target(url=f"{base}/slackbot", token=f"xoxb-{CANARY}", chat="C1"))
    return found


def message(text: str, **given: Any) -> Message:
    """Return a message whose every text is `text`."""
    url = given.pop("url", "https://news.example.org/a?b=1&c=2")
    link = Link(title=text, url=url, publisher=text[:200], language="lt")
    fields: dict[str, Any] = {
        "key": "0123456789abcdef",
        "level": "urgent",
        "title": text,
        "lines": (f"Where: {text}", "When: today"),
        "changes": (text,),
        "links": (link, link),
        "notice": text,
        "footer": "lt-2025-07-10-drone-1f3a, version 2",
        "data": {
            "action": "new",
            "id": "x",
            "subject": "s",
            "n": 1,
            "headline": text,
            "facts": {"what": text},
            "links": [{"title": text, "url": url}] * 5,
            "incident": {"places": [text] * 3},
        },
    }
    return Message(**(fields | given))


class MemoryBus:
    """Takes records as the bus does, and keeps them."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.letters: list[Any] = []

    async def send(self, topic: Any, key: Any, record: Any, headers: Any = None) -> int:
        self.sent.append(record)
        return len(self.sent)

    async def dead_letter(self, stage: str, message: Any, reason: str, error: Any = None) -> None:
        self.letters.append((stage, message, reason, error))
