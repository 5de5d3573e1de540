"""Listening while a role runs: nothing is missed between its start and its first listening."""
# ruff: noqa: F811 (fixtures are imported)

from __future__ import annotations

import asyncio
import time

import pytest
from mock_broker import mock_broker, settings  # noqa: F401

from streams.engine import follow as following
from streams.engine.bus import Bus
from streams.engine.follow import follow, present_end
from streams.engine.tail import Received
from streams.settings import Settings
from streams.topics import FEEDS, LEDGER, Topic


class Listener:
    """Takes down what it hears; breaks the line once when told to."""

    def __init__(self, fails_at: str = "") -> None:
        self.heard: list[str] = []
        self.started = asyncio.Event()
        self._fails_at = fails_at

    async def take(self, message: Received) -> None:
        text = (message.value or b"").decode()
        if text == self._fails_at:
            self._fails_at = ""
            raise OSError("the line broke")
        self.heard.append(text)

    async def heard_all(self, count: int) -> list[str]:
        async with asyncio.timeout(30):
            while True:
                if len(self.heard) >= count:
                    return self.heard
                await asyncio.sleep(0.05)


async def say(settings: Settings, *words: str, topic: Topic = LEDGER) -> None:
    async with Bus(settings, "test") as bus:
        for word in words:
            await bus.send(topic, None, word.encode())


async def test_what_was_said_since_the_start_is_heard(settings: Settings) -> None:
    await say(settings, "long ago")
    await asyncio.sleep(0.05)
    began = time.time()
    await say(settings, "while it read its seeds")
    listener = Listener()
    task = asyncio.create_task(
        follow(settings, LEDGER, listener.take, listener.started, since=began)
    )
    await listener.started.wait()
    await say(settings, "now")
    assert await listener.heard_all(2) == ["while it read its seeds", "now"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_without_an_instant_only_what_is_new_is_heard(settings: Settings) -> None:
    await say(settings, "before")
    listener = Listener()
    task = asyncio.create_task(follow(settings, LEDGER, listener.take, listener.started))
    await listener.started.wait()
    await say(settings, "now")
    assert await listener.heard_all(1) == ["now"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_broken_line_is_taken_up_where_it_broke(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "RETRY_SECONDS", 0.5)
    listener = Listener(fails_at="two")
    task = asyncio.create_task(follow(settings, LEDGER, listener.take, listener.started))
    await listener.started.wait()
    await say(settings, "one", "two", "three")
    await asyncio.sleep(0.2)
    await say(settings, "four")
    assert (await listener.heard_all(3))[-2:] == ["three", "four"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_listening_to_two_topics_goes_on_where_reading_ended(settings: Settings) -> None:
    await say(settings, "old decision")
    await say(settings, "old state", topic=FEEDS)
    begin = await present_end(settings, LEDGER, FEEDS)
    await say(settings, "decision meanwhile")
    await say(settings, "state meanwhile", topic=FEEDS)
    listener = Listener()
    task = asyncio.create_task(
        follow(settings, (LEDGER, FEEDS), listener.take, listener.started, begin=begin)
    )
    await listener.started.wait()
    await say(settings, "decision now")
    assert sorted(await listener.heard_all(3)) == [
        "decision meanwhile",
        "decision now",
        "state meanwhile",
    ]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
