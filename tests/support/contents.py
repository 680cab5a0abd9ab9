"""What a person's folder holds in the workspace of a worker: read out of its database, and laid into it.

One request for each object would take ten times as long, and give it another identifier and other times.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from .project import HOME

Rows = dict[str, list[tuple[Any, ...]]]  # of each table
_TABLES = ("objects", "contents", "imports")


class Contents:
    """`database`: the file of a running workspace."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def held(self) -> Rows:
        """All that lies in the person's folder."""
        with self._opened() as db:
            mine = f"SELECT object_id FROM objects WHERE path LIKE '{HOME}/%'"
            return {
                table: db.execute(f"SELECT * FROM {table} WHERE object_id IN ({mine})").fetchall() for table in _TABLES
            }

    def lay(self, held: Rows) -> None:
        """Puts it there again; the folder is empty."""
        with self._opened() as db, db:
            db.execute("BEGIN IMMEDIATE")
            for table, rows in held.items():
                if rows:
                    db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def _opened(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self._database, 60, isolation_level=None))
