"""The tables of the record."""

from __future__ import annotations

import sqlite3
import uuid

from databricks_sync.failpoints import reached

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


def make_tables(db: sqlite3.Connection) -> None:
    """Makes an empty record, with a name of its own."""
    reached("before record")
    with db:
        lineage_row = f"INSERT INTO meta VALUES ('lineage', '{uuid.uuid4().hex}');"
        db.executescript(f"BEGIN; {_TABLES} {lineage_row} PRAGMA user_version = {SCHEMA}; COMMIT;")
