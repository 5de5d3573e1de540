# ruff: noqa: F811
"""What operators do with deliveries and dead letters, against a real deliver process."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chat_server import ChatServer
from click.testing import CliRunner
from deliver_process import Start, alert, send, shown, start_deliver, until  # noqa: F401
from mock_broker import MockBroker, mock_broker  # noqa: F401

from streams.cli import main
from streams.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(mock_broker: MockBroker, tmp_path: Path) -> Settings:
    return Settings(
        kafka=mock_broker.address, prefix="orders.", state_dir=tmp_path, allow_addresses="127.0.0.1"
    )


async def flankwatch(settings: Settings, *arguments: str, answer: str = "") -> tuple[int, str]:
    """Run a command as a user would; it has an event loop of its own."""
    environment = {
        "FLANKWATCH_KAFKA": settings.kafka,
        "FLANKWATCH_PREFIX": settings.prefix,
        "FLANKWATCH_STATE_DIR": str(settings.state_dir),
    }
    done = await asyncio.to_thread(
        CliRunner().invoke, main, list(arguments), input=answer, env=environment
    )
    return done.exit_code, done.output


async def test_orders_release_drop_and_replay(settings: Settings, start_deliver: Start) -> None:
    now = datetime.now(UTC)
    async with ChatServer() as server:
        rooms = [{"id": "slack", "kind": "slack", "url": server.url("slack"), "unknown": "hold"}]
        server.script.extend(["ok-then-reset", "400", "400", "403"])
        role = start_deliver(settings, rooms)
        await send(settings, alert("held"))
        await until(settings, role, lambda rows: rows and rows["held|slack"].state == "held")
        await send(settings, alert("refused"))
        await until(
            settings,
            role,
            lambda rows: len(rows) == 2 and rows["refused|slack"].state == "rejected",
        )

        code, told = await flankwatch(settings, "deliveries", "list", "--json")
        listed = {row["subject"]: row for row in map(json.loads, told.splitlines())}
        assert code == 0 and listed["held"]["reason"] == "reset"
        assert (listed["refused"]["state"], listed["refused"]["shown_n"]) == ("rejected", 0)
        code, told = await flankwatch(settings, "deliveries", "list", "--state", "held")
        assert told.count("\n") == 1 and told.startswith("held")
        assert (await flankwatch(settings, "deliveries", "release", "no", "slack"))[0] == 2

        code, told = await flankwatch(settings, "dead-letters", "list", "--json")
        letter = json.loads(told)
        assert (letter["reason"], letter["room"]) == ("rejected", "slack")
        code, told = await flankwatch(settings, "dead-letters", "show", letter["place"])
        assert code == 0 and json.loads(told.splitlines()[1])["subject"] == "refused"

        server.script.clear()
        assert (await flankwatch(settings, "deliveries", "release", "held", "slack"))[0] == 0
        code, told = await flankwatch(settings, "dead-letters", "replay", letter["place"])
        assert (code, told) == (0, "put back: 1\n")
        await until(settings, role, shown(2))
        assert (await flankwatch(settings, "deliveries", "release", "held", "slack"))[0] == 2

        server.script.append("403")
        await send(settings, alert("old", expires_at=now + timedelta(seconds=8)))
        await until(settings, role, lambda rows: "old|slack" in rows and rows["old|slack"].reason)
        assert (await flankwatch(settings, "deliveries", "drop", "old", "slack"))[0] == 0
        found = await until(settings, role, lambda rows: rows["old|slack"].state == "skipped")
        assert found["old|slack"].reason == "drop by operator"
        await asyncio.sleep(
            max(0.0, (now + timedelta(seconds=8.5) - datetime.now(UTC)).total_seconds())
        )
        code, told = await flankwatch(
            settings, "deliveries", "release", "old", "slack", answer="n\n"
        )
        assert code == 1 and "expired" in told
        assert role.stop() == 0, role.told()
        texts = [call.body["text"] for call in server.accepted]
    assert len(texts) == 3 and sum("possible repeat" in text for text in texts) == 1
