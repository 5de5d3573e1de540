"""Simulated hours of 300 feeds through restarts by kill -9: nothing missed, nobody hammered.

The scheduler's clock runs 120 times fast, sockets and their timeouts are real. DAY_HOURS=24 makes
it the whole day (twelve minutes).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import ROOT
from feed_stand import SHOWN, START, Stand, StandServer, make_feeds
from test_feeds_role import Detect, broker_of

from connectors.clock import Clock
from streams.settings import Settings

pytestmark = pytest.mark.slow

SPEED = 120.0
HOURS = float(os.environ.get("DAY_HOURS", "1.5"))
FEEDS, HOSTS, GAP_SECONDS = 300, 60, 1800.0
KILLS = 3
#: From an article's arrival to its feed's state on file: detect's commit, seen by a poll.
UNDER_WAY_SECONDS = 3.0


async def test_a_day_of_300_feeds_through_three_kills(tmp_path: Path) -> None:
    clock = Clock(SPEED, START)
    stand = Stand(make_feeds(FEEDS, HOSTS, GAP_SECONDS), clock.now)
    async with StandServer(stand) as server:
        seeds = server.write_seeds(tmp_path / "seeds", "5m")
        options = {
            "state_dir": str(tmp_path / "state"),
            "seeds": str(seeds),
            "allow_addresses": "127.0.0.0/8",
            "health_port": 0,
            "log_format": "json",
            "log_level": "warning",
        }
        settings = Settings(**options)  # type: ignore[arg-type]
        killed_at: list[float] = []  # seconds of the loop's clock
        async with broker_of(settings), Detect(settings) as detect:
            part = timedelta(hours=HOURS) / (KILLS + 1)
            for run in range(KILLS + 1):
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, str(ROOT / "tests" / "feed_stand.py"), json.dumps(options)),
                    *(str(SPEED), clock.now().isoformat()),
                )
                end = START + part * (run + 1)
                while clock.now() < end:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
                if run < KILLS:
                    await asyncio.sleep(random.random() * 0.5)
                    process.kill()
                    await process.wait()
                    killed_at.append(asyncio.get_running_loop().time())
                else:
                    process.terminate()
                    assert await asyncio.wait_for(process.wait(), 15) == 0
            ended = clock.now()
            await asyncio.sleep(1.0)
    check_nothing_missed(stand, detect, ended)
    check_repeats(detect, killed_at)
    check_politeness(stand, server)


def check_nothing_missed(stand: Stand, detect: Detect, ended) -> None:  # type: ignore[no-untyped-def]
    got = {article.guid for article in detect.articles}
    settled = ended - timedelta(minutes=25)  # an interval, and what a loaded machine adds
    missed = [
        f"urn:{feed.id}:{number}"
        for feed in stand.feeds
        for number in range(SHOWN, feed.count_at(settled))
        if f"urn:{feed.id}:{number}" not in got
    ]
    assert missed == []


def check_repeats(detect: Detect, killed_at: list[float]) -> None:
    """Only what was under way at a kill comes twice, with the same id and revision."""
    revisions = defaultdict(set)
    last: dict[str, float] = {}
    for article, at in zip(detect.articles, detect.came_at, strict=True):
        revisions[article.id].add(article.revision)
        if article.id in last:
            assert any(last[article.id] - 1 < kill < at for kill in killed_at)
            kill = max(kill for kill in killed_at if kill < at)
            assert kill - last[article.id] < UNDER_WAY_SECONDS
        last[article.id] = at
    assert all(len(found) == 1 for found in revisions.values())
    assert len({article.guid for article in detect.articles}) == len(last)


def check_politeness(stand: Stand, server: StandServer) -> None:
    unconditional: Counter[str] = Counter()
    per_minute: Counter[tuple[str, int]] = Counter()
    for feed, is_conditional, at in stand.requests:
        if feed.validators != "none" and not is_conditional:
            unconditional[feed.id] += 1
        per_minute[feed.host, int((at - START).total_seconds() // 60)] += 1
    assert max(unconditional.values()) <= 1 + KILLS
    again = sum(unconditional.values()) - len(unconditional)
    assert again <= KILLS * FEEDS  # a 200 whose state was not saved at a kill
    assert max(per_minute.values()) <= 60
    polls = Counter(feed.id for feed, _, _ in stand.requests)
    assert max(polls.values()) <= HOURS * 60 / 4.5 + 2 * (KILLS + 1)
