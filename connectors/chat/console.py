"""Standard output: a few lines for each message; colours only on a terminal.

Every line that holds feed's words passes `plain`, so no headline can steer the terminal.
"""

from __future__ import annotations

from datetime import datetime

from connectors.room import Action, Answer, Message, Request, Target, Verdict, judge
from connectors.words import plain, safe_link

NEEDS: frozenset[str] = frozenset()
MAY_HAVE: frozenset[str] = frozenset()
IS_MACHINE = False
PER_SECOND = 1000.0
BURST = 1000

_COLOUR = {"urgent": "\x1b[1;31m", "normal": "\x1b[1;33m", "digest": "\x1b[1m"}
_DIM, _END = "\x1b[2m", "\x1b[0m"


def can_edit(target: Target) -> bool:
    """Return False: what is printed stays."""
    return False


def request(
    message: Message,
    action: Action,
    target: Target,
    now: datetime,
    ref: str | None = None,
    short: bool = False,
) -> Request:
    """Return the lines to print, an empty one last."""
    colour, dim, end = (
        (_COLOUR.get(message.level, ""), _DIM, _END) if target.is_terminal else ("", "", "")
    )
    marks = "".join(f"[{plain(mark)}] " for mark in message.marks)
    lines = [f"{colour}{marks}{plain(message.title)}{end}"]
    if not short:
        lines += [f"  * {plain(change)}" for change in message.changes]
        lines += [f"  {plain(line)}" for line in message.lines]
        for link in message.links:
            safe = safe_link(link.url)
            where = f" {dim}{safe.url}{end}" if safe else ""
            lines.append(
                f"  - {plain(link.publisher)} ({plain(link.language)}): {plain(link.title)}{where}"
            )
    if message.footer and not short:
        lines.append(f"  {dim}{plain(message.footer)}{end}")
    return Request("PRINT", "", {}, ("\n".join(lines) + "\n\n").encode())


def verdict(answer: Answer, now: datetime) -> Verdict:
    """Return delivered; a closed output never gets here."""
    return judge(answer, now)
