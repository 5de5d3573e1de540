"""seeds/alerts/*.toml: which incidents alert, how loudly and how often; and watches over words.

One policy is one file and its id is the file's stem. Of the policies that fit an incident the
loudest speaks; of equals the one with the lowest `order`, then id. A file without a test that
fits and one that does not is a fault.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationInfo, field_validator, model_validator

from streams.catalog.faults import Seed, read_toml, validate
from streams.catalog.sources import Sources
from streams.errors import Fault
from streams.records import LEVELS, Level, Status

OBJECTS = (
    "drone",
    "missile",
    "aircraft",
    "helicopter",
    "balloon",
    "ship",
    "troops",
    "unknown",
)
ACTIONS = ("cross", "violate", "crash", "strike", "found", "shot_down", "over", "disrupt", "react")

Country = str


class Facts(Seed):
    """What a policy looks at: the shown facts of an incident, without its accounts.

    Also the shape of `incident` in a policy's tests, where what is left out is as below.
    """

    kind: str = ""
    object: str = "drone"
    country: Country | None = None
    status: Status = "reported"
    actions: tuple[str, ...] = ()  #: of all its accounts
    origins: int = 1  #: independent ones
    official: bool = False  #: an authority of the state concerned spoke
    certainty: float = 0.8  #: ratio in [0, 1]
    late: bool = False
    core: bool = True  #: an account tells the event itself, not only a reaction to it


class Match(Seed):
    """All given conditions must hold; an empty list asks nothing."""

    kinds: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    countries: tuple[Country, ...] = ()
    not_countries: tuple[Country, ...] = ()
    statuses: tuple[Status, ...] = ()
    not_statuses: tuple[Status, ...] = ()
    actions: tuple[str, ...] = ()  #: one of them is enough
    min_origins: int = Field(default=0, ge=0)
    min_certainty: float = Field(default=0.0, ge=0.0, le=1.0)
    official: bool | None = None
    late: bool | None = None
    core: bool | None = None

    @field_validator("objects", "actions")
    @classmethod
    def _check_words(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = OBJECTS if info.field_name == "objects" else ACTIONS
        unknown = [word for word in value if word not in known]
        if unknown:
            raise ValueError(f"unknown {unknown}; known: {', '.join(known)}")
        return value

    @field_validator("countries", "not_countries")
    @classmethod
    def _check_countries(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(code) != 2 or not code.isupper() for code in value):
            raise ValueError("countries are ISO 3166-1 alpha-2 in capitals: PL")
        return value

    def fits(self, facts: Facts) -> bool:
        """Return whether an incident with these facts fits."""
        return (
            (not self.kinds or facts.kind in self.kinds)
            and (not self.objects or facts.object in self.objects)
            and (not self.countries or facts.country in self.countries)
            and facts.country not in self.not_countries
            and (not self.statuses or facts.status in self.statuses)
            and facts.status not in self.not_statuses
            and (not self.actions or not set(self.actions).isdisjoint(facts.actions))
            and facts.origins >= self.min_origins
            and facts.certainty >= self.min_certainty
            and (self.official is None or self.official == facts.official)
            and (self.late is None or self.late == facts.late)
            and (self.core is None or self.core == facts.core)
        )


class Quiet(Seed):
    """Local hours in which alerts of this policy are lowered."""

    start: dt.time
    end: dt.time  #: before `start`: the hours go over midnight
    zone: str  #: IANA time zone: Europe/Warsaw
    level: Level = "digest"  #: the loudest that is given in these hours

    @field_validator("zone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("not a time zone of the IANA list, such as Europe/Warsaw") from error
        return value

    def holds_at(self, at: dt.datetime) -> bool:
        """Return whether `at` (aware) lies in the quiet hours."""
        local = at.astimezone(ZoneInfo(self.zone)).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


class IncidentTest(Seed):
    """One story and what the policy alone must say of it."""

    incident: Facts
    expect: Literal["urgent", "normal", "digest", "none"]
    why: str = ""


class Policy(Seed):
    """A policy over incidents."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = Field(min_length=1)
    watches: Literal["incidents"] = "incidents"
    order: int = 100  #: the lower speaks first among equally loud ones
    level: Level
    match: Match = Match()
    expires_after_minutes: int = Field(
        default=720, ge=1
    )  #: later than this after first sight it is no news
    update_every_minutes: float = Field(
        default=10, ge=0
    )  #: least time between updates that notify; a rise in level ignores it
    refresh_every_minutes: float = Field(
        default=5, ge=0
    )  #: least time between silent edits that keep the message true
    wait_for_core_minutes: float = Field(
        default=15, ge=0
    )  #: what is known from reactions only waits so long for an account of the event itself
    quiet: Quiet | None = None
    remind_every_minutes: float | None = Field(
        default=None, ge=1
    )  #: told again so often, until an operator acknowledges; None: never
    remind_for_minutes: float = Field(default=720, ge=1)  #: … but not longer after the last change
    disabled: bool = False
    test: tuple[IncidentTest, ...] = ()

    def level_of(self, facts: Facts) -> Level | None:
        """Return the level this policy gives an incident; None when it does not fit."""
        return self.level if self.match.fits(facts) else None

    @model_validator(mode="after")
    def _check_reminders(self) -> Self:
        every = self.remind_every_minutes
        if every is not None and every > self.remind_for_minutes:
            raise ValueError("remind_every_minutes is longer than remind_for_minutes: never due")
        return self

    def level_at(self, level: Level, at: dt.datetime) -> Level:
        """Return `level`, lowered when `at` lies in the quiet hours."""
        if self.quiet is None or not self.quiet.holds_at(at):
            return level
        return min(level, self.quiet.level, key=LEVELS.index)


