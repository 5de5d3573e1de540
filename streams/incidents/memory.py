"""What the ledger holds in memory: the incidents of one theatre and the ways to find them.

Pure bookkeeping: no decision is taken here. Everything can be rebuilt from the written incidents.
A few hundred incidents lie open; the rest is packed (a tenth of the size) and opened when asked
for, so memory grows with what is remembered, not with what was ever said.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from streams.incidents.fit import BEFORE_SECONDS, LOOSE_SECONDS, REMEMBERED_SECONDS
from streams.incidents.frame import FIND_SECONDS, UNDATED, Frame, frame_of
from streams.incidents.match import Group, group_frames, seed_order
from streams.records import Account, Decision, Incident, Lifecycle, decode, encode

#: Before every tick.
ONCE = datetime.min.replace(tzinfo=UTC)
#: Accounts of incidents that lie open at a time; each takes some 2 kB.
OPEN_ACCOUNTS = 16_000


@dataclass(slots=True)
class Opened:
    """An incident with its accounts as matching sees them."""

    incident: Incident
    frames: dict[str, Frame]  #: report id → frame
    group: Group | None  #: None once merged away or emptied

    @classmethod
    def of(cls, incident: Incident, before: Opened | None = None) -> Opened:
        """Return an incident ready for matching; frames of unchanged accounts are kept."""
        cut = set(incident.cut)
        known = {}
        if before is not None and before.incident.cut == incident.cut:
            known = {id(account): account.report.id for account in before.incident.accounts}
        frames = {}
        for account in incident.accounts:
            report_id = account.report.id
            if before is not None and known.get(id(account)) == report_id:
                frames[report_id] = before.frames[report_id]
            else:
                lone = account.article if account.article in cut else ""
                frames[report_id] = frame_of(account.report, lone)
        return cls(incident, frames, Group(list(frames.values())) if frames else None)


class Shelf:
    """The incidents that lie open, least recently used first; packs what falls off."""

    def __init__(self) -> None:
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._packed: dict[str, bytes] = {}
        self._accounts = 0  #: of those that lie open

    def put(self, opened: Opened) -> None:
        """Take an incident in place of its earlier version."""
        incident_id = opened.incident.id
        self.drop(incident_id)
        self._opened[incident_id] = opened
        self._accounts += _size(opened)
        while self._accounts > OPEN_ACCOUNTS and len(self._opened) > 1:
            old_id, old = self._opened.popitem(last=False)
            self._accounts -= _size(old)
            self._packed[old_id] = zlib.compress(encode(old.incident), 1)

    def get(self, incident_id: str) -> Opened:
        """Return an incident, opened if need be."""
        opened = self._opened.get(incident_id)
        if opened is None:
            raw = zlib.decompress(self._packed[incident_id])
            opened = Opened.of(decode(Incident, raw))
            self.put(opened)
        else:
            self._opened.move_to_end(incident_id)
        return opened

    def peek(self, incident_id: str) -> Opened | None:
        """Return an incident if it lies open."""
        return self._opened.get(incident_id)

    def drop(self, incident_id: str) -> None:
        """Leave an incident out."""
        opened = self._opened.pop(incident_id, None)
        if opened is not None:
            self._accounts -= _size(opened)
        self._packed.pop(incident_id, None)


def _size(opened: Opened) -> int:
    """Return about how many accounts of memory an incident takes; even an empty one takes some."""
    return 1 + len(opened.incident.accounts) + len(opened.incident.leaving)


@dataclass(slots=True)
class Held:
    """One incident: what every step may ask of any of them; the rest through the shelf."""

    shelf: Shelf
    id: str
    version: int
    through: int
    lifecycle: Lifecycle
    merged_into: str | None
    last_reported_at: datetime
    is_told: bool
    core: bool
    seeds: tuple[Frame, ...]  #: one; several where an operator joined events; none once emptied
    span: tuple[int, int]  #: first and last second of the seeds
    family: str
    countries: frozenset[str]  #: of the accounts; "" when one withholds it
    window: tuple[int, int]
    dated: tuple[int, int]  #: first and last second that its dated accounts speak of
    undated: tuple[int, int] | None  #: when its undated accounts were said, if it has any
    nameless: tuple[Frame, ...]  #: accounts without a country
    articles: tuple[str, ...]

    @classmethod
    def of(cls, opened: Opened, shelf: Shelf, *, is_joined: bool) -> Held:
        """Return what is held of an incident, and put it on the shelf.

        Args:
            opened: The incident.
            shelf: Where it goes.
            is_joined: An operator joined accounts of it; it may have several seeds.
        """
        incident, group = opened.incident, opened.group
        shelf.put(opened)
        frames = group.frames if group is not None else []
        seeds: tuple[Frame, ...] = (group.seed,) if group is not None else ()
        if is_joined and seeds:
            seeds = tuple(sorted(found.seed for found in group_frames(frames)))
        said = [frame.said for frame in frames if frame.tier == UNDATED]
        dated = [frame for frame in frames if frame.tier != UNDATED]
        return cls(
            shelf=shelf,
            id=incident.id,
            version=incident.version,
            through=incident.through,
            lifecycle=incident.lifecycle,
            merged_into=incident.merged_into,
            last_reported_at=incident.last_reported_at,
            is_told=incident.alert_counter > 0,
            core=incident.core,
            seeds=seeds,
            span=(
                min((seed.start for seed in seeds), default=0),
                max((seed.end for seed in seeds), default=0),
            ),
            family=group.family if group is not None else "",
            countries=frozenset(frame.country for frame in frames),
            window=group.window if group is not None else (0, 0),
            dated=(
                min((frame.start for frame in dated), default=0),
                max((frame.end for frame in dated), default=-1),
            ),
            undated=(min(said), max(said)) if said else None,
            nameless=tuple(frame for frame in frames if not frame.country),
            articles=tuple(dict.fromkeys(account.article for account in incident.accounts)),
        )

    def may_meet(self, seed: Frame) -> bool:
        """Return quickly whether any of its accounts could belong to a seed's event at all."""
        first, last = self.dated
        if seed.start - last <= LOOSE_SECONDS and first - seed.end <= FIND_SECONDS:
            return True
        if self.undated is None:
            return False
        begin, end = self.undated
        if end >= seed.start - BEFORE_SECONDS and begin - seed.end <= REMEMBERED_SECONDS:
            return True
        # Of two undated accounts neither need come first.
        return (
            seed.tier == UNDATED
            and seed.said - begin >= 0
            and seed.said - end <= REMEMBERED_SECONDS
        )

    @property
    def seed(self) -> Frame | None:
        """The surest and earliest account; None once merged away or emptied."""
        return min(self.seeds, key=seed_order, default=None)

    @property
    def incident(self) -> Incident:
        """The record."""
        return self.shelf.get(self.id).incident

    @property
    def frames(self) -> dict[str, Frame]:
        """Report id → frame."""
        return self.shelf.get(self.id).frames

    @property
    def distinct(self) -> Sequence[Frame]:
        """Each frame once."""
        group = self.group
        return group.frames if group is not None else ()

    @property
    def group(self) -> Group | None:
        """The accounts as matching sees them."""
        return self.shelf.get(self.id).group


