"""Two backtests of the same articles → which alerts appear, vanish or change. Pure."""

from __future__ import annotations

from typing import Any

from streams.backtest import Backtest
from streams.records import Alert, Incident


def compare(before: Backtest, after: Backtest) -> list[dict[str, Any]]:
    """Return one entry for each told incident or watch that differs, in order of the first article.

    Incidents of the two are the same when they share most articles, whatever their ids.
    """
    old, new = _told(before), _told(after)
    matches = sorted(
        (
            (-_overlap(one, other), one_id, other_id)
            for one_id, (one, _) in old.items()
            for other_id, (other, _) in new.items()
            if _overlap(one, other) > 0
        ),
    )
    paired: dict[str, str] = {}
    taken: set[str] = set()
    for _, one_id, other_id in matches:
        if one_id not in paired and other_id not in taken:
            paired[one_id] = other_id
            taken.add(other_id)
    changes = []
    for one_id, (_, alerts) in old.items():
        match = paired.get(one_id)
        if match is None:
            changes.append(_change("vanishes", alerts, None))
        elif _shown(alerts) != _shown(new[match][1]):
            changes.append(_change("changes", alerts, new[match][1]))
    changes += [
        _change("appears", None, alerts)
        for new_id, (_, alerts) in new.items()
        if new_id not in taken
    ]
    return sorted(changes, key=lambda change: (change["at"], change["change"]))


def _told(found: Backtest) -> dict[str, tuple[frozenset[str], list[Alert]]]:
    incidents: dict[str, Incident] = {incident.id: incident for incident in found.incidents}
    told: dict[str, tuple[frozenset[str], list[Alert]]] = {}
    for alert in found.alerts:
        incident = incidents.get(alert.subject)
        if incident is None:
            continue  # merged away or withdrawn: told on under another id
        articles = frozenset(account.article for account in incident.accounts)
        told.setdefault(alert.subject, (articles, []))[1].append(alert)
    for alert in found.watched:  # a window of a watch is the same window in both
        told[alert.subject] = (frozenset({alert.subject}), [alert])
    return told


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


def _shown(alerts: list[Alert]) -> tuple[object, ...]:
    """Return what people end up with: the last text, its level, and how often they were called."""
    last = alerts[-1]
    return (last.headline, tuple(last.facts.items()), last.level, sum(a.notify for a in alerts))


def _change(change: str, before: list[Alert] | None, after: list[Alert] | None) -> dict[str, Any]:
    first = (before or after or [])[0]
    return {
        "change": change,
        "at": first.at.isoformat(),
        "before": _line(before),
        "after": _line(after),
    }


def _line(alerts: list[Alert] | None) -> str | None:
    if not alerts:
        return None
    last = alerts[-1]
    calls = sum(alert.notify for alert in alerts)
    return f"[{last.level}] {last.headline} ({calls} {'call' if calls == 1 else 'calls'})"
