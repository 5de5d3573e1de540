"""How a role process starts and stops: loop, signals, health, watchdog, orphan guard.

A role is `async def run(settings, role, **options)`; it works until `role.stopping` is set, then
finishes what is in hand and returns. It has `STOP_SECONDS` for that, then the process ends hard:
at-least-once makes that safe, a hang is not. A second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import faulthandler
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import structlog

from streams import metrics
from streams.engine.health import Health
from streams.engine.logs import setup_logging
from streams.errors import EXIT_FAULT, EXIT_UNREACHABLE, BrokerError, FlankwatchError
from streams.settings import Settings

STOP_SECONDS = 8.0
#: A loop that does not turn, or a role without progress, for so long ends the process.
STUCK_SECONDS = 120.0
EXIT_CRASHED = 1
_PR_SET_PDEATHSIG = 1

log = structlog.get_logger()


def role_file(settings: Settings, name: str, worker: int = 0) -> Path:
    """Return the file in which a running role tells its pid, port and facts."""
    return settings.state_dir / (f"{name}.json" if worker == 0 else f"{name}-{worker}.json")


def read_role_file(settings: Settings, name: str, worker: int = 0) -> dict[str, Any] | None:
    """Return what a role tells of itself; None when it has not started, or has ended."""
    try:
        told = json.loads(role_file(settings, name, worker).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


class Role:
    """What a role is given: its name, when to stop, and where to say how it is."""

    def __init__(self, settings: Settings, name: str, worker: int = 0) -> None:
        self.settings = settings
        self.name = name
        self.worker = worker
        self.stopping = asyncio.Event()
        self.health = Health(name)
        self.began = time.time()  #: before it read anything; seconds since the epoch
        self._told: dict[str, Any] = {}

    def set_ready(self, ready: bool = True) -> None:
        """Answer /readyz; called once state is read and work is being done."""
        self.health.set_ready(ready)
        self.tell(ready=ready)

    def beat(self) -> None:
        """Note progress, or idleness; call at least every 30 s once called at all."""
        self.health.beat()

    def tell(self, **facts: Any) -> None:
        """Write facts into `<state_dir>/<role>.json` for the supervisor and `status`.

        Once a whole replay is on Kafka, fetch tells `replay_done=True`, `replay_articles=N` and
        `replay_until=<recorded time of the last article>`.
        """
        self._told.update(facts)
        path = role_file(self.settings, self.name, self.worker)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".tmp")
            draft.write_text(json.dumps(self._told, default=str), encoding="utf-8")
            draft.replace(path)
        except OSError as error:  # a container's read-only file system: the ports still tell
            log.debug("role file not written", file=str(path), error=str(error))

    def forget(self) -> None:
        """Remove the role's file."""
        with contextlib.suppress(OSError):
            role_file(self.settings, self.name, self.worker).unlink()


Main = Callable[[Settings, Role], Awaitable[None]]


def run_role(
    name: str, settings: Settings, main: Main, *, worker: int = 0, parent: int | None = None
) -> NoReturn:
    """Run a role in this process until it ends or is told to stop; the process ends here.

    Args:
        name: fetch, detect, merge or deliver.
        settings: Where to run.
        main: The role's coroutine function.
        worker: Number among the processes of the same role, from 0.
        parent: Supervisor's pid; the role stops when that process is gone.

    Exit codes are those of streams/errors.py; 1 for a crash.
    """
    setup_logging(settings, name)
    faulthandler.enable()
    if parent is not None:
        _die_with(parent)
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if settings.uvloop:
        import uvloop

        factory = uvloop.new_event_loop
    code = asyncio.Runner(loop_factory=factory).run(
        _serve(Role(settings, name, worker), main, parent)
    )
    with contextlib.suppress(OSError, ValueError):
        logging.shutdown()
        sys.stdout.flush()
    # All is done and confirmed by now. An orderly end of the interpreter would wait for what may
    # linger without purpose: a library's thread, a name that is being resolved.
    os._exit(code)


async def _serve(role: Role, main: Main, parent: int | None) -> int:
    metrics.start_at_zero(role.name, version("flankwatch"))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if role.stopping.is_set():
            # Linux may tell a parent's death several times; a supervisor that lives uses kill -9.
            if parent is None:
                os._exit(130)
            return
        role.stopping.set()
        _set_deadline(role.name, loop)

    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop)
    threading.Thread(target=_watch, args=(role, parent, loop), daemon=True).start()
    settings = role.settings
    try:
        await role.health.start(settings.health_host, settings.port_of(role.name, role.worker))
        role.tell(pid=os.getpid(), host=settings.health_host, port=role.health.port, ready=False)
        log.info("role started", port=role.health.port, worker=role.worker)
        await main(settings, role)
        if not role.stopping.is_set():
            log.error("role ended without being told to")
            return EXIT_CRASHED
        log.info("role stopped")
        return 0
    except BrokerError as error:
        log.error("broker cannot be reached", error=str(error))
        return EXIT_UNREACHABLE
    except FlankwatchError as error:
        log.error("role cannot run", error=str(error))
        return EXIT_FAULT
    except Exception:
        log.exception("role crashed")
        return EXIT_CRASHED
    finally:
        # whatever hangs from here on, say a thread that resolves a name
        _set_deadline(role.name, loop)
        role.forget()
        await role.health.stop()


def _waits_at(task: asyncio.Task[Any]) -> str:
    """Return a task's name and where it waits, from the outermost call to the innermost."""
    places = []
    part: Any = task.get_coro()
    while (frame := getattr(part, "cr_frame", None)) is not None:
        places.append(f"{part.__qualname__}:{frame.f_lineno}")
        part = part.cr_await
    return f"{task.get_name()} {' > '.join(places)}"


def _set_deadline(name: str, loop: asyncio.AbstractEventLoop) -> None:
    """End the process hard unless it ends by itself within `STOP_SECONDS`."""

    def expire() -> None:
        time.sleep(STOP_SECONDS)
        with contextlib.suppress(Exception):  # tasks come and go while we look
            for task in asyncio.all_tasks(loop):
                print(f"{name}: waits: {_waits_at(task)}", file=sys.stderr)
        _end(f"{name}: did not stop within {STOP_SECONDS:.0f} s, ended hard")

    threading.Thread(target=expire, daemon=True).start()


def _end(why: str) -> NoReturn:
    """End the process now; also when nobody reads our stderr any more and saying why fails."""
    with contextlib.suppress(OSError, ValueError):
        print(why, file=sys.stderr, flush=True)
    os._exit(EXIT_CRASHED)


def _watch(role: Role, parent: int | None, loop: asyncio.AbstractEventLoop) -> None:
    """End a stuck process, and stop an orphan; an own thread, so that a blocked loop is seen."""
    while True:
        time.sleep(1.0)
        if parent is not None and os.getppid() != parent and not role.stopping.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            _set_deadline(role.name, loop)  # also when the loop is blocked and sees no signal
            parent = None
        blocked = time.monotonic() - role.health.turned_at
        if blocked > STUCK_SECONDS or role.health.seconds_since_beat > STUCK_SECONDS:
            with contextlib.suppress(OSError, ValueError):
                faulthandler.dump_traceback()
            _end(f"{role.name}: no progress for {STUCK_SECONDS:.0f} s, ended")


def _die_with(parent: int) -> None:
    """Ask Linux for a SIGTERM when the supervisor dies; `_watch` covers other systems."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked
        os._exit(EXIT_CRASHED)
