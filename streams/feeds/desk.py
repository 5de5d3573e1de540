"""What `flankwatch feeds list` shows: every seed beside what is saved of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from streams import topics
from streams.catalog.feeds import FeedSpec
from streams.engine.bus import read_latest
from streams.errors import BrokerError, StateError
from streams.feeds.health import WORDS, health
from streams.fetch import read_feeds
from streams.records import FeedState
from streams.settings import Settings

#: Width of the table where no terminal tells one.
PIPE_COLUMNS = 160
_STYLE = {
    "ok": "green", "new": "dim", "moved": "cyan", "quiet": "yellow", "stale": "yellow",
    "blocked": "red", "broken": "red", "gone": "red",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One feed as the table has it."""

    spec: FeedSpec
    state: FeedState | None
    health: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """Return the row as `--json` prints it."""
        state = self.state
        return {
            "id": self.spec.id,
            "group": self.spec.group,
            "country": self.spec.country,
            "language": self.spec.language,
            "publisher": self.spec.publisher,
            "kind": self.spec.kind,
            "status": self.spec.status,
            "file": self.spec.file,
            "health": self.health,
            "why": self.why,
            "outcome": state.outcome if state else None,
            "last_success_at": _iso(state.last_success_at if state else None),
            "last_new_item_at": _iso(state.last_new_item_at if state else None),
            "next_poll_at": _iso(state.next_poll_at if state else None),
            "interval_seconds": state.interval_seconds if state else None,
            "failures": state.failures if state else 0,
        }


async def rows(settings: Settings) -> tuple[list[Row], str]:
    """Return a row for each feed, and a note when nothing is known of their states.

    Raises:
        FaultsError: the feeds' seeds are wrong.
    """
    feeds = read_feeds(settings)
    note = ""
    states: dict[str, FeedState] = {}
    try:
        if not settings.is_embedded or (settings.state_dir / "state.sqlite").exists():
            states = await read_latest(settings, topics.FEEDS, FeedState)
        else:
            note = "nothing has been fetched yet"
    except (BrokerError, StateError) as error:
        note = f"states are not known: {error}"
    now = datetime.now(UTC)
    found = [Row(feed, states.get(feed.id), *health(states.get(feed.id), now)) for feed in feeds]
    found.sort(key=lambda row: (WORDS.index(row.health), row.spec.group, row.spec.id))
    return found, note


def show_table(found: list[Row]) -> None:
    """Print the table and a summary by health."""
    now = datetime.now(UTC)
    console = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("feed", "", "lang", "health", "last new", "next poll", "every", "why"):
        is_number = name in ("last new", "next poll", "every")
        justify: Literal["left", "right"] = "right" if is_number else "left"
        table.add_column(name, justify=justify, no_wrap=name != "why", overflow="fold")
    for row in found:
        state = row.state
        table.add_row(
            row.spec.id,
            row.spec.country or "",
            row.spec.language or "",
            f"[{_STYLE[row.health]}]{row.health}[/]",
            _ago(state.last_new_item_at if state else None, now),
            _ahead(state.next_poll_at if state else None, now),
            f"{state.interval_seconds:.0f} s" if state and state.interval_seconds else "",
            row.why.replace("[", "\\["),
        )
    console.print(table)
    counts = {word: sum(row.health == word for row in found) for word in WORDS}
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    console.print(f"{len(found)} feeds: {told}" if found else "no feeds")


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _ago(at: datetime | None, now: datetime) -> str:
    return f"{_span((now - at).total_seconds())} ago" if at else ""


def _ahead(at: datetime | None, now: datetime) -> str:
    return "" if at is None else "due" if at <= now else f"in {_span((at - now).total_seconds())}"
