"""The embedded broker's memory: one SQLite file, written through before the broker sees a record.

Kept: the compacted topics (highest version of a key), and as a log what waits between two roles
(ledger, alerts) or for a person (dead letters). Why this is enough after a kill -9 of everything
is told in embedded.py. Several processes write; SQLite's own lock keeps them apart.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from streams import topics
from streams.errors import StateError
from streams.topics import Topic

SCHEMA = "1"
FILE = "state.sqlite"
#: Topics of which the highest version of each key is kept.
LATEST = (topics.INCIDENTS, topics.OUTCOMES, topics.DELIVERIES, topics.FEEDS)
#: Topics kept record by record: until consumed, dead letters until their retention ends.
LOGGED = (topics.LEDGER, topics.ALERTS, topics.DEAD_LETTERS)

Headers = list[tuple[str, bytes]]

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS latest (
    topic TEXT, key TEXT, version INTEGER NOT NULL, value BLOB, headers TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (topic, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, key TEXT, value BLOB, headers TEXT NOT NULL,
    run TEXT NOT NULL, offset INTEGER, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS log_topic ON log (topic, seq);
"""


@dataclass(frozen=True)
class Kept:
    """A record as the state file holds it."""

    seq: int  #: order within its topic
    key: str | None
    value: bytes | None
    headers: Headers
    at: float  #: seconds since the epoch, when it was written


class _Versioned(Struct):
    """What orders the records of one key, whatever else they hold."""

    version: int | None = None
    through: int | None = None


_decode_version = msgspec.json.Decoder(_Versioned).decode


def version_of(value: bytes | None) -> int:
    """Return a compacted record's `version`, else its `through`, else 0."""
    if value is None:
        return 0
    try:
        told = _decode_version(value)
    except msgspec.DecodeError:
        return 0
    return told.version if told.version is not None else told.through or 0


class StateFile:
    """Reads and writes `<state_dir>/state.sqlite`.

    Delivery: a record is on disk (written to the file; not synced against a power cut) when the
    call returns.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / FILE
        try:
            if read_only:
                self._db = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                self._db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(_TABLES)
                self._db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (SCHEMA,))
            (schema,) = self._db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        except (sqlite3.Error, OSError, TypeError) as error:
            raise StateError(f"{self.path}: cannot be used: {error}") from error
        if schema != SCHEMA:
            raise StateError(f"{self.path}: has schema {schema}, this version reads {SCHEMA}")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def keep_latest(self, topic: Topic, key: str, value: bytes | None, headers: Headers) -> None:
        """Keep the record unless a higher version of its key is there; None is a tombstone."""
        self._execute(
            "INSERT INTO latest VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (topic, key) DO UPDATE SET"
            " version = excluded.version, value = excluded.value, headers = excluded.headers,"
            " at = excluded.at WHERE excluded.version >= version OR excluded.value IS NULL",
            (topic.name, key, version_of(value), value, _pack(headers), time.time()),
        )

    def append(
        self, topic: Topic, run: str, key: str | None, value: bytes | None, headers: Headers
    ) -> int:
        """Add a record to a topic's log; return its sequence number."""
        cursor = self._execute(
            "INSERT INTO log (topic, key, value, headers, run, at) VALUES (?, ?, ?, ?, ?, ?)",
            (topic.name, key, value, _pack(headers), run, time.time()),
        )
        return int(cursor.lastrowid or 0)

    def set_offset(self, seq: int, run: str, offset: int) -> None:
        """Note where the broker of this run put a logged record."""
        self._execute("UPDATE log SET run = ?, offset = ? WHERE seq = ?", (run, offset, seq))

    def forget_consumed(self, topic: Topic, run: str, below: int) -> None:
        """Drop the logged records that their consumer has committed in this run.

        Silences stay until their retention ends: no incident remembers them, merge reads them
        anew from the ledger.
        """
        self._execute(
            "DELETE FROM log WHERE topic = ? AND run = ? AND offset < ? AND NOT "
            "CASE WHEN headers LIKE '%\"Decision/%' AND json_valid(CAST(value AS TEXT))"
            " THEN json_extract(CAST(value AS TEXT), '$.action') IN ('silence', 'unsilence')"
            " ELSE 0 END",
            (topic.name, run, below),
        )

    def forget_expired(self, topic: Topic, now: float) -> None:
        """Drop what is older than the topic's retention; `now` in seconds since the epoch."""
        if topic.retention_ms is not None:
            table = "latest" if topic in LATEST else "log"
            self._execute(
                f"DELETE FROM {table} WHERE topic = ? AND at < ?",
                (topic.name, now - topic.retention_ms / 1000),
            )

    def read(self, topic: Topic) -> Iterator[Kept]:
        """Yield what is kept of a topic: by key, or in the order it was written."""
        query = (
            "SELECT 0, key, value, headers, at FROM latest WHERE topic = ? AND value IS NOT NULL ORDER BY key"
            if topic in LATEST
            else "SELECT seq, key, value, headers, at FROM log WHERE topic = ? ORDER BY seq"
        )
        for seq, key, value, headers, at in self._execute(query, (topic.name,)).fetchall():
            yield Kept(seq, key, value, _unpack(headers), at)

    def highest_through(self) -> int:
        """Return the highest ledger offset that any kept record remembers; -1 when none."""
        (found,) = self._execute(
            "SELECT max(json_extract(CAST(value AS TEXT), '$.through')) FROM latest WHERE topic IN (?, ?)",
            (topics.INCIDENTS.name, topics.OUTCOMES.name),
        ).fetchone()
        return -1 if found is None else int(found)

    def count(self, topic: Topic) -> int:
        """Return how many records of the topic are kept."""
        table = "latest" if topic in LATEST else "log"
        (found,) = self._execute(
            f"SELECT count(*) FROM {table} WHERE topic = ? AND value IS NOT NULL", (topic.name,)
        ).fetchone()
        return int(found)

    def _execute(self, statement: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise StateError(f"{self.path}: {error}") from error


def _pack(headers: Headers) -> str:
    return json.dumps([(name, value.decode("utf-8", "surrogateescape")) for name, value in headers])


def _unpack(text: str) -> Headers:
    return [(name, value.encode("utf-8", "surrogateescape")) for name, value in json.loads(text)]