@dataclass
class Theatre:
    """One watch area: its clock, its incidents, its silences."""

    name: str
    now: datetime | None = None
    born: datetime | None = None  #: the first instant its clock ever showed
    held: dict[str, Held] = field(default_factory=dict)
    shelf: Shelf = field(default_factory=Shelf)
    by_article: dict[str, tuple[str, ...]] = field(default_factory=dict)
    by_country: dict[str, set[str]] = field(default_factory=dict)
    with_nameless: set[str] = field(default_factory=set)  #: … with accounts without a country
    #: Incident → pairs of articles that an operator joined; they hold wherever the articles are.
    bound: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    gone: dict[str, tuple[datetime, str]] = field(default_factory=dict)  #: … and by whom kept
    folded: set[str] = field(default_factory=set)
    #: Incidents with something still to tell, and from when a tick must look at them.
    waiting: dict[str, datetime] = field(default_factory=dict)
    silences: dict[str, Decision] = field(default_factory=dict)

    def put(self, incident: Incident) -> Held:
        """Take an incident in place of its earlier version."""
        self._drop_indexes(incident.id)
        opened = Opened.of(incident, self.shelf.peek(incident.id))
        if incident.bound:
            self.bound[incident.id] = incident.bound
        is_joined = bool(self.bound and self.pairs_of(a.article for a in incident.accounts))
        held = self.held[incident.id] = Held.of(opened, self.shelf, is_joined=is_joined)
        for article in held.articles:
            ids = self.by_article.get(article, ())
            self.by_article[article] = tuple(sorted({*ids, incident.id}))
        for country in held.countries:
            self.by_country.setdefault(country, set()).add(incident.id)
        if held.nameless:
            self.with_nameless.add(incident.id)
        for article, at in incident.gone.items():
            self.gone[article] = max((at, incident.id), self.gone.get(article, (at, incident.id)))
        self.folded.update(incident.folded)
        return held

    def forget(self, incident_id: str) -> None:
        """Leave an incident out of memory."""
        incident = self.held[incident_id].incident
        self._drop_indexes(incident_id)
        del self.held[incident_id]
        self.shelf.drop(incident_id)
        for article in incident.gone:
            self.gone.pop(article, None)
        self.folded.difference_update(incident.folded)
        self.waiting.pop(incident_id, None)

    def wake(self, ids: Iterable[str] = ()) -> None:
        """Let the next ticks look at these incidents too, and at all that wait."""
        for incident_id in (*self.waiting, *ids):
            self.waiting[incident_id] = ONCE

    def _drop_indexes(self, incident_id: str) -> None:
        old = self.held.get(incident_id)
        if old is None:
            return
        for article in old.articles:
            ids = tuple(found for found in self.by_article[article] if found != incident_id)
            if ids:
                self.by_article[article] = ids
            else:
                del self.by_article[article]
        for country in old.countries:
            self.by_country[country].discard(incident_id)
        self.with_nameless.discard(incident_id)
        self.bound.pop(incident_id, None)

    def holding(self, article: str) -> list[tuple[Held, Account]]:
        """Return the accounts of an article, with the incidents that hold them."""
        found = []
        for incident_id in self.by_article.get(article, ()):
            held = self.held[incident_id]
            found += [
                (held, account) for account in held.incident.accounts if account.article == article
            ]
        return found

    def pairs_of(self, articles: Iterable[str]) -> set[tuple[str, str]]:
        """Return the pairs joined by operators that one of these articles is in."""
        named = set(articles)
        return {
            pair for pairs in self.bound.values() for pair in pairs if not named.isdisjoint(pair)
        }

    def cut_of(self, article: str) -> str:
        """Return the article's id when an operator cut it off, else ""."""
        ids = self.by_article.get(article, ())
        return article if any(article in self.held[i].incident.cut for i in ids) else ""

    def live(self, incident_id: str) -> Held | None:
        """Return the incident that an id means today, merges followed; None when unknown."""
        for _ in range(16):
            held = self.held.get(incident_id)
            if held is None or held.merged_into is None:
                return held
            incident_id = held.merged_into
        return None

    def speaking_of(self, frame: Frame) -> Iterator[Held]:
        """Yield incidents whose event an account could be of, by country and time alone."""
        is_undated = frame.tier == UNDATED
        first = frame.start - (REMEMBERED_SECONDS if is_undated else FIND_SECONDS)
        last = frame.end + (REMEMBERED_SECONDS if is_undated else LOOSE_SECONDS)
        for incident_id in self.by_country.get(frame.country, ()) if frame.country else self.held:
            held = self.held[incident_id]
            if held.span[0] <= last and first <= held.span[1] and held.seeds:
                yield held

    def silence(self, incident: Incident, now: datetime) -> Decision | None:
        """Return the silence that covers an incident now, or None; rooms' silences are not here."""
        for decision in self.silences.values():
            if decision.room is not None or (decision.until is not None and decision.until <= now):
                continue
            if decision.incident is not None:
                live = self.live(decision.incident)
                if live is not None and live.id == incident.id:
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
