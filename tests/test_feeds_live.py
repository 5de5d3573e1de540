"""`flankwatch run` whole, on live local feeds: the alert, the page behind it, and the surge.

In real time, since all roles share the world's clock: a feed is polled once a minute at most.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from chat_server import Call, ChatServer
from conftest import ROOT
from feed_server import Answer, Publisher, Request, item, rss, stories
from replay_stand import environment, incidents_of, own_seeds
from test_feeds_role import until, write_seeds

from streams.settings import Settings

pytestmark = pytest.mark.slow

#: The page answers so late that an alert which waited for it would show.
PAGE_WAITS_SECONDS = 6.0
HTML = {"Content-Type": "text/html; charset=utf-8"}
LEAD = (
    "A Russian drone violated Polish airspace this morning and came down near the village of Wyryki in"
    " the Lublin region, the army said. Police closed the road, and prosecutors came to see the wreckage. "
)


async def places(settings: Settings) -> set[str | None]:
    return {place.place_name for found in await incidents_of(settings) for place in found.places}


async def test_the_alert_does_not_wait_for_the_page_and_the_country_is_polled_harder(
    tmp_path: Path,
) -> None:
    told_at: list[float] = []
    page_at: list[float] = []
    clock = asyncio.get_running_loop().time

    async with Publisher() as publisher, ChatServer() as hook:

        def paper(_request: Request) -> Answer:
            if len(publisher.asked("/paper")) == 1:
                return Answer(200, stories(1))
            news = item(
                7,
                title="Russian drone violated Polish airspace this morning, army says",
                description="More soon.",
                link=publisher.url("/story"),
                pubDate=format_datetime(datetime.now(UTC)),
            )
            return Answer(200, rss(news, item(1)))

        async def page(_request: Request) -> Answer:
            await asyncio.sleep(PAGE_WAITS_SECONDS)
            page_at.append(clock())
            body = f"<html><body><article><h1>Drone</h1><p>{LEAD * 4}</p></article></body></html>"
            return Answer(200, body.encode(), HTML)

        def note(call: Call) -> None:
            told_at.append(clock())

        hook.on_call = note
        publisher.on("/robots.txt", Answer(200, b"User-agent: *\nAllow: /\n", HTML))
        publisher.handle("/story", page)
        url = publisher.handle("/paper", paper)
        feeds = [
            {"id": "paper", "url": url, "publisher": "Paper", "country": "PL", "every": "1m"},
            {"id": "near", "url": publisher.on("/near", Answer(200, stories(1))),
             "publisher": "Near", "country": "PL", "every": "1h"},
            {"id": "far", "url": publisher.on("/far", Answer(200, stories(1))),
             "publisher": "Far", "country": "PT", "every": "1h"},
            {"id": "pact", "url": publisher.on("/pact", Answer(200, stories(1))),
             "publisher": "Alliance", "every": "1h"},
        ]  # fmt: skip
        own = own_seeds(tmp_path, hook.url("webhook"))
        write_seeds(own, *feeds)
        file = own / "feeds" / "own.toml"
        file.write_text(file.read_text() + "\nofficial = true\n")  # the last one
        settings = Settings(state_dir=tmp_path / "state")
        allowed = f"127.0.0.1:{hook.port}, 127.0.0.1:{publisher.port}"
        log = tmp_path / "run.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "streams", "run"),
                env=environment(settings, SEEDS=str(own), ALLOW_ADDRESSES=allowed, FULL_TEXT="1"),
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
        try:
            await until(lambda: told_at and page_at, 120)
            assert told_at[0] < page_at[0] - 1.0, "the alert waited for the page"
            first = hook.accepted[0].body
            assert "Wyryki" not in first["text"]
            # The text that came later names the place: the verdict is revised. (The room's message
            # follows at its policy's pace, minutes later.)
            async with asyncio.timeout(30):
                while "Wyryki" not in await places(settings):  # noqa: ASYNC110
                    await asyncio.sleep(0.5)
            assert {call.body["data"]["subject"] for call in hook.accepted} == {
                first["data"]["subject"]
            }
            assert len(publisher.asked("/story")) == 1
            # What is near, and who speaks for the alliance, is polled at its permitted minimum.
            await until(lambda: len(publisher.asked("/near")) >= 2, 90)
            await until(lambda: len(publisher.asked("/pact")) >= 2, 30)
            for path in ("/near", "/pact"):
                one, two = (request.at for request in publisher.asked(path)[:2])
                assert two - one >= 59.0
            assert len(publisher.asked("/far")) == 1
            (incident,) = await incidents_of(settings)
            assert incident.country == "PL"
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)
    assert "Traceback" not in log.read_text(errors="replace")
