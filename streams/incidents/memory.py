"""What the ledger holds in memory: the incidents of one theatre and the ways to find them.

Pure bookkeeping: no decision is taken here. Everything can be rebuilt from the written incidents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from streams.incidents.frame import DAY, UNDATED, Frame, frame_of
from streams.incidents.match import REMEMBERED_SECONDS, Group
from streams.records import Account, Decision, Incident

#: Grouping looks this far to either side of what changed. Five days bound what one account can
#: move; twice that holds everything such a move can touch.
REACH_SECONDS = 10 * DAY


@dataclass
class Held:
    """One incident with its accounts as matching sees them."""

    incident: Incident
    frames: dict[str, Frame]  #: report id → frame
    group: Group | None  #: None once merged away or emptied
    countries: frozenset[str] = frozenset()  #: of the accounts; "" when one withholds it
    reach: tuple[int, int] = (0, 0)  #: first and last second of events its accounts may speak of
    nameless: tuple[Frame, ...] = ()  #: accounts without a country

    @classmethod
    def of(cls, incident: Incident) -> Held:
        """Return an incident ready for matching."""
        cut = set(incident.cut)
        frames = {
            account.report.id: frame_of(
                account.report, account.article if account.article in cut else ""
            )
            for account in incident.accounts
        }
        if not frames:
            return cls(incident, frames, None)
        group = Group(list(frames.values()))
        return cls(
            incident,
            frames,
            group,
            countries=frozenset(frame.country for frame in group.frames),
            reach=_reach(group),
            nameless=tuple(f for f in group.frames if not f.country and not f.lone),
        )


def _reach(group: Group) -> tuple[int, int]:
    first = min(group.window[0], group.seed.start)
    last = max(group.window[1], group.seed.end)
    said = [frame.said for frame in group.frames if frame.tier == UNDATED]
    if not said:
        return (first, last)
    return (min(first, min(said) - REMEMBERED_SECONDS), max(last, *said))


@dataclass
class Theatre:
    """One watch area: its clock, its incidents, its silences."""

    name: str
    now: datetime | None = None
    born: datetime | None = None  #: the first instant its clock ever showed
    held: dict[str, Held] = field(default_factory=dict)
    by_article: dict[str, set[str]] = field(default_factory=dict)
    by_country: dict[str, set[str]] = field(default_factory=dict)
    gone: dict[str, tuple[datetime, str]] = field(default_factory=dict)  #: … and by whom kept
    folded: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)  #: incidents with something still to tell
    silences: dict[str, Decision] = field(default_factory=dict)

    def put(self, incident: Incident) -> Held:
        """Take an incident in place of its earlier version."""
        self._drop_indexes(incident.id)
        held = self.held[incident.id] = Held.of(incident)
        for account in incident.accounts:
            self.by_article.setdefault(account.article, set()).add(incident.id)
        for country in held.countries:
            self.by_country.setdefault(country, set()).add(incident.id)
        for article, at in incident.gone.items():
            self.gone[article] = max((at, incident.id), self.gone.get(article, (at, incident.id)))
        self.folded.update(incident.folded)
        return held

    def forget(self, incident_id: str) -> None:
        """Leave an incident out of memory."""
        self._drop_indexes(incident_id)
        incident = self.held.pop(incident_id).incident
        for article in incident.gone:
            self.gone.pop(article, None)
        self.folded.difference_update(incident.folded)
        self.waiting.discard(incident_id)

    def _drop_indexes(self, incident_id: str) -> None:
        old = self.held.get(incident_id)
        if old is None:
            return
        for account in old.incident.accounts:
            ids = self.by_article.get(account.article)
            if ids is not None:
                ids.discard(incident_id)
                if not ids:
                    del self.by_article[account.article]
        for country in old.countries:
            self.by_country[country].discard(incident_id)

    def holding(self, article: str) -> list[tuple[Held, Account]]:
        """Return the accounts of an article, with the incidents that hold them."""
        found = []
        for incident_id in sorted(self.by_article.get(article, ())):
            held = self.held[incident_id]
            found += [
                (held, account) for account in held.incident.accounts if account.article == article
            ]
        return found

    def cut_of(self, article: str) -> str:
        """Return the article's id when an operator cut it off, else ""."""
        ids = self.by_article.get(article, ())
        return article if any(article in self.held[i].incident.cut for i in ids) else ""

    def live(self, incident_id: str) -> Held | None:
        """Return the incident that an id means today, merges followed; None when unknown."""
        for _ in range(16):
            held = self.held.get(incident_id)
            if held is None or held.incident.merged_into is None:
                return held
            incident_id = held.incident.merged_into
        return None

    def near(self, countries: Iterable[str], first: int, last: int) -> Iterator[str]:
        """Yield ids of incidents with accounts of these countries that reach [first, last]."""
        for country in countries:
            for incident_id in self.by_country.get(country, ()):
                start, end = self.held[incident_id].reach
                if start - REACH_SECONDS <= last and first - REACH_SECONDS <= end:
                    yield incident_id

    def silence(self, incident: Incident, now: datetime) -> Decision | None:
        """Return the silence that covers an incident now, or None; rooms' silences are not here."""
        for decision in self.silences.values():
            if decision.room is not None or (decision.until is not None and decision.until <= now):
                continue
            if decision.incident is not None:
                live = self.live(decision.incident)
                if live is not None and live.incident.id == incident.id:
                    return decision
            elif decision.country is not None and decision.country == incident.country:
                return decision
        return None

    def silenced_rooms(self, now: datetime) -> tuple[str, ...]:
        """Return rooms that an operator silenced for now."""
        return tuple(
            sorted(
                decision.room
                for decision in self.silences.values()
                if decision.room is not None and (decision.until is None or decision.until > now)
            )
        )

    def is_young(self, now: datetime, days: int) -> bool:
        """Return whether the theatre has been watched for less than so many days."""
        return self.born is None or now - self.born < timedelta(days=days)
