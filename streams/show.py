"""An alert as a room is shown it: the room's language and time zone, our marks, the machine form.

The words come from streams/incidents/message.py; here they become a connector's `Message`. Pure.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
from msgspec.structs import replace

from connectors.room import Link, Message
from streams.catalog.channels import Room
from streams.records import LEVELS, Alert, Delivery, content_id

REPLAY = "REPLAY"
POSSIBLE_REPEAT = "possible repeat"
TEST = "TEST"
MAX_DIGEST_LINES = 20
MAX_LINKS = 5
_FACTS = ("what", "where", "when", "who_says", "origins", "actor", "unknown", "why")


def message_key(alert: Alert, room: str, step: str = "post") -> str:
    """Return the idempotency key: the same on every try and after every restart."""
    parts = (alert.id, room) if step in ("post", "edit") else (alert.id, room, step)
    return content_id(*parts, length=32)


def text_of(alert: Alert, room: Room) -> str:
    """Return what the room shows once the alert is told: the facts, without what changed."""
    words = _words(replace(alert, action="new", changes=()), room)
    links = [
        f"{link.publisher} ({link.language}): {link.title} {link.url or ''}".rstrip()
        for link in words.links
    ]
    return "\n".join((words.title, *words.lines, *links))


def message_of(row: Delivery, room: Room) -> Message:
    """Return the row's alert as the room gets it in the row's step: post, edit or reply."""
    alert = row.alert
    is_first = row.shown_n == 0
    words = _words(replace(alert, action="new", changes=()) if is_first else alert, room)
    repeats = row.possible_repeat and row.step != "edit"
    marks = (REPLAY,) if alert.theatre == "replay" else ()
    data: dict[str, Any] = msgspec.to_builtins(alert)
    if is_first:
        data["action"] = "new"
    data |= {"room": room.id, "is_first": is_first, "possible_repeat": repeats}
    return dataclasses.replace(
        words,
        key=message_key(alert, room.id, row.step),
        marks=(*marks, POSSIBLE_REPEAT) if repeats else marks,
        notice="; ".join(alert.changes) or words.title,
        data=data,
    )


def digest_of(rows: list[Delivery], room: Room) -> Message:
    """Return one message about the alerts that expired before the room could be told."""
    alerts = [row.alert for row in rows]
    loudest = max((alert.level for alert in alerts), key=LEVELS.index)
    noun = "alert" if len(alerts) == 1 else "alerts"
    lines = [f"{alert.at:%Y-%m-%d %H:%M} UTC: {alert.headline}" for alert in alerts]
    if len(lines) > MAX_DIGEST_LINES:
        lines[MAX_DIGEST_LINES:] = [f"and {len(lines) - MAX_DIGEST_LINES} more"]
    links = [alert.links[0] for alert in alerts if alert.links][:MAX_LINKS]
    is_repeat = any(row.possible_repeat for row in rows)
    subjects = sorted(alert.subject for alert in alerts)
    return Message(
        key=content_id(room.id, "digest", *sorted(alert.id for alert in alerts), length=32),
        level=loudest,
        title=f"{len(alerts)} {noun} missed while this room could not be reached",
        lines=tuple(lines),
        links=tuple(Link(link.title, link.url, link.publisher, link.language) for link in links),
        marks=(POSSIBLE_REPEAT,) if is_repeat else (),
        data={
            "action": "digest",
            "room": room.id,
            "subjects": subjects[:100],
            "alerts": len(alerts),
            "possible_repeat": is_repeat,
        },
    )


def _words(alert: Alert, room: Room) -> Message:
    """Return the alert in the room's language and local time."""
    lines = [
        f"{name.replace('_', ' ')}: {alert.facts[name]}" for name in _FACTS if name in alert.facts
    ]
    return Message(
        key="",
        level=alert.level,
        title=alert.headline,
        lines=tuple(lines),
        changes=alert.changes,
        links=tuple(
            Link(link.title, link.url, link.publisher, link.language)
            for link in alert.links[:MAX_LINKS]
        ),
    )
