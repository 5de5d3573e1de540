"""OPML in and out.

What OPML has no word for goes into attributes of our own namespace, so that a round trip loses
nothing; other programs ignore them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from lxml import etree
from pydantic import ValidationError

from connectors import clean
from connectors.charset import decode, legal, mend_references
from connectors.page import without_prolog
from streams.catalog.feeds import FeedSpec, same_address
from streams.errors import Fault
from streams.feeds.probe import quoted

NAMESPACE = "urn:flankwatch:opml"
MAX_BYTES = 16 * 1024 * 1024
_OURS = f"{{{NAMESPACE}}}"
#: In OPML's own words, or made by the reader of seeds.
_NOT_OURS = frozenset(("url", "group", "file"))


def export_opml(feeds: Iterable[FeedSpec]) -> bytes:
    """Return an OPML 2.0 document, one folder a group."""
    root = etree.Element("opml", {"version": "2.0"}, nsmap={"flankwatch": NAMESPACE})
    etree.SubElement(etree.SubElement(root, "head"), "title").text = "Flankwatch feeds"
    body = etree.SubElement(root, "body")
    ordered = sorted(feeds, key=lambda feed: (feed.group, feed.id))
    for group, members in groupby(ordered, key=lambda feed: feed.group):
        folder = etree.SubElement(body, "outline", {"text": group, "title": group})
        for feed in members:
            etree.SubElement(folder, "outline", _attributes(feed))
    raw: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return raw


def _attributes(feed: FeedSpec) -> dict[str, str]:
    name = f"{feed.publisher} ({feed.section})" if feed.section else feed.publisher
    attributes = {"text": name, "title": name, "type": "rss", "xmlUrl": feed.url}
    if feed.language:
        attributes["language"] = feed.language
    for key, value in feed.model_dump(exclude_defaults=True, mode="json").items():
        if key not in _NOT_OURS:
            attributes[_OURS + key] = value if isinstance(value, str) else json.dumps(value)
    return {name: legal(value) for name, value in attributes.items()}


def import_opml(
    raw: bytes, name: str, known: Iterable[FeedSpec] = ()
) -> tuple[list[FeedSpec], list[Fault]]:
    """Return the feeds of an OPML document, and what is wrong with those left out.

    Args:
        raw: At most 16 MiB.
        name: The file, for messages.
        known: Feeds there are already: those addresses are left out, their ids not used again.
    """
    if len(raw) > MAX_BYTES:
        return [], [Fault(name, "", f"is longer than {MAX_BYTES} bytes")]
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    text = without_prolog(mend_references(decode(raw)[0])).strip()
    root = etree.fromstring(text or "<opml/>", parser)
    if root is None or etree.QName(root).localname.lower() != "opml":
        return [], [Fault(name, "", "is no OPML document")]
    taken = {feed.id for feed in known}
    addresses = {same_address(feed.url): feed.id for feed in known}
    feeds: list[FeedSpec] = []
    faults = [
        Fault(name, f"line {error.line}", f"broken, read as far as it goes: {error.message}")
        for error in list(parser.error_log.filter_from_errors())[:1]
    ]
    for outline in root.iter("outline"):
        url = (_get(outline, "xmlUrl") or "").strip()
        if not url:
            continue
        where = f"line {outline.sourceline}"
        twin = addresses.get(same_address(url)) if "://" in url else None
        if twin is not None:
            faults.append(Fault(name, where, f"left out: same address as {twin!r}"))
            continue
        try:
            feed = FeedSpec.model_validate(_table(outline, url, taken))
        except (ValidationError, ValueError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            faults.append(Fault(name, where, f"left out: {why.removeprefix('Value error, ')}"))
            continue
        feeds.append(feed)
        taken.add(feed.id)
        addresses[same_address(url)] = feed.id
    return feeds, faults


def _table(outline: Any, url: str, taken: set[str]) -> dict[str, Any]:
    """Return the seed table of one outline; ours to the letter, others as well as they tell."""
    ours: dict[str, Any] = {}
    for key, value in outline.attrib.items():
        if key.startswith(_OURS):
            name = key.removeprefix(_OURS)
            field = FeedSpec.model_fields.get(name)
            is_text = field is None or field.annotation in (str, str | None) or name in _WORDS
            ours[name] = value if is_text else json.loads(value)
    title = clean.one_line(_get(outline, "title") or _get(outline, "text") or "")
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    table = {"publisher": title or host, **ours, "url": url, "group": _folder(outline)}
    if "id" not in ours:
        table["id"] = _free_id(title or host, taken)
        language = (_get(outline, "language") or "").strip().replace("_", "-")
        if re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", language):
            table["language"] = language
        if (section := urlsplit(url).path.strip("/")) and len(section) < 60:
            table["section"] = section
    elif ours["id"] in taken:
        raise ValueError(f"the id {ours['id']!r} is taken")
    return table


_WORDS = frozenset(
    name for name, field in FeedSpec.model_fields.items() if "Literal" in str(field.annotation)
)


def _get(outline: Any, name: str) -> str | None:
    """Return an attribute, its name in any case."""
    for key, value in outline.attrib.items():
        if key.lower() == name.lower():
            return str(value)
    return None


def _folder(outline: Any) -> str:
    parent = outline.getparent()
    name = _get(parent, "text") if parent is not None and parent.tag == "outline" else None
    return _slug(name or "") or "imported"


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].strip("-")


def _free_id(text: str, taken: set[str]) -> str:
    base = _slug(text) or "feed"
    base = base if len(base) > 1 else f"feed-{base}"
    number, found = 1, base
    while found in taken:
        number += 1
        found = f"{base}-{number}"
    return found


def to_toml(feeds: Iterable[FeedSpec]) -> str:
    """Return `[[feed]]` tables with all that differs from the defaults."""
    blocks = []
    for feed in feeds:
        lines = ["[[feed]]"]
        for key, value in feed.model_dump(exclude_defaults=True, mode="json").items():
            if key not in ("group", "file"):
                lines.append(f"{key} = {_toml(value)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + ("\n" if blocks else "")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_toml(item)}" for key, item in value.items() if item != "")
        return f"{{ {inner} }}"
    return str(value)
