"""`flankwatch reload`: running roles take up the seeds as they are now, or keep theirs and say so."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer
from conftest import ROOT
from replay_stand import environment

from streams.engine.role import Role, read_role_file
from streams.errors import Fault, FaultsError
from streams.records import CatalogSwitch
from streams.reload import Reloader
from streams.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Stage:
    """A role's work: what it was told to use."""

    def __init__(self, tmp_path: Path) -> None:
        self.on_disk = "h1"
        self.used: list[str] = []
        self.fault: Fault | None = None
        self.role = Role(Settings(state_dir=tmp_path), "merge")
        self.reloader = Reloader(self.role, "h1", self._load, self._use)

    def _load(self) -> tuple[str, str]:
        return self.on_disk, f"seeds of {self.on_disk}"

    async def _use(self, seeds: str) -> None:
        if self.fault is not None:
            raise FaultsError([self.fault])
        self.used.append(seeds)

    async def switch(self, catalog: str) -> bool:
        return await self.reloader.take(CatalogSwitch(catalog=catalog, at=NOW))


async def test_role_takes_the_seeds_that_the_switch_names(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.on_disk = "h2"
    assert await stage.switch("h2")
    assert await stage.switch("h2"), "a repeat is no work"
    assert (stage.used, stage.reloader.catalog) == (["seeds of h2"], "h2")
    told = read_role_file(stage.role.settings, "merge") or {}
    assert (told["catalog"], told["catalog_refused"]) == ("h2", None)


async def test_role_keeps_its_own_when_its_seeds_are_others(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.on_disk = "h3"
    assert not await stage.switch("h2")
    assert (stage.used, stage.reloader.catalog) == ([], "h1")
    told = read_role_file(stage.role.settings, "merge") or {}
    assert (told["catalog"], told["catalog_refused"]) == ("h1", "h2")
    assert "h3" in told["catalog_refused_why"]


async def test_role_keeps_its_own_when_it_cannot_use_them(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.on_disk = "h2"
    stage.fault = Fault("environment", "FLANKWATCH_SECRET_X", "not set")
    assert not await stage.switch("h2")
    assert stage.reloader.catalog == "h1"
    stage.fault = None
    assert await stage.switch("h2"), "set meanwhile: the next reload works"


# --- everything, as processes ------------------------------------------------------------------

WATCH = """id = "teapots"
title = "Teapots"
watches = "articles"
level = "normal"
any = ["teapot"]
[terms]
teapot = ["teapot*"]
[[test]]
text = "Two teapots"
expect = true
[[test]]
text = "Coffee"
expect = false
"""


def article(name: str, title: str) -> str:
    return json.dumps({"id": name, "title": title, "published": datetime.now(UTC).isoformat()})


def room(name: str, hook: ChatServer) -> str:
    return (
        f'[[room]]\nid = "{name}"\nkind = "webhook"\nurl = "{hook.url("webhook", name)}"\n'
        f'level = "digest"\n[[route]]\nid = "all-to-{name}"\nrooms = ["{name}"]\n'
    )


async def flankwatch(env: dict[str, str], *arguments: str, given: str = "") -> tuple[int, str]:
    """Run a command of ours; return its exit code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streams", *arguments),
        env=env,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate(given.encode())
    return process.returncode or 0, said.decode()


async def until(
    holds: Callable[[], Any], process: Any, told: Callable[[], str], seconds: float = 60
) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert process.returncode is None and time.monotonic() < deadline, told()[-6000:]
        await asyncio.sleep(0.2)


@pytest.mark.slow
async def test_reload_reaches_all_roles_without_a_restart(tmp_path: Path) -> None:
    own = tmp_path / "seeds"
    (own / "feeds").mkdir(parents=True)
    (own / "alerts").mkdir()
    (own / "feeds" / "none.toml").write_text("replace_shipped = true\n")
    (own / "alerts" / "claim.toml").write_text(
        'id = "claim"\ntitle = "No claims"\nlevel = "normal"\ndisabled = true\n'
    )
    (own / "alerts" / "low.toml").write_text(
        'id = "low"\ntitle = "Nothing low"\nlevel = "digest"\ndisabled = true\n'
    )
    settings = Settings(state_dir=tmp_path / "state")
    log = tmp_path / "run.log"
    async with ChatServer() as hook:
        (own / "channels.toml").write_text(room("first", hook))
        env = environment(settings, SEEDS=str(own), ALLOW_ADDRESSES=f"127.0.0.1:{hook.port}")

        def told(name: str) -> list[str]:
            return [call.body["text"] for call in hook.accepted if call.path.endswith(name)]

        def catalogs() -> set[str]:
            names = ("fetch", "detect", "merge", "deliver")
            found = [read_role_file(settings, name) or {} for name in names]
            assert not any(one.get("catalog_refused") for one in found), found
            return {str(one.get("catalog")) for one in found}

        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "streams", "run"),
                env=env,
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
        try:

            def is_ready() -> bool:
                found = [read_role_file(settings, n) or {} for n in ("detect", "merge", "deliver")]
                return all(one.get("ready") for one in found)

            await until(is_ready, process, log.read_text)
            calm = "Two teapots, and a drone crossed into Poland's airspace, a resident said"
            code, said = await flankwatch(env, "ingest", "-", given=article("a1", calm))
            assert code == 0, said
            # A broken file changes nothing.
            (own / "alerts" / "teapots.toml").write_text("id = ")
            code, said = await flankwatch(env, "reload")
            assert code == 2 and "teapots.toml" in said
            # A watch more, the policy on claims again, and another room.
            (own / "alerts" / "teapots.toml").write_text(WATCH)
            (own / "alerts" / "claim.toml").unlink()
            (own / "channels.toml").write_text(room("first", hook) + room("second", hook))
            code, said = await flankwatch(env, "reload", "--json")
            assert code == 0, said
            catalog = json.loads(said.splitlines()[-1])["catalog"]
            await until(lambda: catalogs() == {catalog}, process, log.read_text)
            assert told("first") == [], "until now neither watch nor policy spoke"
            new = "Teapots: a drone crossed into Romania's airspace near Tulcea, a resident said"
            code, said = await flankwatch(env, "ingest", "-", given=article("a2", new))
            assert code == 0, said
            await until(
                lambda: len(told("first")) >= 2 and len(told("second")) >= 2, process, log.read_text
            )
            for name in ("first", "second"):
                texts = told(name)
                assert any("Teapots" in text for text in texts), texts
                assert any("Romania" in text and "Tulcea" in text for text in texts), texts
            _, said = await flankwatch(env, "status")
            assert said.count(f"catalog {catalog}") == 4, said
        finally:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGTERM)
                await asyncio.wait_for(process.wait(), 30)
    assert "could not" not in log.read_text()
