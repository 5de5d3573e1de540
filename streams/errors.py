"""What can go wrong inside, as a tree (the outside's own tree is connectors/errors.py).

* FlankwatchError      base; its text is fit for an operator, without secrets
  x FaultsError        settings or seeds are wrong: all faults at once; exit code 2
  x BrokerError        Kafka cannot be reached, or refuses
  x StateError         the state directory is locked, unreadable or of another version
  x RecordError        a record cannot be read: to dead letters, the stream goes on

Exit codes: 0 done · 1 a check or test failed · 2 a fault in settings, seeds or arguments ·
3 a broker or service cannot be reached · 4 stopped after repeated failure · 130 interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass

EXIT_OK = 0
EXIT_CHECK_FAILED = 1
EXIT_FAULT = 2
EXIT_UNREACHABLE = 3
EXIT_GAVE_UP = 4


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with settings or seeds."""

    file: str  #: path as the user knows it, or "environment"
    key: str  #: dotted, with indexes: feed[3].every
    reason: str  #: what was expected, what was found, what was perhaps meant

    def __str__(self) -> str:
        """Return `file: key: reason`."""
        return (
            f"{self.file}: {self.key}: {self.reason}" if self.key else f"{self.file}: {self.reason}"
        )


class FlankwatchError(Exception):
    """Base of our errors."""


class FaultsError(FlankwatchError):
    """Settings or seeds are wrong; `faults` holds all of them, sorted."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(set(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class BrokerError(FlankwatchError):
    """Kafka cannot be reached, or refuses."""


class StateError(FlankwatchError):
    """The state directory is locked, unreadable, or of another version."""


class RecordError(FlankwatchError):
    """A record cannot be read or processed; `reason` is from a closed list."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(f"{reason}: {detail}")
