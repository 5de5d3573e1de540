"""The address guard: no feed and no webhook makes us talk to a private address.

It judges the address that a socket is about to connect to, never the URL's text; so names, odd
spellings, IPv4 inside IPv6 and every redirect hop pass the same check. The decision is pure.
A private target must stand on the operator's explicit list (FLANKWATCH_ALLOW_ADDRESSES).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from connectors.errors import BlockedAddress

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Refused by name, because `is_global` calls them global or has changed between Python versions.
_DENIED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), why)
    for text, why in (
        ("0.0.0.0/8", "this network"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local, cloud metadata"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.88.99.0/24", "6to4 relay"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/96", "IPv4-compatible IPv6"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("100::/64", "discard"),
        ("2001::/32", "Teredo"),
        ("2002::/16", "6to4"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("3fff::/20", "documentation"),
    )
)


#: All of IPv6 that is handed out; what lies outside is reserved, or IPv4 in yet another dress.
_GLOBAL_V6 = ip_network("2000::/3")


@dataclass(frozen=True)
class Allowed:
    """One entry of the operator's list."""

    network: Network
    port: int | None = None  #: None: any port


def parse_allowed(text: str) -> tuple[Allowed, ...]:
    """Return the entries of `10.0.0.5:8080, 127.0.0.1, [::1]:80, 192.168.1.0/24:443`.

    Raises:
        ValueError: an entry is no address, network or port; the message names it.
    """
    entries = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        host, port = part, ""
        if part.startswith("["):
            host, _, port = part[1:].partition("]")
            port = port.removeprefix(":")
        elif part.count(":") == 1:
            host, _, port = part.partition(":")
        try:
            number = int(port) if port else None
            if number is not None and not 0 < number < 65536:
                raise ValueError
            entries.append(Allowed(ip_network(host, strict=False), number))
        except ValueError:
            raise ValueError(f"{part!r} is no address, network or address:port") from None
    return tuple(entries)


def refusal(address: str, port: int, allowed: tuple[Allowed, ...] = ()) -> str | None:
    """Return why this address must not be contacted, or None when it may be. Pure.

    Args:
        address: Numeric address, perhaps with an IPv6 zone.
        port: TCP port.
        allowed: The operator's list.
    """
    try:
        target: Address = ip_address(address.partition("%")[0])
    except ValueError:
        return "not a numeric address"
    if isinstance(target, IPv6Address) and target.ipv4_mapped is not None:
        target = target.ipv4_mapped
    if any(
        target in entry.network and entry.port in (None, port)
        for entry in allowed
        if entry.network.version == target.version
    ):
        return None
    for network, why in _DENIED:
        if network.version == target.version and target in network:
            return why
    if isinstance(target, IPv6Address) and target not in _GLOBAL_V6:
        return "not global unicast"
    return None if target.is_global else "private or reserved"


class Guard:
    """The check as aiohttp uses it: a socket factory that refuses before a socket exists."""

    def __init__(self, allowed: str | tuple[Allowed, ...] = ()) -> None:
        self.allowed = parse_allowed(allowed) if isinstance(allowed, str) else allowed

    def check(self, address: str, port: int) -> None:
        """Do nothing when the address may be contacted.

        Raises:
            BlockedAddress: it may not; `why` is in the message.
        """
        why = refusal(address, port, self.allowed)
        if why is not None:
            raise BlockedAddress(address, port, why)

    def check_figures(self, url: str) -> None:
        """Do nothing unless the URL spells a private address in figures, as in 0x7f.1 too.

        All that can be judged of what a proxy is asked for: it resolves names itself.

        Raises:
            BlockedAddress: it does.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            address = parts.hostname or ""
            if ":" not in address:
                address = socket.inet_ntoa(socket.inet_aton(address.rstrip(".")))
        except (OSError, ValueError):
            return  # a name, or no URL: who requests it says so
        self.check(address, port)

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Return a socket for one resolved address; the form aiohttp's connector wants."""
        family, kind, proto, _, target = info
        self.check(str(target[0]), int(target[1]))
        return socket.socket(family, kind, proto)

    def connector(self, **options: Any) -> aiohttp.TCPConnector:
        """Return a connector that connects to nothing the guard refuses."""
        return aiohttp.TCPConnector(socket_factory=self.socket, **options)
