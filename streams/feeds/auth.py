"""How we show ourselves to a paid or own source: headers and address, the secret by reference."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote

from streams.catalog.feeds import FeedSpec
from streams.settings import read_secret

_MASK = "%2A%2A%2A"


@dataclass(frozen=True)
class Access:
    """A feed's credentials; its repr holds none."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    name: str = ""  #: query parameter that carries the secret
    secret: str = field(default="", repr=False)

    @classmethod
    def of(cls, spec: FeedSpec) -> Access:
        """Return what the feed's `auth` asks for.

        Raises:
            FaultsError: the secret is not set; its value is never in the text.
        """
        if spec.auth is None:
            return cls()
        secret = read_secret(spec.auth.secret).get_secret_value()
        if spec.auth.type == "query":
            return cls(name=quote(spec.auth.name, safe=""), secret=quote(secret, safe=""))
        if spec.auth.type == "basic":
            pair = base64.b64encode(f"{spec.auth.user}:{secret}".encode()).decode()
            return cls({"Authorization": f"Basic {pair}"})
        if spec.auth.type == "bearer":
            return cls({"Authorization": f"Bearer {secret}"})
        return cls({spec.auth.name: secret})

    def url(self, url: str) -> str:
        """Return the address to ask, the secret added when it goes by query."""
        if not self.name:
            return url
        return f"{url}{'&' if '?' in url else '?'}{self.name}={self.secret}"

    def conceal(self, url: str) -> str:
        """Return an address that may be stored."""
        return url.replace(self.secret, _MASK) if self.secret else url

    def reveal(self, url: str) -> str:
        """Return the address that `conceal` was given."""
        return url.replace(_MASK, self.secret) if self.secret else url
