"""The tables of the record, and what becomes of one that an older version of this tool has written."""

from __future__ import annotations

import sqlite3
import uuid
import zlib
from collections.abc import Iterable

from databricks_sync.errors import BrokenNotebook
from databricks_sync.failpoints import reached
from databricks_sync.model import SOURCES, UNKNOWN, BaseEntry, Kind
from databricks_sync.notebook.equality import digest, file_digest
from databricks_sync.notebook.format import sha256
from databricks_sync.rules import stand_ins

from .rows import PUT_ENTRY, entry_row

SCHEMA = 4
PAST_KEPT = 2  # the first version that keeps what was agreed on before
HASHES_COMPARED = 3  # the first one that compares what comes from the workspace with the hash
_PAST = """
CREATE TABLE past (number INTEGER PRIMARY KEY, key TEXT NOT NULL, digest TEXT NOT NULL);
CREATE INDEX past_by_key ON past (key, digest);
"""
_TABLES = f"""{_PAST}
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


def make_tables(db: sqlite3.Connection) -> None:
    """Makes an empty record, with a name of its own."""
    reached("before record")
    with db:
        lineage_row = f"INSERT INTO meta VALUES ('lineage', '{uuid.uuid4().hex}');"
        db.executescript(f"BEGIN; {_TABLES} {lineage_row} PRAGMA user_version = {SCHEMA}; COMMIT;")


def doubtful(db: sqlite3.Connection, schema: int, entries: Iterable[BaseEntry]) -> list[BaseEntry]:
    """Those entries of a record of that version whose objects are to be read again, without what would save it.

    Before HASHES_COMPARED no version proves anything. And before this version, pointers of git-lfs were pushed: such a
    file would be taken for what was agreed on for as long as its stat is the same.
    """
    doubted = []
    for entry in entries:
        lasting = entry
        if schema < HASHES_COMPARED and entry.version.sha and not _has_hash(db, entry):
            lasting = lasting._replace(version=UNKNOWN)
        if entry.kind is Kind.FILE and entry.stat and entry.stat.size < stand_ins.SIZE:
            lasting = lasting._replace(stat=None)
        if lasting is not entry:
            doubted.append(lasting)
    return doubted


def upgrade(db: sqlite3.Connection, schema: int, doubted: Iterable[BaseEntry]) -> None:
    """Makes a record of that version one of this version, in which the `doubted` entries take their places."""
    reached("before record")
    with db:
        db.execute("BEGIN")
        if schema < PAST_KEPT:
            for statement in filter(str.strip, _PAST.split(";")):
                db.execute(statement)
        if schema < HASHES_COMPARED:
            db.execute("UPDATE intent SET object_id = 0, modified_at = 0, remote_sha = ''")
        for table in ("base", "intent"):
            db.execute(f"ALTER TABLE {table} ADD COLUMN extras TEXT NOT NULL DEFAULT ''")
        db.executemany(PUT_ENTRY, map(entry_row, doubted))
        db.execute(f"PRAGMA user_version = {SCHEMA}")


def _has_hash(db: sqlite3.Connection, entry: BaseEntry) -> bool:
    """Whether what was agreed on is certainly what has the hash of the entry's version."""
    if entry.kind is Kind.FILE:
        return entry.digest == file_digest(entry.version.sha)
    if entry.local_sha == entry.version.sha:
        return True
    row = db.execute("SELECT body FROM content WHERE sha = ?", (entry.version.sha,)).fetchone()
    try:
        raw = zlib.decompress(row[0]) if row else b""
        return sha256(raw) == entry.version.sha and digest(raw, entry.format or SOURCES[None]) == entry.digest
    except (zlib.error, BrokenNotebook):
        return False
