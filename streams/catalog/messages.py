"""seeds/messages/<lang>.toml: the words of alerts in one language, with tests inside.

A message is made of labels and nouns, so that no language needs grammar from code. Every file
must have exactly the keys of `en.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field, field_validator

from streams.catalog.concepts import WATCHED
from streams.catalog.faults import Seed, read_toml, suggest, validate
from streams.catalog.policies import ACTIONS, OBJECTS
from streams.catalog.sources import Sources
from streams.errors import Fault
from streams.records import Level, Status

FALLBACK = "en"
STATUSES = ("claimed", "reported", "confirmed", "disputed", "denied", "false_alarm")
LEVEL_WORDS = ("urgent", "normal", "digest")
ACTORS = ("russia", "belarus", "ukraine_stray", "unknown")
FACTS = (
    "status",
    "level",
    "count",
    "shot_down",
    "found",
    "place",
    "actor",
    "merged",
    "split",
    "withdrawn",
    "reminder",
)


class Labels(Seed):
    """What stands before each fact."""

    what: str
    where: str
    when: str
    who_says: str
    origins: str
    actor: str
    unknown: str
    why: str


class Marks(Seed):
    """Words that stand before a message, and the frame of a digest."""

    replay: str  #: recorded articles are told again: no news
    test: str
    update: str  #: a new message about what the room was told before
    correction: str
    possible_repeat: str  #: nobody knows whether the room has it already
    missed: str  #: {count}: told too late to be news, while the room could not be reached
    gathered: str  #: {count}: of low urgency, gathered until now
    more: str  #: {count}: lines left out


class Phrases(Seed):
    """The rest of the words; `{…}` are filled in, and each must appear where `en` has it."""

    country_unknown: str  #: when the text withholds the country
    authorities: str  #: {country}: its authorities
    publishers: str  #: {names}: as publishers report
    one_origin: str  #: one independent origin
    origins: str  #: {count} independent origins
    accounts: str  #: {count} accounts in all
    date_assumed: str  #: the texts give no date
    in_local_time: str  #: {times} {zone}
    said_by: str  #: {actor} {by}: as whom the actor is named, and by whom
    quote: str  #: {quote} {by}
    late: str  #: mark of an event told late
    wreckage: str  #: mark of wreckage
    reaction_only: str  #: known only from reactions to it
    no_place: str  #: not known: the exact place
    no_actor: str  #: not known: who sent it
    no_count: str  #: not known: how many
    no_date: str  #: not known: when exactly
    no_confirmation: str  #: not known: the state's own word
    merged_into: str  #: told on in another message
    merged_with: str  #: {id}: now one message
    split_from: str  #: {id}
    withdrawn: str  #: the only source took it back


class MessageTest(Seed):
    """An incident, as few words say it, and the headline it must get."""

    country: str | None = None
    object: str = "drone"
    count: int | None = None
    action: str = "cross"
    place: str | None = None
    status: Status = "reported"
    late: bool = False
    headline: str


class Words(Seed):
    """All words of one language."""

    id: str = Field(pattern=r"^[a-z]{2,3}$")
    name: str = Field(min_length=1)
    date: str = "{year}-{month}-{day}"  #: order and dots of a date
    headline: str  #: {country} {object} {action} {place} {status}
    place_in_headline: str = ", {place}"
    labels: Labels
    phrases: Phrases
    marks: Marks
    objects: dict[str, tuple[str, str]]  #: one, several
    actions: dict[str, str]
    statuses: dict[str, str]
    levels: dict[str, str]
    actors: dict[str, str]
    changes: dict[str, str]  #: {old} {new}
    countries: dict[str, str]  #: ISO 3166-1 alpha-2 → name
    test: tuple[MessageTest, ...] = ()
    disabled: bool = False

    @field_validator("objects", "actions", "statuses", "levels", "actors", "changes", "countries")
    @classmethod
    def _check_keys(cls, value: dict[str, Any], info: Any) -> dict[str, Any]:
        wanted: dict[str, tuple[str, ...]] = {
            "objects": OBJECTS,
            "actions": ACTIONS,
            "statuses": STATUSES,
            "levels": LEVEL_WORDS,
            "actors": ACTORS,
            "changes": FACTS,
            "countries": tuple(sorted(WATCHED)),
        }
        known = wanted[info.field_name]
        missing = [key for key in known if key not in value]
        extra = [key for key in value if key not in known and info.field_name != "countries"]
        if missing:
            raise ValueError(f"missing: {', '.join(missing)}")
        if extra:
            raise ValueError(f"unknown: {', '.join(extra)}{suggest(extra[0], known)}")
        return value

    def level(self, level: Level) -> str:
        """Return the word for a level."""
        return self.levels[level]


@dataclass(frozen=True)
class Messages:
    """The words of every language there is."""

    words: dict[str, Words] = field(default_factory=dict)

    def of(self, language: str) -> Words:
        """Return the words of a language (`de-AT` is served by `de`); English when it has none."""
        return self.words.get(language.split("-")[0].lower()) or self.words[FALLBACK]


def read(sources: Sources, faults: list[Fault]) -> Messages:
    """Return the words of all layers; a later layer replaces a language's whole file."""
    words: dict[str, Words] = {}
    names: dict[str, str] = {}
    for seed in sources.files("messages"):
        data = read_toml(seed.path, seed.name, faults)
        found = validate(Words, data, seed.name, faults) if data is not None else None
        if found is None:
            continue
        if found.id != seed.stem:
            faults.append(Fault(seed.name, "id", f"must equal the file's stem, {seed.stem!r}"))
        if not found.test:
            faults.append(Fault(seed.name, "test", "at least one test"))
        words[seed.stem] = found
        names[seed.stem] = seed.name
    english = words.get(FALLBACK)
    if english is None:
        faults.append(Fault("seeds/messages", "", f"{FALLBACK}.toml is missing or unreadable"))
        return Messages()
    for language, found in words.items():
        _note_lost_slots(found, english, names[language], faults)
    return Messages({key: found for key, found in words.items() if not found.disabled})


def _note_lost_slots(found: Words, english: Words, name: str, faults: list[Fault]) -> None:
    """Note a text that fills in something else than the English one."""
    pairs = [("headline", found.headline, english.headline)]
    pairs += [
        (f"phrases.{key}", getattr(found.phrases, key), getattr(english.phrases, key))
        for key in Phrases.model_fields
    ]
    pairs += [
        (f"marks.{key}", getattr(found.marks, key), getattr(english.marks, key))
        for key in Marks.model_fields
    ]
    pairs += [(f"changes.{key}", found.changes[key], english.changes[key]) for key in FACTS]
    for key, text, model in pairs:
        if _slots(text) != _slots(model):
            wanted = ", ".join(sorted(_slots(model))) or "nothing"
            faults.append(Fault(name, key, f"must fill in {wanted}, got {text!r}"))
    missing = sorted(set(english.countries) - set(found.countries))
    if missing:
        faults.append(Fault(name, "countries", f"missing: {', '.join(missing)}"))


def _slots(text: str) -> frozenset[str]:
    return frozenset(part.split("}")[0] for part in text.split("{")[1:])
