"""A labelled recording replayed as it came in: the messages people get against those they must get.

In:  `*.jsonl` and `*.labels.json` of seeds/recordings.   Out: what is told too much, or not.
Labels are read apart from the articles and never reach understanding or ledger. Silent refreshes
of a shown text (no change named, nobody called) are not messages.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from connectors.base import Entry
from streams.articles import article_from_entry, article_id
from streams.backtest import Backtest, fold_understood
from streams.catalog import Catalog
from streams.records import Alert, Article
from streams.scorecard import pairwise
from streams.understand import understand
from streams.understand.verdict import Understanding

#: What labels call a fact, where an alert's own word differs.
_FACTS = ("status", "level", "count", "shot_down", "found", "place", "actor", "merged")


class Message(NamedTuple):
    """One message of one incident, by the label or by the ledger."""

    incident: str  #: of the label; "" when the incident is none of the labelled ones
    kind: str  #: new, update or correction
    article: str  #: guid of the article that caused it; "" when told at the end
    facts: tuple[str, ...]  #: what changed, by name
    status: str


@dataclass(frozen=True)
class Recording:
    """Articles as they were first seen, and what careful readers say of them."""

    articles: tuple[Article, ...]
    labels: tuple[dict[str, Any], ...]  #: one an article
    incidents: dict[str, dict[str, Any]]  #: by label id

    def expected(self) -> list[Message]:
        """Return the labelled messages."""
        return [
            Message(
                incident,
                said["message"],
                said["article"],
                tuple(sorted(said.get("what", ()))),
                said.get("status", ""),
            )
            for incident, label in self.incidents.items()
            for said in label["messages"]
        ]


def read_recording(path: Path) -> Recording:
    """Return a recording; its labels lie beside it as `NAME.labels.json`.

    Raises:
        OSError, ValueError, KeyError: a file is missing or is not what the README says.
    """
    articles: list[Article] = []
    labels: list[dict[str, Any]] = []
    revisions: dict[str, str] = {}
    for line in path.read_text("utf-8").splitlines():
        value = json.loads(line)
        entry = Entry(
            guid=value["id"],
            title=value["title"],
            body=value["body"],
            url=value["link"],
            canonical_url=value["link"],
            published_at=datetime.fromisoformat(value["published"]),
            source_name=value["publisher"],
        )
        feed = value.get("feed") or "replay"
        article = article_from_entry(
            entry,
            id=article_id(feed, "guid", value["id"]),
            feed=feed,
            publisher=value["publisher"],
            first_seen_at=datetime.fromisoformat(value["first_seen"]),
            language=value["lang"],
            supersedes=revisions.get(value["id"]),
            theatre="replay",
        )
        revisions[value["id"]] = article.revision
        articles.append(article)
        labels.append(value["label"])
    told = json.loads(path.with_suffix(".labels.json").read_text("utf-8"))
    return Recording(tuple(articles), tuple(labels), told["incidents"])


def understand_all(recording: Recording, catalog: Catalog) -> list[Understanding]:
    """Return what each article is understood as; the slow half of a replay."""
    return [understand(article, catalog) for article in recording.articles]


def replay(
    recording: Recording,
    understood: Sequence[Understanding],
    catalog: Catalog,
    order: Sequence[int] | None = None,
) -> Backtest:
    """Return what the ledger makes of a recording.

    Args:
        recording: Whose articles were understood.
        understood: One for each article.
        catalog: Policies, publishers and words.
        order: Indices of the articles as they arrive; None: as they were first seen.
    """
    if order is None:
        seen = [article.first_seen_at for article in recording.articles]
        order = sorted(range(len(seen)), key=lambda index: (seen[index], index))
    return fold_understood(understood, catalog, order)


def messages(recording: Recording, result: Backtest) -> list[Message]:
    """Return the messages people got, in order, each under the label that its incident is."""
    label_of = matched(recording, result)
    moved = _merged(result)
    found = []
    for alert, cause in zip(result.alerts, result.causes, strict=True):
        if not _is_message(alert):
            continue
        subject = alert.subject
        while subject in moved:
            subject = moved[subject]
        found.append(
            Message(
                label_of.get(subject, ""),
                alert.action,
                recording.articles[cause].guid or "" if cause is not None else "",
                tuple(sorted(entry.fact for entry in alert.revisions)),
                alert.status or "",
            )
        )
    return found


def matched(recording: Recording, result: Backtest) -> dict[str, str]:
    """Return incident id → label id: that of most of its articles.

    An incident that lost all its articles is that of the articles which made people hear of it.
    """
    labels = _label_by_article(recording)
    found = {}
    causes: dict[str, Counter[str]] = defaultdict(Counter)
    for alert, cause in zip(result.alerts, result.causes, strict=True):
        label = recording.labels[cause]["incident"] if cause is not None else None
        if label is not None:
            causes[alert.subject][label] += 1
    for subject, votes in causes.items():
        found[subject] = min(votes, key=lambda label: (-votes[label], label))
    for incident in result.incidents:
        votes = Counter(
            labels[account.article] for account in incident.accounts if account.article in labels
        )
        if votes:
            found[incident.id] = min(votes, key=lambda label: (-votes[label], label))
    return found


def grouping(recording: Recording, result: Backtest, *, hits_only: bool = True) -> dict[str, Any]:
    """Return precision, recall and F1 over pairs of articles put into one incident.

    An article that names two incidents may be with either.

    Args:
        recording: With its labels.
        result: Of a replay.
        hits_only: Leave out articles that no incident holds: those are misses of understanding.
    """
    last = {article.id: index for index, article in enumerate(recording.articles)}
    pairs = []
    for index in sorted(last.values()):
        label = recording.labels[index]
        if label["incident"] is None:
            continue
        held = [found.incident for found in result.verdicts[index].settled if found.incident]
        if held or not hits_only:
            pairs.append((index, held))
    label_of = matched(recording, result)
    rows: list[tuple[str | None, str]] = []
    for index, held in pairs:
        label = recording.labels[index]
        mine = next((i for i in held if label_of.get(i) == label["incident"]), None)
        also = next((i for i in held if label_of.get(i) in label.get("also", ())), None)
        if mine is None and also is not None:
            rows.append((also, label_of[also]))
        else:
            rows.append((mine or (held[0] if held else None), label["incident"]))
    return pairwise(rows)


def shown_twice(result: Backtest) -> list[tuple[str, str, str]]:
    """Return (incident, fact, value) told again though the shown text said it already."""
    repeated = []
    shown: dict[str, dict[str, str]] = defaultdict(dict)
    for alert in result.alerts:
        for entry in alert.revisions:
            if entry.fact in _FACTS and shown[alert.subject].get(entry.fact) == entry.new:
                repeated.append((alert.subject, entry.fact, entry.new))
            shown[alert.subject][entry.fact] = entry.new
    return repeated


def first_posts(result: Backtest) -> Counter[str]:
    """Return how many first posts each incident had."""
    return Counter(alert.subject for alert in result.alerts if alert.action == "new")


def groups(result: Backtest) -> frozenset[frozenset[tuple[str, str]]]:
    """Return the grouping: the reports of each incident."""
    return frozenset(
        frozenset((account.article, account.report.id) for account in incident.accounts)
        for incident in result.incidents
    )


def final_facts(result: Backtest) -> dict[frozenset[str], tuple[object, ...]]:
    """Return what is known of each incident in the end, by the reports it holds."""
    return {
        frozenset(account.report.id for account in incident.accounts): (
            incident.kind,
            incident.status,
            incident.country,
            incident.happened,
            incident.object,
            incident.actor,
            incident.actions,
            incident.places,
            incident.claims,
            incident.official,
            incident.independent_origins,
            incident.certainty,
            incident.late,
            incident.core,
        )
        for incident in result.incidents
    }


def joined_wrongly(recording: Recording, result: Backtest) -> list[tuple[str, str, int]]:
    """Return (label of an incident, another label, how many of its articles are in it)."""
    labels, label_of = _label_by_article(recording), matched(recording, result)
    also = {
        article.id: label.get("also", ())
        for article, label in zip(recording.articles, recording.labels, strict=True)
    }
    found = []
    for incident in result.incidents:
        first = label_of.get(incident.id)
        votes = Counter(
            labels[account.article]
            for account in incident.accounts
            if labels.get(account.article) not in (None, first)
            and first not in also[account.article]
        )
        found += [(first, other, count) for other, count in votes.most_common() if first]
    return found


def _is_message(alert: Alert) -> bool:
    return alert.action != "update" or bool(alert.revisions) or alert.notify


def _merged(result: Backtest) -> dict[str, str]:
    return {
        alert.subject: alert.incident.merged_into
        for alert in result.alerts
        if alert.incident is not None and alert.incident.merged_into
    }


def _label_by_article(recording: Recording) -> dict[str, str]:
    """Return article id → label id, of articles that belong to an incident."""
    return {
        article.id: label["incident"]
        for article, label in zip(recording.articles, recording.labels, strict=True)
        if label["incident"] is not None
    }
