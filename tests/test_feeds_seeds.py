"""Feed seeds: faults all at once, layers, OPML both ways; replay lines; the feeds commands."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from feed_server import Answer, Publisher, item, rss, stories
from hypothesis import given
from hypothesis import strategies as st

from connectors.feeds.replay import split_date
from streams.articles import BadLine, article_from_text, articles_from_files, articles_from_lines
from streams.catalog import feeds
from streams.catalog.feeds import FeedSpec
from streams.catalog.sources import Sources
from streams.cli import main
from streams.errors import Fault
from streams.feeds.opml import export_opml, import_opml, to_toml
from streams.records import encode


def read(*layers: tuple[Path, str]) -> tuple[tuple[FeedSpec, ...], list[str]]:
    for folder, text in layers:
        (folder / "feeds").mkdir(parents=True, exist_ok=True)
        (folder / "feeds" / "own.toml").write_text(text)
    faults: list[Fault] = []
    found = feeds.read(Sources(tuple(folder for folder, _ in layers)), faults)
    return found, [fault.reason for fault in sorted(faults)]


BASE = '[[feed]]\nid = "paper"\nurl = "https://p.example/rss"\npublisher = "P"\nlanguage = "lt"\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[feed]", "not TOML"),
        ("[[feeds]]\nid='x'", "did you mean 'feed'"),
        ("feed = 3", "must be [[feed]] tables"),
        ("[[feed]]\nurl = 'https://p.example/'", "needs an id"),
        (BASE + "[[feed]]\nid = 'papr'\nevery = '2m'", "no feed 'papr' to change, and a new one needs a url; did you mean 'paper'?"),
        (BASE.replace("p.example", "p.example:99999"), "Port out of range"),
        (BASE.replace("p.example", "p..example"), "not an address"),
        (BASE.replace("paper", "Pa per"), "pattern"),
        (BASE.replace("https://p.example/rss", "ftp://p.example"), "must be an http:// or https://"),
        (BASE.replace("https://p.example/rss", "https:///x"), "must be an http:// or https://"),
        (BASE.replace("https://p.example", "https://u:p@p.example"), "use `auth`"),
        (BASE + 'kind = "rsss"', "did you mean 'rss'"),
        (BASE + "evry = 5", "did you mean 'every'"),
        (BASE + "every = 5", "greater than or equal to 60"),
        (BASE + 'every = "5 minutes"', "valid integer"),
        (BASE + 'every = "25h"', "less than or equal to 86400"),
        (BASE + 'country = "Lithuania"', "pattern"),
        (BASE + 'kind = "html"', "`select` is needed"),
        (BASE + 'select = { item = "li" }', "`select` is needed"),
        (BASE + 'auth = { type = "basic", secret = "X" }', "needs `user`"),
        (BASE + 'auth = { type = "header", secret = "X" }', "needs `name`"),
        (BASE + 'auth = { type = "bearer", secret = "my secret" }', "pattern"),
        (BASE + BASE, "is already in"),
        (BASE + BASE.replace("paper", "two"), "same address"),
        (BASE + BASE.replace("paper", "two").replace("/rss", "/x"), "tell them apart by `section`"),
        (BASE + BASE.replace("paper", "two").replace("p.example/rss", "www.P.example/rss/"), "same address"),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    _, reasons = read((tmp_path, text))
    assert any(reason in found for found in reasons), reasons


def test_all_faults_are_told_at_once_with_file_and_key(tmp_path: Path) -> None:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "a.toml").write_text(BASE + "every = 5\nkind = 'x'\n")
    (tmp_path / "feeds" / "b.toml").write_bytes(b"\xff\xfe")
    faults: list[Fault] = []
    feeds.read(Sources((tmp_path,)), faults)
    assert {fault.key for fault in faults} == {"feed[0].every", "feed[0].kind", ""}


@pytest.mark.parametrize(
    ("text", "seconds"), [("300", 300), ('"90s"', 90), ('"5m"', 300), ('"2h"', 7200)]
)
def test_every_in_units(tmp_path: Path, text: str, seconds: int) -> None:
    (feed,), reasons = read((tmp_path, f"{BASE}every = {text}"))
    assert (feed.every, reasons) == (seconds, [])


def test_an_own_layer_adds_overrides_and_disables(tmp_path: Path) -> None:
    shipped = BASE + BASE.replace("paper", "other").replace("/rss", "/o").replace('"P"', '"O"')
    own = (
        '[[feed]]\nid = "paper"\nevery = "2m"\n[[feed]]\nid = "other"\ndisabled = true\n'
        '[[feed]]\nid = "mine"\nurl = "https://m.example/"\npublisher = "M"\n'
    )
    found, reasons = read((tmp_path / "shipped", shipped), (tmp_path / "mine", own))
    assert reasons == []
    assert [feed.id for feed in found] == ["mine", "paper"]
    paper = found[1]
    assert (paper.every, paper.url, paper.language) == (120, "https://p.example/rss", "lt")
    assert paper.file.startswith(str(tmp_path / "mine"))  # the last word on it is from there


def test_what_was_saved_of_a_feed_that_is_no_more_is_no_fault(tmp_path: Path) -> None:
    own = 'overlay = true\n[[feed]]\nid = "paper"\nstatus = "ok"\n[[feed]]\nid = "gone"\nstatus = "ok"\n'
    found, reasons = read((tmp_path / "shipped", BASE), (tmp_path / "mine", own))
    assert ([(feed.id, feed.status) for feed in found], reasons) == ([("paper", "ok")], [])


def test_an_own_feed_keeps_its_address_when_a_release_ships_it_too(tmp_path: Path) -> None:
    """An upgrade that ships what somebody has had for years as their own does not stop the start."""
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    found, reasons = read((shipped, BASE), (own, BASE.replace('"paper"', '"mine"')))
    assert not reasons
    assert [feed.id for feed in found] == ["mine"]


def test_an_own_layer_may_replace_all_shipped_feeds(tmp_path: Path) -> None:
    own = "replace_shipped = true\n" + BASE.replace("paper", "mine")
    found, reasons = read((tmp_path / "shipped", BASE), (tmp_path / "mine", own))
    assert ([feed.id for feed in found], reasons) == (["mine"], [])


# --- OPML -------------------------------------------------------------------------------------

words = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=("Cc", "Cs", "Zl", "Zp"),
        exclude_characters="\ufffe\uffff",
    ),
    max_size=20,
)
names = words.map(str.strip).filter(bool)
specs = st.fixed_dictionaries(
    {"url": st.integers(0, 10**6).map(lambda n: f"https://h{n}.example/f?a=1&b=<{n}>"), "publisher": names},
    optional={
        "language": st.sampled_from(["lt", "sr-Latn"]),
        "country": st.sampled_from(["LT", "PL"]),
        "section": words,
        "every": st.integers(60, 86_400),
        "official": st.booleans(),
        "status": st.sampled_from(["ok", "broken", "unverified"]),
        "identity": st.sampled_from(["guid", "title-date"]),
        "ignore_cache": st.booleans(),
        "full_text": st.booleans(),
        "note": words,
        "terms": st.just("https://t.example/"),
        "retry_after_scope": st.sampled_from(["feed", "domain"]),
        "auth": st.just({"type": "basic", "secret": "KEY", "user": 'u"x\\'}),
    },
)  # fmt: skip


@given(st.lists(specs, max_size=6, unique_by=lambda table: table["url"]))
def test_an_opml_round_trip_loses_nothing(tables: list[dict[str, Any]]) -> None:
    found = [
        FeedSpec.model_validate({**table, "id": f"feed-{n}", "group": "baltic"})
        for n, table in enumerate(tables)
    ]
    back, faults = import_opml(export_opml(found), "x.opml")
    assert faults == []
    assert sorted(back, key=lambda f: f.id) == sorted(found, key=lambda f: f.id)


@given(st.lists(specs, max_size=4, unique_by=lambda table: table["url"]))
def test_what_is_imported_is_toml_that_reads_back(tables: list[dict[str, Any]]) -> None:
    import tomllib

    found = [
        FeedSpec.model_validate({**table, "id": f"feed-{n}"}) for n, table in enumerate(tables)
    ]
    tables_back = tomllib.loads(to_toml(found)).get("feed", [])
    assert [FeedSpec.model_validate(table) for table in tables_back] == found


def test_foreign_opml_is_read_as_well_as_it_tells() -> None:
    raw = b"""<?xml version="1.0"?><!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/hostname">]>
    <opml version="1.1"><body><outline text="N&#233;ws &amp; more">
      <outline title="My Paper" xmlurl="https://a.example/rss" language="en-US"/>
      <outline text="My Paper" xmlUrl="https://b.example/rss"/>
      <outline text="again" xmlUrl="http://www.a.example/rss/"/>
      <outline text="bad" xmlUrl="javascript:x"/><outline text="&x;" xmlUrl="https://c.example/"/>
    </outline></body></opml>"""
    found, faults = import_opml(raw, "their.opml")
    assert [(feed.id, feed.publisher, feed.group) for feed in found][:2] == [
        ("my-paper", "My Paper", "news-more"),
        ("my-paper-2", "My Paper", "news-more"),
    ]
    assert found[2].url == "https://c.example/" and found[2].publisher == "c.example"
    assert len(faults) == 3  # the entity is told, too
    assert import_opml(b"<html/>", "x")[1][0].reason == "is no OPML document"
    assert import_opml(b"", "x")[0] == []
    emoji = '<opml><body><outline xmlUrl="https://a.example/" text="&#xD83D;&#xDEA8; {}"/></body></opml>'
    for codec in ("utf-8", "utf-16"):
        ((feed,), _) = import_opml(emoji.format("Újság").encode(codec), "x")
        assert feed.publisher == "\U0001f6a8 Újság"
    cut = '<opml><body><outline xmlUrl="https://a.example/"/><outline xmlUrl="https://b'
    found, faults = import_opml(cut.encode(), "x")
    assert len(found) == 1 and "broken, read as far as it goes" in faults[0].reason
    odd = FeedSpec.model_validate(
        {"id": "odd", "url": "https://a.example/", "publisher": "P\x07", "note": "two\nlines\t"}
    )
    ((back,), _) = import_opml(export_opml([odd]), "x")
    assert (back.publisher, back.note) == ("P ", "two\nlines\t")


# --- recorded lines ---------------------------------------------------------------------------


def test_a_broken_line_is_told_by_number_and_the_rest_is_read() -> None:
    lines = [
        b'{"id": "a", "title": "T", "body": "<p>One</p><p>Two</p>", "published": "2025-09-10T04:00:00+02:00",'
        b' "link": "https://p.example/1?utm_source=x", "source": "PAP", "declared_language": "pl", "lang": "xx"}',
        b"{broken", b"", b"[1]", b"\xff", b'{"title": "T"}', b'{"title": 5, "published": "2025"}',
        b'{"title": "T", "published": "soon"}', b'{"published": "2025-09-10"}',
        b'{"id": {}, "title": "T", "published": "2025-09-10"}',
        b'{"id": 7, "title": "B\\ud800", "published": "2025-09-10"}',
        b'{"id": "\\ud800x", "title": "C", "published": "2025-09-10"}',
    ]  # fmt: skip
    found = list(articles_from_lines(lines, "old.jsonl"))
    bad = [item for item in found if isinstance(item, BadLine)]
    assert [(line.line, str(line).split(":")[0]) for line in bad] == [
        (n, "old.jsonl") for n in (2, 4, 5, 6, 7, 8, 9, 10)
    ]
    one, two, three = (item for item in found if not isinstance(item, BadLine))
    assert (one.title, one.body, one.publisher, one.guid) == ("T", "One\nTwo", "PAP", "a")
    assert one.published_at == one.first_seen_at == datetime(2025, 9, 10, 2, tzinfo=UTC)
    assert one.canonical_url == "https://p.example/1" and one.declared_language == "pl"
    assert one.theatre == "replay"
    assert two.published_at == datetime(2025, 9, 10, 12, tzinfo=UTC)  # noon stands for the day
    assert (three.guid, three.title) == ("?x", "C") and encode(three)


def test_ingest_needs_no_date_and_takes_now() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    (found,) = articles_from_lines(['{"title": "T"}'], "-", feed="own", theatre="europe", now=now)
    assert not isinstance(found, BadLine)
    assert (found.first_seen_at, found.published_at, found.theatre) == (now, None, "europe")


def test_the_same_id_with_another_text_is_a_revision() -> None:
    line = '{{"id": "a", "title": "{}", "published": "2025-09-10"}}'
    one, same, two = articles_from_lines([line.format(t) for t in ("A", "A", "B")], "f")
    assert one == same and not isinstance(two, BadLine) and not isinstance(one, BadLine)
    assert two.id == one.id and two.supersedes == one.revision


def test_files_with_dates(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("Title\n\nBody")
    odd = tmp_path / "b@c.txt"
    odd.write_text("x")
    assert split_date(f"{text}@2025-09-11")[1] == datetime(2025, 9, 11, 12, tzinfo=UTC)
    assert split_date(f"{text}@2025-09-11T06:30+02:00")[1] == datetime(
        2025, 9, 11, 4, 30, tzinfo=UTC
    )
    assert split_date(str(odd)) == (odd, None)
    found = list(
        articles_from_files([f"{text}@2025-09-11", str(text), str(tmp_path / "none.jsonl")])
    )
    assert found[0].title == "Title" and found[0].body == "Body"  # type: ignore[union-attr]
    assert "needs its date" in str(found[1]) and "No such file" in str(found[2])


def test_an_article_of_five_megabytes_is_cut_not_refused() -> None:
    from streams.records import encode
    from streams.topics import ARTICLES

    table = {"title": "T" * 5_000_000, "body": "й" * 5_000_000, "published": "2025-09-10"}
    line = json.dumps(table, ensure_ascii=False)
    (found,) = articles_from_lines([line], "f")
    assert not isinstance(found, BadLine)
    assert len(encode(found)) < ARTICLES.max_bytes / 2


def test_a_text_without_a_short_first_line_has_no_title() -> None:
    found = article_from_text("word " * 100, datetime(2025, 9, 10, tzinfo=UTC))
    assert found.title == "" and found.body.startswith("word")


# --- commands ---------------------------------------------------------------------------------


@pytest.fixture
def served() -> Iterator[Publisher]:
    """A publisher on a loop of its own, for commands that run theirs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    publisher = Publisher()
    asyncio.run_coroutine_threadsafe(publisher.__aenter__(), loop).result(5)
    yield publisher
    asyncio.run_coroutine_threadsafe(publisher.__aexit__(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    (tmp_path / "seeds" / "feeds").mkdir(parents=True)
    monkeypatch.setenv("FLANKWATCH_SEEDS", str(tmp_path / "seeds"))
    monkeypatch.setenv("FLANKWATCH_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("FLANKWATCH_ALLOW_ADDRESSES", "127.0.0.1")
    return CliRunner()


def write(tmp_path: Path, *tables: dict[str, Any]) -> None:
    specs = [FeedSpec.model_validate(table) for table in tables]
    text = "replace_shipped = true\n" + to_toml(specs)
    (tmp_path / "seeds" / "feeds" / "own.toml").write_text(text)


def test_feeds_test_shows_every_step(cli: CliRunner, tmp_path: Path, served: Publisher) -> None:
    write(tmp_path)
    served.on("/feed", Answer(200, stories(2, 1, head="<ttl>10</ttl>"), {"ETag": '"1"'}))
    old = served.on("/old", Answer(301, headers={"Location": "/feed"}))
    done = cli.invoke(main, ["feeds", "test", old])
    assert done.exit_code == 0, done.output
    for step in ("DNS", "redirect", "answer", "validators", "parse", "identity", "dates", "schedule",
                 "entry", "language", "seed"):  # fmt: skip
        assert step in done.output
    assert f'url = "{served.url("/feed")}"' in done.output  # the address it moved to
    told = json.loads(cli.invoke(main, ["feeds", "test", old, "--json"]).output)
    assert told["outcome"] == "ok" and told["entries"] == 2


def test_feeds_test_finds_out_the_kind_of_an_address(
    cli: CliRunner, tmp_path: Path, served: Publisher
) -> None:
    write(tmp_path)
    site = (
        b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        b"<url><loc>https://a.example/1</loc></url></urlset>"
    )
    for path, body, kind in (
        ("/a", b'\xef\xbb\xbf {"items": [{"id": "1", "title": "A drone"}]}', "jsonfeed"),
        ("/b", site, "sitemap"),
    ):
        done = cli.invoke(main, ["feeds", "test", served.on(path, Answer(200, body))])
        assert done.exit_code == 0 and f'kind = "{kind}"' in done.output, done.output


def test_feeds_test_says_what_is_wrong(cli: CliRunner, tmp_path: Path, served: Publisher) -> None:
    write(tmp_path)
    page = served.on("/page", Answer(200, b"<!doctype html><html></html>"))
    done = cli.invoke(main, ["feeds", "test", page])
    assert done.exit_code == 1 and "an HTML page" in done.output
    done = cli.invoke(main, ["feeds", "test", served.on("/busy", Answer(429))])
    assert done.exit_code == 1 and "validators" not in done.output, "of an error page"
    done = cli.invoke(main, ["feeds", "test", "nonsense"])
    assert done.exit_code == 2 and "no feed has this id" in done.output
    for bad in ("http://x.example:99999/", "http://a..example/", "http://", "gopher://x.example/"):
        done = cli.invoke(main, ["feeds", "test", bad])
        assert done.exit_code == 2 and "address" in done.output.replace(bad, ""), done.output
    done = cli.invoke(main, ["feeds", "test", "http://10.0.0.1/feed"])
    assert done.exit_code == 1 and "is refused" in done.output
    assert cli.invoke(main, ["feeds", "test"]).exit_code == 2


def test_feeds_test_all_sums_up_and_saves(
    cli: CliRunner, tmp_path: Path, served: Publisher
) -> None:
    fine = served.on("/fine", Answer(200, stories(1)))
    dead = served.on("/dead", Answer(500))
    write(tmp_path, {"id": "fine", "url": fine, "publisher": "A"},
          {"id": "dead", "url": dead, "publisher": "B"})  # fmt: skip
    done = cli.invoke(main, ["feeds", "test", "--all", "--save"])
    assert done.exit_code == 1
    assert "2 feeds: 1 ok, 1 http_error" in done.output or "1 http_error, 1 ok" in done.output
    assert "FAIL  dead" in done.output and "HTTP 500" in done.output
    rows = cli.invoke(main, ["feeds", "list", "--json"]).output.splitlines()
    status = {json.loads(row)["id"]: json.loads(row)["status"] for row in rows if row[0] == "{"}
    assert status == {"fine": "ok", "dead": "broken"}
    served.on("/dead", Answer(200, stories(2)))
    done = cli.invoke(main, ["feeds", "test", "--all", "--group", "none", "--save"])
    assert done.exit_code == 0
    tested = (tmp_path / "seeds" / "feeds" / "tested.toml").read_text()
    assert '"fine"' in tested and '"dead"' in tested, "other groups' last tries are kept"


def test_feeds_list_is_a_table(cli: CliRunner, tmp_path: Path) -> None:
    write(tmp_path, {"id": "paper", "url": "https://p.example/", "publisher": "P", "country": "LT"})
    done = cli.invoke(main, ["feeds", "list"])
    assert done.exit_code == 0
    assert (
        "paper" in done.output
        and "not polled yet" in done.output
        and "1 feeds: 1 new" in done.output
    )
    assert "no feeds" in cli.invoke(main, ["feeds", "list", "--country", "PL"]).output


@pytest.mark.slow
def test_feeds_discover_finds_what_a_page_announces(
    cli: CliRunner, tmp_path: Path, served: Publisher
) -> None:
    write(tmp_path)
    link = '<link rel="alternate" type="application/rss+xml" href="{}">'
    page = f"<html><head>{link.format('/a.xml')}</head>".encode()
    html = {"Content-Type": "text/html"}
    served.on("/", Answer(200, page, html))
    served.on("/a.xml", Answer(200, stories(1)))
    done = cli.invoke(main, ["feeds", "discover", served.url("/")])
    assert done.exit_code == 0 and served.url("/a.xml") in done.output
    links = "".join(map(link.format, ("/moved", "/a.xml", "/b.xml?part=2")))
    served.on("/", Answer(200, f"<html><head>{links}</head>".encode(), html))
    served.on("/moved", Answer(301, headers={"Location": "/a.xml"}))
    served.on("/b.xml", Answer(200, stories(2)))
    done = cli.invoke(main, ["feeds", "discover", served.url("/")])
    (tmp_path / "seeds" / "feeds" / "found.toml").write_text(done.stdout)
    rows = cli.invoke(main, ["feeds", "list", "--group", "found", "--json"])
    assert rows.exit_code == 0 and len(rows.stdout.splitlines()) == 2, rows.output
    (tmp_path / "seeds" / "feeds" / "found.toml").unlink()
    served.on("/", Answer(200, b"<html></html>", html))
    served.on("/a.xml", Answer(404))
    served.on("/feed", Answer(200, rss(item(1))))
    done = cli.invoke(main, ["feeds", "discover", served.url("/")])  # where feeds usually are
    assert done.exit_code == 0 and served.url("/feed") in done.output


def test_feeds_import_and_export(cli: CliRunner, tmp_path: Path) -> None:
    write(
        tmp_path, {"id": "paper", "url": "https://p.example/", "publisher": "P", "language": "lt"}
    )
    exported = cli.invoke(main, ["feeds", "export"]).stdout_bytes
    file = tmp_path / "out.opml"
    file.write_bytes(exported)
    write(tmp_path)
    into = tmp_path / "seeds" / "feeds" / "imported.toml"
    done = cli.invoke(main, ["feeds", "import", str(file), "--into", str(into)])
    assert done.exit_code == 0 and "1 feeds, 0 left out" in done.output
    assert "paper" in cli.invoke(main, ["feeds", "list"]).output
    again = cli.invoke(main, ["feeds", "import", str(file)])
    assert again.exit_code == 2 and "same address as 'paper'" in again.output


def test_secrets_are_sent_and_never_shown(
    cli: CliRunner, tmp_path: Path, served: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLANKWATCH_SECRET_KEY", "hush-hush")
    url = served.on("/paid", Answer(200, stories(1)))
    for auth, seen in (
        ({"type": "bearer", "secret": "KEY"}, "Bearer hush-hush"),
        ({"type": "header", "name": "X-Key", "secret": "KEY"}, "hush-hush"),
        ({"type": "basic", "user": "u", "secret": "KEY"}, "Basic dTpodXNoLWh1c2g="),
        ({"type": "query", "name": "key", "secret": "KEY"}, "key=hush-hush"),
    ):
        write(tmp_path, {"id": "paid", "url": url, "publisher": "P", "auth": auth})
        for flags in ([], ["--json"]):
            done = cli.invoke(main, ["feeds", "test", "paid", *flags])
            assert done.exit_code == 0, done.output
            assert "hush" not in done.output
        assert seen in served.requests[-1].raw.decode()
