"""seeds/publishers.toml: which publishers speak with one voice, and how agencies are credited.

A family is one newsroom under many names; an agency's text is the agency's, whoever prints it.
Entries of a user's own file replace shipped ones of the same id; `disabled = true` removes one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from pydantic import Field

from streams.catalog.faults import Seed, read_toml, suggest, validate
from streams.catalog.sources import Sources
from streams.errors import Fault

_ID = r"^[a-z0-9][a-z0-9-]*$"


class Family(Seed):
    """Publishers that share a newsroom: one origin."""

    id: str = Field(pattern=_ID)
    name: str = Field(min_length=1)
    publishers: tuple[str, ...] = ()  #: publisher names as feeds give them
    domains: tuple[str, ...] = ()  #: registrable domains: postimees.ee
    disabled: bool = False


class Agency(Seed):
    """A news agency and how its texts are credited."""

    id: str = Field(pattern=_ID)  #: equal to a family's id when the agency also publishes itself
    name: str = Field(min_length=1)
    credits: tuple[str, ...] = Field(min_length=1)  #: folded phrases: "afp", "dpa/", "allikas: bns"
    disabled: bool = False


class _File(Seed):
    family: tuple[Family, ...] = ()
    agency: tuple[Agency, ...] = ()


@dataclass(frozen=True)
class Publishers:
    """Families and agencies, ready to ask."""

    families: tuple[Family, ...] = ()
    agencies: tuple[Agency, ...] = ()
    _by_name: dict[str, str] = field(init=False, repr=False, compare=False)
    _by_domain: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index names and domains."""
        names = {_fold(name): f.id for f in self.families for name in (*f.publishers, f.name, f.id)}
        domains = {domain.lower(): f.id for f in self.families for domain in f.domains}
        object.__setattr__(self, "_by_name", names)
        object.__setattr__(self, "_by_domain", domains)

    def family_of(self, publisher: str, url: str | None = None) -> str:
        """Return the family's id; the publisher's own folded name when it has no family."""
        name = _fold(publisher)
        found = self._by_name.get(name)
        if found is None and url:
            found = self._family_of_host(urlsplit(url).hostname or "")
        return found or name

    def agency_in(self, folded: str) -> str | None:
        """Return the agency whose credit comes first in a folded text, by whole words; or None."""
        pattern = self._credits
        match = pattern.search(folded) if pattern is not None else None
        return self._agency_by_credit[match.group(0)] if match else None

    @cached_property
    def _agency_by_credit(self) -> dict[str, str]:
        return {credit: agency.id for agency in self.agencies for credit in agency.credits}

    @cached_property
    def _credits(self) -> re.Pattern[str] | None:
        longest_first = sorted(self._agency_by_credit, key=lambda credit: (-len(credit), credit))
        if not longest_first:
            return None
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def _family_of_host(self, host: str) -> str | None:
        parts = host.lower().split(".")
        for start in range(len(parts) - 1):
            found = self._by_domain.get(".".join(parts[start:]))
            if found:
                return found
        return None


def read(sources: Sources, faults: list[Fault]) -> Publishers:
    """Return families and agencies of all layers; notes what is wrong."""
    families: dict[str, Family] = {}
    agencies: dict[str, Agency] = {}
    for seed in sources.single("publishers.toml"):
        data = read_toml(seed.path, seed.name, faults)
        if data is None:
            continue
        for index, raw in enumerate(data.pop("family", [])):
            family = validate(Family, raw, seed.name, faults, f"family[{index}]")
            if family is not None:
                families[family.id] = family
        for index, raw in enumerate(data.pop("agency", [])):
            agency = validate(Agency, raw, seed.name, faults, f"agency[{index}]")
            if agency is not None:
                agencies[agency.id] = agency
        for key in data:
            reason = "unknown key" + suggest(key, _File.model_fields)
            faults.append(Fault(seed.name, key, reason))
        _note_doubles(seed.name, families, agencies, faults)
    return Publishers(
        tuple(entry for entry in families.values() if not entry.disabled),
        tuple(entry for entry in agencies.values() if not entry.disabled),
    )


def _note_doubles(
    name: str, families: dict[str, Family], agencies: dict[str, Agency], faults: list[Fault]
) -> None:
    """Note a domain, publisher or credit that two entries claim."""
    owners: dict[tuple[str, str], str] = {}
    claims = [
        (("domain", domain), f.id)
        for f in families.values()
        for domain in map(str.lower, f.domains)
    ]
    claims += [
        (("publisher", _fold(word)), f.id) for f in families.values() for word in f.publishers
    ]
    claims += [(("credit", credit), a.id) for a in agencies.values() for credit in a.credits]
    for (what, value), owner in claims:
        first = owners.setdefault((what, value), owner)
        if first != owner:
            reason = f"{what} {value!r} belongs to {first!r} already"
            faults.append(Fault(name, owner, reason))


def _fold(name: str) -> str:
    return " ".join(name.casefold().split())
