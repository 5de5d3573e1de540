"""The tests inside seeds/alerts and seeds/messages: each against its own word. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from streams.catalog.messages import Messages, MessageTest, Words
from streams.catalog.policies import Policies, Policy, Watch
from streams.errors import Fault
from streams.incidents.message import headline
from streams.incidents.watch import sees
from streams.records import Incident, Territory, Thing, When

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def failed_policy_tests(policies: Policies) -> list[Fault]:
    """Return the tests of policies and watches that do not hold."""
    failed = []
    for policy in policies.incidents:
        failed += _failed(policy)
    for watch in policies.watches:
        failed += _failed_watch(watch)
    return failed


def failed_message_tests(messages: Messages) -> list[Fault]:
    """Return the tests of message words that do not hold."""
    failed = []
    for language, words in sorted(messages.words.items()):
        for index, test in enumerate(words.test):
            said = headline(_incident(test), words)
            if said != test.headline:
                reason = f"expected {test.headline!r}, got {said!r}"
                failed.append(Fault(f"seeds/messages/{language}.toml", f"test[{index}]", reason))
    return failed


def _failed(policy: Policy) -> list[Fault]:
    failed = []
    for index, test in enumerate(policy.test):
        level = policy.level_of(test.incident) or "none"
        if level != test.expect:
            reason = f"expected {test.expect!r}, got {level!r}{_because(test.why)}"
            failed.append(Fault(f"seeds/alerts/{policy.id}.toml", f"test[{index}]", reason))
    return failed


def _failed_watch(watch: Watch) -> list[Fault]:
    failed = []
    for index, test in enumerate(watch.test):
        found = sees(watch, test.tags, test.text, test.language, test.feed)
        if found != test.expect:
            reason = f"expected {test.expect}, got {found}{_because(test.why)}"
            failed.append(Fault(f"seeds/alerts/{watch.id}.toml", f"test[{index}]", reason))
    return failed


def _because(why: str) -> str:
    return f" ({why})" if why else ""


def sample_of(words: Words) -> str:
    """Return the first test's headline as these words give it, for a look at a language."""
    return headline(_incident(words.test[0]), words)


def _incident(test: MessageTest) -> Incident:
    place = Territory(country=test.country, place_name=test.place)
    return Incident(
        id="test",
        theatre="test",
        kind="test",
        level="normal",
        status=test.status,
        happened=When(start=_EPOCH, end=_EPOCH, precision="day"),
        object=Thing(what=test.object, count_low=test.count, count_high=test.count),
        first_reported_at=_EPOCH,
        last_reported_at=_EPOCH,
        country=test.country,
        places=(place,) if test.place else (),
        actions=(test.action,),
        late=test.late,
    )
