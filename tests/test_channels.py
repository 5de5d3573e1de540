"""seeds/channels.toml: layers, faults with a hint, routes, secrets by reference."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streams.catalog.channels import Channels, read, sample_alert
from streams.catalog.sources import Sources
from streams.cli import main
from streams.errors import Fault, FaultsError


def load(tmp_path: Path, text: str) -> tuple[Channels, list[str]]:
    (tmp_path / "channels.toml").write_text(text)
    faults: list[Fault] = []
    found = read(Sources.of(tmp_path), faults)
    return found, [str(fault).removeprefix(str(tmp_path) + "/") for fault in faults]


OWN = """
[[room]]
id = "console"
language = "pl"
[[room]]
id = "desk"
kind = "webhook"
url = "https://desk.example/in"
[[room]]
id = "slack"
kind = "slack"
secret = "SLACK_DESK"
level = "urgent"
fallback = "desk"
[[route]]
id = "baltic"
match = { countries = ["LT", "LV", ""], level = "normal", late = false }
rooms = ["slack", "desk"]
[[test]]
country = "LT"
rooms = ["console", "slack", "desk"]
[[test]]
country = "LT"
late = true
rooms = ["console"]
"""


def test_shipped_channels_are_sound() -> None:
    faults: list[Fault] = []
    found = read(Sources.of(), faults)
    assert not faults and not found.failed_tests and found.test_count >= 2


def test_an_own_layer_is_laid_over_key_by_key(tmp_path: Path) -> None:
    found, faults = load(tmp_path, OWN)
    assert not faults and not found.failed_tests
    console = found.room("console")
    assert console and (console.language, console.kind) == ("pl", "console")
    unnamed = sample_alert(country=None, level="urgent")
    assert [room.id for room in found.routed(unnamed)] == ["console", "desk", "slack"]
    replay = sample_alert(country="LT", theatre="replay")
    assert [room.id for room in found.routed(replay)] == ["console"]
    assert len(found.routed(replay, deliver_replay=True)) == 3
    assert found.routed(sample_alert(country="LT", theatre="canary")) == ()


def test_disabled_removes(tmp_path: Path) -> None:
    found, faults = load(
        tmp_path,
        '[[room]]\nid = "console"\ndisabled = true\n[[route]]\nid = "all-to-console"\ndisabled = true',
    )
    assert not faults and found.rooms == () and found.routes == ()


def test_a_failed_test_is_told_and_stops_nothing(tmp_path: Path) -> None:
    found, faults = load(tmp_path, OWN + '[[test]]\ncountry = "PL"\nrooms = ["desk"]\nwhy = "x"')
    assert not faults
    assert [fault.reason for fault in found.failed_tests] == ["reaches console, expected desk (x)"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[rooms]]\n", "channels.toml: rooms: unknown key; did you mean 'room'?"),
        ('[[room]]\nkind = "slack"', "channels.toml: room[0].id: missing"),
        ('[[room]]\nid = "a"\nkind = "slak"', "room[0].kind: unknown kind; did you mean 'slack'?"),
        ('[[room]]\nid = "a"\nkind = "slack"', "kind 'slack' needs `url` (or `secret`"),
        (
            '[[room]]\nid = "a"\nkind = "console"\nurl = "https://x.example"',
            "kind 'console' has no use for `url`",
        ),
        (
            '[[room]]\nid = "a"\nkind = "webhook"\nurl = "https://x.example"\ntimezone = "UTC"',
            "room[0].timezone: unknown key; did you mean 'time_zone'?",
        ),
        (
            '[[room]]\nid = "a"\nkind = "webhook"\nurl = "https://u:p@x.example"',
            "a password does not belong here",
        ),
        ('[[room]]\nid = "a"\nkind = "webhook"\nurl = "ftp://x"', "expected an http(s) address"),
        (
            '[[room]]\nid = "a"\nkind = "webhook"\nurl = "https://x.example"\nsecret = "X"',
            "`url` and `secret` both give the address",
        ),
        ('[[room]]\nid = "a"\nkind = "console"\ntime_zone = "Mars/Dome"', "no such time zone"),
        ('[[room]]\nid = "a"\nkind = "console"\nlevel = "loud"', "room[0].level:"),
        ('[[room]]\nid = "a"\nkind = "console"\nfallback = "b"', "room[0].fallback: no room 'b'"),
        (
            '[[room]]\nid = "a"\nkind = "console"\nfallback = "a"',
            "a room cannot stand in for itself",
        ),
        ('[[route]]\nid = "r"\nrooms = ["konsole"]', "no room 'konsole'; did you mean 'console'?"),
        ('[[route]]\nid = "r"\nrooms = []', "route[0].rooms:"),
        ('[[room]]\nid = "a"\nkind = "console"\n' * 2, "room[1].id: 'a' is there twice"),
        ("room = 3", "expected [[room]] tables"),
        ("[[room]\n", "not TOML"),
    ],
)
def test_every_fault_says_where_and_what(tmp_path: Path, text: str, fault: str) -> None:
    _, faults = load(tmp_path, text)
    assert any(fault in found for found in faults), faults
    assert all(found.startswith("channels.toml: ") for found in faults)


def test_secrets_are_read_late_and_told_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = load(tmp_path, OWN)
    room = found.room("slack")
    assert room
    with pytest.raises(FaultsError, match="FLANKWATCH_SECRET_SLACK_DESK: room 'slack': not set"):
        room.target()
    (tmp_path / "secret").write_text("https://hooks.example/T/B/x\n")
    monkeypatch.setenv("FLANKWATCH_SECRET_SLACK_DESK_FILE", str(tmp_path / "secret"))
    assert room.target().url == "https://hooks.example/T/B/x"
    assert "hooks" not in repr(room.target()) + repr(room)


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, list(arguments), env=environment)
    return done.exit_code, done.output


def test_channels_commands(tmp_path: Path) -> None:
    (tmp_path / "channels.toml").write_text(OWN)
    own = {"FLANKWATCH_SEEDS": str(tmp_path)}
    code, told = run("channels", "list", "--json", **own)
    rooms = [json.loads(line) for line in told.splitlines()]
    assert code == 0 and [room["id"] for room in rooms] == ["console", "desk", "slack"]
    assert "example" not in told
    code, told = run("channels", "route", "--country", "lt", "--json", **own)
    verdicts: dict[str, Any] = {}
    for line in told.splitlines():
        verdict = json.loads(line)
        verdicts[verdict["room"]] = (verdict["told"], verdict["why"])
    assert verdicts == {
        "console": (True, "routed"),
        "desk": (True, "routed"),
        "slack": (False, "below the room's level (urgent)"),
    }
    assert run("channels", "test", "nobody", **own)[0] == 2
    assert run("channels", "test", "slack", **own)[0] == 2  # its secret is not set
    code, told = run("channels", "test", "desk", "--json", **own)
    assert code == 1 and json.loads(told)["reason"] == "dns"


def test_sample_alerts_are_never_news() -> None:
    assert sample_alert().expires_at < datetime.now(UTC)
