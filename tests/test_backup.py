"""`flankwatch state export|import`: what is remembered moves to another broker whole."""
# ruff: noqa: F811 (fixtures are imported)

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from incident_stories import at, fold_all, ledger, told
from mock_broker import MockBroker, mock_broker  # noqa: F401
from msgspec.structs import replace
from replay_stand import environment
from role_process import read, send

from streams.backup import read_lines
from streams.engine.bus import Outgoing, read_latest
from streams.engine.state import StateFile
from streams.errors import FlankwatchError
from streams.records import Alert, Decision, Delivery, Incident, decode, decode_ledger, encode
from streams.settings import Settings
from streams.topics import DELIVERIES, INCIDENTS, LEDGER


def flankwatch(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams", *words],
        env=environment(settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def story() -> tuple[list[Incident], Alert]:
    """Incidents of a small story, as they were written, and the last alert."""
    book, effects = fold_all([told("a"), told("b", hours=9), told("l", country="LT")], final=False)
    return book.incidents("replay"), [alert for step in effects for alert in step.alerts][-1]


SILENCE = Decision(id="s", at=at(1), who="ann", action="silence", why="drill", country="FI")


async def test_memory_moves_to_another_broker(mock_broker: MockBroker, tmp_path: Path) -> None:
    old = Settings(kafka=mock_broker.address, prefix="old.", state_dir=tmp_path / "s")
    new = Settings(kafka=mock_broker.address, prefix="new.", state_dir=tmp_path / "s")
    incidents, alert = story()
    row = Delivery(subject=alert.subject, room="r", state="shown", alert=alert, shown_n=1)
    over = replace(SILENCE, id="o", country="PL", until=at(2))
    records = [Outgoing(INCIDENTS, one.id, one) for one in incidents]
    records += [
        Outgoing(INCIDENTS, incidents[1].id, replace(incidents[1], version=1, actor="x")),  # stale
        Outgoing(INCIDENTS, "gone", replace(incidents[0], id="gone")),
        Outgoing(INCIDENTS, "gone", None),
        Outgoing(DELIVERIES, f"{row.subject}|r", row),
        Outgoing(LEDGER, None, SILENCE),
        Outgoing(LEDGER, None, over),
    ]
    await send(old, records)
    file = tmp_path / "state.jsonl"
    done = flankwatch(old, "state", "export", str(file))
    assert done.returncode == 0, done.stderr
    assert "4 records" in done.stdout
    done = flankwatch(new, "state", "import", str(file))
    assert done.returncode == 0, done.stderr
    found = await read_latest(new, INCIDENTS, Incident)
    expected = [replace(one, through=-1, leaving=(), remembers=None) for one in incidents]
    assert sorted(found.values(), key=lambda one: one.id) == expected
    assert (await read_latest(new, DELIVERIES, Delivery))[f"{row.subject}|r"] == row
    assert [decode_ledger(m.value or b"") for m in await read(new, LEDGER)] == [SILENCE]
    again = flankwatch(new, "state", "import", str(file))
    assert again.returncode == 2 and "incidents on this broker already" in again.stderr


def test_incidents_that_moved_go_on_where_they_were() -> None:
    """On the new broker the ledger begins at offset 0; the next account is told all the same."""
    incidents, _ = story()
    lines = [b'{"flankwatch_state":1}']
    lines += [
        b'{"topic":"news.incidents.v1","key":"%s","value":%s}' % (one.id.encode(), encode(one))
        for one in incidents
    ]
    book = ledger()
    for _, _, record in read_lines(lines):
        assert isinstance(record, Incident)
        book.load(decode(Incident, encode(record)))
    effects = book.fold(0, told("c", hours=10, official="PL", realis="attributed"))
    assert [(a.action, a.status, a.n) for a in effects.alerts] == [("update", "confirmed", 3)]
    assert book.fold(1, told("b", hours=9)).outcomes[0].what == "repeat"


def test_embedded_state_moves_between_directories(tmp_path: Path) -> None:
    old, new = Settings(state_dir=tmp_path / "old"), Settings(state_dir=tmp_path / "new")
    incidents, _ = story()
    state = StateFile(old.state_dir)
    for one in incidents:
        state.keep_latest(INCIDENTS, one.id, encode(one), [])
    state.close()
    file = tmp_path / "state.jsonl"
    assert flankwatch(old, "state", "export", str(file)).returncode == 0
    done = flankwatch(new, "state", "import", "--json", str(file))
    assert done.returncode == 0, done.stderr
    state = StateFile(new.state_dir)
    kept = {one.key for one in state.read(INCIDENTS)}
    state.close()
    assert kept == {one.id for one in incidents}
    again = flankwatch(new, "state", "import", str(file))
    assert again.returncode == 2 and "holds incidents already" in again.stderr


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([b"{}"], "line 1: not a state export"),
        ([b"nonsense"], "line 1: cannot be read"),
        ([b'{"flankwatch_state":1}', b'{"topic":"x","key":"k","value":{}}'], "line 2: unknown"),
        (
            [b'{"flankwatch_state":1}', b'{"topic":"news.incidents.v1","key":"k","value":{}}'],
            "line 2: cannot be read",
        ),
    ],
)
def test_file_that_is_none_is_refused_with_the_line(lines: list[bytes], said: str) -> None:
    with pytest.raises(FlankwatchError, match=said):
        list(read_lines(lines))
