"""robots.txt for article pages. Feeds that the user configured do not consult it; crawling must."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from protego import Protego

from connectors.clock import Clock
from connectors.errors import FetchError
from connectors.http import Client

MAX_BYTES = 512 * 1024  # as much as crawlers read; RFC 9309 §2.5
KEEP = timedelta(hours=24)  # RFC 9309 §2.4
KEEP_FAILED = timedelta(minutes=30)
HOSTS_MAX = 1000


class Robots:
    """Answers whether a page may be fetched; one file a host, kept for a day.

    Args:
        client: Fetches robots.txt, with its guard and gate.
        name: Our name in robots.txt.
        clock: For the age of what is kept.
    """

    def __init__(self, client: Client, name: str, clock: Clock) -> None:
        self._client = client
        self._name = name
        self._clock = clock
        self._rules: OrderedDict[str, tuple[datetime, Protego | None]] = OrderedDict()

    async def allows(self, url: str) -> bool:
        """Return whether robots.txt lets us fetch the page.

        A missing file (4xx) allows all; one that cannot be had (5xx, 429, no answer) forbids all,
        as RFC 9309 §2.3.1 asks.
        """
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        kept = self._rules.get(site)
        if kept is None or kept[0] <= self._clock.now():
            kept = await self._fetch(site)
            self._rules[site] = kept
            while len(self._rules) > HOSTS_MAX:
                self._rules.popitem(last=False)
        rules = kept[1]
        return rules is not None and bool(rules.can_fetch(url, self._name))

    async def _fetch(self, site: str) -> tuple[datetime, Protego | None]:
        now = self._clock.now()
        try:
            response = await self._client.get(
                f"{site}/robots.txt", accept="text/plain, */*;q=0.5", max_bytes=MAX_BYTES
            )
        except FetchError:
            return now + KEEP_FAILED, None
        if response.status == 200:
            return now + KEEP, Protego.parse(response.body.decode("utf-8", "replace"))
        if 400 <= response.status < 500 and response.status != 429:
            return now + KEEP, Protego.parse("")
        return now + KEEP_FAILED, None
