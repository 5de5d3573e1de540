"""What an incident's accounts say together: status, numbers, actor, places, words of whom.

In:  the set of accounts of one incident and operators' decisions on it.   Out: its facts.
Pure, and a function of the set: any order of arrival ends in the same facts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from streams.incidents.fit import FRESH_SECONDS, NIGHT_SECONDS
from streams.incidents.frame import (
    REGION_KM,
    attaches_only,
    distance_km,
    frame_of,
    instant,
    said_at,
    stance_of,
)
from streams.incidents.match import Group
from streams.incidents.origin import independent_origins
from streams.records import (
    Account,
    Claim,
    Decision,
    Report,
    Status,
    Territory,
    Thing,
    When,
)

#: Authorities whose denials change nothing: the side that is accused.
ACCUSED = frozenset({"RU", "BY"})
MAX_CLAIMS = 24
MAX_PLACES = 16
MAX_QUOTE = 160  # characters


@dataclass(frozen=True)
class Told:
    """The facts of one incident, as all its accounts tell it."""

    kind: str
    object: Thing
    country: str | None
    happened: When
    status: Status
    places: tuple[Territory, ...]
    claims: tuple[Claim, ...]
    actor: str | None
    official: tuple[str, ...]
    origins: int
    actions: tuple[str, ...]
    certainty: float
    late: bool
    core: bool
    silent: bool
    quote: str
    quote_by: str
    first_reported_at: datetime
    last_reported_at: datetime


def tell(
    accounts: Sequence[Account],
    group: Group,
    decisions: Sequence[Decision] = (),
) -> Told:
    """Return the facts.

    Args:
        accounts: At least one, each once.
        group: The same accounts as matching sees them.
        decisions: Operators' words on this incident.
    """
    ordered = sorted(accounts, key=_canonical)
    opening = [account for account in ordered if not attaches_only(account.report)]
    core = [account for account in opening if not account.report.follow_up]
    tellers = core or opening or ordered
    country = group.country or None
    said = [said_at(account.report) for account in ordered]
    status, against = _status(ordered, country, decisions, group)
    # A correction is believed for the word that corrects.
    voice = against or _best_voice(tellers, country)
    return Told(
        kind=_most(account.report.kind for account in tellers),
        object=_object(tellers, group),
        country=country,
        happened=_happened(group, tellers),
        status=status,
        places=_places(tellers),
        claims=_claims(ordered),
        actor=_actor(ordered, country),
        official=tuple(sorted({a.report.official for a in ordered if a.report.official})),
        origins=independent_origins(ordered),
        actions=tuple(sorted({account.report.action for account in tellers})),
        certainty=max(account.report.certainty for account in tellers),
        late=all(is_late(account.report, group) for account in ordered),
        core=bool(core),
        silent=all(account.taught for account in opening),
        quote=next((span.quote for span in voice.report.evidence), voice.title)[:MAX_QUOTE],
        quote_by=voice.publisher,
        first_reported_at=min(said),
        last_reported_at=max(said),
    )


def is_late(report: Report, group: Group) -> bool:
    """Return whether a report tells its event too late to be news.

    An undated one is settled here: late when the event it belongs to was over 72 h before.
    A dated one is never aged by the ledger, or repeated crossings would be swallowed.
    """
    if report.freshness == "undated":
        return said_at(report).timestamp() - group.window[1] > FRESH_SECONDS
    return report.freshness != "fresh"


def _canonical(account: Account) -> tuple[datetime, str, str]:
    return (said_at(account.report), account.article, account.report.id)


def _most(words: object) -> str:
    counted = Counter(words)  # type: ignore[call-overload]
    return str(min(counted, key=lambda word: (-counted[word], word)))


def _object(accounts: Sequence[Account], group: Group) -> Thing:
    things = [account.report.object for account in accounts]
    known = [thing.what for thing in things if thing.what != "unknown"]
    models = [thing.model for thing in things if thing.model]
    low, high = count_range(accounts)
    return Thing(
        what=_most(known) if known else "unknown",
        model=_most(models) if models else None,
        is_wreckage=all(thing.is_wreckage for thing in things),
        count_low=low,
        count_high=high,
    )


def count_range(accounts: Sequence[Account]) -> tuple[int | None, int | None]:
    """Return the range of counts: the state's own authority's where it gave one, else everyone's.

    "A drone" counts one, and says nothing against several; how many were shot down or found says
    nothing against how many came.
    """
    counts = [(account, *_count(account)) for account in accounts if any(_count(account))]
    several = [item for item in counts if item[2] > 1]
    if not several and any((account.report.object.count_low or 0) > 1 for account in accounts):
        return (2, None)
    counts = several or counts
    counts = [item for item in counts if not item[0].report.object.is_part] or counts
    official = [item for item in counts if _is_own(item[0].report)]
    if official:
        # Authorities revise their numbers: of two the one that was first said later holds, and an
        # old one that is printed again does not come back.
        # A lower one needs a second voice: it is often of a part only ("five more fell in …").
        first: dict[tuple[int, int], tuple[datetime, str, str]] = {}
        voices: dict[tuple[int, int], set[str]] = {}
        for account, low, high in official:
            said = _canonical(account)
            first[low, high] = min(said, first.get((low, high), said))
            voices.setdefault((low, high), set()).add(account.origin)
        held: tuple[int, int] | None = None
        for number in sorted(first, key=first.__getitem__):
            if held is None or number[1] >= held[1] or len(voices[number]) > 1:
                held = number
        return held or (None, None)
    if not counts:
        return (None, None)
    return (min(low for _, low, _ in counts), max(high for _, _, high in counts))


def _count(account: Account) -> tuple[int, int]:
    """Return how many an account tells; (0, 0) when it gives no number, as "several" gives none."""
    thing = account.report.object
    if not thing.count_high:
        return (0, 0)
    return (thing.count_low or thing.count_high, thing.count_high)


def _is_own(report: Report) -> bool:
    """Tell whether the authority of the state concerned speaks."""
    return report.official is not None and report.official == report.territory.country


def _happened(group: Group, accounts: Sequence[Account]) -> When:
    first, last = group.window
    dated = [
        a.report.happened
        for a in accounts
        if a.report.freshness != "undated" and a.report.happened.precision != "assumed"
    ]
    if not dated:
        return When(start=instant(first), end=instant(last), precision="assumed")
    ranks = ("minute", "hour", "part", "day", "days", "week", "month")
    finest = min(dated, key=lambda when: ranks.index(when.precision))
    return When(start=instant(first), end=instant(last), precision=finest.precision)


def _status(
    accounts: Sequence[Account],
    country: str | None,
    decisions: Sequence[Decision],
    group: Group,
) -> tuple[Status, Account | None]:
    """Return the status, and the account that denied it or called it off, if one did."""
    for decision in reversed(decisions):
        if decision.action == "mark_false" and all(
            decision.article in (None, account.article) for account in accounts
        ):
            return "false_alarm", None
    asserting = [a for a in accounts if stance_of(a.report) == "asserts"]
    words = [w for w in _official_words(accounts, country) if _is_of_here(w, asserting)]
    if words:
        # That traffic was stopped says nothing of whether there was something.
        word = ([w for w in words if not _tells_stop(w.report)] or words)[-1]
        stance = stance_of(word.report)
        if stance == "false_alarm":
            return "false_alarm", word
        # Looking into what it suspects, a state does not confirm it.
        suspects = any(w.report.status_hint == "claimed" for w in words)
        confirmed = [
            w for w in words if _confirms(w.report) and not (suspects and w.report.follow_up)
        ]
        if stance == "denies":
            # A state that takes back its own word is for people to see, not for us to settle.
            # Traffic was stopped for something, even if none was found.
            is_open = confirmed or _has_stop(asserting) or _origins_after(asserting, word) >= 2
            return ("disputed", None) if is_open else ("denied", word)
        if stance == "disputes":
            return "disputed", None
        if confirmed:  # a later "we are checking" takes nothing back
            return "confirmed", None
    doubts = [
        a
        for a in accounts
        if stance_of(a.report) != "asserts"
        and not _is_accused(a.report)
        and _is_of_here(a, asserting)
    ]
    if doubts:
        return _doubted(doubts, asserting)
    # What is told days later, or looks back without a date, corroborates nothing as news.
    timely = [a for a in asserting if not is_late(a.report, group)] or asserting
    if independent_origins(timely) >= 2 and any(a.report.freshness != "undated" for a in timely):
        return "reported", None
    if any(stance_of(word.report) == "asserts" for word in words):
        return "reported", None  # the state itself suspects it
    return "claimed", None


def _doubted(
    doubts: Sequence[Account], asserting: Sequence[Account]
) -> tuple[Status, Account | None]:
    """Return the status that doubts give while the state concerned is silent.

    Whoever told it first may take it back; whoever else doubts makes it disputed.
    """
    if asserting:
        first = asserting[0]
        own = [
            a for a in doubts if a.corrects or a.family == first.family or a.origin == first.origin
        ]
        if not own or _origins_after(asserting, own[-1]) >= 2:
            return "disputed", None
        doubts = own
    newest = doubts[-1]
    match stance_of(newest.report):
        case "false_alarm":
            return "false_alarm", newest
        case "denies":
            return "denied", newest
    return "disputed", None


def _origins_after(asserting: Sequence[Account], word: Account) -> int:
    """Return how many independent voices tell it after that word."""
    return independent_origins([a for a in asserting if _canonical(a) > _canonical(word)])


def _official_words(accounts: Sequence[Account], country: str | None) -> list[Account]:
    """Return the words of the state concerned; of any watched state while that is unknown."""
    return [
        account
        for account in accounts
        if account.report.official is not None
        and account.report.official not in ACCUSED
        and (country is None or account.report.official == country)
    ]


def _is_of_here(word: Account, asserting: Sequence[Account]) -> bool:
    """Tell whether a word is of this event: a denial is of its own region, and of what was told."""
    if stance_of(word.report) == "asserts" or not asserting:
        return True
    apart = [distance_km(frame_of(word.report), frame_of(a.report)) for a in asserting]
    known = [km for km in apart if not math.isnan(km)]
    if known:
        return min(known) <= REGION_KM
    first = min(said_at(a.report) for a in asserting)
    return (first - said_at(word.report)).total_seconds() <= NIGHT_SECONDS


def _has_stop(accounts: Sequence[Account]) -> bool:
    return any(a.report.action == "disrupt" for a in accounts)


def _tells_stop(report: Report) -> bool:
    return report.action == "disrupt" and stance_of(report) == "asserts"


def _confirms(report: Report) -> bool:
    return stance_of(report) == "asserts" and report.status_hint != "claimed"


def _is_accused(report: Report) -> bool:
    return report.official in ACCUSED


def _places(accounts: Sequence[Account]) -> tuple[Territory, ...]:
    """Return the named places, most told first."""
    counted: Counter[str] = Counter()
    found: dict[str, Territory] = {}
    for account in accounts:
        territory = account.report.territory
        name = territory.place or territory.place_name
        if name:
            counted[name] += 1
            found.setdefault(name, territory)
    names = sorted(counted, key=lambda name: (-counted[name], name))
    return tuple(found[name] for name in names[:MAX_PLACES])


def _claims(accounts: Sequence[Account]) -> tuple[Claim, ...]:
    """Return who says which number and which actor, first told first, each once.

    Who denies it names nobody.
    """
    claims: dict[tuple[str, str, str], Claim] = {}
    for account in accounts:
        report = account.report
        by = report.official or report.attributed_by or account.family
        low, high = report.object.count_low, report.object.count_high
        if low or high:
            value = f"{low}–{high}" if low and high and low != high else str(low or high)
            claims.setdefault(
                ("count", value, by),
                Claim(
                    what="count", value=value, by=by, article=account.article, low=low, high=high
                ),
            )
        if report.actor and report.actor != "unknown" and stance_of(report) == "asserts":
            claims.setdefault(
                ("actor", report.actor, by),
                Claim(what="actor", value=report.actor, by=by, article=account.article),
            )
    return tuple(claims.values())[:MAX_CLAIMS]


def _actor(accounts: Sequence[Account], country: str | None) -> str | None:
    """Return the actor that the state concerned names last, else the one most accounts name.

    Who denies that it was so, or that it was him, names nobody.
    """
    named = [
        a
        for a in accounts
        if a.report.actor and a.report.actor != "unknown" and stance_of(a.report) == "asserts"
    ]
    if not named:
        return None
    official = [a for a in named if a.report.official and a.report.official == country]
    if official:
        return official[-1].report.actor
    return _most(a.report.actor for a in named)


def _best_voice(accounts: Sequence[Account], country: str | None) -> Account:
    """Return the account to quote: the state's own authority, then the surest, then the first."""
    return min(
        accounts,
        key=lambda account: (
            account.report.official is None or account.report.official != country,
            -account.report.certainty,
            *_canonical(account),
        ),
    )
