"""When a room may be called: retry schedule, token bucket, breaker. Pure but for their own state.

Times enter as seconds of one monotonic clock; nothing here reads a clock or draws at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

#: Seconds before the second, third… try; the last repeats until the alert expires.
SCHEDULE_SECONDS = (1.0, 5.0, 15.0, 60.0, 120.0)
JITTER_RATIO = 0.2

FAILURES_TO_OPEN = 5
#: How long a breaker stays open before it lets one probe through; doubles up to the last.
OPEN_SECONDS = 15.0
MAX_OPEN_SECONDS = 120.0
#: A room that says "gone" or "forbidden" is asked again this rarely.
DISABLED_SECONDS = 600.0

BreakerState = Literal["closed", "open", "half_open"]
BREAKER_STATES: tuple[BreakerState, ...] = ("closed", "open", "half_open")


def wait_seconds(attempts: int, draw: Callable[[], float]) -> float:
    """Return how long to wait after this many failed tries.

    Args:
        attempts: >= 1.
        draw: Gives a number in [0, 1); spreads rooms that failed together.
    """
    base = SCHEDULE_SECONDS[min(attempts, len(SCHEDULE_SECONDS)) - 1]
    return base * (1 + JITTER_RATIO * draw())


@dataclass
class Bucket:
    """A token bucket: `burst` at once, `per_second` in the long run."""

    per_second: float
    burst: int
    _tokens: float = field(init=False)
    _at: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._tokens = float(self.burst)

    def wait_seconds(self, now: float) -> float:
        """Return 0 and take a token, or how long to wait for one (none is taken)."""
        if self._at is not None:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.per_second)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.per_second


@dataclass
class Breaker:
    """Stops calling a room that fails, and probes it with one message at a time."""

    failures: int = 0  #: in a row
    _open_until: float | None = None
    _open_seconds: float = OPEN_SECONDS
    _quiet_until: float = 0.0  #: the room asked for silence

    def state(self, now: float) -> BreakerState:
        """Return closed, open, or half_open: the next call is the probe."""
        if self._open_until is None:
            return "closed"
        return "open" if now < self._open_until else "half_open"

    def wait_seconds(self, now: float) -> float:
        """Return 0 when the room may be called, else how long not."""
        return max(0.0, self._quiet_until - now, (self._open_until or now) - now)

    def succeeded(self) -> None:
        """Close: the room took a message."""
        self.failures, self._open_until, self._open_seconds = 0, None, OPEN_SECONDS

    def failed(self, now: float) -> None:
        """Count a try that the room did not take; open after `FAILURES_TO_OPEN` in a row."""
        self.failures += 1
        if self._open_until is not None:
            self._open_seconds = min(self._open_seconds * 2, MAX_OPEN_SECONDS)
        if self._open_until is not None or self.failures >= FAILURES_TO_OPEN:
            self._open_until = now + self._open_seconds

    def disabled(self, now: float) -> None:
        """Open for long: the room is gone or forbidden until somebody changes it."""
        self.failures += 1
        self._open_until = now + DISABLED_SECONDS

    def throttled(self, until: float) -> None:
        """Call nobody before `until`; the room works, so nothing is counted against it."""
        self._quiet_until = max(self._quiet_until, until)
