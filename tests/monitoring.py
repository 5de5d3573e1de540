"""What the deploy tests share: the rules and panels as files tell them, a real Prometheus on them."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from conftest import ROOT, need

DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
WHY = "apt-get install prometheus prometheus-alertmanager"
#: What Grafana would put in; the times fit a scrape a second.
VARIABLES = {"$job": ".+", "$instance": ".+", "$__rate_interval": "5s", "$__range": "1m"}
ROLES = ("fetch", "detect", "merge", "deliver")


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    groups = read_yaml(PROMETHEUS / "rules" / "flankwatch.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    text = (DEPLOY / "grafana" / "dashboards" / "overview.json").read_text(encoding="utf-8")
    board: dict[str, Any] = json.loads(text)
    return board


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def targets() -> list[tuple[str, str]]:
    """Return (panel's title, expression) of every query."""
    return [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def filled(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


def metric_names(expr: str) -> set[str]:
    return set(re.findall(r"\b(?:flankwatch|process|python)_[a-z0-9_]+|\bup\b", expr))


def free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


class Prometheus:
    """A running Prometheus with the committed rules."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def query(self, expr: str) -> list[dict[str, Any]]:
        asked = urllib.parse.urlencode({"query": expr})
        answer = get_json(f"{self.url}/api/v1/query?{asked}")
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def value(self, expr: str) -> float:
        found = self.query(expr)
        assert len(found) == 1, (expr, found)
        return float(found[0]["value"][1])

    def wait(self, expr: str, seconds: float) -> None:
        """Wait until the expression gives something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if self.query(expr):
                    return
            time.sleep(0.2)
        raise AssertionError(f"nothing for {expr} within {seconds} s")


@contextlib.contextmanager
def prometheus(
    folder: Path, ports: dict[str, int], alertmanager_port: int | None = None
) -> Iterator[Prometheus]:
    """Run a real Prometheus with the committed configuration, each second, on these roles."""
    program = need("prometheus", WHY)
    (port,) = free_ports(1)
    config = read_yaml(PROMETHEUS / "prometheus.yml")
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(PROMETHEUS / "rules" / "*.yml")]
    config["scrape_configs"] = config["scrape_configs"][:1]  # without itself
    config["alerting"]["alertmanagers"] = [
        {"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}
        for _ in range(alertmanager_port is not None)
    ]
    entries = [
        {"targets": [f"127.0.0.1:{number}"], "labels": {"role": role}}
        for role, number in ports.items()
    ]
    (folder / "targets").mkdir(parents=True)
    (folder / "targets" / "roles.yml").write_text(yaml.safe_dump(entries), encoding="utf-8")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [program, f"--config.file={folder}/prometheus.yml", "--log.level=warn"]
    command += [f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
    command += [
        "--rules.alert.resend-delay=1s"
    ]  # what is told before Alertmanager is found is lost
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            server = Prometheus(port)
            server.wait("vector(1)", 20)
            yield server
        finally:
            process.terminate()
