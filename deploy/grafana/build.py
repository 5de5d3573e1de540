"""Generate deploy/grafana/dashboards/overview.json from panels.py.

`python deploy/grafana/build.py` writes it; a test builds it again and compares. The library is a
development dependency, pinned exactly: its other releases carry the types of an older Grafana.
"""

from __future__ import annotations

import sys
from pathlib import Path

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from panels import ROWS, Panel, Query

HERE = Path(__file__).resolve().parent
OUTPUT = HERE / "dashboards" / "overview.json"
UID = "flankwatch-overview"
SOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
NUMBER_HEIGHT, LINES_HEIGHT = 4, 8


def build() -> str:
    """Return the dashboard's JSON, ending in a line break."""
    board = (
        dashboard.Dashboard("Flankwatch: Overview")
        .uid(UID)
        .description("The first row says whether it works; each row below it says why not.")
        .tags(["flankwatch"])
        .readonly()
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
        )
        .with_variable(_variable("job", "Job", "label_values(flankwatch_build_info, job)"))
        .with_variable(
            _variable(
                "instance", "Instance", 'label_values(flankwatch_build_info{job=~"$job"}, instance)'
            )
        )
    )
    panel_id, y = 0, 0
    for title, panels in ROWS:
        panel_id += 1
        row = dashboard.Row(title).id(panel_id)
        board.with_row(row.grid_pos(models.GridPos(h=1, w=24, x=0, y=y)))
        y += 1
        x, tallest = 0, 0
        for panel in panels:
            height = NUMBER_HEIGHT if panel.kind == "number" else LINES_HEIGHT
            if x + panel.width > 24:
                x, y, tallest = 0, y + tallest, 0
            panel_id += 1
            where = models.GridPos(h=height, w=panel.width, x=x, y=y)
            board.with_panel(_panel(panel).id(panel_id).grid_pos(where))
            x, tallest = x + panel.width, max(tallest, height)
        y += tallest
    return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(board.build()) + "\n"


def _variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _panel(panel: Panel) -> stat.Panel | timeseries.Panel:
    kind = stat.Panel if panel.kind == "number" else timeseries.Panel
    made: stat.Panel | timeseries.Panel = kind()
    made.title(panel.title).description(panel.description).unit(panel.unit).datasource(SOURCE)
    made.no_value(panel.nothing)
    if isinstance(made, stat.Panel):
        made.thresholds(_thresholds(panel)).color_mode(common.BigValueColorMode.VALUE)
        made.graph_mode(common.BigValueGraphMode.AREA)
        made.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    else:
        made.fill_opacity(8).line_width(1).axis_soft_min(0)
        legend = common_builders.VizLegendOptions().show_legend(True)
        legend.display_mode(common.LegendDisplayMode.LIST)
        made.legend(legend.placement(common.LegendPlacement.BOTTOM).calcs([]))
    for number, query in enumerate(panel.queries):
        made.with_target(_target(query, "ABCDEF"[number], panel))
    return made


def _target(query: Query, ref: str, panel: Panel) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.text).legend_format(query.legend).ref_id(ref)
    # A number over the whole range is one value; a line needs a value at each step.
    return target.instant() if "$__range" in query.text else target.range()


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    if panel.red_below is not None:
        steps = [models.Threshold(None, "red"), models.Threshold(panel.red_below, "green")]
    elif panel.red_from is not None:
        steps = [models.Threshold(None, "green"), models.Threshold(panel.red_from, "red")]
    else:
        steps = [models.Threshold(None, "green")]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def main() -> int:
    """Write the file; with `--check` only compare, 1 when it differs."""
    made = build()
    if "--check" in sys.argv:
        return int(OUTPUT.read_text(encoding="utf-8") != made)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(made, encoding="utf-8")
    print(OUTPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
