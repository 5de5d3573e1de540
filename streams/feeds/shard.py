"""Which fetcher polls which feed: by registrable domain, so that politeness to a host holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from streams.catalog.feeds import FeedSpec


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@cache
def domain_of(url: str) -> str:
    """Return the registrable domain of an address, or its host when it has none."""
    host = (urlsplit(url).hostname or "").lower()
    if host.replace(".", "").isdigit() or ":" in host:
        return host
    return str(_suffixes().privatesuffix(host) or host)


def host_of(url: str) -> str:
    """Return an address's host and port, lower case."""
    return urlsplit(url).netloc.lower()


def share_of(text: str) -> float:
    """Return a number in [0, 1) that only the text decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def of_shard(feeds: Iterable[FeedSpec], shard: tuple[int, int]) -> tuple[FeedSpec, ...]:
    """Return the feeds of one fetcher.

    Args:
        feeds: All feeds.
        shard: (number from 1, count), as in `--shard 1/4`.
    """
    number, count = shard
    return tuple(f for f in feeds if int(share_of(domain_of(f.url)) * count) == number - 1)
