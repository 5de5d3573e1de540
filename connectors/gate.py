"""Politeness towards one host: few requests at once, and a pause between their starts.

The gate holds a request back; it never refuses one. Each redirect hop passes the gate of its
own host.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from connectors.clock import Clock

SPACING_SECONDS = 1.0
AT_ONCE = 2
#: Hosts remembered; beyond it those that are idle are forgotten.
HOSTS_MAX = 2000


@dataclass
class _Host:
    slots: asyncio.Semaphore
    next_at: float = 0.0  #: seconds of the clock
    users: int = field(default=0)


class Gate:
    """Lets requests through, host by host.

    Args:
        clock: Measures the pauses.
        spacing_seconds: From one request's start to the next one's, same host.
        at_once: Requests under way to one host, at most.
        in_all: Requests under way to all hosts together, at most.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        spacing_seconds: float = SPACING_SECONDS,
        at_once: int = AT_ONCE,
        in_all: int = 64,
    ) -> None:
        self._clock = clock
        self._spacing = spacing_seconds
        self._at_once = at_once
        self._in_all = asyncio.Semaphore(in_all)
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for this host's turn; the slot is held while the block runs."""
        if len(self._hosts) > HOSTS_MAX:
            self._forget_idle()
        state = self._hosts.setdefault(host, _Host(asyncio.Semaphore(self._at_once)))
        state.users += 1
        try:
            # The pause comes last: two that waited for one of all slots must not start together.
            async with state.slots, self._in_all:
                await self._pause(state)
                yield
        finally:
            state.users -= 1
            if not state.users and state.next_at <= self._clock.seconds():
                self._hosts.pop(host, None)

    async def _pause(self, state: _Host) -> None:
        now = self._clock.seconds()
        start = max(now, state.next_at)
        state.next_at = start + self._spacing
        if start > now:
            await self._clock.sleep(start - now)

    def _forget_idle(self) -> None:
        """Drop the hosts that nobody waits for."""
        now = self._clock.seconds()
        for host in [h for h, s in self._hosts.items() if not s.users and s.next_at <= now]:
            del self._hosts[host]
