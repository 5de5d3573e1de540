"""The territory ladder: whose land, air or water an event was in. Pure.

From the surest step to the weakest: the clause's own places; the sentence; title and lead; who
acts (a watched state that finds, detects, shoots down); an institution; "our sky"; the only
watched country in the article; the publisher's country; the language's home. The last two count
only when no other theatre is named. Each step lowers the certainty, and is printed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from streams.catalog.concepts import ACTIONS, AGGRESSORS, WATCHED
from streams.understand.accusers import accuses, accuses_by_name, shot_down_there
from streams.understand.ladder import Found, Setting
from streams.understand.lexicon import Hit
from streams.understand.roles import is_measured
from streams.understand.sentence import VOICES, Clause, Line, Part
from streams.understand.whose import (
    is_about_us,
    is_foreign,
    is_guarded,
    is_named_beside,
    is_namesake,
    is_shot_out_of,
)

_AT = ("location", "territory")
#: What happens at a place, whatever the preposition: "the fall from Grindu", "diverted from Oslo".
_HAPPENED = ("crash", "strike", "sighted", "found", "closed")
#: What a clause says when it is about something else than where it was.
_SPEECH = ("said", "official", "confirm", "deny", "react", "not")
#: Parts whose country "our sky" may be.
_OWNERS = (*VOICES, "event", "location")


def resolve(
    line: Line, clause: Clause, action: Hit | None, setting: Setting, *, is_verbless: bool = False
) -> Found:
    """Return where the event of a clause was, to the place if the next clause names it.

    "It entered Romania's airspace, near Chilia Veche".
    """
    found = _resolve(line, clause, action, setting, is_verbless=is_verbless)
    is_border = found.step == "other" and clause.first("border") is not None
    if not is_border and (
        found.country not in WATCHED or (found.part is not None and found.part.place)
    ):
        return found
    index = line.clauses.index(clause)
    for beside in line.clauses[index + 1 : index + 3]:
        if beside.first(*ACTIONS, *_SPEECH) or beside.opener:
            break
        for part in beside.parts:
            if not (part.place and part.part in _AT):
                continue
            if is_border and part.country in WATCHED:  # "on the border of Kaliningrad, in Šakiai"
                return Found("clause", part.country, part)
            if part.country == found.country:
                return replace(found, part=part)
    return found


def _resolve(
    line: Line, clause: Clause, action: Hit | None, setting: Setting, *, is_verbless: bool
) -> Found:
    here = [p for p in clause.parts if p.part in _AT or is_shot_out_of(p, action)]
    if is_verbless and not here and line.first("false_alarm", "nothing_seen", "deny"):
        # "the object of Terespol was a weather balloon": it came down there
        here = [p for p in clause.parts if p.part == "origin" and p.place and p.country in WATCHED]
    if action is not None and action.says("closed") and is_named_beside(line, clause):
        # "planes are diverted to Kaunas and Riga, for balloons fly over Vilnius airport"
        here = [part for part in here if part.role != "into" or part.hit.start < action.start]
    here = [part for part in here if not is_namesake(part, line)]
    accused = accuses_by_name(line)
    if accused is not None:
        return accused
    elsewhere = next((p for p in here if p.country not in WATCHED and p.role != "near"), None)
    by_border = [p for p in here if p.country in WATCHED and p.place is None and p.role == "at"]
    if elsewhere is not None and elsewhere.role == "in" and by_border and clause.first("near"):
        # "at the border with Moldova, in Odesa region"
        here = [part for part in here if part not in by_border]
    if elsewhere is not None and all(p.role == "near" for p in here if p.country in WATCHED):
        return Found(
            "other", elsewhere.country, elsewhere, why="another theatre, near a watched state"
        )
    beyond = next((p for p in line.parts if p.part in _AT and is_foreign(p)), None)
    if beyond and here and all(p.role == "near" for p in here) and is_measured(line, clause):
        # "the town of Chop, which lies some kilometres from Čierna"
        return Found("other", beyond.country, beyond, why="another theatre, near a watched state")
    found = _nearest(here, action, "clause")
    if found:
        return found
    aimed = next((p for p in clause.parts if p.part == "attacked" and p.country in WATCHED), None)
    if aimed is not None and action is not None and action.says("attack"):
        return Found("clause", aimed.country, aimed)
    accused = accuses(line, clause, setting.title)
    if accused is not None:
        return accused
    if clause.first("home", "our", "nato_state"):
        ours = _ours(line, clause, setting)
        if ours:
            return ours
    border = [p for p in clause.parts if p.part == "border" and p.country in WATCHED]
    if border and not clause.first("near"):
        return Found("clause", border[0].country, border[0], why="its border")
    struck = next(
        (
            p
            for p in clause.parts
            if p.part in ("target", "nominal", "attacked")
            and p.country not in WATCHED
            and p.country not in AGGRESSORS
            and p.country
            and not (p.country == "UA" and line.first("stray"))  # whose it was, not where
        ),
        None,
    )
    doers = [
        p
        for p in clause.parts
        if p.country in WATCHED and p.part in ("nominal", "speaker", "event", "target", "near")
        if not (p.part == "target" and p.role == "to" and action and action.says("closed"))
    ]
    sited = [
        p for c in line.clauses if c is not clause for p in c.parts
        if p.place and p.part in _AT and p.country in WATCHED
    ]  # fmt: skip
    if sited and doers and all(p.part in ("speaker", "nominal") for p in doers):
        there = {p.country for p in sited}
        if len(there) == 1 and not there & {p.country for p in doers}:
            return Found("sentence", sited[0].country, sited[0])
    title = setting.title
    if (
        doers and title is not None and title is not line and not line.first("our", "home")
        and all(p.part == "speaker" and p.role is None for p in doers)
        and not any(p.country in WATCHED for p in title.parts)
    ):  # fmt: skip
        # "the air force reports 59 downed": that of the state whose war the title tells
        theirs = next((p for p in title.parts if p.country and p.country not in AGGRESSORS), None)
        if theirs is not None:
            return Found("other", theirs.country, theirs, why="the title's state speaks")
    if struck and not doers:
        return Found("other", struck.country, struck, why="another theatre in the same clause")
    if doers:
        event = (
            [p for p in doers if p.part == "event"]
            or [p for p in doers if p.part != "speaker"]
            or doers
        )
        step = {"speaker": "institution", "nominal": "actor"}.get(event[0].part, "clause")
        return Found(step, event[0].country, event[0], _others(doers, event[0].country))
    around = [p for c in line.clauses if c is not clause for p in c.parts if p.part in _AT]
    before = [p for p in around if p.hit.end <= clause.start]
    if before and all(map(is_foreign, before)) and not clause.first("home", "our"):
        # "A night of fire in Izmail: drones hit the port, the flames were seen from Tulcea"
        return Found("other", before[0].country, before[0], why="another theatre, named before")
    found = _nearest(around, action, "sentence")
    if found and found.step != "other":
        return found
    if found and not any(p.country in WATCHED for p in line.parts):
        return found
    if action is not None and action.says("shot_down", "strike"):
        hostile = next(
            (
                p
                for p in clause.parts
                if p.part in ("nominal", "speaker") and p.country in AGGRESSORS
            ),
            None,
        )
        if hostile and action.says("shot_down"):
            return Found("other", hostile.country, hostile, why="shot down by the other side")
    doers = [
        p
        for p in line.parts
        if p.country in WATCHED
        and p.part in ("nominal", "speaker", "event", "border", "near", "owner")
        and not (found and p.part == "near")  # "drones on Izmail, a step from Romania"
        # "Odesa burns: drones hit the port, Moldova without power"
        and not (found and p.part == "nominal" and p.hit.start >= clause.end)
    ]
    if doers:
        step = "institution" if doers[0].part in ("speaker", "owner") else "sentence"
        return Found(step, doers[0].country, doers[0])
    if line.first("our", "home", "nato_state"):
        ours = _ours(line, clause, setting)
        if ours:
            return ours
    allies = [p for p in line.parts if p.part == "ally" and p.country in WATCHED]
    if allies and {c for c in setting.countries if c in WATCHED} == {allies[0].country}:
        return Found("actor", allies[0].country, allies[0], why="its own jets, and no other state")
    around_owner = shot_down_there(line, action)
    if around_owner is not None:
        return around_owner
    for other in _title_and_lead(line, setting):
        found = _nearest([p for p in other.parts if p.part in _AT], None, "title_lead")
        if found and found.step != "other":
            return found
        # "an attack on Reni, hundreds of metres from Romania"
        not_there = ("origin", "owner", "border", "near" if found else "")
        doer = next(
            (p for p in other.parts if p.country in WATCHED and p.part not in not_there),
            None,
        )
        if doer:
            return Found("title_lead", doer.country, doer)
        if found:
            return found
    placed = [p for p in line.parts if p.part == "origin" and p.place and p.country in WATCHED]
    if placed and action is not None and action.says(*_HAPPENED):
        return Found("sentence", placed[0].country, placed[0])  # ro "the fall of at Grindu"
    came_from = {p.country for p in line.parts if p.part == "origin" and p.place is None}
    if came_from & WATCHED and action is not None and not action.says("incursion"):
        return Found("null", None, why="it came from the only watched state that is named")
    voices = [p for o in (line, *_title_and_lead(line, setting)) for p in o.parts]
    voice = next((p for p in voices if p.part == "person" and p.country in WATCHED), None)
    beside = (c for c in line.clauses if c is not clause)
    doubt = any(c.first("not", "deny", "may", "fear") for c in beside)
    if voice is not None and not doubt and not setting.countries - AGGRESSORS - {"US"}:
        return Found("institution", voice.country, voice, why="its minister or president speaks")
    watched = [code for code in setting.countries if code in WATCHED]
    if watched and setting.beside >= set(watched) and not line.first("home", "our"):
        return Found("null", None, why="the only watched states named are named as neighbours")
    if len(watched) == 1 and "UA" not in setting.countries:
        return Found("only_country", watched[0])
    is_local = _is_local(line, action, setting)
    if not is_local and (watched or (setting.countries - AGGRESSORS - {"UA"})):
        return Found("null", None, why="several countries, none with the event")
    # "20 km from the border with Ukraine": that is this side of it
    is_named = "UA" in setting.countries and "UA" not in setting.beside
    if is_named and not is_local and not is_about_us(line):
        return Found("other", "UA", why="only Ukraine is named")
    ukrainian = any(p.country == "UA" and p.part == "owner" for p in line.parts)
    if (
        ukrainian
        and not line.first("stray", "locality")
        and action is not None
        and action.says("strike", "found")
    ):
        return Found("null", None, why="a Ukrainian strike on an unnamed place")
    first = line.clauses[0]
    if first is not clause and line.is_heading(first) and not any(p.place for p in line.parts):
        speaker = next((p for p in first.parts if p.country and p.country not in WATCHED), None)
        if speaker is not None:  # "Russia: 30 drones shot down in the night", "Kyiv: …"
            return Found(
                "other",
                speaker.country,
                speaker,
                why="a state that is not watched speaks of its own",
            )
    if setting.publisher_country in WATCHED:
        return Found("publisher", setting.publisher_country)
    if setting.home and (not is_verbless or is_guarded(clause)):
        return Found("language", setting.home[0])
    return Found("null", None)


def _is_local(line: Line, action: Hit | None, setting: Setting) -> bool:
    """Tell whether a find is told at home: no other state in sentence, title or lead."""
    if action is None or not action.says("found", "crash", "strike") or not setting.home:
        return False
    if line.first("locality", "home") is None:
        return False
    near = {p.country for one in (line, *_title_and_lead(line, setting)) for p in one.parts}
    return not near - AGGRESSORS - {"UA", None}


def _nearest(parts: list[Part], action: Hit | None, step: str) -> Found | None:
    """Return the watched place nearest to the action, else another theatre's, else None."""
    watched = [part for part in parts if part.country in WATCHED]
    if watched:
        at = action.start if action else 0
        best = min(watched, key=lambda p: (p.place is None, abs(p.hit.start - at)))
        country_named = [p for p in watched if p.place is None]
        same = [p for p in watched if p.country == best.country]
        if country_named and not any(p.country == best.country for p in country_named):
            # a namesake in another country gives way to a country that is named
            best = country_named[0]
            same = [p for p in watched if p.country == best.country]
        return Found(
            step,
            best.country,
            next((p for p in same if p.place), best),
            _others(watched, best.country),
        )
    other = next((part for part in parts if part.country), None)
    return Found("other", other.country, other, why="another theatre") if other else None


