"""The record of a clone, as earlier versions of this tool left it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def backdate(file: Path, version: int) -> None:
    """Makes of a record of today one of an older schema, which knew less."""
    with closing(sqlite3.connect(file)) as db, db:
        for table in ("base", "intent"):  # since 4
            db.execute(f"ALTER TABLE {table} DROP COLUMN extras")
        if version < 2:
            db.execute("DROP TABLE past")
        db.execute(f"PRAGMA user_version = {version}")
