"""The clock of everything that waits; tests and simulations run a faster one."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Wall time and waiting, `speed` times as fast as the world from `start` on."""

    def __init__(self, speed: float = 1.0, start: datetime | None = None) -> None:
        self.speed = speed
        self._from = time.monotonic()
        self._start = start if start is not None else datetime.now(UTC)
        self._is_real = speed == 1.0 and start is None

    def now(self) -> datetime:
        """Return the present instant, aware UTC; the real one unless sped up or set."""
        if self._is_real:
            return datetime.now(UTC)
        return self._start + timedelta(seconds=self.seconds())

    def seconds(self) -> float:
        """Return seconds of this clock since it was made; never goes back."""
        return (time.monotonic() - self._from) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock."""
        await asyncio.sleep(max(0.0, seconds) / self.speed)
