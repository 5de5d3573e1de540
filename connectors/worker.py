"""Parsing in processes that can be killed: the parent's side.

A body goes in, a Document comes out, or a ParseError within the deadline. A worker that burns its
CPU allowance ends itself (a timer of the system does it, so no Python code need run); one that
hangs is killed. Either is replaced. The child has no network and may open no files but its own
code (connectors/worker_main.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import struct
import sys
import time
from pathlib import Path

import msgspec

from connectors.base import Document, Hints
from connectors.errors import ParseError

CPU_SECONDS = 1.8
WALL_SECONDS = 6.0  # beyond the CPU allowance only on a machine that is short of it
#: From a worker's closed output to its end.
ENDING_SECONDS = 1.0
START_SECONDS = 20.0
MEMORY_BYTES = 512 * 1024 * 1024  # address space of one worker
TASKS = 500  # then a fresh process, for memory's sake
BIG_BODY_BYTES = 1024 * 1024  # a body beyond it is a worker's last
_ROOT = str(Path(__file__).resolve().parent.parent)
HEADER = struct.Struct("!II")


class Task(msgspec.Struct, frozen=True):
    """What goes to the child, before the body."""

    kind: str
    hints: Hints
    cpu_seconds: float


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The child read it."""

    document: Document


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The child could not."""

    reason: str
    detail: str


_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Done | Failed] = msgspec.msgpack.Decoder(Done | Failed)


class _Worker:
    """One child process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.tasks = 0

    @classmethod
    async def start(cls) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "connectors.worker_main", str(MEMORY_BYTES)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PYTHONPATH": _ROOT, "PATH": os.defpath, "LANG": "C.UTF-8"},
            cwd=_ROOT,
            start_new_session=True,  # a Ctrl-C is for the parent to handle
        )
        worker = cls(process)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                await process.stdout.readexactly(1)
        except (TimeoutError, asyncio.IncompleteReadError):
            await worker.end()
            raise ParseError("parse_timeout", "no parse worker can be started") from None
        return worker

    async def do(self, task: Task, body: bytes) -> Done | Failed:
        """Send a task and return the answer; asyncio.IncompleteReadError when the child died."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        self.tasks += 1
        head = _encode(task)
        with contextlib.suppress(ConnectionError):  # it died: reading tells how
            stdin.write(HEADER.pack(len(head), len(body)) + head)
            stdin.write(body)
            await stdin.drain()
        (size, _) = HEADER.unpack(await stdout.readexactly(HEADER.size))
        return _decoder.decode(await stdout.readexactly(size))

    async def end(self) -> int:
        """Kill, reap, close the pipes; return how the process ended."""
        if self.process.stdout is not None and self.process.stdout.at_eof():
            # It is ending by itself. `kill` would look whether it ended, and so reap it behind
            # asyncio's back, which then cannot tell how.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ENDING_SECONDS):
                    await self.process.wait()
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        code = await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
            with contextlib.suppress(ConnectionError):
                await self.process.stdin.wait_closed()
        return code


class Parsers:
    """A few workers, started when first needed; an async context manager."""

    def __init__(
        self,
        count: int = 2,
        *,
        cpu_seconds: float = CPU_SECONDS,
        wall_seconds: float = WALL_SECONDS,
    ) -> None:
        self._free: list[_Worker] = []
        self._slots = asyncio.Semaphore(count)
        self._cpu = cpu_seconds
        self._wall = wall_seconds
        self.kills = 0  #: workers that had to be ended over a task

    async def __aenter__(self) -> Parsers:
        """Nothing is started yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the workers."""
        while self._free:
            await self._free.pop().end()

    async def parse(self, kind: str, body: bytes, hints: Hints) -> tuple[Document, float]:
        """Return the document in `body`, and the seconds it took.

        Args:
            kind: File stem in connectors/feeds/, or `article` for a page's main text.
            body: Decoded bytes.
            hints: What else is known.

        Raises:
            ParseError: not_a_feed, challenge, too_large (memory) or parse_timeout.
        """
        async with self._slots:
            worker = self._free.pop() if self._free else await _Worker.start()
            began = time.monotonic()
            is_spent = True
            try:
                async with asyncio.timeout(self._wall):
                    answer = await worker.do(Task(kind, hints, self._cpu), body)
                is_spent = worker.tasks >= TASKS or len(body) > BIG_BODY_BYTES
            except (TimeoutError, asyncio.IncompleteReadError) as error:
                self.kills += 1
                raise self._death(await worker.end(), error) from error
            except BaseException:
                await asyncio.shield(worker.end())
                raise
            if is_spent:
                await worker.end()
            else:
                self._free.append(worker)
        if isinstance(answer, Failed):
            raise ParseError(answer.reason, answer.detail)
        return answer.document, time.monotonic() - began

    def _death(self, code: int, error: BaseException) -> ParseError:
        if isinstance(error, TimeoutError):
            return ParseError("parse_timeout", f"not read within {self._wall:g} s")
        if code == -signal.SIGPROF:
            return ParseError("parse_timeout", f"not read within {self._cpu:g} s of CPU")
        return ParseError("parse_timeout", f"the parse worker ended (code {code})")
