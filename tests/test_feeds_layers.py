"""The overlay: `check --sources` tells who says what, as the catalog's own readers see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.catalog import channels, events, feeds, languages, publishers
from streams.catalog.layers import Origin, origins
from streams.catalog.sources import Sources, shipped
from streams.cli import main

FEED = '[[feed]]\nid = "{id}"\nurl = "https://{id}.example/rss"\npublisher = "{id}"\n'


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_toml", ".toml").replace("_tsv", ".tsv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def layers(tmp_path: Path) -> Sources:
    """Two layers in small: one feed as it came, one changed, added, disabled, twice disabled."""
    below = write(
        tmp_path / "shipped",
        feeds__a_toml="".join(FEED.format(id=id) for id in ("kept", "changed", "off", "away")),
        alerts__quiet_toml='id = "quiet"',
        alerts__loud_toml='id = "loud"',
        publishers_toml='[[family]]\nid = "house"\n[[agency]]\nid = "wire"\n',
        people_toml="[PL]\nnames = []\n[LT]\nnames = []\n",
        places_tsv="id\tname\np1\tOne\np2\tTwo\n",
    )
    own = write(
        tmp_path / "own",
        feeds__b_toml=FEED.format(id="added")
        + '[[feed]]\nid = "changed"\nevery = "2m"\n'
        + '[[feed]]\nid = "off"\ndisabled = true\n[[feed]]\nid = "away"\ndisabled = true\n',
        feeds__tested_toml='overlay = true\n[[feed]]\nid = "off"\nstatus = "broken"\n',
        alerts__loud_toml='id = "loud"\ndisabled = true',
        publishers_toml='[[family]]\nid = "house"\n',
        channels_toml='[[room]]\nid = "desk"\n',
        people_toml="[PL]\nnames = []\n",
        places_tsv="id\tname\np2\tZwei\np3\tThree\n",
    )
    return Sources((below, own))


def test_each_entry_tells_who_speaks_of_it(layers: Sources) -> None:
    found = {(one.part, one.id): one for one in origins(layers)}
    effects = {key: one.effect for key, one in found.items()}
    assert effects == {
        ("feed", "kept"): "shipped", ("feed", "changed"): "changed", ("feed", "added"): "added",
        ("feed", "off"): "disabled", ("feed", "away"): "disabled",
        ("policy", "quiet"): "shipped", ("policy", "loud"): "disabled",
        ("family", "house"): "replaced", ("agency", "wire"): "shipped", ("room", "desk"): "added",
        ("people", "PL"): "replaced", ("people", "LT"): "shipped",
        ("places", "places (2)"): "shipped", ("place", "p2"): "replaced", ("place", "p3"): "added",
    }  # fmt: skip
    off = found["feed", "off"]
    own = layers.layers[1]
    files = ("seeds/feeds/a.toml", f"{own}/feeds/b.toml", f"{own}/feeds/tested.toml")
    assert off == Origin("feed", "off", "disabled", (0, 1, 1), files)
    assert off.layer == "own" and off.is_own


def live(sources: Sources, part: str) -> set[str]:
    return {o.id for o in origins(sources) if o.part == part and o.effect != "disabled"}


def test_it_agrees_with_what_the_catalog_reads(layers: Sources) -> None:
    assert live(layers, "feed") == {feed.id for feed in feeds.read(layers, [])}
    ours = Sources((shipped(),))
    assert live(ours, "feed") == {feed.id for feed in feeds.read(ours, [])}
    assert live(ours, "language") == set(languages.read(ours, []))
    kinds = events.read(ours, [])
    assert live(ours, "event") == {kind.id for kind in (*kinds.kinds, *kinds.context)}
    voices = publishers.read(ours, [])
    assert live(ours, "family") == {family.id for family in voices.families}
    rooms = channels.read(ours, [])
    assert live(ours, "route") == {route.id for route in rooms.routes}


def test_replace_shipped_leaves_the_shipped_ones_out(tmp_path: Path) -> None:
    below = write(tmp_path / "a", feeds__a_toml=FEED.format(id="one") + FEED.format(id="two"))
    own = write(
        tmp_path / "b",
        feeds__own_toml="replace_shipped = true\n" + FEED.format(id="two"),
        feeds__tested_toml="overlay = true\n"
        + "".join(f'[[feed]]\nid = "{id}"\nstatus = "ok"\n' for id in ("one", "two", "gone")),
    )
    sources = Sources((below, own))
    assert live(sources, "feed") == {"two"} == {feed.id for feed in feeds.read(sources, [])}


def test_check_shows_what_comes_from_where(tmp_path: Path) -> None:
    own = write(
        tmp_path / "own",
        feeds__own_toml='[[feed]]\nid = "pl-pap"\ndisabled = true\n' + FEED.format(id="my-paper"),
    )
    first = next(o.id for o in origins(Sources((shipped(),))) if o.part == "feed")
    text = (own / "feeds" / "own.toml").read_text().replace("pl-pap", first)
    (own / "feeds" / "own.toml").write_text(text)
    done = CliRunner().invoke(main, ["check", "--sources", "--own", "--seeds", str(own)])
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.output.splitlines()]
    assert ["feed", "my-paper", "added", f"{own}/feeds/own.toml"] in lines
    (off,) = [line for line in lines if line[1] == first]
    assert off[2] == "disabled" and off[3].startswith("seeds/feeds/") and off[4] == "<"
    assert lines[-1] == ["2", "entries:", "1", "added,", "1", "disabled"]
    done = CliRunner().invoke(main, ["check", "--sources", "--json", "--seeds", str(own)])
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert {row["layer"] for row in rows} == {"shipped", "own"} and len(rows) > 400
    assert CliRunner().invoke(main, ["check", "--own"]).exit_code == 2
