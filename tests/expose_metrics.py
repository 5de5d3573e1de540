"""A process that shows every metric of one role, moving, in good days and bad: for Prometheus.

`python tests/expose_metrics.py ROLE PORT [--bad]`; ends when its standard input closes.
"""

from __future__ import annotations

import sys
import threading
import time

from prometheus_client import start_http_server

from streams import metrics as m


def fetch(bad: bool) -> None:
    m.feeds_configured.labels("baltic").set(2)
    m.feed_group_last_new_item.labels("baltic").set(time.time() - (7 * 3600 if bad else 5))
    for feed in ("ee-err", "lt-lrt"):
        m.feed_last_success.labels(feed).set(time.time() - (2 * 3600 if bad else 3))
        m.fetches.labels(feed, "timeout" if bad else "ok").inc()
        m.entries.labels(feed, "new").inc()
        m.conditional_requests.labels(feed, "not_modified").inc()
        m.fetch_bytes.labels(feed).inc(5000)
        m.parse_failures.labels(feed, "not_xml").inc(int(bad))
        m.throttled_seconds.labels(feed).inc(int(bad))
    m.fetch_duration.observe(0.3)
    m.event_loop_lag.observe(0.001)


def detect(bad: bool) -> None:
    _stage("detect", "news.articles.v1", bad)
    m.articles_tagged.labels("pl", "no_event").inc(9)
    m.articles_tagged.labels("lt", "hit").inc()
    m.reports.labels("drone", "lt").inc()
    m.recovery_seconds.labels("detect").set(0)


def merge(bad: bool) -> None:
    _stage("merge", "news.ledger.v1", bad)
    m.incidents_open.labels("europe").set(3)
    m.incidents_open.labels("canary").set(1)
    m.outcomes.labels("joined").inc()
    m.alerts.labels("new", "urgent").inc()
    m.suppressed.labels("below_level").inc()
    m.recovery_seconds.labels("merge").set(1.5)


def deliver(bad: bool) -> None:
    _stage("deliver", "news.alerts.v1", bad)
    m.deliveries.labels("duty-desk", "retry" if bad else "ok").inc()
    m.delivery_latency.labels("duty-desk").observe(2)
    m.outbox_oldest_age.labels("duty-desk").set(400 if bad else 0)
    m.breaker_state.labels("duty-desk", "open").set(int(bad))
    m.breaker_state.labels("duty-desk", "closed").set(int(not bad))


def _stage(stage: str, topic: str, bad: bool) -> None:
    m.processed.labels(stage).inc(10)
    m.stage_duration.labels(stage).observe(0.001)
    m.consumer_lag.labels(topic, "0").set(9000 if bad else 3)
    m.oldest_unprocessed_age.labels(topic, "0").set(200 if bad else 0.2)
    m.last_commit.labels(stage).set_to_current_time()
    m.event_loop_lag.observe(0.001)
    if bad:
        m.dead_letters.labels(stage, "unreadable").inc()
        m.dropped.labels(stage, "too_large").inc()
        m.coordinator_errors.labels(stage).inc()


def main(role: str, port: int, bad: bool) -> None:
    m.start_at_zero(role, "0.0.0")
    m.ready.labels(role).set(int(not bad))
    m.catalog_info.labels("0123456789ab").set(1)
    start_http_server(port, "127.0.0.1")
    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    while not closed.wait(0.2):
        globals()[role](bad)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), "--bad" in sys.argv)
