"""`flankwatch run`: starts the four roles as processes, restarts what dies, stops all in order.

A role that dies is started again after a growing pause; one that keeps dying soon after its start
ends everything with exit code 4, and one that reports a fault (exit code 2) at once: faults do
not heal. An outage of Kafka is waited for as long as it lasts. Children have their own session, so that Ctrl-C reaches the supervisor alone; they end
with it in any case (role.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from streams import topics
from streams.engine.embedded import EmbeddedBroker, lock_state
from streams.engine.offsets import Offsets
from streams.engine.role import read_role_file, role_file
from streams.errors import (
    EXIT_FAULT,
    EXIT_GAVE_UP,
    EXIT_OK,
    EXIT_UNREACHABLE,
    BrokerError,
    FlankwatchError,
    StateError,
)
from streams.settings import Settings

#: Order of stopping, with the seconds each may take; together below 10.
STOP_ORDER = {"fetch": 3.0, "detect": 2.5, "merge": 2.0, "deliver": 2.0}
#: A role that lived shorter than this failed at its start.
HEALTHY_SECONDS = 20.0
FAILURES_MAX = 5
PAUSE_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
REACH_SECONDS = 10.0

log = structlog.get_logger()

#: Takes a child's line and whether it came from stderr.
Relay = Callable[[str, bool], None]


@dataclass
class Child:
    """One role process and its history."""

    name: str
    worker: int = 0
    arguments: tuple[str, ...] = ()
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    started_at: float = field(default_factory=time.monotonic)

    @property
    def label(self) -> str:
        """Return the name, with the worker's number from the second on."""
        return self.name if self.worker == 0 else f"{self.name}-{self.worker}"

    @property
    def is_running(self) -> bool:
        """Return whether the process lives."""
        return self.process is not None and self.process.returncode is None

    def signal(self, sign: signal.Signals) -> None:
        """Send a signal, if it lives."""
        if self.process is not None and self.is_running:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(sign)


