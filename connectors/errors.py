"""What can go wrong outside, as a tree.

* ConnectorError     `reason` from a closed list (also the metric's label), `retryable`
  x FetchError       no usable bytes: see FETCH_REASONS
    x BlockedAddress the guard refused the address behind a name
  x ParseError       got bytes, could not read them: see PARSE_REASONS
  x DeliveryError    a room refused or could not be reached: see connectors/base.py
* UnknownKindError   seeds name a kind with no file; lists the known

"Not modified" is a value, not an error. Messages carry ids and hosts, never whole URLs: paths
and queries may hold tokens.
"""

from __future__ import annotations

#: Every way a fetch ends; `ok` and `not_modified` are no errors. The metric's label values.
OUTCOMES = (
    "ok",
    "not_modified",
    "throttled",
    "forbidden",
    "challenge",
    "gone",
    "http_error",
    "timeout",
    "connect_error",
    "tls_error",
    "blocked",
    "too_large",
    "bad_encoding",
    "not_a_feed",
    "parse_timeout",
)
FETCH_REASONS = OUTCOMES[2:13]
PARSE_REASONS = OUTCOMES[13:]


class ConnectorError(Exception):
    """Base: something outside did not work."""

    def __init__(self, reason: str, detail: str, *, retryable: bool = True) -> None:
        self.reason = reason
        self.detail = detail
        self.retryable = retryable
        super().__init__(f"{reason}: {detail}")


class FetchError(ConnectorError):
    """No usable bytes came; `status` and `retry_after_seconds` when a server answered."""

    def __init__(
        self,
        reason: str,
        detail: str,
        *,
        status: int | None = None,
        retry_after_seconds: float | None = None,
        retryable: bool = True,
    ) -> None:
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        super().__init__(reason, detail, retryable=retryable)


class ParseError(ConnectorError):
    """Bytes came that are no feed, or that could not be read in time."""


class DeliveryError(ConnectorError):
    """A room refused a message, or could not be reached."""


class BlockedAddress(FetchError):
    """The guard refused an address; nothing was sent to it."""

    def __init__(self, address: str, port: int, why: str) -> None:
        super().__init__("blocked", f"address {address} port {port} is refused: {why}")


class UnknownKindError(Exception):
    """Seeds name a kind that has no file."""

    def __init__(self, folder: str, kind: str, known: list[str]) -> None:
        super().__init__(f"unknown {folder} kind {kind!r}; there are: {', '.join(known)}")
