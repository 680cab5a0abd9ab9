"""What both sides last agreed on, kept in the git directory, where it is never committed and is per worktree.

One SQLite file for each target of a project (location.py says where): the base, the bytes the workspace held then (the
base text for a merge, and a pre-image that needs no download), the digests of what was agreed on before, and
the intents of a run under way. A missing or unreadable file means that nothing was ever in step: then a plain
run can create, adopt and report conflicts, and never delete or replace. A file of a newer version of this tool is
refused.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from databricks_sync.errors import Again, SettingsError, SyncError
from databricks_sync.failpoints import reached
from databricks_sync.model import BaseEntry, Kind
from databricks_sync.notebook.equality import CANON_VERSION
from databricks_sync.notebook.format import sha256
from databricks_sync.rules.journal import Advance, Intent

from . import lineage
from .location import FILE
from .rows import PUT_ENTRY, PUT_INTENT, entry_of, entry_row, intent_of, intent_row

SCHEMA = 4
_TABLES = """
CREATE TABLE past (number INTEGER PRIMARY KEY, key TEXT NOT NULL, digest TEXT NOT NULL);
CREATE INDEX past_by_key ON past (key, digest);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE base (
    key TEXT PRIMARY KEY, path TEXT NOT NULL, kind TEXT NOT NULL, digest TEXT NOT NULL,
    form TEXT, language TEXT, local_sha TEXT NOT NULL,
    size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER,
    object_id INTEGER NOT NULL, modified_at INTEGER NOT NULL, sha TEXT NOT NULL, racy INTEGER NOT NULL,
    extras TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE content (sha TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE intent (
    key TEXT PRIMARY KEY, direction TEXT NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL,
    form TEXT, language TEXT, after TEXT, sha TEXT NOT NULL,
    object_id INTEGER NOT NULL, modified_at INTEGER NOT NULL, remote_sha TEXT NOT NULL,
    extras TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
"""
_PUT_CONTENT = "INSERT OR REPLACE INTO content VALUES (?, ?)"
_REMEMBERED = 20  # states of a key that both sides agreed on once
_FORGOTTEN = f"""
DELETE FROM past WHERE key = ? AND number <=
    (SELECT number FROM past WHERE key = ? ORDER BY number DESC LIMIT 1 OFFSET {_REMEMBERED})
"""

# What SQLite says of a file that is not damaged, but cannot be used right now.
_OUT_OF_REACH = re.compile("unable to open|readonly|locked|busy|disk I/O|is full|permission", re.IGNORECASE)


class Base:
    """The state of one target. Opened for every run; only a run that is no dry run creates it.

    `entries`: the base as it stood when it was opened, by key. `intents`: the writes that an earlier run meant to do,
    and did not report done.

    Several threads may use it. Once it is closed it knows nothing.
    """

    def __init__(self, folder: Path, *, create: bool) -> None:
        self.file = folder / FILE
        self.notice = ""
        self.entries: dict[str, BaseEntry] = {}
        self.intents: list[Intent] = []
        self._distrusted = False
        self._turn = threading.Lock()  # SQLite takes turns by itself, but a connection closed in use ends the process
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        self._db = self._open(create)

    def _open(self, create: bool) -> sqlite3.Connection | None:
        if not self.file.exists() and not create:
            return None
        try:
            db = _connect(self.file)
            schema = db.execute("PRAGMA user_version").fetchone()[0]
            if schema < SCHEMA:
                if self.file.stat().st_size:
                    raise sqlite3.DatabaseError  # not a file of ours
                _make_tables(db)
            elif schema == SCHEMA:
                # Read at once, so that a damaged file shows before anything is decided.
                self.entries = _read_entries(db.execute("SELECT * FROM base"))
                self.intents = [intent_of(row) for row in db.execute("SELECT * FROM intent ORDER BY key")]
                db.execute("SELECT number FROM past LIMIT 1").fetchall()
        except (sqlite3.DatabaseError, ValueError, KeyError) as error:
            if isinstance(error, sqlite3.OperationalError) and _OUT_OF_REACH.search(str(error)):
                raise SyncError(
                    f"{self.file} cannot be used ({error}).", Again(before="Make it accessible, and ")
                ) from None
            return self._set_aside(create)
        if schema > SCHEMA:
            raise SettingsError(
                f"{self.file} was written by a newer version of this tool.",
                "Upgrade: pip install -U databricks-branch-sync",
            )
        return db

    def _set_aside(self, create: bool) -> sqlite3.Connection | None:
        self.entries, self.intents = {}, []
        kept = self.file.with_name(f"state.corrupt-{time.strftime('%Y%m%dT%H%M%S')}.db")
        self.notice = (
            f"The record of the last sync ({self.file}) cannot be read and was set aside as {kept.name}; "
            "both sides are compared again from the start."
        )
        if not create:
            return None
        os.replace(self.file, kept)
        for suffix in ("-journal", "-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)
        return self._open(create)

    def close(self) -> None:
        """Closes the file; every later question is answered from what was read."""
        with self._turn:
            if self._db is not None:
                self._db.close()
            self._db = None

    # --- reading ------------------------------------------------------------------------------------------

    def content(self, sha: str) -> bytes | None:
        """The bytes with this sha256, if they were kept and are whole."""
        row = self._first("SELECT body FROM content WHERE sha = ?", sha) if sha else None
        if row is None:
            return None
        try:
            body = zlib.decompress(row[0])
        except zlib.error:
            return None
        return body if sha256(body) == sha else None

    def keeps(self, sha: str) -> bool:
        """Whether bytes with this sha256 were kept, whole or not."""
        return self._first("SELECT 1 FROM content WHERE sha = ?", sha) is not None

    def earlier(self, states: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Those of these keys and digests that both sides agreed on before what they last agreed on."""
        query = "SELECT 1 FROM past WHERE key = ? AND digest = ?"
        return frozenset(state for state in states if self._first(query, *state))

    def meta(self, name: str) -> str:
        """A value of the record by its name; "" where there is none."""
        row = self._first("SELECT value FROM meta WHERE name = ?", name)
        return row[0] if row else ""

    @property
    def whole_trees(self) -> bool:
        """Whether the workspace may list a whole tree at once: it is asked until it was seen not to."""
        return self.meta("whole_trees") != "no"

    @property
    def archives(self) -> bool:
        """Whether the workspace may take new folders as archives: it is tried until one did not arrive as it was."""
        return self.meta("archives") != "no"

    @property
    def large_archives(self) -> bool:
        """Whether it may take archives of any size: they are tried until a large one did not arrive as it was."""
        return self.meta("archives") == ""

    def _first(self, query: str, *values: str) -> Sequence[Any] | None:
        with self._turn:
            return self._db.execute(query, values).fetchone() if self._db is not None else None

    def distrust(self) -> None:
        """Takes the base for missing in this run: it is an old copy of what it once was."""
        self.entries, self.intents = {}, []
        self._distrusted = True

    def names(self) -> tuple[str, ...]:
        """By which notes may know it: the name it came with, that of a record here, and that of a new one here."""
        root = self._root()
        return (
            self.meta("lineage"),
            lineage.name(root, self.file),
            lineage.name(lineage.successor(root), self.file),
        )

    def _root(self) -> str:
        return self.meta("ancestor") or self.meta("lineage")  # until it was settled, the name itself

    def settle(self, serial: int) -> None:
        """Makes durable which record this is: a copy has a name of its own, and what is not believed begins anew.

        It does so from `serial` on, as far as the notes know any record of its names to have come.
        """
        root = lineage.successor(self._root()) if self._distrusted else self._root()
        names = {"ancestor": root, "lineage": lineage.name(root, self.file)}
        if not self._distrusted:
            self.note(**names)
        elif self._db is not None:
            with self._writing("distrust") as db:
                db.execute("DELETE FROM base")
                db.execute("DELETE FROM intent")
                values = [*names.items(), ("serial", str(serial))]
                db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values)

    @contextmanager
    def _writing(self, what: str) -> Iterator[sqlite3.Connection]:
        """One transaction about `what`. Raises SyncError when the disk does not take it; then it did not happen."""
        reached(f"before {what}")
        try:
            with self._turn:
                assert self._db is not None
                with self._db as db:
                    yield db
                    reached(f"in {what}")
        except sqlite3.Error as error:
            hint = Again(": nothing is lost.", before="Make sure that it is writable and its disk not full, and ")
            raise SyncError(f"{self.file} cannot be written ({error}).", hint) from None
        reached(f"after {what}")

    # --- writing: each method is one transaction ------------------------------------------------------------

    def note(self, **values: str) -> None:
        """Records values by their names, durably."""
        changed = {name: value for name, value in values.items() if self.meta(name) != value}
        if changed and self._db is not None:
            with self._writing("note") as db:
                db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(changed.items()))

    def intend(self, intents: Sequence[Intent]) -> None:
        """Records, durably, what is about to be written."""
        if self._db is None or not intents:
            return
        with self._writing("intents") as db:
            db.executemany(PUT_INTENT, map(intent_row, intents))
            db.executemany(_PUT_CONTENT, [intent.content for intent in intents if intent.content])

    def advance(self, advances: Iterable[Advance], *, finished: Iterable[str] = ()) -> None:
        """Records what both sides hold, and ends the intents of these keys and of the `finished` ones."""
        if self._db is None:
            return
        latest = list({advance.key: advance for advance in advances}.values())
        ended = {*(a.key for a in latest), *finished}
        if not ended:
            return
        replaced = [
            (old.key, old.digest)
            for a in latest
            if (old := self.entries.get(a.key)) and (a.entry is None or a.entry.digest != old.digest)
        ]
        with self._writing("base") as db:
            if replaced:
                db.executemany("INSERT INTO past (key, digest) VALUES (?, ?)", replaced)
                db.executemany(_FORGOTTEN, [(key, key) for key, _ in replaced])
            db.executemany("DELETE FROM base WHERE key = ?", [(a.key,) for a in latest if a.entry is None])
            db.executemany(PUT_ENTRY, [entry_row(a.entry) for a in latest if a.entry])
            db.executemany(_PUT_CONTENT, [a.content for a in latest if a.content])
            db.executemany("DELETE FROM intent WHERE key = ?", [(key,) for key in ended])

    def prune(self) -> None:
        """Drops bytes that no base refers to any more."""
        if self._db is not None:
            with self._writing("pruning") as db:
                db.execute(
                    "DELETE FROM content WHERE sha NOT IN (SELECT sha FROM base UNION SELECT local_sha FROM base)"
                )


def _connect(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, timeout=5, check_same_thread=False)
    db.execute("PRAGMA synchronous = FULL")
    return db


def _read_entries(rows: Iterable[Sequence[Any]]) -> dict[str, BaseEntry]:
    entries = map(entry_of, rows)
    # Digests of another definition of equality say nothing; the bytes are still there to be compared.
    mark = f"notebook:{CANON_VERSION}:"
    return {e.key: e for e in entries if e.kind is Kind.FILE or e.digest.startswith(mark)}


def _make_tables(db: sqlite3.Connection) -> None:
    """Makes an empty record, with a name of its own."""
    reached("before record")
    with db:
        lineage_row = f"INSERT INTO meta VALUES ('lineage', '{uuid.uuid4().hex}');"
        db.executescript(f"BEGIN; {_TABLES} {lineage_row} PRAGMA user_version = {SCHEMA}; COMMIT;")
