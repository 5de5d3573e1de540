"""A replay told three ways: by backtest, and by `flankwatch run` on either broker with a webhook.

`Story` is what each way must agree on. Incident ids may differ with the order of arrival, so
incidents are named by the accounts that they hold.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from chat_server import Call, ChatServer
from conftest import ROOT

from connectors.chat import webhook
from connectors.room import Target
from streams import topics
from streams.articles import articles_from_files
from streams.backtest import run_backtest
from streams.catalog import load_catalog
from streams.engine.bus import read_latest
from streams.engine.state import StateFile
from streams.records import Alert, Article, Delivery, Incident, decode
from streams.settings import Settings
from streams.show import Show

ROOM = "hook"
RUN_SECONDS = 180.0
#: Of an incident, what all its accounts together say.
FACTS = (
    *("kind", "level", "status", "country", "happened", "object", "actor", "official"),
    *("independent_origins", "late", "silent", "core", "actions", "lifecycle", "quote"),
)

#: The accounts that an incident holds: guid of the article, kind and country of its report.
Group = frozenset[str]


@dataclass
class Story:
    """What a replay came to, each incident named by its accounts."""

    facts: dict[Group, dict[str, Any]] = field(default_factory=dict)
    shown: dict[Group, str] = field(default_factory=dict)  #: last text at the webhook
    watched: dict[str, int] = field(default_factory=dict)  #: watch's window → messages


@dataclass
class Ran:
    """One `flankwatch run`."""

    code: int
    log: str
    calls: list[Call]  #: that the webhook took

    @property
    def by_subject(self) -> dict[str, list[dict[str, Any]]]:
        """Return the bodies of each incident's messages, in order."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for call in self.calls:
            found[call.body["data"]["subject"]].append(call.body)
        return dict(found)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the log's JSON lines."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]


def own_seeds(folder: Path, url: str = "http://127.0.0.1:9/webhook/none") -> Path:
    """Write an overlay with a webhook room that is told everything."""
    own = folder / "seeds"
    own.mkdir(parents=True, exist_ok=True)
    (own / "channels.toml").write_text(
        f'[[room]]\nid = "{ROOM}"\nkind = "webhook"\nurl = "{url}"\nlevel = "digest"\n'
        f'per_second = 500\n\n[[route]]\nid = "all-to-hook"\nrooms = ["{ROOM}"]\n',
        encoding="utf-8",
    )
    return own


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """Return the environment of a child that is to use these settings."""
    told = {
        "STATE_DIR": str(settings.state_dir),
        "HEALTH_PORT": "0",
        "LOG_FORMAT": "json",
        **({"KAFKA": settings.kafka} if settings.kafka else {}),
        **({"PREFIX": settings.prefix} if settings.prefix else {}),
        **more,
    }
    return os.environ | {f"FLANKWATCH_{name}": value for name, value in told.items()}


async def run_replay(settings: Settings, replay: Path, folder: Path) -> Ran:
    """Run a replay to its end, with a webhook room; nothing else is polled or told."""
    async with ChatServer() as hook:
        log = folder / "run.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "streams", "run", "--exit-when-idle", "--deliver-replay"),
                *("--replay", str(replay)),
                env=environment(
                    settings,
                    SEEDS=str(own_seeds(folder, hook.url("webhook"))),
                    ALLOW_ADDRESSES=f"127.0.0.1:{hook.port}",
                ),
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
        try:
            code = await asyncio.wait_for(process.wait(), RUN_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert not hook.faults
        return Ran(code, log.read_text(encoding="utf-8", errors="replace"), hook.accepted)


async def incidents_of(settings: Settings) -> list[Incident]:
    """Return the incidents that a run left, those merged into others included."""
    if settings.is_embedded:
        state = StateFile(settings.state_dir, read_only=True)
        kept = [decode(Incident, one.value) for one in state.read(topics.INCIDENTS) if one.value]
        state.close()
    else:
        kept = list((await read_latest(settings, topics.INCIDENTS, Incident)).values())
    return kept


async def story_of_run(settings: Settings, ran: Ran, replay: Path) -> Story:
    """Return what a run's topics and its webhook say.

    An incident that later accounts showed to be another one must end with a word that says so.
    """
    names = {one.id: one.guid or "" for one in read_articles(replay)}
    story = Story()
    bodies = ran.by_subject
    for incident in await incidents_of(settings):
        if incident.lifecycle == "merged_into":
            told = bodies.pop(incident.id, [])
            assert [body["data"]["action"] for body in told[-1:]] in ([], ["correction"])
            continue
        group = group_of(incident, names)
        story.facts[group] = facts_of(incident)
        if incident.id in bodies:
            story.shown[group] = bodies.pop(incident.id)[-1]["text"]
    for subject in [subject for subject in bodies if subject.startswith("watch-")]:
        story.watched[subject] = len(bodies.pop(subject))
    assert not bodies, f"told of incidents that are not there: {sorted(bodies)}"
    return story


def story_of_backtest(replay: Path) -> Story:
    """Return what backtest says, shown as the webhook would show it."""
    catalog = load_catalog(own_seeds(replay.parent / "backtest"))
    articles = read_articles(replay)
    names = {one.id: one.guid or "" for one in articles}
    result = run_backtest(articles, catalog)
    (room,) = [one for one in catalog.channels.rooms if one.id == ROOM]
    show = Show(room, catalog.messages)
    last: dict[str, Alert] = {alert.subject: alert for alert in result.alerts}
    story = Story()
    for incident in result.incidents:
        if incident.lifecycle == "merged_into":
            continue
        group = group_of(incident, names)
        story.facts[group] = facts_of(incident)
        if incident.id in last:
            story.shown[group] = webhook_text(show, last[incident.id])
    return story


def webhook_text(show: Show, alert: Alert) -> str:
    """Return the text that our webhook sends for an alert."""
    row = Delivery(subject=alert.subject, room=ROOM, state="pending", alert=alert)
    target = Target(url="http://127.0.0.1:9/")
    sent = webhook.request(show.message(row), "post", target, alert.at)
    text: str = json.loads(sent.body)["text"]
    return text


def read_articles(replay: Path) -> list[Article]:
    """Return a file's articles; each of its lines must be one."""
    found = list(articles_from_files([str(replay)]))
    return [one for one in found if isinstance(one, Article)]


def group_of(incident: Incident, names: dict[str, str]) -> Group:
    """Return the accounts that an incident holds."""
    return frozenset(
        f"{names[account.article]} {account.report.kind} {account.report.territory.country}"
        for account in incident.accounts
    )


def facts_of(incident: Incident) -> dict[str, Any]:
    """Return an incident's facts, comparable."""
    return {name: msgspec.to_builtins(getattr(incident, name)) for name in FACTS}