class WatchTest(Seed):
    """One article, as tags and words, and whether the watch sees it."""

    tags: tuple[str, ...] = ()
    text: str = ""
    language: str = "en"
    feed: str = ""
    expect: bool
    why: str = ""


class Watch(Seed):
    """A policy over the tags and words of any article: people's own words."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = Field(min_length=1)
    watches: Literal["articles"]
    level: Level = "digest"
    all: tuple[str, ...] = ()  #: tags, or names from `terms`; every one must be there
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    terms: dict[str, tuple[str, ...]] = {}  #: own words: name -> terms; `*` at a term's end only
    window_minutes: int = Field(default=60, ge=1)
    cap: int = Field(
        default=50, ge=1
    )  #: articles counted in a window; beyond it only the first counts
    expires_after_minutes: int = Field(default=720, ge=1)
    disabled: bool = False
    test: tuple[WatchTest, ...] = ()

    @field_validator("terms")
    @classmethod
    def _check_terms(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, terms in value.items():
            for term in terms:
                if "*" in term[:-1] or len(term.rstrip("*").strip()) < 3:
                    raise ValueError(f"{name}: {term!r}: 3 letters at least, `*` only at the end")
        return value

    @model_validator(mode="after")
    def _check_asks(self) -> Self:
        if not self.all and not self.any:
            raise ValueError("`all` or `any` must name a tag, or the watch would see every article")
        return self


@dataclass(frozen=True)
class Policies:
    """All policies in force, in their order."""

    incidents: tuple[Policy, ...] = ()
    watches: tuple[Watch, ...] = ()

    def of(self, facts: Facts) -> tuple[Policy, Level] | None:
        """Return the policy that speaks for an incident, and its level; None when none does."""
        best: tuple[Policy, Level] | None = None
        for policy in self.incidents:
            level = policy.level_of(facts)
            if level is not None and (best is None or LEVELS.index(level) > LEVELS.index(best[1])):
                best = (policy, level)
        return best

    def by_id(self, policy: str) -> Policy | None:
        """Return the incident policy of this id, or None."""
        return next((found for found in self.incidents if found.id == policy), None)


def read(sources: Sources, faults: list[Fault]) -> Policies:
    """Return the policies of all layers; a later layer replaces a file of the same name."""
    found: dict[str, Policy | Watch] = {}
    for seed in sources.files("alerts"):
        data = read_toml(seed.path, seed.name, faults)
        if data is None:
            continue
        policy: Policy | Watch | None
        if data.get("watches") == "articles":
            policy = validate(Watch, data, seed.name, faults)
        else:
            policy = validate(Policy, data, seed.name, faults)
        if policy is None:
            continue
        if policy.id != seed.stem:
            faults.append(Fault(seed.name, "id", f"must equal the file's stem, {seed.stem!r}"))
        if not policy.disabled:
            _note_missing_tests(policy, seed.name, faults)
        found[seed.stem] = policy
    live = [policy for policy in found.values() if not policy.disabled]
    incidents = [policy for policy in live if isinstance(policy, Policy)]
    return Policies(
        tuple(sorted(incidents, key=lambda policy: (policy.order, policy.id))),
        tuple(policy for policy in live if isinstance(policy, Watch)),
    )


def _note_missing_tests(policy: Policy | Watch, name: str, faults: list[Fault]) -> None:
    if isinstance(policy, Policy):
        hits = [test.expect != "none" for test in policy.test]
    else:
        hits = [test.expect for test in policy.test]
    if True not in hits or False not in hits:
        faults.append(Fault(name, "test", "at least one test that fits and one that does not"))
