"""Every list of words earns its place: without it a test inside the seeds, or a text here, comes out otherwise."""

from __future__ import annotations

from functools import lru_cache

import pytest
from test_understand import catalog, read

from streams.catalog import Catalog
from streams.catalog.concepts import CONCEPTS
from streams.checks import language_results
from streams.orphans import find_orphans, lists_of, outcome, reasons_of, without_words
from streams.records import Article
from streams.understand import understand

#: Concepts that rarely turn a verdict but say who speaks, how sure it is, what it is about: one
#: English text each (a title, or title and lead), whose outcome (status, speaker, freshness, count, tags) hangs on the word.
TEXTS = {
    "that": "Minister demands answers about the drone that fell in Lublin province on Monday",
    "without": "Latvia: night without drone incursion",
    "suspected": "A drone may have entered Lithuania from Belarus, the army says",
    "said": "Gerbera crashed in Latvia, neighbours said",
    "confirm": "Romanian defence ministry confirms drone crash in Tulcea",
    "official": "Police: unknown drones over Copenhagen airport",
    "react": "Tallinn summons the Russian ambassador over the violation of Estonian airspace",
    "procure": "Romania orders drones for Deveselu base",
    "technology": "Start-up unveils drone over Rzeszow airport",
    "scramble": "Poland scrambles fighters",
    "alert": "Drone enters Latvian airspace; sirens warn residents as army demands law",
    "diplomacy": "Peace talks in Warsaw go on after a drone entered Poland",
    "migration": "Soldiers from Belarus crossed the Polish border with migrants",
    "other_hostile": "Sabotage suspects held in Germany",
    "balance": "Analysis after drone fell in Poland",
    "stray": "Stray drone crashed in Finland, Ukraine says",
    "smuggle": "Smugglers' balloons over Vilnius airport",
    "again": "Repeated airspace violation by Russian jets over Estonia again",
    "many": "Several drones crossed into Poland",
    "reassure": "Latvian army denies danger, no threat to residents | A drone crashed in Latvia on Sunday.",
    "fear": "Fears of drones over Danish airports",
    "escort": "NATO jets escorted Russian bombers seen over Estonia",
    "international": "Russian jets flew in international airspace off Estonia",
    "nato": "NATO ministers meet on the war in Ukraine this week",
    "eu": "European Union agrees on milk",
    "article_4": "Tallinn asks for consultations under Article 4",
    "article_5": "What Article 5 means",
    "air_defence": "Netherlands orders air defence systems",
    "reinforce": "Battlegroup arrives on the eastern flank",
    "jamming": "GPS jamming over the Baltic grows",
    "kaliningrad": "Train to Kaliningrad stops",
    "crimea": "Bridge to Crimea shut",
    "attack": "Poland shuts Lublin airport during Russian drone attack on Ukraine",
    "border": "Drone crossed the Lithuanian border",
    "incident": "Drone incident: Poland asks for Article 4 consultations",
    "near": "Russian attack on a village near the Romanian border",
    "other_cause": "Fog closes Vilnius airport, balloons did not",
    "own_jet": "Air policing mission in Siauliai ends",
    "plane": "Unidentified plane entered Polish airspace",
    "precaution": "Poland wants new rules as a precaution after a drone entered its airspace",
    "shadow_fleet": "Shadow fleet tanker entered Estonian territorial waters",
    "tracked": "Fighters tracked a drone inside Lithuania",
    "fired": "Troops opened fire on drones over a base in the Netherlands",
    "aged": "17-year-old flew drone over Ramstein air base",
    "accuse": "Belarus accuses Poland after helicopter violated its border",
    "cable": "Undersea cable sabotaged in the Gulf of Finland",
    "clock": "Drone crashed on football pitch in Latvia",
    "soil": "Russian warship sailed on Swedish territory",
    "home": "Finland: Russian submarine entered the country",
    "our": "Missile over our country for three minutes, Polish minister says",
}  # fmt: skip


@lru_cache(maxsize=1)
def holding() -> dict[str, list[str]]:
    """Return, per language, the tests that hold with the seeds as they are."""
    found: dict[str, list[str]] = {}
    for result in language_results(catalog()):
        if result.ok:
            found.setdefault(result.language, []).append(result.key)
    return found


def fails_without(concept: str) -> bool:
    """Tell whether some language's own test fails once its words for a concept are gone."""
    for tag, language in catalog().languages.items():
        if concept not in lists_of(language):
            continue
        less = without_words(catalog(), tag, concept)
        if any(not result.ok for result in language_results(less, tag)):
            return True
    return False


def changes_without(title: str, concept: str) -> bool:
    title, _, lead = title.partition(" | ")
    article: Article = read(title, lead).article
    less: Catalog = without_words(catalog(), "en", concept)
    return outcome(understand(article, catalog())) != outcome(understand(article, less))


@pytest.mark.slow
@pytest.mark.parametrize("concept", sorted(CONCEPTS))
def test_no_list_can_be_deleted_unseen(concept: str) -> None:
    assert holding()
    if concept in TEXTS:
        assert changes_without(TEXTS[concept], concept), f"nothing hangs on {concept} in its text"
    else:
        assert fails_without(concept), f"no test inside the seeds fails without {concept}"


def test_the_orphans_of_a_language_are_told_with_a_reason() -> None:
    texts = [read(*title.split(" | ")).article for title in TEXTS.values()]
    orphans = list(find_orphans(catalog(), texts, reasons_of(catalog())))
    told = {(orphan.language, orphan.name): orphan for orphan in orphans}
    assert told["en", "crimea"].changed == 1  # one text of these speaks of it
    assert told["en", "crimea"].reason
    assert all(orphan.changed < 2 for orphan in orphans)
