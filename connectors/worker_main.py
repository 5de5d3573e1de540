"""The child that parses: reads tasks from stdin, writes answers to stdout, until stdin ends.

It fences itself in before it reads a byte: a limit on memory, no sockets, no programs, no files
but those of Python and of this package. A system timer ends it when a task burns its CPU time.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec.structs import replace

from connectors.article import extract
from connectors.base import Document, Hints
from connectors.errors import ParseError
from connectors.registry import load
from connectors.urls import canonical_url
from connectors.worker import HEADER, Done, Failed, Task

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Task)
_FORBIDDEN_EVENTS = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.remove",
    "os.rename",
    "os.kill",
    "urllib.",
)


def _fence(memory_bytes: int) -> None:
    """Give up everything that parsing does not need."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    own = {sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(__file__).resolve().parent)}
    own |= {entry for entry in sys.path if entry}
    readable = (*sorted(own), "/usr/share/zoneinfo", "/etc/localtime")

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, int):
                return
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else 0
            if writes or not os.path.abspath(os.fsdecode(path)).startswith(readable):
                raise PermissionError("a parse worker opens no files")
        elif event.startswith(_FORBIDDEN_EVENTS):
            raise PermissionError(f"a parse worker may not use {event}")

    sys.addaudithook(audit)


def _answer(task: Task, body: bytes) -> bytes:
    try:
        return _encode(Done(_read(task.kind, body, task.hints)))
    except ParseError as error:
        failed = Failed(error.reason, error.detail)
    except MemoryError:
        failed = Failed("too_large", "reading it needs more memory than a worker has")
    except RecursionError:
        failed = Failed("not_a_feed", "nested too deeply")
    except Exception as error:  # a bug or a library's: it costs this document
        failed = Failed("not_a_feed", f"cannot be read ({type(error).__name__})")
    return _encode(failed)


def _read(kind: str, body: bytes, hints: Hints) -> Document:
    if kind == "article":
        return extract(body, hints)
    document: Document = load("feeds", kind).parse(body, hints)
    entries = [replace(entry, canonical_url=canonical_url(entry.url)) for entry in document.entries]
    return replace(document, entries=tuple(entries))


def _serve(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    stdout.write(b"+")
    stdout.flush()
    while len(header := stdin.read(HEADER.size)) == HEADER.size:
        head_bytes, body_bytes = HEADER.unpack(header)
        task = _decoder.decode(stdin.read(head_bytes))
        body = stdin.read(body_bytes)
        signal.setitimer(signal.ITIMER_PROF, task.cpu_seconds)
        raw = _answer(task, body)
        signal.setitimer(signal.ITIMER_PROF, 0)
        stdout.write(HEADER.pack(len(raw), 0) + raw)
        stdout.flush()


if __name__ == "__main__":
    import connectors.feeds.rss  # noqa: F401  (most tasks; loaded before the first is timed)

    _fence(int(sys.argv[1]))
    _serve(sys.stdin.buffer, sys.stdout.buffer)
