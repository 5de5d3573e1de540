"""An alert as a room is shown it: the room's language and time zone, our marks, the machine form.

The words come from streams/incidents/message.py; here they become a connector's `Message`. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from connectors.room import Link, Message
from streams import records
from streams.catalog.channels import Room
from streams.catalog.messages import Messages
from streams.incidents.message import Text, render
from streams.records import LEVELS, Alert, Delivery, content_id

MAX_DIGEST_LINES = 20
MAX_LINKS = 5


def message_key(alert: Alert, room: str, step: str = "post") -> str:
    """Return the idempotency key: the same on every try and after every restart."""
    parts = (alert.id, room) if step in ("post", "edit") else (alert.id, room, step)
    return content_id(*parts, length=32)


@dataclass(frozen=True)
class Show:
    """How one room is told: its words and its clock."""

    room: Room
    messages: Messages

    def text(self, alert: Alert) -> str:
        """Return what the room shows once the alert is told: the facts, without what changed."""
        words = self._words(alert)
        links = [
            f"{link.publisher} ({link.language}): {link.title} {link.url or ''}".rstrip()
            for link in alert.links[:MAX_LINKS]
        ]
        return "\n".join((words.title, *words.lines, *links))

    def message(self, row: Delivery) -> Message:
        """Return the row's alert as the room gets it in the row's step: post, edit or reply."""
        alert = row.alert
        is_first = row.shown_n == 0
        words = self._words(alert)
        repeats = row.possible_repeat and row.step != "edit"
        said = self.messages.of(self.room.language).marks
        marks = [said.replay] if alert.theatre == "replay" else []
        if not is_first and row.step == "post":
            marks.append(said.correction if alert.action == "correction" else said.update)
        if repeats:
            marks.append(said.possible_repeat)
        data: dict[str, Any] = msgspec.to_builtins(alert)
        if is_first:
            data["action"] = "new"
        data |= {"room": self.room.id, "is_first": is_first, "possible_repeat": repeats}
        return Message(
            key=message_key(alert, self.room.id, row.step),
            level=alert.level,
            title=words.title,
            lines=words.lines,
            changes=() if is_first else words.changes,
            links=_links(alert.links),
            marks=tuple(marks),
            notice=": ".join(filter(None, (words.title, "; ".join(words.changes)))),
            footer=f"{alert.subject}, version {alert.n}",
            data=data,
        )

    def digest(self, rows: list[Delivery]) -> Message:
        """Return one message about alerts that were gathered, or expired before they were told."""
        said = self.messages.of(self.room.language).marks
        is_gathered = all(row.gathered for row in rows)
        alerts = [row.alert for row in rows]
        title = (said.gathered if is_gathered else said.missed).format(count=len(alerts))
        lines = [f"{self._stamp(alert.at)}: {self._words(alert).title}" for alert in alerts]
        if len(lines) > MAX_DIGEST_LINES:
            rest = said.more.format(count=len(lines) - MAX_DIGEST_LINES)
            lines[MAX_DIGEST_LINES:] = [rest]
        is_repeat = any(row.possible_repeat for row in rows)
        ids = sorted(alert.id for alert in alerts)
        return Message(
            key=content_id(self.room.id, "digest", *ids, length=32),
            level=max((alert.level for alert in alerts), key=LEVELS.index),
            title=title,
            lines=tuple(lines),
            links=_links([alert.links[0] for alert in alerts if alert.links]),
            marks=(said.possible_repeat,) if is_repeat else (),
            data={
                "action": "digest",
                "reason": "gathered" if is_gathered else "missed",
                "room": self.room.id,
                "subjects": sorted(alert.subject for alert in alerts)[:100],
                "alerts": len(alerts),
                "possible_repeat": is_repeat,
            },
        )

    def _words(self, alert: Alert) -> Text:
        return render(alert, self.room.language, ZoneInfo(self.room.time_zone), self.messages)

    def _stamp(self, at: datetime) -> str:
        local = at.astimezone(ZoneInfo(self.room.time_zone))
        return f"{local:%Y-%m-%d %H:%M} ({self.room.time_zone})"


def _links(links: Sequence[records.Link]) -> tuple[Link, ...]:
    return tuple(
        Link(link.title, link.url, link.publisher, link.language) for link in links[:MAX_LINKS]
    )
