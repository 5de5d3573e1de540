"""Logging: structlog and the standard library through one formatter, to stderr.

JSON elsewhere, pretty on a terminal. Control characters never reach a terminal. A library that
says the same thing over and over is cut to a few lines a minute, with the count of what was cut.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from streams.settings import Settings

#: How often one library message may appear in one window.
REPEATS = 5
WINDOW_SECONDS = 60.0
SEEN_MAX = 1000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class _Libraries(logging.Filter):
    """Cuts what libraries say: life-cycle lines, and repeats beyond `REPEATS` a window.

    Our own events pass. A filter, since an event cannot be dropped once it is being formatted.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        if hasattr(record, "_logger"):  # set by structlog
            return True
        text = record.getMessage()
        if text.startswith("[^") and record.levelno <= logging.INFO:
            return False  # Faust's services tell of each start and stop
        now = time.monotonic()
        start, count = self._seen.get((record.name, text), (now, 0))
        if now - start >= WINDOW_SECONDS:
            if count > REPEATS:
                record.msg = f"{text} ({count - REPEATS} more were cut)"
                record.args = ()
            start, count = now, 0
        if len(self._seen) > SEEN_MAX:
            self._seen.clear()
        self._seen[record.name, text] = (start, count + 1)
        return count < REPEATS


def _without_control(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace control characters of every text; a feed must not steer the terminal."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = _CONTROL.sub("�", value)
    return event


def _to_json(event: dict[str, Any], **_: Any) -> str:
    """Return the line, what every line has first."""
    first = {key: event[key] for key in ("timestamp", "level", "role", "event") if key in event}
    return json.dumps(first | event, default=str)


def setup_logging(settings: Settings, role: str) -> None:
    """Send all logs of this process to stderr in the settings' format; call once.

    Args:
        settings: `log_format` and `log_level` are used.
        role: Goes on every line as `role`.
    """
    pretty = settings.log_format == "pretty" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    level = getattr(logging, settings.log_level.upper())

    def add_role(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        event.setdefault("role", role)
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_role,
    ]
    foreign: list[Processor] = [structlog.stdlib.add_logger_name, *shared]
    renderer: list[Processor] = (
        [_without_control, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if pretty
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_to_json)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
            foreign_pre_chain=foreign,
        )
    )
    handler.addFilter(_Libraries())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("aiokafka", "faust", "mode", "aiohttp.access", "asyncio"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def quiet_libraries() -> None:
    """Keep client libraries silent: a one-shot command tells what failed itself, once."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
