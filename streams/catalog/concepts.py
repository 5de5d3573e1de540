"""The vocabulary that languages fill with words and events are made of; one list, with meanings.

A concept belongs to a group, which says what part it can play in a report. `tag` is the tag that
an article gets when the concept occurs in it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Concept:
    """What a concept means to whoever writes a language file."""

    group: str  #: object | marker | action | event | territory | site | cue | tag
    meaning: str
    tag: str | None = None


CONCEPTS: dict[str, Concept] = {
    # --- objects: what may cross ---------------------------------------------------------
    "drone": Concept(
        "object", "drone, UAV, unmanned aircraft, kamikaze drone (no model names)", "drone"
    ),
    "missile": Concept("object", "missile, rocket, cruise missile, projectile", "missile"),
    "jet": Concept(
        "object", "military aeroplane: fighter, bomber, warplane, military aircraft", "aircraft"
    ),
    "plane": Concept(
        "object", "plane, aircraft (may be civil; counts only beside a hostile marker)", "aircraft"
    ),
    "helicopter": Concept(
        "object", "helicopter (counts only beside a hostile marker)", "helicopter"
    ),
    "balloon": Concept("object", "balloon, weather or smugglers' balloon", "balloon"),
    "ship": Concept(
        "object", "warship, naval vessel, submarine, boat, tanker (beside a hostile marker)", "ship"
    ),
    "troops": Concept(
        "object",
        "soldiers, troops, border guards, armed men, saboteurs (beside a hostile marker)",
        "troops",
    ),
    "wreckage": Concept("object", "debris, wreckage, fragments, remains, crater", "wreckage"),
    "flyer": Concept(
        "object", "hypernym: flying object, aerial object, target, apparatus, machine, device", None
    ),
    # --- markers beside an object ----------------------------------------------------------
    "unidentified": Concept("marker", "unidentified, unknown, mysterious, suspicious, foreign"),
    "hostile": Concept(
        "marker",
        "enemy, hostile, armed, explosive-laden, attack-, kamikaze, combat-, military (adjective on an object)",
    ),
    "shadow_fleet": Concept(
        "marker", "shadow fleet, intelligence ship, reconnaissance (ship or plane)"
    ),
    "own_jet": Concept(
        "marker",
        "defenders' aircraft: allied fighters, air policing, quick reaction alert",
        "aircraft",
    ),
    # --- actions (verbs and participles) -----------------------------------------------------
    "enter": Concept(
        "action",
        "directional: entered, flew into, crossed into, strayed into, penetrated, arrived; intrans. with a target",
    ),
    "violate": Concept("action", "violated, breached, infringed (airspace, border)"),
    "crash": Concept("action", "crashed, fell, came down, landed, lies; also noun: crash, fall"),
    "strike": Concept(
        "action", "hit, struck, exploded, slammed into; also noun: impact, explosion"
    ),
    "found": Concept(
        "action", "found, discovered, recovered, retrieved, washed up; also noun: find, discovery"
    ),
    "shot_down": Concept(
        "action", "shot down, downed, destroyed, neutralised, opened fire on; also noun: downing"
    ),
    "fired": Concept(
        "cue", "opened fire on, shot at: words of `shot_down` that do not say that it came down"
    ),
    "sighted": Concept(
        "action",
        "spotted, seen, observed, detected, circled, hovered, flew over; also noun: sighting, overflight",
    ),
    "tracked": Concept("action", "tracked, followed, pursued (by own jets, radar) inside"),
    "closed": Concept(
        "action",
        "airport or airspace closed, flights suspended, halted, diverted, traffic stopped; also noun: closure",
    ),
    "flew": Concept(
        "action",
        "flew, was flying, moved (no direction of its own; counts with 'over' or 'in' a watched place)",
    ),
    # --- event nouns (nominal: presupposed when definite or dated) -----------------------------
    "incursion": Concept(
        "event",
        "incursion, intrusion, violation, breach, airspace violation, border violation, entry",
    ),
    "incident": Concept(
        "event", "incident (counts only with object and territory), 'drone incident', 'drone case'"
    ),
    "attack": Concept(
        "event",
        "attack, strike, bombardment, launch, fired at, barrage (noun or verb): aggression, no crossing by itself",
    ),
    # --- territory ---------------------------------------------------------------------------
    "airspace": Concept("territory", "airspace, skies, sky", "airspace"),
    "border": Concept("territory", "border, frontier", "border"),
    "soil": Concept("territory", "territory, soil, land of a state"),
    "waters": Concept("territory", "territorial waters, territorial sea"),
    "our": Concept(
        "territory",
        "our + airspace, sky, territory, country: 'our airspace', 'our territory', 'into our country'",
    ),
    "home": Concept(
        "territory",
        "the country (own, unnamed): 'into the country', 'the country's airspace', 'national airspace'",
    ),
    "nato_state": Concept(
        "territory",
        "'a NATO country', 'NATO territory', 'NATO airspace', 'EU airspace', 'a NATO member'",
    ),
    "airport": Concept("site", "airport, airfield (civil)", "airport"),
    "base": Concept(
        "site", "air base, military base, barracks, garrison, training ground", "military-base"
    ),
    "critical": Concept(
        "site",
        "nuclear plant, power plant, refinery, port, gas terminal, oil platform, LNG, dam, chemical plant, shipyard",
        "critical-site",
    ),
    "locality": Concept(
        "site",
        "village, town, district, field, forest, farm, house, parish (place of a find, unnamed country)",
    ),
    # --- connectors and scope ---------------------------------------------------------------
    "after": Concept(
        "cue",
        "factive connector: after, when, following, because of, over, due to, as, since (cause)",
    ),
    "that": Concept("cue", "complementiser: that, who/which; colon-like"),
    "if": Concept(
        "cue",
        "conditional or purpose connector: if, in case of, in the event of, whether, so that, should",
    ),
    "against": Concept(
        "cue", "against, to counter, to prevent, to stop, for fear of, from (protect from)"
    ),
    "not": Concept("cue", "negation beside verb or noun: not, no, never, without, did not, none"),
    "without": Concept("cue", "without: negates only the noun right behind it"),
    "deny": Concept(
        "cue",
        "denies, denied, refutes, rejects (claims), dismisses, no evidence, no confirmation of, not confirmed",
    ),
    "nothing_seen": Concept(
        "cue",
        "radar showed nothing, no violation was recorded, nothing found, threat not confirmed",
    ),
    "false_alarm": Concept(
        "cue",
        "false alarm, hoax, fake, turned out to be (a star, bird, plane), mistaken for, fact check",
    ),
    "may": Concept(
        "cue",
        "prospective modal: could, might, may, would, can, is able to, risk of, threat of, danger",
    ),
    "will": Concept("cue", "future: will, is going to, plans to, prepares to"),
    "fear": Concept("cue", "fears, warns of, expects, prepares for, ready for, threat, scenario"),
    "suspected": Concept(
        "cue",
        "suspected, presumably, probably, allegedly, may have, possibly, evidential mood, believed to",
    ),
    "said": Concept("cue", "said, says, according to, announced, reported, confirmed, stated"),
    "confirm": Concept("cue", "confirmed, confirms, officially, acknowledged (of the event)"),
    "official": Concept(
        "cue",
        "ministry, minister, army, armed forces, government, president, police, border guard, operational command, spokesperson",
    ),
    "react": Concept(
        "cue",
        "condemns, protests, summons (ambassador), investigates, searches, consultations, demands explanation, convenes",
    ),
    # --- trap cues ---------------------------------------------------------------------------
    "exercise": Concept(
        "cue", "exercise, drill, manoeuvres, training (event), test flight, simulated", "exercise"
    ),
    "policy": Concept(
        "cue",
        "drone wall, air-defence plan, rules, law, bill, strategy, debate, should, must, calls for, wants, needs, strengthen, protect, budget",
        None,
    ),
    "procure": Concept(
        "cue",
        "buy, order, purchase, contract, supply, deliver, donate, produce, factory, manufacturer, funding",
    ),
    "technology": Concept(
        "cue",
        "unveils, presents, new model, prototype, develops, tested (weapon), exhibition, start-up",
    ),
    "past": Concept(
        "cue",
        "last year, years ago, in the past, since 2022, anniversary, history, chronology, timeline, look back, so far this year",
    ),
    "repeated": Concept(
        "cue",
        "generic or iterative: repeated, recent, frequent, such, series of, number of, every, increasingly, more and more, cases of",
    ),
    "earlier": Concept(
        "cue", "earlier, previously, last week, weeks after, a month ago, last month, recent weeks"
    ),
    "precaution": Concept("cue", "as a precaution, preventively"),
    "scramble": Concept(
        "cue", "scrambled, took off, launched jets, air force activated, on alert", "jets-scrambled"
    ),
    "alert": Concept(
        "cue", "air alert, siren, warning message, shelter order, RO-Alert", "air-alert"
    ),
    "escort": Concept("cue", "intercepted, escorted, identified (by allied jets)", "intercept"),
    "international": Concept(
        "cue",
        "international airspace, neutral waters, without crossing, did not enter, close to the airspace",
    ),
    "near": Concept(
        "cue",
        "near the border, along the border, close to, on the bank of, opposite, in the vicinity of the border",
    ),
    "civilian": Concept(
        "cue",
        "hobby, amateur, tourist, photographer, private drone, delivery, wedding, rescue, wildlife, agricultural, light show, race",
    ),
    "arrested": Concept(
        "cue", "arrested, detained, fined, charged, court, trial, sentenced, verdict, jailed", None
    ),
    "aged": Concept(
        "cue",
        "year-old, of a person; counts behind a number from 10 to 99: '17-year-old', '61-latek'",
    ),
    "accuse": Concept(
        "cue",
        "accuses, blames, complains of, protests to, charges (of what the other did to one's own land)",
    ),
    "clock": Concept(
        "cue",
        "phrases that hold a cue's word in another meaning, and say nothing: 'before dawn', 'football pitch'",
    ),
    "other_cause": Concept(
        "cue",
        "bomb threat, cyberattack, weather, fog, snow, staff strike, technical fault, fire, power cut (airport)",
    ),
    "off_topic": Concept(
        "cue",
        "film, series, game, football, match, stock market, software, fashion, insects, runway incursion, festival, album",
    ),
    "diplomacy": Concept(
        "cue", "talks, summit, negotiations, sanctions, visit, agreement, peace plan"
    ),
    "migration": Concept(
        "cue", "migrants, illegal crossing, asylum seekers, pushbacks", "migration"
    ),
    "other_hostile": Concept(
        "cue",
        "sabotage, cable cut, arson, spying, cyber, jamming, GPS interference, parcels",
        "hybrid",
    ),
    "balance": Concept(
        "cue",
        "review of the year, statistics, since the start of the war, total of, list, map, explained, analysis, opinion, interview",
    ),
    "reassure": Concept(
        "cue",
        "not an attack, accidental, no casualties, no damage, no threat, intent unclear (leaves the event asserted)",
    ),
    "stray": Concept(
        "cue",
        "stray, strayed, went astray, lost, off course, mistakenly, knocked off course by jamming",
    ),
    "smuggle": Concept("cue", "smugglers, smuggled cigarettes, contraband", "smuggling"),
    "again": Concept("cue", "again, another, new, for the third time, once more"),
    "many": Concept("cue", "several, dozens, many, swarm, wave (of objects)"),
    # --- tags only ---------------------------------------------------------------------------
    "nato": Concept("tag", "NATO, the Alliance, North Atlantic Treaty Organization", "nato"),
    "eu": Concept("tag", "European Union, EU", "eu"),
    "air_defence": Concept(
        "tag",
        "air defence, anti-aircraft, counter-drone (compounds too: Drohnenabwehr)",
        "air-defence",
    ),
    "article_4": Concept("tag", "Article 4 (consultations)", "article-4"),
    "article_5": Concept("tag", "Article 5", "article-5"),
    "reinforce": Concept(
        "tag",
        "reinforcement, deployment of troops, battlegroup, eastern flank, Eastern Sentry",
        "reinforcement",
    ),
    "cable": Concept("tag", "undersea cable, power or data cable, pipeline (noun)"),
    "jamming": Concept("tag", "GPS jamming, spoofing, signal interference", "gps-jamming"),
    "kaliningrad": Concept("tag", "Kaliningrad", "kaliningrad"),
    "crimea": Concept("tag", "Crimea", "crimea"),
}

OBJECTS = tuple(name for name, concept in CONCEPTS.items() if concept.group == "object")
ACTIONS = tuple(name for name, concept in CONCEPTS.items() if concept.group == "action")

#: Forms of a country that a language gives. institution = an authority or force whose name alone
#: tells the country (Bundeswehr, Operational Command of the Polish forces).
FORMS = ("name", "adj", "people", "capital", "institution")

#: Parts a place can play, from its ending or the preposition before it.
ROLES = (
    "in",
    "into",
    "over",
    "at",
    "from",
    "near",
    "on",
    "of",
    "to",
    "against",
    "nom",
    "acc",
    "between",
)

#: Roles that put an event there.
LOCATION_ROLES = frozenset({"in", "into", "over", "at", "on", "to"})

_WATCHED = {
    "AL": "albania", "AT": "austria", "BE": "belgium", "BG": "bulgaria", "HR": "croatia",
    "CY": "cyprus", "CZ": "czechia", "DK": "denmark", "EE": "estonia", "FI": "finland",
    "FR": "france", "DE": "germany", "GR": "greece", "HU": "hungary", "IS": "iceland",
    "IE": "ireland", "IT": "italy", "LV": "latvia", "LT": "lithuania", "LU": "luxembourg",
    "MT": "malta", "MD": "moldova", "ME": "montenegro", "NL": "netherlands",
    "MK": "north-macedonia", "NO": "norway", "PL": "poland", "PT": "portugal", "RO": "romania",
    "SK": "slovakia", "SI": "slovenia", "ES": "spain", "SE": "sweden", "TR": "turkey",
    "GB": "united-kingdom",
}  # fmt: skip
_OTHERS = {
    "UA": "ukraine", "RU": "russia", "BY": "belarus", "US": "united-states", "CA": "canada",
    "CH": "switzerland", "RS": "serbia", "BA": "bosnia", "XK": "kosovo", "GE": "georgia",
    "AM": "armenia", "AZ": "azerbaijan", "KZ": "kazakhstan", "IL": "israel", "PS": "gaza",
    "LB": "lebanon", "SY": "syria", "IQ": "iraq", "IR": "iran", "YE": "yemen", "SA": "saudi-arabia",
    "QA": "qatar", "AE": "emirates", "JO": "jordan", "EG": "egypt", "SD": "sudan", "LY": "libya",
    "AF": "afghanistan", "PK": "pakistan", "IN": "india", "CN": "china", "TW": "taiwan",
    "JP": "japan", "KP": "north-korea", "KR": "south-korea", "PH": "philippines", "VE": "venezuela",
    "CO": "colombia", "MX": "mexico", "ML": "mali", "NG": "nigeria", "AU": "australia",
    "TH": "thailand", "MM": "myanmar", "KW": "kuwait", "OM": "oman", "BH": "bahrain", "GL": "greenland",
}  # fmt: skip

#: Country code → tag.
COUNTRIES: dict[str, str] = {**_WATCHED, **_OTHERS}
WATCHED = frozenset(_WATCHED)
#: States at whose hands it may happen; named, they are actors rather than theatres.
AGGRESSORS = frozenset({"RU", "BY"})
