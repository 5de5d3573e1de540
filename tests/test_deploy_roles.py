"""The dashboard and the rules on the real roles: replayed articles, and feeds of a local publisher."""

import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, need
from monitoring import ROLES, WHY, Prometheus, filled, free_ports, prometheus, rules, targets

from streams.catalog import feeds
from streams.catalog.sources import Sources

pytestmark = [pytest.mark.prometheus, pytest.mark.slow]

READY_SECONDS = 60
#: May be empty here; tests/test_deploy_live.py shows that each can speak.
QUIET = {
    "Article to room": "a replayed article's first sight is its recorded one: it is not counted",
    "First sight to acceptance": "the same",
    "Alerts not given": "the shipped policies need not hold back anything of the corpus",
}


class _Publisher(BaseHTTPRequestHandler):
    """Serves one good feed, one that turned into a web page, one that asks for patience."""

    def do_GET(self) -> None:
        status, kind, body = 200, "application/rss+xml", ""
        if self.path == "/good.xml":
            items = "".join(
                f"<item><title>Council meeting {n}</title><link>http://127.0.0.1/{n}</link>"
                f"<guid>{n}</guid><pubDate>{formatdate(time.time() - 60 * n)}</pubDate></item>"
                for n in range(5)
            )
            body = f"<rss version='2.0'><channel><title>Good</title>{items}</channel></rss>"
        elif self.path == "/page.xml":
            kind, body = "text/html", "<html><body><h1>We have moved</h1></body></html>"
        else:
            status = 429
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", "120")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def publisher() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Publisher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def own_seeds(folder: Path, publisher: str) -> Path:
    """Write an overlay: the shipped feeds off, three of the local publisher on."""
    lines = [
        f'[[feed]]\nid = "{feed.id}"\ndisabled = true\n' for feed in feeds.read(Sources.of(), [])
    ]
    for name in ("good", "page", "busy"):
        lines.append(
            f'[[feed]]\nid = "test-{name}"\nurl = "{publisher}/{name}.xml"\n'
            f'publisher = "Test {name}"\nlanguage = "en"\ncountry = "GB"\nevery = "60s"\n'
            'retry_after_scope = "feed"\n'
        )
    (folder / "feeds").mkdir(parents=True)
    (folder / "feeds" / "own.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def watched(publisher: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run everything for real and a Prometheus on it; yield once every role has worked."""
    need("prometheus", WHY)
    folder = tmp_path_factory.mktemp("roles")
    first = free_ports(1)[0] // 10 * 10  # four ports in a row, free a moment ago
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "FLANKWATCH_STATE_DIR": str(folder / "state"),
        "FLANKWATCH_SEEDS": str(own_seeds(folder / "seeds", publisher)),
        "FLANKWATCH_ALLOW_ADDRESSES": "127.0.0.1",
        "FLANKWATCH_HEALTH_PORT": str(first),
        "FLANKWATCH_LOG_FORMAT": "json",
    }
    log = (folder / "log").open("wb")
    command = [sys.executable, "-m", "streams", "run", "--demo"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    ports = {role: first + number for number, role in enumerate(ROLES)}
    try:
        with prometheus(folder / "prometheus", ports) as server:
            try:
                server.wait("sum(flankwatch_ready) == 4", READY_SECONDS)
                server.wait('flankwatch_processed_total{stage="detect"} > 100', READY_SECONDS)
                server.wait("sum(flankwatch_fetches_total) >= 3", 90)  # first polls are spread
                server.wait('sum(flankwatch_deliveries_total{outcome="delivered"}) > 0', 60)
            except AssertionError as error:
                told = (folder / "log").read_text(encoding="utf-8", errors="replace")
                raise AssertionError(f"{error}\n{told[-4000:]}") from None
            time.sleep(6)  # several scrapes: what rates are made of
            yield server
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        log.close()


@pytest.mark.parametrize(("title", "expr"), targets())
def test_panel_shows_something(watched: Prometheus, title: str, expr: str) -> None:
    found = watched.query(filled(expr))
    assert found or title in QUIET, title
    for series in found:
        value = float(series["value"][1])
        assert value >= 0 or math.isnan(value), (title, series)


@pytest.mark.parametrize(
    "rule",
    [rule for rule in rules() if rule["alert"] != "FlankwatchWatchdog"],
    ids=lambda rule: rule["alert"],
)
def test_no_alert_while_all_is_well(watched: Prometheus, rule: dict[str, Any]) -> None:
    assert watched.query(rule["expr"]) == []


def test_numbers_make_sense(watched: Prometheus) -> None:
    panel = dict(targets())
    assert watched.value(filled(panel["Roles ready"])) == 4
    assert watched.value('sum(flankwatch_feeds_configured{group="own"})') == 3
    assert watched.value('sum(flankwatch_parse_failures_total{feed="test-page"})') >= 1
    assert watched.value('sum(flankwatch_throttled_seconds_total{feed="test-busy"})') >= 120
    assert watched.value('sum(flankwatch_entries_total{feed="test-good", result="new"})') == 5
    assert watched.value("max(process_resident_memory_bytes)") < 400 * 2**20


def test_titles_make_no_series(watched: Prometheus) -> None:
    labels = watched.query('{job="flankwatch", __name__=~"flankwatch_.+"}')
    assert not [series for series in labels if "Council meeting" in str(series["metric"])]
