"""seeds/feeds/*.toml → FeedSpec: what is fetched, from whom, in which language.

A later layer's `[[feed]]` is laid over the earlier one of the same id, key by key, so an own file
may say only `id` and `every`; `disabled = true` removes a feed. Two feeds with the same address,
or of the same publisher, language and section, are a fault: one voice must not count twice.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import structlog
from cssselect import SelectorError
from cssselect import parse as parse_selector
from pydantic import BeforeValidator, Field, field_validator, model_validator

from connectors.registry import fetched_kinds
from streams.catalog.faults import Seed, read_toml, suggest, validate
from streams.catalog.sources import SeedFile, Sources
from streams.errors import Fault

log = structlog.get_logger()

MIN_EVERY_SECONDS = 60
MAX_EVERY_SECONDS = 24 * 3600
#: `replace_shipped = true` in an own file leaves out every feed of the layers below; a file with
#: `overlay = true` (as `feeds test --all --save` writes) is laid over the others of its layer.
_KEYS = frozenset(("feed", "replace_shipped", "overlay"))
_UNITS = {"s": 1, "m": 60, "h": 3600}


def _seconds(value: Any) -> Any:
    """Return seconds for `300`, `"90s"`, `"5m"` or `"2h"`; anything else as it is."""
    if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,6})\s*([smh])", value.strip())):
        return int(found[1]) * _UNITS[found[2]]
    return value


Seconds = Annotated[int, BeforeValidator(_seconds)]


class Selectors(Seed):
    """Where a list page keeps its entries: CSS selectors, each relative to one item."""

    item: str  #: one match an entry, within the page
    link: str = "a"  #: element whose `href` is the entry's address
    title: str | None = None  #: unset: the text of `link`
    summary: str | None = None
    date: str | None = None  #: its `datetime` attribute if it has one, else its text
    date_order: Literal["DMY", "MDY", "YMD"] = "DMY"  #: how 01.02.2025 is read

    @field_validator("item", "link", "title", "summary", "date")
    @classmethod
    def _check_selector(cls, value: str | None) -> str | None:
        try:
            parse_selector(value or "*")
        except SelectorError as error:
            raise ValueError(f"no CSS selector: {error}") from None
        return value


class Auth(Seed):
    """How a paid or own source knows us; the secret itself is never in seeds."""

    type: Literal["basic", "bearer", "header", "query"]
    secret: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")  #: FLANKWATCH_SECRET_<this>, or …_FILE
    user: str = ""  #: of `basic`
    name: str = ""  #: of the header or the query parameter

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type == "basic" and not self.user:
            raise ValueError('type = "basic" needs `user`')
        if self.type in ("header", "query") and not self.name:
            raise ValueError(f'type = "{self.type}" needs `name`')
        return self


class FeedSpec(Seed):
    """One feed, as seeds/feeds/ tells it."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,63}$")
    url: str
    publisher: str = Field(min_length=1)  #: id in seeds/publishers.toml, or a name
    kind: str = "rss"  #: file stem in connectors/feeds/
    language: str | None = Field(None, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")  #: BCP 47
    country: str | None = Field(None, pattern=r"^[A-Z]{2}$")  #: ISO 3166-1 alpha-2
    section: str = ""  #: tells several feeds of one publisher and language apart
    every: Seconds | None = Field(None, ge=MIN_EVERY_SECONDS, le=MAX_EVERY_SECONDS)
    official: bool = False  #: speaks for a state, its forces or an alliance
    status: Literal["unverified", "ok", "broken"] = "unverified"
    terms: str | None = None  #: page with the publisher's terms
    identity: Literal["guid", "link", "title", "title-date", "content"] | None = None
    retry_after_scope: Literal["feed", "host", "domain"] = "host"
    ignore_cache: bool = False  #: the server's validators are broken: send none
    full_text: bool = False  #: fetch the article's page when its entry is a hit or a near miss
    auth: Auth | None = None
    select: Selectors | None = None  #: only kind = "html"
    note: str = ""
    disabled: bool = False
    group: str = ""  #: the file's stem
    file: str = ""  #: where the last word on it comes from

    @field_validator("url", "terms")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
            (host or "").encode("idna")  # as its look-up will
        except ValueError as error:
            raise ValueError(f"not an address: {error}") from None
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("must be an http:// or https:// address")
        if parts.username or parts.password:
            raise ValueError("must not hold a user or password; use `auth`")
        return value

    @field_validator("kind")
    @classmethod
    def _check_kind(cls, value: str) -> str:
        kinds = fetched_kinds()
        if value not in kinds:
            raise ValueError(
                f"unknown kind{suggest(value, kinds)}; there are: {', '.join(sorted(kinds))}"
            )
        return value

    @model_validator(mode="after")
    def _check_select(self) -> Self:
        if (self.kind == "html") != (self.select is not None):
            raise ValueError('`select` is needed by kind = "html", and by no other')
        return self


def read(sources: Sources, faults: list[Fault]) -> tuple[FeedSpec, ...]:
    """Return every enabled feed, sorted by id; what is wrong is noted in `faults`."""
    tables: dict[str, tuple[dict[str, Any], SeedFile, str]] = {}
    for file, content in _contents(sources, faults):
        if content.get("replace_shipped") is True:
            tables = {id: found for id, found in tables.items() if found[1].layer >= file.layer}
        entries = content.get("feed", [])
        if not isinstance(entries, list):
            faults.append(Fault(file.name, "feed", "must be [[feed]] tables"))
            continue
        for index, entry in enumerate(entries):
            is_over = content.get("overlay") is True
            _lay(tables, entry, file, f"feed[{index}]", faults, is_over=is_over)
    specs = [(_spec(*found, faults), found[1].layer) for found in tables.values()]
    enabled = [(spec, layer) for spec, layer in specs if spec and not spec.disabled]
    feeds = sorted(_without_shadowed(enabled), key=lambda feed: feed.id)
    _refuse_twins(feeds, faults)
    return tuple(feeds)


def _contents(sources: Sources, faults: list[Fault]) -> list[tuple[SeedFile, dict[str, Any]]]:
    """Return the readable files, lowest layer first, and in a layer those that overlay it last."""
    found = []
    for file in sources.files("feeds"):
        content = read_toml(file.path, file.name, faults)
        if content is None:
            continue
        for key in content.keys() - _KEYS:
            faults.append(Fault(file.name, key, f"unknown key{suggest(key, _KEYS)}"))
        found.append((file, content))
    return sorted(found, key=lambda pair: (pair[0].layer, pair[1].get("overlay") is True))


def _lay(
    tables: dict[str, tuple[dict[str, Any], SeedFile, str]],
    entry: Any,
    file: SeedFile,
    key: str,
    faults: list[Fault],
    *,
    is_over: bool,
) -> None:
    """Put one table over what earlier layers said of the same feed."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        faults.append(Fault(file.name, f"{key}.id", "a feed needs an id"))
        return
    below = tables.get(entry["id"])
    if below is None and is_over:
        return  # what is remembered of a feed that is no more
    if below is None and "url" not in entry and entry.get("disabled") is not True:
        near = suggest(entry["id"], tables)
        reason = f"there is no feed {entry['id']!r} to change, and a new one needs a url{near}"
        faults.append(Fault(file.name, f"{key}.id", reason))
    elif below is None:
        tables[entry["id"]] = ({"group": file.stem, **entry}, file, key)
    elif below[1].layer == file.layer and not is_over:
        reason = f"{entry['id']!r} is already in {below[1].name} ({below[2]})"
        faults.append(Fault(file.name, f"{key}.id", reason))
    else:
        above = below[1] if is_over else file  # an overlay is no one's home
        tables[entry["id"]] = ({**below[0], **entry}, above, key)


def _spec(table: dict[str, Any], file: SeedFile, key: str, faults: list[Fault]) -> FeedSpec | None:
    if table.get("disabled") is True:
        return None
    return validate(FeedSpec, {**table, "file": file.name}, file.name, faults, key)


def same_address(url: str) -> str:
    """Return what two spellings of one feed's address have in common; for comparing only."""
    parts = urlsplit(url)
    host = parts.netloc.lower().removeprefix("www.").removesuffix(":443").removesuffix(":80")
    return f"{host}{parts.path.rstrip('/')}?{parts.query}".lower()


def _without_shadowed(found: list[tuple[FeedSpec, int]]) -> list[FeedSpec]:
    """Leave out a lower layer's feed whose address a higher layer has under another id.

    A release may ship what somebody has had for years as their own: theirs stays, and it starts.
    """
    highest: dict[str, int] = {}
    for feed, layer in found:
        address = same_address(feed.url)
        highest[address] = max(layer, highest.get(address, layer))
    kept = []
    for feed, layer in found:
        if layer < highest[same_address(feed.url)]:
            log.info("feed left out: an own one has its address", feed=feed.id, file=feed.file)
        else:
            kept.append(feed)
    return kept


def _refuse_twins(feeds: list[FeedSpec], faults: list[Fault]) -> None:
    """Note feeds that would make one voice count twice."""
    by_address: dict[str, FeedSpec] = {}
    by_voice: dict[tuple[str, str | None, str], FeedSpec] = {}
    for feed in feeds:
        twin = by_address.setdefault(same_address(feed.url), feed)
        if twin is not feed:
            reason = f"same address as {twin.id!r} in {twin.file}; disable one, or keep to one id"
            faults.append(Fault(feed.file, f"{feed.id}.url", reason))
            continue
        twin = by_voice.setdefault((feed.publisher.lower(), feed.language, feed.section), feed)
        if twin is not feed:
            reason = f"same publisher and language as {twin.id!r}; tell them apart by `section`"
            faults.append(Fault(feed.file, f"{feed.id}.section", reason))