class Supervisor:
    """Everything on this machine; `run()` returns the exit code.

    Args:
        settings: Where to run.
        options: Command line arguments per role, e.g. `{"fetch": ("--replay", "x.jsonl")}`.
        relay: Where the children's output goes; None: they inherit ours.
        command: How a child is started; the role's name and options are appended.
        pauses: Seconds before the first, second… restart; the last holds for all further ones.
    """

    def __init__(
        self,
        settings: Settings,
        options: dict[str, tuple[str, ...]] | None = None,
        relay: Relay | None = None,
        command: tuple[str, ...] = (sys.executable, "-P", "-m", "streams"),
        pauses: tuple[float, ...] = PAUSE_SECONDS,
    ) -> None:
        self.settings = settings
        self.stopping = asyncio.Event()
        self.exit_code = EXIT_OK
        self._command = command
        self._pauses = pauses
        self._relay = relay
        # Consumers first, so that they are about ready when the first article comes.
        order = ["deliver", "merge", *["detect"] * settings.detect_workers, "fetch"]
        given = options or {}
        self.children = [
            Child(name, order[:number].count(name), given.get(name, ()))
            for number, name in enumerate(order)
        ]

    async def run(self, *alongside: Callable[[Supervisor], asyncio.Future[None]]) -> int:
        """Start everything, keep it running, and stop it when told to.

        Args:
            alongside: Tasks to run beside the roles, such as the live status.

        Returns:
            Exit code, as in streams/errors.py.

        Raises:
            BrokerError: Kafka cannot be reached.
            StateError: another instance has the state directory, or topics are missing.
            FlankwatchError: a health port is taken.
        """
        with lock_state(self.settings.state_dir):
            self._check_ports()
            for child in self.children:
                role_file(self.settings, child.name, child.worker).unlink(missing_ok=True)
            broker = EmbeddedBroker(self.settings) if self.settings.is_embedded else None
            if broker is not None:
                await broker.start()
            else:
                await reach_kafka(self.settings)
            self._catch_signals()
            tasks = [asyncio.ensure_future(run(self)) for run in alongside]
            tasks += [asyncio.create_task(self._keep(child)) for child in self.children]
            tasks.append(asyncio.create_task(self._tell_when_ready()))
            for task in tasks:
                task.add_done_callback(self._stop_on_error)
            await self.stopping.wait()
            await self._stop_children()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if broker is not None:
                await broker.stop()
        return self.exit_code

    def finish(self, code: int) -> None:
        """Stop everything in order and exit with the code."""
        self.exit_code = self.exit_code or code
        self.stopping.set()

    def _check_ports(self) -> None:
        """Raise FlankwatchError for the first health port that is taken."""
        ports = {self.settings.port_of(child.name, child.worker): child for child in self.children}
        for port, child in sorted(ports.items()):
            if port == 0:
                continue
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self.settings.health_host, port))
                except OSError as error:
                    raise FlankwatchError(
                        f"health port {self.settings.health_host}:{port} of {child.label} cannot be"
                        f" used: {error.strerror}; set FLANKWATCH_HEALTH_PORT (0: any free ports)"
                    ) from error

    def _catch_signals(self) -> None:
        def stop() -> None:
            if self.stopping.is_set():
                for child in self.children:
                    child.signal(signal.SIGKILL)
                os._exit(130)
            log.info("stopping; again to end at once")
            self.finish(EXIT_OK)

        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(sign, stop)

    async def _keep(self, child: Child) -> None:
        """Start the child, and start it again whenever it ends, until told to stop."""
        failures = 0
        while not self.stopping.is_set():
            code = await self._run_once(child)
            if self.stopping.is_set():
                return
            lived = time.monotonic() - child.started_at
            is_outage = code == EXIT_UNREACHABLE and not self.settings.is_embedded
            if not is_outage:  # Kafka's outage is not the role's failure: we wait for its end
                failures = 1 if lived >= HEALTHY_SECONDS else failures + 1
            facts = {"child": child.label, "exit_code": code, "lived_seconds": round(lived, 1)}
            if code == EXIT_FAULT:
                log.error("role reported a fault, stopping everything", **facts)
                return self.finish(EXIT_FAULT)
            if failures > FAILURES_MAX:
                log.error("role keeps failing, giving up", failures=failures, **facts)
                return self.finish(EXIT_GAVE_UP)
            pause = self._pauses[-1 if is_outage else min(failures, len(self._pauses)) - 1]
            log.warning("role ended, starting it again", pause_seconds=pause, **facts)
            child.restarts += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause)

    async def _run_once(self, child: Child) -> int:
        """Run the child's process to its end; return its exit code, negative for a signal."""
        piped = None if self._relay is None else asyncio.subprocess.PIPE
        environment = dict(os.environ)
        if self._relay is not None and self.settings.log_format == "auto":
            environment["FLANKWATCH_LOG_FORMAT"] = "pretty"  # the terminal is at our end
        child.started_at = time.monotonic()
        child.process = await asyncio.create_subprocess_exec(
            *self._command,
            child.name,
            f"--parent={os.getpid()}",
            f"--worker={child.worker}",
            *child.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=piped,
            stderr=piped,
            env=environment,
            start_new_session=True,
        )
        readers = [
            asyncio.create_task(self._pass_on(stream, is_error))
            for stream, is_error in (
                (child.process.stdout, False),
                (child.process.stderr, True),
            )
            if stream is not None
        ]
        code = await child.process.wait()
        await asyncio.gather(*readers)
        role_file(self.settings, child.name, child.worker).unlink(missing_ok=True)
        return code

    async def _pass_on(self, stream: asyncio.StreamReader, is_error: bool) -> None:
        assert self._relay is not None
        while True:
            try:
                line = await stream.readline()
            except ValueError:  # a line longer than the reader's limit: its rest follows
                continue
            if not line:
                return
            self._relay(line.decode("utf-8", "replace").rstrip("\n"), is_error)

    async def _tell_when_ready(self) -> None:
        started = time.monotonic()
        while True:
            if all(self.is_ready(child) for child in self.children):
                log.info("all roles ready", seconds=round(time.monotonic() - started, 1))
                return
            await asyncio.sleep(0.1)

    def is_ready(self, child: Child) -> bool:
        """Return whether the role does its work."""
        told = read_role_file(self.settings, child.name, child.worker)
        return child.is_running and told is not None and bool(told.get("ready"))

    def _stop_on_error(self, task: asyncio.Future[None]) -> None:
        """End everything when one of our own tasks fails: it must not go unnoticed."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("supervisor failed", error=repr(error), exc_info=error)
            self.finish(EXIT_GAVE_UP)

    async def _stop_children(self) -> None:
        """Stop role after role, so that what one sends the next still takes."""
        for name, seconds in STOP_ORDER.items():
            group = [child for child in self.children if child.name == name and child.is_running]
            for child in group:
                child.signal(signal.SIGTERM)
            waits = [child.process.wait() for child in group if child.process]
            try:
                await asyncio.wait_for(asyncio.gather(*waits), seconds)
            except TimeoutError:
                for child in group:
                    if child.is_running:
                        log.warning("role did not stop in time, killed", child=child.label)
                        child.signal(signal.SIGKILL)
        await asyncio.gather(
            *(child.process.wait() for child in self.children if child.process is not None)
        )


async def reach_kafka(settings: Settings) -> None:
    """Check that Kafka answers and has our topics.

    Raises:
        BrokerError: no answer within `REACH_SECONDS`.
        StateError: topics are missing.
    """
    try:
        async with asyncio.timeout(REACH_SECONDS), Offsets(settings) as offsets:
            missing = [
                settings.topic(topic.name) for topic in topics.ALL if not await offsets.ends(topic)
            ]
    except TimeoutError as error:
        raise BrokerError(
            f"cannot reach Kafka at {settings.kafka}: no answer within {REACH_SECONDS:.0f} s"
        ) from error
    if missing:
        raise StateError(
            f"Kafka at {settings.kafka} lacks topics: {', '.join(missing)};"
            " run `flankwatch topics create`"
        )
