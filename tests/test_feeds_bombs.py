"""Hostile documents: each ends with one clear reason or a readable result, the loop keeps turning."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from feed_server import item, rss

from connectors.base import Document, Hints
from connectors.errors import ParseError
from connectors.worker import Parsers

HINTS = Hints(url="https://feed.example/f")


@pytest.fixture
async def parsers() -> AsyncIterator[Parsers]:
    async with Parsers(1) as found:
        yield found


def in_field(text: str) -> bytes:
    return rss(item(1, description=f"<![CDATA[{text}]]>"))


def entities(levels: int, width: int) -> bytes:
    rows = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * width}">' for n in range(1, levels))
    prolog = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e0 "lol">{rows}]>'
    body = rss(item(1, title=f"&e{levels - 1};")).decode().partition("?>")[2]
    return (prolog + body).encode()


BOMBS = {
    "billion_laughs": entities(10, 10),
    "quadratic_entities": (
        f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "{"a" * 100_000}">]>'.encode()
        + rss(item(1, title="&a;" * 10_000)).partition(b"?>")[2]
    ),
    "comment_starts": in_field("<!--" * 70_000),
    "comment_starts_outside": rss(item(1)) + b"<!--" * 70_000,
    "nested_divs": in_field("<div>" * 100_000),
    "nested_divs_as_xml": rss(item(1, description="<div>" * 100_000)),
    "nested_divs_in_each_of_100": rss(
        *(item(n, description=f"<![CDATA[{'<div>' * 6000}]]>") for n in range(100))
    ),
    "less_than_signs": in_field("<" * 500_000),
    "unclosed_attributes": in_field('<a href="' * 50_000),
    "ampersands": rss(item(1, title="&" * 200_000)),
    "cdata_starts": rss(item(1, description="<![CDATA[" * 50_000)),
    "a_hundred_thousand_entries": rss(*["<item><title>x</title></item>"] * 100_000),
    "attributes_without_end": (
        "<rss " + " ".join(f"a{n}='1'" for n in range(300_000)) + "/>"
    ).encode(),
    "deep_elements": b"<rss><channel>" + b"<x>" * 300_000,
    "one_huge_title": rss(item(1, title="word " * 900_000)),
    "many_namespaces": (
        "<rss " + " ".join(f'xmlns:n{n}="u{n}"' for n in range(50_000)) + "><channel/></rss>"
    ).encode(),
    "doctype_without_end": b'<?xml version="1.0"?><!DOCTYPE r [' + b"<!ENTITY a 'b'>" * 100_000,
    "null_bytes": b"\0" * 3_000_000,
    "five_megabytes_of_items": rss(*(item(n, description="text " * 500) for n in range(1900)))[
        : 5 * 1024 * 1024
    ],
}


@pytest.mark.parametrize("name", BOMBS)
async def test_bomb(parsers: Parsers, name: str) -> None:
    gaps: list[float] = []

    async def tick() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    await parsers.parse("rss", rss(item(1)), HINTS)  # the worker is there
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ticker = asyncio.create_task(tick())
    try:
        document, _ = await parsers.parse("rss", BOMBS[name], HINTS)
        assert isinstance(document, Document)
        assert len(document.entries) <= 2000
        text = sum(len(e.title) + len(e.summary) + len(e.body) for e in document.entries)
        assert text < 6 * 1024 * 1024
    except ParseError as error:
        assert error.reason in ("parse_timeout", "not_a_feed", "too_large")
        assert error.detail
    finally:
        ticker.cancel()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 32 * 1024  # KiB, in this process
    assert len(gaps) > 0
    after, _ = await parsers.parse("rss", rss(item(1)), HINTS)  # and work goes on
    assert len(after.entries) == 1


@pytest.mark.parametrize("kind", ["jsonfeed", "sitemap", "html"])
async def test_bombs_of_other_kinds(parsers: Parsers, kind: str) -> None:
    hints = Hints(url="https://feed.example/f", selectors={"item": "div"})
    bodies = {
        "jsonfeed": [b"[" * 1_000_000, b'{"items":[' + b"{}," * 500_000 + b"{}]}",
                     b'{"items":[{"content_html":"' + b"<div>" * 200_000 + b'"}]}'],
        "sitemap": [entities(10, 10), b"<urlset>" + b"<url><loc>https://a.example/</loc></url>" * 90_000,
                    b"<urlset>" + b"<x>" * 500_000],
        "html": [b"<html>" + b"<div>" * 300_000, b"<div><a href='/x'>t</a></div>" * 100_000,
                 b"<html>" + b"<" * 1_000_000],
    }  # fmt: skip
    for body in bodies[kind]:
        try:
            document, _ = await parsers.parse(kind, body, hints)
            assert len(document.entries) <= 2000
        except ParseError as error:
            assert error.reason in ("parse_timeout", "not_a_feed", "too_large")


async def test_a_worker_that_burns_its_cpu_is_ended_and_replaced() -> None:
    async with Parsers(1, cpu_seconds=0.05) as parsers:
        with pytest.raises(ParseError, match="CPU") as caught:
            await parsers.parse("rss", BOMBS["five_megabytes_of_items"], HINTS)
        assert caught.value.reason == "parse_timeout"
        assert parsers.kills == 1


async def test_a_worker_that_hangs_is_killed() -> None:
    async with Parsers(1, cpu_seconds=30.0, wall_seconds=0.05) as parsers:
        with pytest.raises(ParseError, match="not read within") as caught:
            await parsers.parse("rss", BOMBS["five_megabytes_of_items"], HINTS)
        assert caught.value.reason == "parse_timeout"


async def test_a_worker_killed_from_outside_costs_one_document(parsers: Parsers) -> None:
    await parsers.parse("rss", rss(item(1)), HINTS)
    parsers._free[0].process.kill()
    await asyncio.sleep(0.1)
    with pytest.raises(ParseError, match="ended"):
        await parsers.parse("rss", rss(item(1)), HINTS)
    document, _ = await parsers.parse("rss", rss(item(1)), HINTS)
    assert len(document.entries) == 1


async def test_the_worker_has_no_network_no_programs_and_no_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    script = (
        "import sys, lxml, feedparser; sys.argv=['w','900000000'];"
        "from connectors import worker_main; worker_main._fence(900000000);"
        "import socket, subprocess\n"
        "for what in (lambda: socket.create_connection(('127.0.0.1', 9)),"
        f" lambda: subprocess.run(['true']), lambda: open({str(secret)!r}), lambda: open('/tmp/new', 'w'),"
        f" lambda: open('/etc/hostname'), lambda: __import__('os').remove({str(secret)!r})):\n"
        "    try: what(); print('done')\n"
        "    except PermissionError: print('refused')\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().split() == ["refused"] * 6
    assert secret.exists()


async def test_memory_beyond_the_limit_is_one_clear_reason(monkeypatch) -> None:
    from connectors import worker

    monkeypatch.setattr(worker, "MEMORY_BYTES", 50 * 1024 * 1024)
    async with Parsers(1, cpu_seconds=20.0, wall_seconds=20.0) as parsers:
        with pytest.raises(ParseError) as caught:
            await parsers.parse("rss", BOMBS["five_megabytes_of_items"], HINTS)
        assert caught.value.reason == "too_large"
