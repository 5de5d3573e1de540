"""Every metric, declared once: prefix `flankwatch_`, base units, labels from closed lists.

Never a label: URL, title, article id, exception text, anything that a feed supplies.
Counters whose label values are known start at 0, so that `rate()` sees the first event.
One registry a process; one scrape target a worker.
"""

from __future__ import annotations

import platform

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

#: Holds the latency objective (30 s) as an exact bound.
LATENCY_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 120, 300)
STAGE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
ROLES = ("fetch", "detect", "merge", "deliver")
DROP_REASONS = ("too_large", "unreadable", "expired", "capped", "invalid", "duplicate")

_P = "flankwatch_"

# --- fetch ---------------------------------------------------------------------------------
fetches = Counter(_P + "fetches_total", "Fetch attempts by outcome.", ["feed", "outcome"])
fetch_duration = Histogram(
    _P + "fetch_duration_seconds", "Time of one fetch, end to end.", buckets=LATENCY_SECONDS
)
fetch_bytes = Counter(_P + "fetch_bytes_total", "Decoded bytes received.", ["feed"])
conditional_requests = Counter(
    _P + "conditional_requests_total",
    "Requests by use of validators: unconditional, modified, not_modified.",
    ["feed", "result"],
)
throttled_seconds = Counter(
    _P + "throttled_seconds_total", "Seconds that publishers asked us to wait.", ["feed"]
)
fetch_compression_ratio = Histogram(
    _P + "fetch_compression_ratio",
    "Decoded bytes per byte on the wire.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 1024),
)
feed_last_success = Gauge(
    _P + "feed_last_success_timestamp_seconds", "Last 200 or 304 with a readable feed.", ["feed"]
)
feed_last_new_item = Gauge(
    _P + "feed_last_new_item_timestamp_seconds", "Last time the feed had a new entry.", ["feed"]
)
feed_group_last_new_item = Gauge(
    _P + "feed_group_last_new_item_timestamp_seconds",
    "Last time any feed of the group had a new entry; the process's start until then.",
    ["group"],
)
feed_next_poll = Gauge(_P + "feed_next_poll_timestamp_seconds", "Next planned fetch.", ["feed"])
feed_interval = Gauge(_P + "feed_interval_seconds", "Present polling interval.", ["feed"])
feeds_configured = Gauge(_P + "feeds_configured", "Feeds this process polls, by group.", ["group"])
parse_duration = Histogram(
    _P + "parse_duration_seconds", "Time to parse one document.", buckets=STAGE_SECONDS
)
parse_failures = Counter(_P + "parse_failures_total", "Documents not read.", ["feed", "reason"])
entries = Counter(
    _P + "entries_total", "Entries: new, revised, duplicate, invalid.", ["feed", "result"]
)

pages = Counter(
    _P + "pages_total", "Article pages fetched for their text, by outcome.", ["outcome"]
)

websub = Counter(
    _P + "websub_total",
    "WebSub: asked, subscribed, denied, failed; pushed, unsigned, repeated, too_large, too_many.",
    ["result"],
)

# --- stream --------------------------------------------------------------------------------
processed = Counter(_P + "processed_total", "Records processed.", ["stage"])
stage_duration = Histogram(
    _P + "stage_duration_seconds",
    "Time of one record in a stage.",
    ["stage"],
    buckets=STAGE_SECONDS,
)
dropped = Counter(
    _P + "dropped_total", "Records or entries dropped, with the reason.", ["stage", "reason"]
)
dead_letters = Counter(_P + "dlq_total", "Records sent to dead letters.", ["stage", "reason"])
event_loop_lag = Histogram(
    _P + "event_loop_lag_seconds",
    "How late a timer on the event loop wakes.",
    buckets=STAGE_SECONDS,
)
consumer_lag = Gauge(
    _P + "consumer_lag_messages", "End offset minus committed offset.", ["topic", "partition"]
)
oldest_unprocessed_age = Gauge(
    _P + "oldest_unprocessed_age_seconds",
    "Age of the oldest record not yet processed.",
    ["topic", "partition"],
)
last_commit = Gauge(
    _P + "last_commit_timestamp_seconds",
    "Last time the committed offset moved or had nothing to do.",
    ["stage"],
)
rebalances = Counter(_P + "rebalances_total", "Completed group rebalances.", ["stage"])
coordinator_errors = Counter(
    _P + "coordinator_errors_total", "Group coordinator errors seen.", ["stage"]
)
recovery_seconds = Gauge(_P + "recovery_seconds", "Time the last state recovery took.", ["stage"])
ready = Gauge(_P + "ready", "1 once the role does its work.", ["stage"])

# --- understanding and incidents -------------------------------------------------------------
articles_tagged = Counter(
    _P + "articles_tagged_total", "Articles by language and verdict.", ["lang", "verdict"]
)
reports = Counter(_P + "reports_total", "Reports found.", ["kind", "lang"])
watch_articles = Counter(
    _P + "watch_articles_total",
    "Articles that a watch saw: told (first of its window), grouped, capped.",
    ["policy", "result"],
)
incidents_open = Gauge(_P + "incidents_open", "Open incidents.", ["theatre"])
outcomes = Counter(_P + "outcomes_total", "What became of report sets.", ["outcome"])
suppressed = Counter(_P + "suppressed_total", "Alerts not given, by reason.", ["reason"])
alerts = Counter(_P + "alerts_total", "Alerts by action and level.", ["action", "level"])

# --- delivery ------------------------------------------------------------------------------
deliveries = Counter(
    _P + "deliveries_total", "Delivery attempts by verdict.", ["channel", "outcome"]
)
delivery_latency = Histogram(
    _P + "delivery_latency_seconds",
    "First seen to the room's first acceptance.",
    ["channel"],
    buckets=LATENCY_SECONDS,
)
breaker_state = Gauge(
    _P + "breaker_state", "1 for the breaker's present state.", ["channel", "state"]
)
outbox_oldest_age = Gauge(
    _P + "outbox_oldest_age_seconds", "Age of the oldest alert a room has not got.", ["channel"]
)

# --- meta ----------------------------------------------------------------------------------
canary_injected = Counter(_P + "canary_injected_total", "Canary articles put in.")
canary_latency = Histogram(
    _P + "canary_latency_seconds",
    "Canary, from injection to its delivery.",
    buckets=LATENCY_SECONDS,
)
build_info = Gauge(_P + "build_info", "1; what runs.", ["version", "revision", "python"])
catalog_info = Gauge(_P + "catalog_info", "1; the catalog in force.", ["catalog"])
config_last_reload_success = Gauge(
    _P + "config_last_reload_success_timestamp_seconds", "When settings and seeds were last loaded."
)
reloads = Counter(
    _P + "reloads_total",
    "Catalog switches (a start counts as one): switched, or kept because the seeds do not fit.",
    ["stage", "result"],
)
supervisor_restarts = Counter(
    _P + "supervisor_restarts_total", "Role processes restarted.", ["stage"]
)

REGISTRY_IN_USE = REGISTRY


def start_at_zero(stage: str, version: str, revision: str = "") -> None:
    """Create the series whose labels are known, so that rates see their first event."""
    build_info.labels(version, revision, platform.python_version()).set(1)
    processed.labels(stage)
    for reason in DROP_REASONS:
        dropped.labels(stage, reason)
    for reason in ("unreadable", "failed", "rejected", "too_large"):
        dead_letters.labels(stage, reason)
    rebalances.labels(stage)
    coordinator_errors.labels(stage)
    ready.labels(stage).set(0)
