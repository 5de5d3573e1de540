"""Report set → accounts, as the ledger keeps them: small, with family and origin settled."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from streams.catalog.publishers import Publishers
from streams.incidents.frame import stance_of
from streams.incidents.origin import family_of, origin_of
from streams.records import Account, Report, ReportSet, content_id

MAX_TITLE = 200  # characters
MAX_URL = 500
MAX_QUOTE = 160
#: Readings of a text that tell of nothing that happened now; they never come near an incident.
NO_EVENT = frozenset({"hypothetical", "exercise", "policy", "historical"})


#: What detection says was done → the deeds that messages and policies know.
_DEEDS = {
    "enter": "cross",
    "incursion": "cross",
    "incident": "cross",
    "flew": "cross",
    "tracked": "cross",
    "sighted": "over",
    "fired": "over",  # it was there; that it came down nobody says
    "closed": "disrupt",
    "attack": "strike",
}
#: Kinds that are about a site; there, what was seen was seen overhead, or stopped its traffic.
_SITES = {"drone_over_infrastructure": "over", "drone_airport_disruption": "disrupt"}
#: Publishers of recordings that do not name one.
_NAMELESS = frozenset({"", "replay", "ingest"})
_CROSSINGS = frozenset({"cross", "violate"})


def accounts_of(found: ReportSet, publishers: Publishers) -> tuple[Account, ...]:
    """Return the accounts of a set; reports of the past and of no event give none."""
    accounts = []
    for report in found.reports:
        if report.realis in NO_EVENT or report.freshness == "past":
            continue
        publisher = found.publisher or report.publisher
        if publisher in _NAMELESS:  # nobody knows who: then it is nobody's copy either
            family = found.article
        else:
            family = family_of(report, publisher, publishers)
        accounts.append(
            Account(
                article=found.article,
                revision=found.revision,
                publisher=publisher,
                family=family,
                origin=origin_of(report, family),
                language=found.language,
                title=(found.title or report.title)[:MAX_TITLE],
                report=_slim(report, found, is_aside=_is_aside(report, found)),
                url=(found.url or report.url or "")[:MAX_URL] or None,
                published_at=found.published_at,
                first_seen_at=found.first_seen_at,
                taught=found.backfill,
            )
        )
    return tuple(accounts)


def is_same(one: Account, other: Account) -> bool:
    """Return whether two accounts say the same; when they were fetched does not matter."""
    return _timeless(one) == _timeless(other)


def take_back(accounts: Sequence[Account], before: Sequence[Account]) -> tuple[Account, ...]:
    """Return an article's accounts, those marked that take back what the article asserted before.

    Args:
        accounts: Of the article's new revision.
        before: Of the revisions before it.
    """
    had = any(old.corrects or stance_of(old.report) == "asserts" for old in before)
    return tuple(
        replace(account, corrects=had and stance_of(account.report) != "asserts")
        for account in accounts
    )


def mark_of(article: str, revision: str) -> str:
    """Return the short hash by which an account beyond the cap is remembered."""
    return content_id(article, revision, length=10)


def _is_aside(report: Report, found: ReportSet) -> bool:
    """Tell whether a report is said in passing, beside the placed one that the article is about.

    "Flights were sent on to Poland" must not open an event there in a story about Vilnius airport.
    Like a reaction, it joins its event or waits for an account of it.
    """
    here = report.territory
    return not (here.place or here.place_name) and any(
        (other.territory.country, other.object.what) != (here.country, report.object.what)
        and (other.territory.place or other.territory.place_name)
        and not other.follow_up
        for other in found.reports
    )


def _slim(report: Report, found: ReportSet, *, is_aside: bool) -> Report:
    """Leave out of a report what its account says already, and all but the first quote."""
    quotes = tuple(replace(span, quote=span.quote[:MAX_QUOTE]) for span in report.evidence[:1])
    action = _DEEDS.get(report.action, report.action)
    if report.kind in _SITES and action in _CROSSINGS:
        action = _SITES[report.kind]
    return replace(
        report,
        action=action,
        follow_up=report.follow_up or is_aside,
        title="",
        article="",
        revision="",
        url=None,
        publisher="",
        language="und",
        rule="",  # in the article's own record
        catalog="",
        published_at=found.published_at,
        first_seen_at=found.first_seen_at,
        evidence=quotes,
    )


def _timeless(account: Account) -> Account:
    report = replace(account.report, first_seen_at=None, catalog="", rule="")
    return replace(account, first_seen_at=None, corrects=False, report=report)
