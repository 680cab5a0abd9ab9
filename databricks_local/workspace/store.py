"""The objects of the workspace in one SQLite file, and nothing about rules.

Write-ahead log: once a transaction is committed it survives `kill -9` of the server, so a handler answers
only after `changes()` has closed. Contents live in a table of their own so that listings never read them.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

from databricks_local.core.model import WorkspaceObject
from databricks_local.core.paths import parent
from databricks_local.home import RefusedError

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    object_id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    object_type TEXT NOT NULL,
    language TEXT,
    export_format TEXT,
    created_at INTEGER,
    modified_at INTEGER,
    sha256 TEXT,
    parent TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent);
CREATE TABLE IF NOT EXISTS contents (object_id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS repositories (
    object_id INTEGER PRIMARY KEY, url TEXT NOT NULL, provider TEXT NOT NULL, branch TEXT, head_commit_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS restrictions (path TEXT PRIMARY KEY, access TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS imports (
    object_id INTEGER PRIMARY KEY,
    body BLOB,
    language TEXT,
    export_format TEXT,
    modified_at INTEGER,
    sha256 TEXT
);
"""

COLUMNS = "object_id, path, object_type, language, export_format, created_at, modified_at, sha256"

# Bytes of a content that is read in pieces, and of a piece.
LARGE = 32 * 2**20
PIECE = 4 * 2**20
# For another program that has the database locked.
WAIT_S = 60

# Real identifiers have 15 or 16 digits: a client that squeezes them into 32 bits shows here.
FIRST_ID = 1_000_000_000_000_000


class Repository(NamedTuple):
    """What the Git folder with that identifier shows; no branch where it is a tag."""

    object_id: int
    url: str
    provider: str
    branch: str | None
    head_commit_id: str


def opened(file: Path) -> Store:
    """The store in a file, made when there is none; refuses a file that is no database."""
    try:
        store = Store(file)
        store.create()
    except sqlite3.Error as error:
        raise RefusedError(f"{file} cannot be read: {error}.", "Move it away, or choose another --dir.") from None
    return store