def _others(parts: Iterable[Part], country: str | None) -> tuple[Part, ...]:
    seen: dict[str, Part] = {}
    for part in parts:
        if part.country and part.country != country and part.country in WATCHED:
            seen.setdefault(part.country, part)
    return tuple(seen.values())


def _ours(line: Line, clause: Clause, setting: Setting) -> Found | None:
    """Return whose "our sky" or "the country" is meant: the speaker's, never Russia's or Belarus's."""
    first = line.clauses[0]
    if first is not clause and line.is_heading(first) and clause.first("our"):
        speaker = next((p for p in first.parts if p.country and p.part in VOICES), None)
        if speaker is not None and speaker.country not in WATCHED:
            return Found("other", speaker.country, speaker, why="its speaker's country")
    for parts in (
        clause.parts,
        line.parts,
        *(other.parts for other in _title_and_lead(line, setting)),
    ):
        speakers = [p for p in parts if p.part in _OWNERS and p.country]
        if setting.home and line.first("react") and all(p.country in AGGRESSORS for p in speakers):
            continue  # "for the drone in the country's airspace Russia's ambassador is summoned"
        watched_one = next((p for p in speakers if p.country in WATCHED), None)
        if watched_one is not None:
            return Found("our", watched_one.country, watched_one)
        if speakers and clause.first("nato_state") is None and parts is not line.parts:
            return Found("other", speakers[0].country, speakers[0], why="its speaker's country")
    if clause.first("nato_state") or line.first("nato_state"):
        watched = [code for code in setting.countries if code in WATCHED]
        return Found("only_country", watched[0]) if len(watched) == 1 else Found("nato_state", None)
    watched = [code for code in setting.countries if code in WATCHED]
    if len(watched) == 1:
        return Found("our", watched[0])
    home = setting.publisher_country if setting.publisher_country in WATCHED else None
    home = home or (setting.home[0] if setting.home else None)
    return Found("our", home) if home and not setting.countries - AGGRESSORS else None


def _title_and_lead(line: Line, setting: Setting) -> list[Line]:
    near = [setting.title] if setting.title is not None and setting.title is not line else []
    return near + [lead for lead in setting.lead if lead is not line]
