"""The dashboard as committed: what panels.py says, and the conventions of grafana's own linter."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import need
from monitoring import (
    DEPLOY,
    WHY,
    dashboard,
    filled,
    metric_names,
    panels,
    rules,
    targets,
)
from prometheus_client import Counter, Gauge, Histogram

from streams import metrics

DECLARED = [
    item for item in vars(metrics).values() if isinstance(item, Counter | Gauge | Histogram)
]
#: Declared, but for a closer look than the overview: queried by hand.
DIAGNOSTIC = {
    "flankwatch_canary_injected_total": "the canary's own dashboard comes with its objective",
    "flankwatch_canary_latency_seconds": "the canary's own dashboard comes with its objective",
    "flankwatch_config_last_reload_success_timestamp_seconds": "asked for after a reload",
    "flankwatch_feed_interval_seconds": "one feed at a time: `flankwatch feeds list`",
    "flankwatch_feed_last_new_item_timestamp_seconds": "one feed at a time: `flankwatch feeds list`",
    "flankwatch_feed_next_poll_timestamp_seconds": "one feed at a time: `flankwatch feeds list`",
    "flankwatch_fetch_compression_ratio": "for judging size limits",
    "flankwatch_websub_total": "WebSub is optional; polling goes on underneath and is what is watched",
    "flankwatch_pages_total": "full text is optional; for judging whether it is worth it",
    "flankwatch_parse_duration_seconds": "for judging the parser's limits",
    "flankwatch_reloads_total": "the panel of catalogs shows who has not reloaded",
    "flankwatch_watch_articles_total": "for judging a watch's words, window and cap",
    "flankwatch_supervisor_restarts_total": "only the one-machine supervisor has it",
}
UNITS = {
    "_timestamp_seconds": "s",
    "_seconds": "s",
    "_bytes": "bytes",
    "_ratio": "percentunit",
    "_messages": "short",
}


def exposed_names(metric: Any) -> set[str]:
    """Return the names under which Prometheus sees a metric."""
    (family,) = metric.describe()
    if isinstance(metric, Counter):
        return {family.name + "_total"}
    if isinstance(metric, Histogram):
        return {family.name + end for end in ("_bucket", "_sum", "_count")}
    return {family.name}


def test_the_committed_json_is_what_the_panels_say() -> None:
    pytest.importorskip("grafana_foundation_sdk", reason="pip install -e '.[dev]'")
    build = [sys.executable, str(DEPLOY / "grafana" / "build.py"), "--check"]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, f"run: python deploy/grafana/build.py\n{done.stderr}"


def test_uneditable_with_stable_and_unique_ids() -> None:
    board = dashboard()
    assert board["editable"] is False
    assert board["uid"] == "flankwatch-overview"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


def test_first_row_says_whether_it_works() -> None:
    first = dashboard()["panels"][0]
    assert (first["type"], first["title"]) == ("row", "Is it working?")
    assert all(panel["type"] == "stat" for panel in dashboard()["panels"][1:9])


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_template_variables() -> None:
    variables = {item["name"]: item for item in dashboard()["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    for name in ("job", "instance"):
        variable = variables[name]
        assert variable["multi"] is True and variable["allValue"] == ".+", name
        assert variable["includeAll"] is True and variable["refresh"] == 2, name
        assert variable["datasource"]["uid"] == "${datasource}", name
        assert re.match(r"label_values\(flankwatch_build_info", variable["query"]), name


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_panel(panel: dict[str, Any]) -> None:
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["title"] and panel["description"] and panel["title"] != panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    for target in panel["targets"]:
        assert target["legendFormat"] and "__auto" not in target["legendFormat"]


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_unit_fits_the_metric(panel: dict[str, Any]) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        expr = target["expr"]
        for name in metric_names(expr):
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            if re.search(r"\b(count|increase)\(", expr) or name.endswith("_total"):
                continue  # a number, or a rate whose unit is another
            for ending, wanted in UNITS.items():
                if base.endswith(ending):
                    assert unit == wanted, (panel["title"], name)
                    break
        if re.search(r"rate\([a-z_]*bytes_total", expr):
            assert unit == "Bps"


@pytest.mark.parametrize(("title", "expr"), targets(), ids=[t for t, _ in targets()])
def test_target(title: str, expr: str) -> None:
    selectors = re.findall(r"((?:flankwatch|process)_[a-z0-9_]+)(\{[^}]*\})?", expr)
    assert selectors, title
    for metric, selector in selectors:
        assert 'job=~"$job"' in selector, f"{title}: {metric} does not filter on $job"
        assert 'instance=~"$instance"' in selector, (
            f"{title}: {metric} does not filter on $instance"
        )
    for window in re.findall(r"\[([^\]]+)\]", expr):
        assert window in ("$__rate_interval", "$__range"), title
    for counter in re.finditer(r"[a-z0-9_]+_total\{", expr):
        before = expr[: counter.start()]
        assert before.endswith(("rate(", "irate(", "increase(")), f"{title}: bare counter"


def test_every_metric_asked_for_is_declared() -> None:
    known = {name for metric in DECLARED for name in exposed_names(metric)}
    known |= {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
    asked = [(title, expr) for title, expr in targets()]
    asked += [(rule["alert"], rule["expr"]) for rule in rules()]
    for where, expr in asked:
        assert metric_names(expr) <= known, where


def test_every_declared_metric_is_shown_or_said_to_be_diagnostic() -> None:
    used: set[str] = set()
    for expr in [expr for _, expr in targets()] + [rule["expr"] for rule in rules()]:
        used |= metric_names(expr)
    hidden = {
        min(exposed_names(metric), key=len)
        for metric in DECLARED
        if not exposed_names(metric) & used
    }
    hidden = {re.sub(r"_(bucket|sum|count)$", "", name) for name in hidden}
    assert hidden == set(DIAGNOSTIC)


@pytest.mark.prometheus
def test_every_expression_is_promql(tmp_path: Path) -> None:
    promtool = need("promtool", WHY)
    listed = [filled(expr) for _, expr in targets()]
    file = tmp_path / "panels.yml"
    records = [{"record": f"panel:{n}", "expr": expr} for n, expr in enumerate(listed)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))
    done = subprocess.run(
        [promtool, "check", "rules", "--lint=none", str(file)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
