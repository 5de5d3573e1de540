"""The address guard's decision, as a table; no socket is made here."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import BlockedAddress
from connectors.guard import Allowed, Guard, parse_allowed, refusal

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.0.1",
    "169.254.169.254",
    "169.254.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:100.64.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "400::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PERMITTED = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "198.17.0.1",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("address", REFUSED)
def test_refused(address: str) -> None:
    assert refusal(address, 443)


@pytest.mark.parametrize("address", PERMITTED)
def test_permitted(address: str) -> None:
    assert refusal(address, 443) is None


@pytest.mark.parametrize("text", ["", "localhost", "0x7f.1", "2130706433", "127.1", "1.2.3.4.5"])
def test_what_is_no_numeric_address_is_refused(text: str) -> None:
    assert refusal(text, 80) == "not a numeric address"


@given(st.ip_addresses(v=4))
def test_ipv4_inside_ipv6_is_judged_as_itself(address) -> None:
    assert bool(refusal(f"::ffff:{address}", 80)) == bool(refusal(str(address), 80))


@given(st.ip_addresses())
def test_nothing_that_is_not_global_is_permitted(address) -> None:
    if refusal(str(address), 80) is None:
        judged = getattr(address, "ipv4_mapped", None) or address
        assert judged.is_global and not judged.is_multicast


def test_the_operators_list_opens_exactly_what_it_names() -> None:
    allowed = parse_allowed(
        "10.0.0.5:8080, 192.168.1.0/24:443, 127.0.0.1, [fd00::1]:80, fd00:1::/64"
    )
    assert refusal("10.0.0.5", 8080, allowed) is None
    assert refusal("::ffff:10.0.0.5", 8080, allowed) is None
    assert refusal("192.168.1.77", 443, allowed) is None
    assert refusal("127.0.0.1", 1, allowed) is None
    assert refusal("fd00::1", 80, allowed) is None
    assert refusal("fd00:1::2", 9, allowed) is None
    for address, port in [
        ("10.0.0.5", 80), ("10.0.0.6", 8080), ("192.168.1.77", 80), ("192.168.2.1", 443),
        ("127.0.0.2", 80), ("fd00::1", 81), ("fd00:2::1", 80),
    ]:  # fmt: skip
        assert refusal(address, port, allowed), (address, port)


def test_an_empty_list_allows_nothing() -> None:
    assert parse_allowed(" , ") == ()
    assert parse_allowed("10.0.0.5") == (Allowed(parse_allowed("10.0.0.5")[0].network, None),)


@pytest.mark.parametrize(
    "text", ["localhost", "10.0.0.5:http", "10.0.0.5:0", "10.0.0.0/40", "x,1.1.1.1"]
)
def test_a_wrong_entry_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        parse_allowed(text)


def test_the_socket_factory_refuses_before_a_socket_exists(monkeypatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a socket was made")

    monkeypatch.setattr(socket, "socket", never)
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))
    with pytest.raises(BlockedAddress, match="link-local"):
        Guard().socket(info)


def test_what_a_proxy_is_asked_for_is_judged_by_its_figures() -> None:
    guard = Guard("10.0.0.5:443")
    for url in ("https://10.0.0.5/", "http://8.8.8.8/", "http://news.example/", "http://x:99999/"):
        guard.check_figures(url)
    for url in (
        "http://10.0.0.5/", "http://10.5/", "http://0xa.0.0.5/", "http://0177.1/", "http://2130706433./",
        "http://[::ffff:10.0.0.5]/", "http://[fd00::1]:8080/",
    ):  # fmt: skip
        with pytest.raises(BlockedAddress):
            guard.check_figures(url)
