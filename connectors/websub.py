"""WebSub as a subscriber speaks it: discovery, the subscription form, signatures. Pure.

Source: https://www.w3.org/TR/websub/ §4 (discovery), §5.1 (subscribing), §7.1 (signatures).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from connectors import clean
from connectors.guard import Allowed, refusal

#: Methods that a hub may sign with.
METHODS = ("sha1", "sha256", "sha384", "sha512")
MAX_SIGNATURE_CHARS = 200
#: What we ask for and the bounds of what we take, in seconds; a hub decides.
LEASE_SECONDS = 5 * 24 * 3600
LEASE_MIN_SECONDS = 300.0
LEASE_MAX_SECONDS = 30 * 24 * 3600.0
_LINK = re.compile(r"<([^<>]{1,2000})>((?:\s*;\s*[\w*-]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.I)


def announced(links: Iterable[str], base: str) -> tuple[str | None, str | None]:
    """Return the hub and the topic that Link headers name; these go before the document's.

    Args:
        links: Values of the answer's Link headers.
        base: The answer's address.
    """
    found: dict[str, str] = {}
    for value in links:
        for target, parameters in _LINK.findall(value[:8000]):
            rel = _REL.search(parameters)
            for word in (rel[1] or rel[2]).lower().split() if rel else ():
                url = clean.link(target, base)
                if word in ("hub", "self") and url:
                    found.setdefault(word, url)
    return found.get("hub"), found.get("self")


def token(secret: str, *parts: str) -> str:
    """Return what only who has the secret can make: a callback's path, a subscription's own secret.

    Args:
        secret: Of this installation.
        parts: What it is for; other parts, another token.
    """
    return hmac.new(secret.encode(), "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()[:40]


def subscription(callback: str, topic: str, secret: str) -> bytes:
    """Return the form that asks a hub for a subscription."""
    return urlencode(
        {
            "hub.mode": "subscribe",
            "hub.callback": callback,
            "hub.topic": topic,
            "hub.secret": secret,
            "hub.lease_seconds": str(LEASE_SECONDS),
        }
    ).encode()


def lease(text: str) -> float:
    """Return the lease that a hub grants, in seconds, within our bounds."""
    seconds = float(text) if re.fullmatch(r"\d{1,12}", text) else float(LEASE_SECONDS)
    return min(max(seconds, LEASE_MIN_SECONDS), LEASE_MAX_SECONDS)


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Return whether `signature` (`sha256=<hex>`) is this body's; compared in constant time."""
    method, _, told = signature[:MAX_SIGNATURE_CHARS].strip().partition("=")
    if method.lower() not in METHODS:
        return False
    expected = hmac.new(secret.encode(), body, method.lower()).hexdigest()
    return is_same(expected, told.strip().lower())


def is_same(one: str, other: str) -> bool:
    """Return whether two texts are equal; how long it takes tells nothing of where they differ."""
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogateescape"))


def is_secret_safe(hub: str, allowed: tuple[Allowed, ...] = ()) -> bool:
    """Return whether a secret may be told to this hub: over TLS, or where the operator's list says.

    Args:
        hub: Its address.
        allowed: The operator's list of private targets.
    """
    parts = urlsplit(hub)
    if parts.scheme == "https":
        return True
    host, port = parts.hostname or "", parts.port or 80
    return refusal(host, port) is not None and refusal(host, port, allowed) is None
