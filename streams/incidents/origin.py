"""Who really speaks: publisher families, credited agencies, copied texts.

In:  accounts of one incident.   Out: how many independent origins it has.
Pure. Corroboration is what independent origins give; syndication never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streams.catalog.publishers import Publishers
from streams.records import Account, Report
from streams.signature import LONG, similarity

#: Share of common shingles from which two texts are one text.
COPY_RATIO = 0.5


def origin_of(report: Report, family: str) -> str:
    """Return whose word a report is, before texts are compared: the agency's or the family's."""
    return report.agency or family


def family_of(report: Report, publisher: str, publishers: Publishers) -> str:
    """Return the publisher's family."""
    return publishers.family_of(publisher or report.publisher, report.url)


def independent_origins(accounts: Sequence[Account]) -> int:
    """Return how many independent voices tell the event.

    Accounts of one agency or one family are one voice, and so are copies of one text, whoever
    prints them. Statements of authorities are counted by the status, not here. A function of the
    set of accounts.
    """
    return len(set(voices(accounts).values()))


def voices(accounts: Iterable[Account]) -> dict[str, str]:
    """Return origin → the voice it belongs to; copies of one text join their origins.

    The name of a voice is the alphabetically first of its origins.
    """
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    texts: dict[str, str] = {}  # signature -> one origin that carries it
    for account in accounts:
        leader.setdefault(account.origin, account.origin)
        signature = account.report.signature
        if signature is None:
            continue
        other = texts.setdefault(signature, account.origin)
        _join(leader, find(other), find(account.origin))
    # Short texts are copies only when they are equal, and that is settled above.
    distinct = sorted(signature for signature in texts if signature.startswith(LONG))
    for index, one in enumerate(distinct):
        for other in distinct[index + 1 :]:
            left, right = find(texts[one]), find(texts[other])
            if left != right and (similarity(one, other) or 0.0) >= COPY_RATIO:
                _join(leader, left, right)
    return {name: find(name) for name in leader}


def _join(leader: dict[str, str], one: str, other: str) -> None:
    first, second = sorted((one, other))
    leader[second] = first