class Store:
    """One connection. The server changes things by one, in one thread; readers have others, each for its thread."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._open = False
        self._is_past = False
        self._idle: list[Store] = []  # connections that readers have given back
        self._db = sqlite3.connect(file, WAIT_S, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")

    def create(self) -> None:
        """Makes the tables that are not there yet. Raises sqlite3.Error for a file that is no database."""
        self._db.executescript(SCHEMA)
        with self.changes():
            if not self._db.execute("SELECT 1 FROM sqlite_sequence").fetchone():
                self._db.execute("INSERT INTO sqlite_sequence VALUES ('objects', ?)", (FIRST_ID,))

    def close(self) -> None:
        """Nothing may be asked afterwards."""
        for past in self._idle:
            past.close()
        self._db.close()

    def snapshot(self) -> Store:
        """The workspace as it is now, whatever happens later: what stale reads are answered from."""
        past = Store(self.file)
        past._begin()
        return past

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """The workspace as it is now, for any thread: what is changed meanwhile is not seen. Of a snapshot, itself."""
        if self._is_past:
            yield self
            return
        try:
            past = self._idle.pop()
        except IndexError:
            past = Store(self.file)
        try:
            past._begin()
            yield past
        finally:
            past._end()
            self._idle.append(past)

    def _begin(self) -> None:
        self._is_past = True
        self._db.execute("BEGIN")
        self._db.execute("SELECT 1 FROM objects LIMIT 1").fetchone()  # only a read makes it a snapshot

    def _end(self) -> None:
        self._db.execute("ROLLBACK")
        self._is_past = False

    @contextmanager
    def changes(self) -> Iterator[None]:
        """One transaction; nested ones join the outer one."""
        if self._open:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._open = True
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        else:
            self._db.execute("COMMIT")
        finally:
            self._open = False

    def get(self, path: str) -> WorkspaceObject | None:
        """The object at exactly this path, or None."""
        row = self._db.execute(f"SELECT {COLUMNS} FROM objects WHERE path = ?", (path,)).fetchone()
        return WorkspaceObject(*row) if row else None

    def by_id(self, object_id: int) -> WorkspaceObject | None:
        """The object with this identifier, or None."""
        row = self._db.execute(f"SELECT {COLUMNS} FROM objects WHERE object_id = ?", (object_id,)).fetchone()
        return WorkspaceObject(*row) if row else None

    def children(self, folder: str) -> list[WorkspaceObject]:
        """The objects in a folder, in no order."""
        rows = self._db.execute(f"SELECT {COLUMNS} FROM objects WHERE parent = ?", (folder,))
        return [WorkspaceObject(*row) for row in rows]

    def below(self, folder: str) -> list[WorkspaceObject]:
        """Everything under a folder, by a range of the path index: /a/b never takes /a/bc along."""
        sql = f"SELECT {COLUMNS} FROM objects WHERE path > ? AND path < ?"
        return [WorkspaceObject(*row) for row in self._db.execute(sql, _range(folder))]

    def count_children(self, folder: str, limit: int) -> int:
        """How many objects a folder has, counted up to `limit`."""
        sql = "SELECT count(*) FROM (SELECT 1 FROM objects WHERE parent = ? LIMIT ?)"
        return int(self._db.execute(sql, (folder, limit)).fetchone()[0])

    def content(self, entry: WorkspaceObject) -> bytes:
        """What it holds; nothing for a folder."""
        row = self._db.execute("SELECT length(body) FROM contents WHERE object_id = ?", (entry.object_id,)).fetchone()
        if row and row[0] > LARGE and sys.version_info >= (3, 11):
            return self._large_content(entry)
        row = self._db.execute("SELECT body FROM contents WHERE object_id = ?", (entry.object_id,)).fetchone()
        return bytes(row[0]) if row else b""

    if sys.version_info >= (3, 11):

        def _large_content(self, entry: WorkspaceObject) -> bytes:
            """Piece by piece: other threads would have to wait while the whole of it is copied."""
            whole = bytearray()
            with self._db.blobopen("contents", "body", entry.object_id, readonly=True) as blob:
                while piece := blob.read(PIECE):
                    whole += piece
            return cast(bytes, whole)

    def size_below(self, folder: str) -> int:
        """The bytes of all that lies under a folder."""
        sql = "SELECT sum(length(body)) FROM contents JOIN objects USING (object_id) WHERE path > ? AND path < ?"
        return int(self._db.execute(sql, _range(folder)).fetchone()[0] or 0)

    def add(self, entry: WorkspaceObject, body: bytes | None = None) -> WorkspaceObject:
        """A new object; its identifier is given here."""
        with self.changes():
            values = (entry.path, entry.object_type, entry.language, entry.export_format)
            # The root is nobody's child, not even its own.
            above = "" if entry.path == "/" else parent(entry.path)
            times = (entry.created_at, entry.modified_at, entry.sha256, above)
            sql = f"INSERT INTO objects ({COLUMNS}, parent) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)"
            entry = replace(entry, object_id=int(self._db.execute(sql, values + times).lastrowid or 0))
            if body is not None:
                self._db.execute("INSERT INTO contents VALUES (?, ?)", (entry.object_id, body))
        return entry

    def update(self, entry: WorkspaceObject, body: bytes) -> None:
        """Another content, and another language, format, time and hash, for the object with that identifier."""
        with self.changes():
            sql = "UPDATE objects SET language=?, export_format=?, modified_at=?, sha256=? WHERE object_id=?"
            values = (entry.language, entry.export_format, entry.modified_at, entry.sha256, entry.object_id)
            self._db.execute(sql, values)
            self._db.execute("INSERT OR REPLACE INTO contents VALUES (?, ?)", (entry.object_id, body))

    def remove(self, entry: WorkspaceObject) -> None:
        """The object and, for a folder, everything below it."""
        with self.changes():
            for where, values in (("path = ?", (entry.path,)), ("path > ? AND path < ?", _range(entry.path))):
                chosen = f"SELECT object_id FROM objects WHERE {where}"
                for table in ("contents", "imports"):
                    self._db.execute(f"DELETE FROM {table} WHERE object_id IN ({chosen})", values)
                self._db.execute(f"DELETE FROM objects WHERE {where}", values)

    def move(self, entry: WorkspaceObject, path: str) -> None:
        """The object and what is below it, under another name; identifiers stay."""
        with self.changes():
            for moved in [entry, *self.below(entry.path)]:
                new = path + moved.path[len(entry.path) :]
                sql = "UPDATE objects SET path = ?, parent = ? WHERE object_id = ?"
                self._db.execute(sql, (new, parent(new), moved.object_id))

    def keep_import(self, entry: WorkspaceObject) -> None:
        """Keeps what was imported last of an object that is about to be edited; once, until the next import."""
        values = (entry.language, entry.export_format, entry.modified_at, entry.sha256, entry.object_id)
        sql = "INSERT OR IGNORE INTO imports SELECT object_id, body, ?, ?, ?, ? FROM contents WHERE object_id = ?"
        self._db.execute(sql, values)

    def note_made_here(self, entry: WorkspaceObject) -> None:
        """The object was never imported."""
        self._db.execute("INSERT OR REPLACE INTO imports (object_id) VALUES (?)", (entry.object_id,))

    def forget_import(self, entry: WorkspaceObject) -> None:
        """The object is as an import left it."""
        self._db.execute("DELETE FROM imports WHERE object_id = ?", (entry.object_id,))

    def imported(self, entry: WorkspaceObject) -> tuple[WorkspaceObject, bytes | None] | None:
        """The object as it was imported last, with its content then, or None for one that was made here.

        None altogether where nobody has edited it since.
        """
        sql = "SELECT body, language, export_format, modified_at, sha256 FROM imports WHERE object_id = ?"
        row = self._db.execute(sql, (entry.object_id,)).fetchone()
        if row is None:
            return None
        then = replace(entry, language=row[1], export_format=row[2], modified_at=row[3], sha256=row[4])
        return then, None if row[0] is None else bytes(row[0])

    def edited_children(self, folder: str) -> dict[int, bool]:
        """The objects in a folder that differ from what was imported last -> whether they were made here."""
        sql = (
            "SELECT object_id, imports.body IS NULL FROM objects JOIN imports USING (object_id)"
            " WHERE parent = ? AND objects.sha256 IS NOT imports.sha256"
        )
        return {row[0]: bool(row[1]) for row in self._db.execute(sql, (folder,))}

    def clear(self) -> None:
        """Deletes all objects and restrictions; identifiers go on counting."""
        with self.changes():
            for table in ("objects", "contents", "imports", "repositories", "restrictions"):
                self._db.execute(f"DELETE FROM {table}")

    def count(self) -> dict[str, int]:
        """How many objects of each type there are."""
        return dict(self._db.execute("SELECT object_type, count(*) FROM objects GROUP BY object_type"))

    def put_repository(self, repository: Repository) -> None:
        """What a Git folder shows from now on."""
        self._db.execute("INSERT OR REPLACE INTO repositories VALUES (?, ?, ?, ?, ?)", repository)

    def repository(self, object_id: int) -> tuple[Repository, WorkspaceObject] | None:
        """What the Git folder of an identifier shows, with its object; None when it is none, or gone."""
        return next(iter(self._repositories("object_id = ?", object_id)), None)

    def repositories(self, after: int) -> list[tuple[Repository, WorkspaceObject]]:
        """Those with an identifier above `after`, in their order."""
        return self._repositories("object_id > ?", after)

    def _repositories(self, where: str, object_id: int) -> list[tuple[Repository, WorkspaceObject]]:
        sql = (
            f"SELECT url, provider, branch, head_commit_id, {COLUMNS} FROM repositories JOIN objects USING (object_id)"
        )
        rows = self._db.execute(f"{sql} WHERE {where} ORDER BY object_id", (object_id,))
        return [(Repository(row[4], *row[:4]), WorkspaceObject(*row[4:])) for row in rows]

    def restrictions(self) -> dict[str, str]:
        """What may not be done, by the path of the object or folder."""
        return dict(self._db.execute("SELECT path, access FROM restrictions"))

    def restrict(self, path: str, access: str | None) -> None:
        """One of tree.ACCESS for a path and all below it; None lifts it."""
        with self.changes():
            self._db.execute("DELETE FROM restrictions WHERE path = ?", (path,))
            if access is not None:
                self._db.execute("INSERT INTO restrictions VALUES (?, ?)", (path, access))


def _range(path: str) -> tuple[str, str]:
    """The open interval of the paths below one: "0" is the character after "/"."""
    return ("/", "0") if path == "/" else (path + "/", path + "0")
