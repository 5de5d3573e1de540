"""Who says that it came to them: Moscow and Minsk accuse, and it was over there. Pure."""

from __future__ import annotations

from streams.catalog.concepts import AGGRESSORS, WATCHED
from streams.understand.ladder import Found
from streams.understand.lexicon import Hit
from streams.understand.roles import BARE_CASES
from streams.understand.sentence import VOICES, Clause, Line, Part

_RIGHT_BEHIND = 2  # characters


def accuses_by_name(line: Line) -> Found | None:
    """Return the accuser's land when whom it blames stands right behind: "Minsk accuses the Poles"."""
    blame = line.first("accuse")
    accuser = line.parts[0] if line.parts else None
    if blame is None or accuser is None or accuser.country not in AGGRESSORS:
        return None
    beside = accuser.part in VOICES and any(  # hu "Moszkva Észtországot vádolja"
        p.country in WATCHED
        and (
            0 <= p.hit.start - blame.end <= _RIGHT_BEHIND
            or 0 <= blame.start - p.hit.end <= _RIGHT_BEHIND
        )
        for p in line.parts
    )
    return _at_accuser(accuser) if beside else None


def _at_accuser(accuser: Part) -> Found:
    return Found("other", accuser.country, accuser, why="accuses a watched state")


def accuses(line: Line, clause: Clause, title: Line | None) -> Found | None:
    """Return Minsk's or Moscow's land when they say that a watched state's thing came to them."""
    if title is not None and title is not line and not line.first("official"):
        above = accuses(title, title.clauses[-1], None)
        if above is not None:
            return above
    accuser = next((p for p in line.parts if p.country and p.part in (*VOICES, "origin")), None)
    if accuser is None or accuser.country not in AGGRESSORS or accuser.part == "origin":
        return None
    came_from = [
        p
        for p in line.parts
        if (p.part == "origin" or (p.part == "owner" and p.role == "from"))
        and p.country in WATCHED
        and not p.place
    ]
    first = line.clauses[0]
    speaks = first is not clause and line.is_heading(first)
    speaks = speaks and any(p is accuser for p in first.parts)
    blamed = any(p.country in WATCHED for p in line.parts) and line.first("accuse") is not None
    if (
        line.first("react") is not None
        and accuser is line.parts[0]
        and accuser.role in (None, *BARE_CASES)
    ):
        # "Minsk hands Lithuania a note over a violation"
        watched = [p for p in line.parts if p.country in WATCHED]
        blamed = blamed or any(p.part == "target" for p in watched)
        # "hands the Polish chargé a note over a drone that it says flew in"
        blamed = blamed or (bool(watched) and all(p.part == "speaker" for p in watched))
    if blamed or came_from or (speaks and clause.in_quote and not clause.parts):
        return _at_accuser(accuser)
    return None


def shot_down_there(line: Line, action: Hit | None) -> Found | None:
    """Return Russia's land when Ukraine's drones are shot down there, and nowhere else is named."""
    owned = any(p.country == "UA" and p.part == "owner" for p in line.parts)
    if not owned or action is None or not action.says("shot_down", "strike", "crash", "closed"):
        return None
    side = next((p for p in line.parts if p.country in AGGRESSORS and p.part in VOICES), None)
    if side is None or any(p.country in WATCHED for p in line.parts):
        return None
    return Found("other", side.country, side, why="over Russia")
