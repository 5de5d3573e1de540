"""The shipped feeds and publishers: they load, cover the flank, and no voice counts twice."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from connectors.base import Hints
from connectors.feeds import html
from streams.catalog import feeds, publishers
from streams.catalog.sources import Sources
from streams.errors import Fault
from streams.understand.text import fold

FLANK = ("NO", "FI", "EE", "LV", "LT", "PL", "SK", "HU", "RO", "BG", "MD", "UA")
BEHIND = ("DE", "FR", "SE", "DK")
OWN_LANGUAGE = {
    "NO": "nb",
    "FI": "fi",
    "EE": "et",
    "LV": "lv",
    "LT": "lt",
    "PL": "pl",
    "SK": "sk",
    "HU": "hu",
    "RO": "ro",
    "BG": "bg",
    "MD": "ro",
    "UA": "uk",
    "DE": "de",
    "FR": "fr",
    "SE": "sv",
    "DK": "da",
}


@pytest.fixture(scope="module")
def shipped() -> tuple[feeds.FeedSpec, ...]:
    faults: list[Fault] = []
    found = feeds.read(Sources.of(), faults)
    assert faults == []
    return found


@pytest.fixture(scope="module")
def voices() -> publishers.Publishers:
    faults: list[Fault] = []
    found = publishers.read(Sources.of(), faults)
    assert faults == []
    return found


def test_enough_feeds_and_countries(shipped: tuple[feeds.FeedSpec, ...]) -> None:
    assert len(shipped) >= 250
    assert len({feed.country for feed in shipped}) >= 25


@pytest.mark.parametrize("country", FLANK + BEHIND)
def test_each_country_in_its_own_language(
    shipped: tuple[feeds.FeedSpec, ...], country: str
) -> None:
    mine = [feed for feed in shipped if feed.country == country]
    assert len(mine) >= 10
    assert sum(feed.language == OWN_LANGUAGE[country] for feed in mine) >= 5


def test_every_feed_says_who_where_and_in_which_language(
    shipped: tuple[feeds.FeedSpec, ...],
) -> None:
    for feed in shipped:
        assert feed.country and feed.language and feed.every, feed.id
        assert feed.url.startswith(("http://", "https://")), feed.id
        assert feed.status == "unverified", feed.id


def test_no_address_and_no_publisher_twice(shipped: tuple[feeds.FeedSpec, ...]) -> None:
    addresses = Counter(feeds.same_address(feed.url) for feed in shipped)
    assert [address for address, count in addresses.items() if count > 1] == []
    told = Counter((feed.publisher, feed.language, feed.section) for feed in shipped)
    assert [voice for voice, count in told.items() if count > 1] == []


def test_official_sources_of_the_flank(shipped: tuple[feeds.FeedSpec, ...]) -> None:
    official = {feed.country for feed in shipped if feed.official}
    assert official >= {"EE", "LV", "LT", "FI", "NO", "SE", "DK", "DE", "RO", "UA", "BE", "PL"}
    assert not any(feed.official for feed in shipped if feed.country in ("RU", "BY"))


def test_list_pages_are_read_by_their_selectors(shipped: tuple[feeds.FeedSpec, ...]) -> None:
    """The shape that the list pages of gov.pl share, links around the item or in its title."""
    page = """<html lang="pl"><body><nav><div class="art-prev art-prev--under-title"><ul>
      <li><div class="title"><a href="/web/x/dzial">Dział</a></div></li></ul></div></nav>
      <div class="art-prev art-prev--near-menu"><ul>
      <li><a href="/web/x/dron"><div><span class="date">20.11.2026</span>
        <div class="title">Dron nad wsią</div><div class="intro">Wojsko bada.</div></div></a></li>
      <li><div class="title"><a href="/web/x/narada">Narada</a></div></li>
      </ul></div></body></html>"""
    lists = [feed for feed in shipped if feed.kind == "html"]
    assert len(lists) >= 5
    for feed in lists:
        assert feed.select is not None
        hints = Hints(url=feed.url, selectors=feed.select.model_dump(exclude_none=True))
        one, two = html.parse(page.encode(), hints).entries
        assert (one.title, one.summary) == ("Dron nad wsią", "Wojsko bada.")
        assert one.url == "https://www.gov.pl/web/x/dron"
        assert one.published_at == datetime(2026, 11, 20, tzinfo=UTC)
        assert (two.title, two.url) == ("Narada", "https://www.gov.pl/web/x/narada")


def test_credits_are_folded_so_that_they_can_match(voices: publishers.Publishers) -> None:
    for agency in voices.agencies:
        for credit in agency.credits:
            assert " ".join(fold(credit).split()) == credit, (agency.id, credit)


@pytest.mark.parametrize(
    ("text", "agency"),
    [
        ("Wojsko poderwało myśliwce. Źródło: PAP", "pap"),
        ("Allikas: BNS", "bns"),
        ("VILNIUS (AFP) - Lithuania said", "afp"),
        ("Про це повідомляє Укрінформ.", "ukrinform"),
        ("сообщает «Интерфакс-Украина»", "interfax-ukraine"),
        ("сообщает ТАСС", "tass"),
        ("Foto: Jan Jensen/Ritzau Scanpix", "ritzau"),
        ("aģentūra LETA", "leta"),
        ("Ap vil stramme inn", None),  # the Norwegian Labour Party
        ("pred tremi leti, lansko leto, leta 2022", None),  # Slovenian: years
        ("Potopiła się apa w sta metrach", None),
    ],
)
def test_agency_credit(voices: publishers.Publishers, text: str, agency: str | None) -> None:
    assert voices.agency_in(" ".join(fold(text).split())) == agency


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Delfi (Estonia)", "Delfi (Lithuania)"),
        ("Onet", "Fakt"),
        ("tagesschau", "NDR Schleswig-Holstein"),
        ("Ukrainska Pravda", "European Pravda"),
        ("DR", "DR Bornholm"),
    ],
)
def test_one_newsroom_under_two_names(voices: publishers.Publishers, one: str, other: str) -> None:
    assert voices.family_of(one) == voices.family_of(other)


def test_agencies_that_publish_are_their_own_family(
    shipped: tuple[feeds.FeedSpec, ...], voices: publishers.Publishers
) -> None:
    ids = {agency.id for agency in voices.agencies}
    agencies = [feed for feed in shipped if feed.group == "agencies"]
    without = {feed.publisher for feed in agencies if voices.family_of(feed.publisher) not in ids}
    assert without == {"Focus", "European Newsroom"}  # no credit line of their own
