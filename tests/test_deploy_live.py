"""Every expression of the dashboard and of the rules on a real Prometheus: good days and bad."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, need
from monitoring import (
    DEPLOY,
    ROLES,
    WHY,
    Prometheus,
    filled,
    free_ports,
    prometheus,
    read_yaml,
    rules,
    targets,
)

pytestmark = [pytest.mark.prometheus, pytest.mark.slow]

#: Panels that show nothing on a good day; the bad day's process shows that they can.
EMPTY_ON_GOOD_DAYS = {
    "Documents not read": "no document failed",
    "Told to wait by publishers": "nobody asked",
}
ALERTS = [rule for rule in rules() if rule["alert"] != "FlankwatchWatchdog"]


@contextlib.contextmanager
def exposed(bad: bool) -> Iterator[dict[str, int]]:
    """Run one process a role that shows its metrics; yield their ports."""
    ports = dict(zip(ROLES, free_ports(len(ROLES)), strict=True))
    script = str(ROOT / "tests" / "expose_metrics.py")
    processes = []
    try:
        for role, port in ports.items():
            command = [sys.executable, script, role, str(port)] + ["--bad"] * bad
            processes.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT, env={"PYTHONPATH": "."})
            )
        yield ports
    finally:
        for process in processes:
            process.communicate(timeout=10)  # its input closes: it ends


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    need("prometheus", WHY)
    with exposed(bad=False) as ports, prometheus(tmp_path_factory.mktemp("good"), ports) as server:
        server.wait('count(up{job="flankwatch"} == 1) == 4', 20)
        time.sleep(8)  # several scrapes: what rates are made of
        yield server


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    need("prometheus", WHY)
    with exposed(bad=True) as ports, prometheus(tmp_path_factory.mktemp("bad"), ports) as server:
        server.wait('count(up{job="flankwatch"} == 1) == 4', 20)
        time.sleep(8)
        yield server


@pytest.mark.parametrize(("title", "expr"), targets())
def test_panel_shows_something_on_a_good_day(good: Prometheus, title: str, expr: str) -> None:
    found = good.query(filled(expr))
    assert found or title in EMPTY_ON_GOOD_DAYS, title
    for series in found:
        assert float(series["value"][1]) >= 0, (title, series)


@pytest.mark.parametrize(("title", "expr"), targets())
def test_panel_shows_something_on_a_bad_day(bad: Prometheus, title: str, expr: str) -> None:
    assert bad.query(filled(expr)), title


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_rule_is_quiet_on_a_good_day(good: Prometheus, rule: dict[str, Any]) -> None:
    assert good.query(rule["expr"]) == []


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_rule_finds_the_bad_day(bad: Prometheus, rule: dict[str, Any]) -> None:
    assert bad.query(rule["expr"])


def test_numbers_make_sense(good: Prometheus) -> None:
    panel = dict(targets())
    assert good.value(filled(panel["Roles ready"])) == 4
    assert good.value(filled(panel["Incidents open"])) == 3  # without the canary's
    # 10 records every 0.2 s
    assert 1500 < good.value(filled(panel["Articles a minute"])) < 3500
    assert 1 < good.value(filled(panel["Article to room"])) <= 2
    assert good.value(filled(panel["To dead letters"])) == 0


def test_promtool_finds_no_fault_in_our_metrics() -> None:
    promtool = need("promtool", WHY)
    import urllib.request

    with exposed(bad=True) as ports:
        for port in ports.values():
            page = _page(urllib.request.urlopen, f"http://127.0.0.1:{port}/metrics")
            done = subprocess.run(
                [promtool, "check", "metrics"], input=page, capture_output=True, timeout=30
            )
            assert done.returncode == 0, done.stdout + done.stderr


def _page(opener: Any, url: str) -> bytes:
    end = time.monotonic() + 20
    while True:
        try:
            with opener(url, timeout=5) as answer:
                return bytes(answer.read())
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


class _Receiver(BaseHTTPRequestHandler):
    heard: list[tuple[str, list[str]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = [alert["labels"]["alertname"] for alert in body["alerts"]]
        self.heard.append((self.path, names))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_the_watchdog_reaches_its_receiver_through_a_real_alertmanager(tmp_path: Path) -> None:
    program = need("prometheus-alertmanager", WHY)
    receiver = HTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    config = read_yaml(DEPLOY / "alertmanager" / "alertmanager.yml")
    for entry in config["receivers"]:
        address = f"http://127.0.0.1:{receiver.server_port}/{entry['name']}"
        entry["webhook_configs"][0]["url"] = address
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    (port,) = free_ports(1)
    command = [program, f"--config.file={file}", f"--storage.path={tmp_path}/am"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    try:
        with (
            subprocess.Popen(command, stderr=subprocess.DEVNULL) as alertmanager,
            prometheus(tmp_path / "prometheus", {}, alertmanager_port=port),
        ):
            end = time.monotonic() + 30
            while not _Receiver.heard and time.monotonic() < end:
                time.sleep(0.2)
            alertmanager.terminate()
    finally:
        receiver.shutdown()
        receiver.server_close()
    assert ("/watchdog", ["FlankwatchWatchdog"]) in _Receiver.heard
