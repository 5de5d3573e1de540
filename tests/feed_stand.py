"""A newsstand: hundreds of generated feeds on loopback hosts, each with a rhythm and a memory.

What a feed holds is a function of the instant alone, so a test can say what must have come out.
`python tests/feed_stand.py ROLE…` is the fetch role as a process with a fast clock.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from feed_server import Answer, Publisher, Request, item, rss

SHOWN = 20  # entries in a document
START = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass
class StandFeed:
    """One generated feed."""

    number: int
    host: str
    gap_seconds: float  #: between two stories
    validators: str  #: etag | date | none

    @property
    def id(self) -> str:
        return f"feed-{self.number}"

    @property
    def path(self) -> str:
        return f"/{self.number}"

    def count_at(self, at: datetime) -> int:
        """Return how many stories have appeared, the first SHOWN being there from the start."""
        passed = (at - START).total_seconds() + self.number * 7 % self.gap_seconds
        return SHOWN + int(max(0.0, passed) // self.gap_seconds)

    def published_at(self, story: int) -> datetime:
        offset = (story - SHOWN + 1) * self.gap_seconds - self.number * 7 % self.gap_seconds
        return START + timedelta(seconds=offset)


@dataclass
class Stand:
    """The feeds and what was asked of them."""

    feeds: list[StandFeed]
    now: object  #: callable: the simulated instant
    requests: list[tuple[StandFeed, bool, datetime]] = field(default_factory=list)
    under_way: dict[str, int] = field(default_factory=dict)
    at_once: int = 0  #: most requests under way at one host

    def serve(self, feed: StandFeed, request: Request) -> Answer:
        at: datetime = self.now()  # type: ignore[operator]
        count = feed.count_at(at)
        tag, date = f'"{count}"', f"story {count}"
        is_conditional = (
            "if-none-match" in request.headers or "if-modified-since" in request.headers
        )
        self.requests.append((feed, is_conditional, at))
        if tag == request.headers.get("if-none-match") or date == request.headers.get(
            "if-modified-since"
        ):
            return Answer(304)
        headers = {"etag": {"ETag": tag}, "date": {"Last-Modified": date}, "none": {}}
        stories = (self.story(feed, n) for n in range(count - 1, count - 1 - SHOWN, -1))
        return Answer(200, rss(*stories), dict(headers[feed.validators]))

    def story(self, feed: StandFeed, number: int) -> str:
        return item(
            number,
            title=f"Story {number} of {feed.id}",
            link=f"http://{feed.host}/story/{feed.number}/{number}",
            guid=f"urn:{feed.id}:{number}",
            description=f"What story {number} of {feed.id} tells in one sentence of usual length.",
        )


def make_feeds(count: int, hosts: int, gap_seconds: float) -> list[StandFeed]:
    """Return feeds spread over hosts 127.0.1.1…; gaps vary around the given one."""
    kinds = ("etag",) * 8 + ("date", "none")
    return [
        StandFeed(
            n,
            f"127.0.{1 + n % hosts // 250}.{1 + n % hosts % 250}",
            gap_seconds * (0.5 + n % 11 / 10),
            kinds[n % len(kinds)],
        )
        for n in range(count)
    ]


class StandServer(Publisher):
    """Serves a stand on all its hosts, one port."""

    def __init__(self, stand: Stand) -> None:
        super().__init__()
        self.stand = stand
        for feed in stand.feeds:
            self.handle(feed.path, lambda request, feed=feed: stand.serve(feed, request))

    async def __aenter__(self) -> StandServer:
        hosts = sorted({feed.host for feed in self.stand.feeds})
        self._server = await asyncio.start_server(self._serve, hosts[0], 0, backlog=1000)
        self.port = self._server.sockets[0].getsockname()[1]
        self._more = [
            await asyncio.start_server(self._serve, host, self.port, backlog=1000)
            for host in hosts[1:]
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._more:
            server.close()
        await super().__aexit__()

    def write_seeds(self, folder: Path, every: str) -> Path:
        (folder / "feeds").mkdir(parents=True, exist_ok=True)
        lines = ["replace_shipped = true"]
        for feed in self.stand.feeds:
            lines += [
                "[[feed]]",
                f'id = "{feed.id}"',
                f'url = "http://{feed.host}:{self.port}{feed.path}"',
                f'publisher = "P{feed.number}"',
                f'every = "{every}"',
            ]
        (folder / "feeds" / "stand.toml").write_text("\n".join(lines))
        return folder


def main() -> None:
    """Run the fetch role; argv: settings as JSON, the clock's speed, its instant."""
    from functools import partial

    from connectors.clock import Clock
    from streams.engine.role import run_role
    from streams.fetch import run
    from streams.settings import Settings

    settings = Settings(**json.loads(sys.argv[1]))
    clock = Clock(float(sys.argv[2]), datetime.fromisoformat(sys.argv[3]))
    sys.exit(run_role("fetch", settings, partial(run, clock=clock), parent=os.getppid()))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
