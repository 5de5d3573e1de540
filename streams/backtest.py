"""Recorded articles through understanding and ledger, offline: what would have been told.

In:  articles, a catalog.   Out: a verdict per article, incidents, alerts.
Deterministic, and exactly the fold that the merge role runs. The articles go in by the time they
were published; labels never get here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from streams.catalog import Catalog
from streams.incidents.facts import is_late
from streams.incidents.frame import attaches_only
from streams.incidents.ledger import Ledger
from streams.incidents.memory import Held
from streams.incidents.watch import Counter, alert_of, look
from streams.records import Alert, Article, Incident, Outcome, Report, Tick
from streams.understand import understand
from streams.understand.verdict import Understanding

_TELLING = frozenset({"asserted", "attributed"})
_WITHDRAWN = frozenset({"denied", "false_alarm"})


@dataclass(frozen=True)
class Settled:
    """One report after the ledger's word on it."""

    report: Report
    freshness: str
    incident: str | None

    @property
    def is_incursion(self) -> bool:
        """Return whether it tells of something that crosses now."""
        report = self.report
        return (
            self.freshness == "fresh"
            and report.realis in _TELLING
            and report.status_hint not in _WITHDRAWN
        )


@dataclass(frozen=True)
class Verdict:
    """What became of one article."""

    article: Article
    language: str
    tags: tuple[str, ...]
    settled: tuple[Settled, ...]
    why: tuple[str, ...]
    outcome: Outcome | None

    @property
    def is_incursion(self) -> bool:
        """Return the verdict after the ledger."""
        return any(found.is_incursion for found in self.settled)

    @property
    def first(self) -> Settled | None:
        """The report that speaks for the article: the freshest, of equals the first told."""
        ranked = sorted(
            self.settled,
            key=lambda found: (
                not found.is_incursion,
                found.freshness != "fresh",
                found.report.follow_up,
            ),
        )
        return ranked[0] if ranked else None

    def as_json(self) -> dict[str, Any]:
        """Return the object that `backtest --json` prints."""
        first = self.first
        happened = first.report.happened if first is not None else None
        return {
            "id": self.article.guid or self.article.id,
            "lang": self.language,
            "tags": list(self.tags),
            "incursion": self.is_incursion,
            "kind": first.report.kind if first is not None else None,
            "country": first.report.territory.country if first is not None else None,
            "happened": None
            if happened is None
            else {
                "from": happened.start.isoformat(),
                "to": happened.end.isoformat(),
                "precision": happened.precision,
            },
            "freshness": first.freshness if first is not None else None,
            "realis": first.report.realis if first is not None else None,
            "incident": next((found.incident for found in self.settled if found.incident), None)
            if first is None or first.incident is None
            else first.incident,
            "reports": [_report_json(found) for found in self.settled],
            "why": list(self.why),
        }


@dataclass
class Backtest:
    """What a recording gives."""

    verdicts: list[Verdict] = field(default_factory=list)  #: in input order
    incidents: list[Incident] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    #: of each alert, the index of the article that made it; None: told at the end
    causes: list[int | None] = field(default_factory=list)
    watched: list[Alert] = field(default_factory=list)  #: what watches over own words told


def run_backtest(articles: Sequence[Article], catalog: Catalog) -> Backtest:
    """Return what a catalog makes of recorded articles, in the order of their publication.

    Args:
        articles: In any order; each with the time it was first seen.
        catalog: The seeds to judge.
    """
    order = sorted(range(len(articles)), key=lambda index: (_published(articles[index]), index))
    return fold_understood([understand(article, catalog) for article in articles], catalog, order)


def fold_understood(
    understood: Sequence[Understanding], catalog: Catalog, order: Sequence[int]
) -> Backtest:
    """Return what the ledger makes of understood articles.

    Args:
        understood: One for each article.
        catalog: Its policies, publishers and words.
        order: Indices of `understood` as they arrive; one may arrive again.
    """
    ledger = Ledger(catalog.policies, catalog.publishers, catalog.messages)
    articles = [found.article for found in understood]
    outcomes: dict[int, Outcome] = {}
    result = Backtest()
    offset = -1
    watches = {watch.id: watch for watch in catalog.policies.watches}
    counter = Counter()
    told_windows: set[str] = set()
    for index in order:
        found = understood[index]
        for seen in look(catalog.policies.watches, found.article, found.tagged, counter):
            if seen.hit is not None and seen.hit.id not in told_windows:
                told_windows.add(seen.hit.id)
                result.watched.append(alert_of(seen.hit, watches[seen.hit.policy]))
        if not found.report_set.reports and found.article.supersedes is None:
            continue
        offset += 1
        effects = ledger.fold(offset, found.report_set)
        result.alerts += effects.alerts
        result.causes += [index] * len(effects.alerts)
        if effects.outcomes:
            outcomes.setdefault(index, effects.outcomes[0])
    for theatre in sorted({article.theatre for article in articles}):
        last = max(a.first_seen_at for a in articles if a.theatre == theatre)
        offset += 1
        tick = Tick(at=last + timedelta(hours=1), theatre=theatre, final=True)
        alerts = ledger.fold(offset, tick).alerts
        result.alerts += alerts
        result.causes += [None] * len(alerts)
        result.incidents += [found for found in ledger.incidents(theatre) if found.accounts]
    for index, article in enumerate(articles):
        found = understood[index]
        result.verdicts.append(
            Verdict(
                article=article,
                language=found.tagged.language,
                tags=tuple(tag.tag for tag in found.tagged.tags),
                settled=_settle(found, ledger),
                why=_why(found, outcomes.get(index)),
                outcome=outcomes.get(index),
            )
        )
    return result


def _published(article: Article) -> datetime:
    return article.published_at or article.first_seen_at


def _settle(found: Understanding, ledger: Ledger) -> tuple[Settled, ...]:
    """Return the reports with the ledger's word: whose incident, and whether it is news."""
    theatre = ledger.theatre(found.article.theatre)
    holders: dict[str, Held] = {
        account.report.id: held for held, account in theatre.holding(found.article.id)
    }
    settled = []
    for report in found.report_set.reports:
        held = holders.get(report.id)
        freshness: str = report.freshness
        if held is not None and held.group is not None and freshness == "undated":
            # known from a court's verdict or a belated reaction alone, it was never news
            is_echo = all(attaches_only(account.report) for account in held.incident.accounts)
            freshness = "late" if is_echo or is_late(report, held.group) else "fresh"
        settled.append(Settled(report, freshness, held.incident.id if held is not None else None))
    return tuple(settled)


def _why(found: Understanding, outcome: Outcome | None) -> tuple[str, ...]:
    why = found.tagged.why
    if outcome is not None and outcome.why:
        why = (*why, f"ledger: {outcome.what}: {outcome.why}")
    return why


def _report_json(found: Settled) -> dict[str, Any]:
    report = found.report
    return {
        "id": report.id,
        "kind": report.kind,
        "country": report.territory.country,
        "place": report.territory.place,
        "object": report.object.what,
        "action": report.action,
        "actor": report.actor,
        "official": report.official,
        "realis": report.realis,
        "freshness": found.freshness,
        "follow_up": report.follow_up,
        "certainty": report.certainty,
        "happened": {
            "from": report.happened.start.isoformat(),
            "to": report.happened.end.isoformat(),
            "precision": report.happened.precision,
        },
        "incident": found.incident,
        "evidence": [span.quote for span in report.evidence],
    }
