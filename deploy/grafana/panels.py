"""What the dashboard *Overview* shows, as data: rows of panels with their queries.

`S` in a query stands for the selectors that every metric of it must carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SELECTORS = 'job=~"$job", instance=~"$instance"'
STEP = "[$__rate_interval]"
RANGE = "[$__range]"  # of a single number: over all that the reader looks at


@dataclass(frozen=True)
class Query:
    """One PromQL expression and the legend of its series; never a raw label set."""

    expr: str
    legend: str

    @property
    def text(self) -> str:
        """Return the expression with the selectors in place."""
        return self.expr.replace("{S", "{" + SELECTORS)


@dataclass(frozen=True)
class Panel:
    """One panel; `description` says what is normal."""

    title: str
    description: str
    unit: str  #: Grafana's name: s, short, cps, cpm, bytes, percentunit
    queries: tuple[Query, ...]
    kind: Literal["number", "lines"] = "lines"
    width: int = 8  #: of 24
    red_from: float | None = None  #: a number turns red from here on
    red_below: float | None = None  #: … or below this
    nothing: str = "0"  #: what a number shows when there are no series


def _rate(metric: str, by: str, legend: str, selectors: str = "{S}") -> tuple[Query, ...]:
    return (Query(f"sum by ({by}) (rate({metric}{selectors}{STEP}))", legend),)


def _quantile(
    metric: str, by: str, legend: str, quantiles: tuple[float, ...] = (0.95,)
) -> tuple[Query, ...]:
    group = f"le, {by}" if by else "le"
    return tuple(
        Query(
            f"histogram_quantile({q}, sum by ({group}) (rate({metric}_bucket{{S}}{STEP})))",
            f"{legend} p{q * 100:.0f}".strip(),
        )
        for q in quantiles
    )


WORKING = (
    Panel(
        "Roles ready",
        "Processes that do their work. Normal: fetch, detect, merge, deliver, so 4 or more.",
        "short",
        (Query("sum(flankwatch_ready{S})", "ready"),),
        "number",
        3,
        red_below=4,
    ),
    Panel(
        "Articles a minute",
        "Articles that detect has worked off. Normal: steps of a few to hundreds, never 0 for long.",
        "cpm",
        (
            Query(
                f'60 * sum(rate(flankwatch_processed_total{{S, stage="detect"}}{STEP}))', "articles"
            ),
        ),
        "number",
        3,
    ),
    Panel(
        "Oldest record in work",
        "How long the oldest record has waited in any stage. Normal: below 2 s.",
        "s",
        (Query("max(flankwatch_oldest_unprocessed_age_seconds{S})", "oldest"),),
        "number",
        3,
        red_from=120,
    ),
    Panel(
        "Incidents open",
        "Incidents that may still change, the canary's left out.",
        "short",
        (Query('sum(max by (theatre) (flankwatch_incidents_open{S, theatre!="canary"}))', "open"),),
        "number",
        3,
    ),
    Panel(
        "Alerts given",
        "Alerts in the time shown: new, updates and corrections.",
        "short",
        (Query(f"sum(increase(flankwatch_alerts_total{{S}}{RANGE}))", "alerts"),),
        "number",
        3,
    ),
    Panel(
        "Article to room",
        "From first sight of an article to the room's acceptance, 95th percentile in the time shown. The objective is 30 s.",
        "s",
        (
            Query(
                f"histogram_quantile(0.95, sum by (le) (rate(flankwatch_delivery_latency_seconds_bucket{{S}}{RANGE})))",
                "p95",
            ),
        ),
        "number",
        3,
        red_from=30,
        nothing="none sent",
    ),
    Panel(
        "Alerts waiting for a room",
        "Age of the oldest alert that a room has not got. Normal: 0.",
        "s",
        (Query("max(flankwatch_outbox_oldest_age_seconds{S})", "oldest"),),
        "number",
        3,
        red_from=300,
    ),
    Panel(
        "To dead letters",
        "Records in the time shown that could not be processed. Normal: 0; each is kept with its reason.",
        "short",
        (Query(f"sum(increase(flankwatch_dlq_total{{S}}{RANGE}))", "records"),),
        "number",
        3,
        red_from=1,
    ),
)

FEEDS = (
    Panel(
        "Since a group's last new entry",
        "By file of seeds/feeds/. Hours by day mean that we are blind there.",
        "s",
        (
            Query(
                "time() - max by (group) (flankwatch_feed_group_last_new_item_timestamp_seconds{S})",
                "{{group}}",
            ),
        ),
    ),
    Panel(
        "Fetches by outcome",
        "Attempts a second and what came of them.",
        "cps",
        _rate("flankwatch_fetches_total", "outcome", "{{outcome}}"),
    ),
    Panel(
        "Entries",
        "Entries a second: new, revised, seen before, not usable.",
        "cps",
        _rate("flankwatch_entries_total", "result", "{{result}}"),
    ),
    Panel(
        "Feeds without success for an hour",
        "Of those configured. A publisher's trouble is a few; ours is many.",
        "short",
        (
            Query(
                "count(time() - flankwatch_feed_last_success_timestamp_seconds{S} > 3600) or vector(0)",
                "failing",
            ),
            Query("sum(flankwatch_feeds_configured{S})", "configured"),
        ),
    ),
    Panel(
        "Requests by use of validators",
        "not_modified is the polite answer; unconditional should be rare.",
        "cps",
        _rate("flankwatch_conditional_requests_total", "result", "{{result}}"),
    ),
    Panel(
        "Fetch time",
        "One fetch, end to end.",
        "s",
        _quantile("flankwatch_fetch_duration_seconds", "", "fetch", (0.5, 0.95)),
    ),
    Panel(
        "Documents not read",
        "By reason. HTML in place of a feed is a moved or blocked feed.",
        "cps",
        _rate("flankwatch_parse_failures_total", "reason", "{{reason}}"),
    ),
    Panel(
        "Received",
        "Bytes of documents, decoded.",
        "Bps",
        (Query(f"sum(rate(flankwatch_fetch_bytes_total{{S}}{STEP}))", "received"),),
    ),
    Panel(
        "Told to wait by publishers",
        "Seconds of waiting asked for, a second; by Retry-After and the like.",
        "s",
        (Query(f"sum(rate(flankwatch_throttled_seconds_total{{S}}{STEP}))", "waiting"),),
    ),
)

STREAM = (
    Panel(
        "Records worked off",
        "A second, by stage.",
        "cps",
        _rate("flankwatch_processed_total", "stage", "{{stage}}"),
    ),
    Panel(
        "Time of one record",
        "95th percentile, by stage. Detect: about 1 ms.",
        "s",
        _quantile("flankwatch_stage_duration_seconds", "stage", "{{stage}}"),
    ),
    Panel(
        "Records waiting",
        "End of the topic minus what is committed.",
        "short",
        (Query("sum by (topic) (flankwatch_consumer_lag_messages{S})", "{{topic}}"),),
    ),
    Panel(
        "Age of the oldest record in work",
        "By topic. Rises in a straight line when a stage is stuck.",
        "s",
        (Query("max by (topic) (flankwatch_oldest_unprocessed_age_seconds{S})", "{{topic}}"),),
    ),
    Panel(
        "Since the last commit",
        "By stage; small also when there is nothing to do.",
        "s",
        (
            Query(
                "time() - max by (stage) (flankwatch_last_commit_timestamp_seconds{S})", "{{stage}}"
            ),
        ),
    ),
    Panel(
        "Lateness of the event loop",
        "95th percentile, by process. Over 0.1 s something blocks it.",
        "s",
        _quantile("flankwatch_event_loop_lag_seconds", "instance", "{{instance}}"),
    ),
    Panel(
        "Dropped",
        "Everything that is dropped anywhere, with its reason.",
        "cps",
        _rate("flankwatch_dropped_total", "stage, reason", "{{stage}}: {{reason}}"),
    ),
    Panel(
        "Dead letters",
        "Records that could not be processed, with their reason.",
        "cps",
        _rate("flankwatch_dlq_total", "stage, reason", "{{stage}}: {{reason}}"),
    ),
    Panel(
        "Group trouble",
        "Rebalances and coordinator errors a second. Normal: at starts only.",
        "cps",
        (
            *_rate("flankwatch_rebalances_total", "stage", "{{stage}} rebalances"),
            *_rate("flankwatch_coordinator_errors_total", "stage", "{{stage}} errors"),
        ),
    ),
)

INCIDENTS = (
    Panel(
        "Articles by verdict",
        "A second. A hit is a reported incursion; the others say which gate an article failed.",
        "cps",
        _rate("flankwatch_articles_tagged_total", "verdict", "{{verdict}}"),
    ),
    Panel(
        "Articles by language",
        "The ten most frequent.",
        "cps",
        (
            Query(
                f"topk(10, sum by (lang) (rate(flankwatch_articles_tagged_total{{S}}{STEP})))",
                "{{lang}}",
            ),
        ),
    ),
    Panel(
        "Reports by kind",
        "Reported incursions a second, before they are merged.",
        "cps",
        _rate("flankwatch_reports_total", "kind", "{{kind}}"),
    ),
    Panel(
        "What became of articles with reports",
        "new opens an incident; joined, late and repeat do not.",
        "cps",
        _rate("flankwatch_outcomes_total", "outcome", "{{outcome}}"),
    ),
    Panel(
        "Alerts",
        "By action and level.",
        "cps",
        _rate("flankwatch_alerts_total", "action, level", "{{action}} {{level}}"),
    ),
    Panel(
        "Alerts not given",
        "By reason, in the words of `flankwatch explain`.",
        "cps",
        _rate("flankwatch_suppressed_total", "reason", "{{reason}}"),
    ),
)

ROOMS = (
    Panel(
        "Deliveries",
        "Attempts a second, by room and verdict.",
        "cps",
        _rate("flankwatch_deliveries_total", "channel, outcome", "{{channel}}: {{outcome}}"),
    ),
    Panel(
        "First sight to acceptance",
        "By room. The objective is 30 s.",
        "s",
        _quantile("flankwatch_delivery_latency_seconds", "channel", "{{channel}}", (0.5, 0.95)),
    ),
    Panel(
        "Oldest alert waiting",
        "By room.",
        "s",
        (Query("max by (channel) (flankwatch_outbox_oldest_age_seconds{S})", "{{channel}}"),),
    ),
    Panel(
        "Circuit breakers",
        "1 for a room's present state; open means that nothing is tried.",
        "short",
        (Query("max by (channel, state) (flankwatch_breaker_state{S})", "{{channel}}: {{state}}"),),
    ),
)

PROCESSES = (
    Panel(
        "Memory",
        "Resident, by process. Each role stays below 250 MB.",
        "bytes",
        (Query("max by (instance) (process_resident_memory_bytes{S})", "{{instance}}"),),
    ),
    Panel(
        "Processor",
        "Cores used, by process; 1 is a whole core.",
        "percentunit",
        _rate("process_cpu_seconds_total", "instance", "{{instance}}"),
    ),
    Panel(
        "Versions",
        "Processes by version. Two at once: a roll-out under way, or a forgotten one.",
        "short",
        (Query("count by (version) (flankwatch_build_info{S})", "{{version}}"),),
    ),
    Panel(
        "Catalogs in force",
        "Processes by the hash of their seeds. Two for long: one has not reloaded.",
        "short",
        (Query("count by (catalog) (flankwatch_catalog_info{S} == 1)", "{{catalog}}"),),
    ),
    Panel(
        "State recovery",
        "How long reading the state back took at the last start.",
        "s",
        (Query("max by (stage) (flankwatch_recovery_seconds{S})", "{{stage}}"),),
    ),
)

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    ("Is it working?", WORKING),
    ("Feeds", FEEDS),
    ("Stream", STREAM),
    ("Articles, incidents, alerts", INCIDENTS),
    ("Rooms", ROOMS),
    ("Processes", PROCESSES),
)
