"""Projects in sync, as tests begin with them: each is made once by a worker, and copied for all others.

To make one takes ten starts of git and forty requests. The copy is what was made: the files of the project with git's
and the tool's, the objects of the workspace with their identifiers and times.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from .project import HOME, Project

_TABLES = ("objects", "contents", "imports")


class Starts:
    """Those of one worker. `database`: the file of its workspace, which is empty when a project begins."""

    def __init__(self, folder: Path, database: Path) -> None:
        self._folder, self._database = folder, database
        self._kept: dict[str, dict[str, list[tuple[Any, ...]]]] = {}

    def begin(self, name: str, project: Project, make: Callable[[Project], object]) -> Project:
        """The project as `make` leaves it, whose start has this name."""
        if rows := self._kept.get(name):
            shutil.copytree(self._folder / name, project.root, dirs_exist_ok=True)
            self._lay(rows)
        else:
            make(project)
            shutil.copytree(project.root, self._folder / name)
            self._kept[name] = self._held()
        project.workspace.forget()
        return project

    def _held(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of all that lies in the person's folder."""
        with self._opened() as db:
            mine = f"SELECT object_id FROM objects WHERE path LIKE '{HOME}/%'"
            return {
                table: db.execute(f"SELECT * FROM {table} WHERE object_id IN ({mine})").fetchall() for table in _TABLES
            }

    def _lay(self, held: dict[str, list[tuple[Any, ...]]]) -> None:
        with self._opened() as db, db:
            db.execute("BEGIN IMMEDIATE")
            for table, rows in held.items():
                if rows:
                    db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def _opened(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self._database, 60, isolation_level=None))
