"""Jobs, runs, outputs, permissions and secrets in one SQLite file beside the workspace's, and nothing about rules.

The server's loop and the threads that carry runs share it: one connection, one lock. A change is committed before
the method returns, so it survives `kill -9`.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from databricks_local.core.model import NOTEBOOK, WorkspaceObject
from databricks_local.home import RefusedError

from .rules.permissions import Grants
from .runs import Output, Run, from_json, to_json

SCHEMA = """
CREATE TABLE IF NOT EXISTS identifiers (last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    job_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    creator TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    settings TEXT NOT NULL,
    scheduled INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_by_name ON jobs (name);
CREATE INDEX IF NOT EXISTS jobs_scheduled ON jobs (job_id) WHERE scheduled;
CREATE TABLE IF NOT EXISTS runs (
    run_id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL,
    open INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_by_job ON runs (job_id, run_id);
CREATE INDEX IF NOT EXISTS runs_open ON runs (run_id) WHERE open;
CREATE TABLE IF NOT EXISTS task_runs (run_id INTEGER PRIMARY KEY, parent INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, run_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS outputs (run_id INTEGER PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run_notebooks (
    run_id INTEGER PRIMARY KEY, object_id INTEGER NOT NULL, path TEXT NOT NULL, language TEXT, export_format TEXT,
    body BLOB
);
CREATE TABLE IF NOT EXISTS permissions (object TEXT PRIMARY KEY, entries TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS secret_scopes (scope TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS secrets (
    scope TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, changed_ms INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE TABLE IF NOT EXISTS notebook_runs (object_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, cells TEXT NOT NULL);
"""

TABLES = (
    *("jobs", "runs", "task_runs", "tokens", "outputs", "run_notebooks", "notebook_runs"),
    *("secrets", "secret_scopes", "permissions"),
)

# As many digits as real ones have.
FIRST_ID = 100_000_000_000_000


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job; `settings` as they were sent, `created_ms` since 1970."""

    job_id: int
    creator: str
    created_ms: int
    settings: Mapping[str, Any]


class JobStore:
    """Opens the database, and makes it when there is none. Raises RefusedError for a file that is none."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA busy_timeout=10000")
            self._db.executescript(SCHEMA)
            self._db.execute(
                "INSERT INTO identifiers SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identifiers)", (FIRST_ID,)
            )
        except sqlite3.Error as error:
            raise RefusedError(f"{file} cannot be read: {error}.", "Move it away, or choose another --dir.") from None

    def close(self) -> None:
        """Nothing may be asked afterwards."""
        with self._lock:
            self._db.close()

    def clear(self) -> None:
        """Deletes everything; identifiers go on counting."""
        with self._lock:
            for table in TABLES:
                self._ask(f"DELETE FROM {table}")

    def identifier(self) -> int:
        """A new one for a job or a run; never given twice, not even after a reset."""
        with self._lock:
            self._ask("UPDATE identifiers SET last = last + 1")
            return int(self._ask("SELECT last FROM identifiers")[0][0])

    def _ask(self, sql: str, *values: object) -> list[Any]:
        """The rows that a statement gives; what it changes is committed."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    # --- jobs ---

    def put_job(self, job: StoredJob, scheduled: bool) -> None:
        """A new job, or new settings of one; `scheduled` says whether its schedule is in force."""
        name = str(job.settings.get("name", "Untitled")).casefold()
        values = (job.job_id, name, job.creator, job.created_ms, json.dumps(job.settings), int(scheduled))
        self._ask("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?)", *values)

    def job(self, job_id: int) -> StoredJob | None:
        """The job, or None."""
        return next(iter(self._jobs("job_id = ?", (job_id,), 1)), None)

    def jobs(self, before: int, count: int, name: str | None = None) -> list[StoredJob]:
        """Newest first, those older than `before`; by name without regard to case."""
        if name is None:
            return self._jobs("job_id < ?", (before,), count)
        return self._jobs("job_id < ? AND name = ?", (before, name.casefold()), count)

    def scheduled(self) -> list[StoredJob]:
        """All jobs whose schedules are in force."""
        return self._jobs("scheduled", (), -1)

    def count_jobs(self) -> int:
        """How many jobs there are."""
        return int(self._ask("SELECT count(*) FROM jobs")[0][0])

    def remove_job(self, job_id: int) -> None:
        """Its runs stay; its permissions go."""
        with self._lock:
            self._ask("DELETE FROM jobs WHERE job_id = ?", job_id)
            self._ask("DELETE FROM permissions WHERE object = ?", f"/jobs/{job_id}")

    def _jobs(self, where: str, values: tuple[object, ...], count: int) -> list[StoredJob]:
        sql = f"SELECT job_id, creator, created_ms, settings FROM jobs WHERE {where} ORDER BY job_id DESC LIMIT ?"
        return [StoredJob(row[0], row[1], row[2], json.loads(row[3])) for row in self._ask(sql, *values, count)]

    # --- runs ---

    def add_run(self, run: Run, token: str | None) -> None:
        """A new run with its tasks, and the idempotency token it was asked for with."""
        with self._lock:
            self._ask("BEGIN")
            self._save(run)
            for task in run.tasks:
                self.add_task_run(task.run_id, run.run_id)
            if token:
                self._ask("INSERT INTO tokens VALUES (?, ?)", token, run.run_id)
            self._ask("COMMIT")

    def add_task_run(self, task_run_id: int, parent: int) -> None:
        """The number of an attempt at a task of the run `parent`."""
        self._ask("INSERT INTO task_runs VALUES (?, ?)", task_run_id, parent)

    def change_run(self, run_id: int, change: Callable[[Run], Run]) -> Run | None:
        """Reads, changes and saves as one step; None when the run is gone."""
        with self._lock:
            run = self.run(run_id)
            if run is not None:
                run = change(run)
                self._save(run)
            return run

    def _save(self, run: Run) -> None:
        values = (run.run_id, run.job_id, int(run.state.is_open), run.created_ms, json.dumps(to_json(run)))
        self._ask("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)", *values)

    def run(self, run_id: int) -> Run | None:
        """The run, or None."""
        return next(iter(self.runs("run_id = ?", (run_id,), 1)), None)

    def run_of(self, number: int) -> Run | None:
        """The run of that number, or the one to which the task's run of that number belongs."""
        rows = self._ask("SELECT parent FROM task_runs WHERE run_id = ?", number)
        return self.run(rows[0][0] if rows else number)

    def by_token(self, token: str) -> int | None:
        """The run that an idempotency token has begun."""
        rows = self._ask("SELECT run_id FROM tokens WHERE token = ?", token)
        return int(rows[0][0]) if rows else None

    def runs(self, where: str, values: tuple[object, ...], count: int = -1) -> list[Run]:
        """Newest first. `where` is ours, never a caller's."""
        sql = f"SELECT document FROM runs WHERE {where} ORDER BY run_id DESC LIMIT ?"
        return [from_json(json.loads(row[0])) for row in self._ask(sql, *values, count)]

    def count_runs(self, job_id: int) -> int:
        """How many runs of a job there are."""
        return int(self._ask("SELECT count(*) FROM runs WHERE job_id = ?", job_id)[0][0])

    def put_notebook_run(self, object_id: int, run_id: int, cells: Sequence[str]) -> None:
        """The run of a notebook by itself that began last, and what tells each cell that it has run from others."""
        self._ask("INSERT OR REPLACE INTO notebook_runs VALUES (?, ?, ?)", object_id, run_id, json.dumps(cells))

    def notebook_run(self, object_id: int) -> tuple[Run, list[str]] | None:
        """The run of that notebook, with its cells; None when there is none any more."""
        rows = self._ask("SELECT run_id, cells FROM notebook_runs WHERE object_id = ?", object_id)
        run = self.run(rows[0][0]) if rows else None
        return (run, json.loads(rows[0][1])) if run else None

    def open_runs(self, job_id: int | None = None) -> list[Run]:
        """Runs that are going on, of one job or of all, newest first."""
        if job_id is None:
            return self.runs("open", ())
        return self.runs("open AND job_id = ?", (job_id,))

    def remove_run(self, run: Run) -> None:
        """A run with its tasks, all attempts at them, and their outputs."""
        with self._lock:
            attempts = self._ask("SELECT run_id FROM task_runs WHERE parent = ?", run.run_id)
            for table in ("runs", "outputs", "run_notebooks", "task_runs"):
                self._db.executemany(f"DELETE FROM {table} WHERE run_id = ?", [(run.run_id,), *attempts])

    def put_output(self, run_id: int, output: Output) -> None:
        """What a task's run has left behind; replaces what was stored."""
        self._ask("INSERT OR REPLACE INTO outputs VALUES (?, ?)", run_id, json.dumps(asdict(output)))

    def output(self, run_id: int) -> Output:
        """What a task's run has left behind, if only nothing."""
        rows = self._ask("SELECT document FROM outputs WHERE run_id = ?", run_id)
        return Output(**json.loads(rows[0][0])) if rows else Output()

    def put_notebook(self, run_id: int, entry: WorkspaceObject, body: bytes | None) -> None:
        """The notebook that a task's run began with; None for a content that is not kept."""
        values = (run_id, entry.object_id, entry.path, entry.language, entry.export_format, body)
        self._ask("INSERT OR REPLACE INTO run_notebooks VALUES (?, ?, ?, ?, ?, ?)", *values)

    def notebook(self, run_id: int) -> tuple[WorkspaceObject, bytes | None] | None:
        """That notebook with its content; None altogether for a run of something else."""
        sql = "SELECT object_id, path, language, export_format, body FROM run_notebooks WHERE run_id = ?"
        rows = self._ask(sql, run_id)
        return (WorkspaceObject(rows[0][0], rows[0][1], NOTEBOOK, *rows[0][2:4]), rows[0][4]) if rows else None

    # --- permissions ---

    def permissions(self, name: str) -> Grants | None:
        """The own permissions of an object like `/jobs/1`; None if nobody set any."""
        rows = self._ask("SELECT entries FROM permissions WHERE object = ?", name)
        return {(field, who): level for field, who, level in json.loads(rows[0][0])} if rows else None

    def put_permissions(self, name: str, own: Grants) -> None:
        """Replaces the own permissions of an object."""
        entries = json.dumps([(*principal, level) for principal, level in own.items()])
        self._ask("INSERT OR REPLACE INTO permissions VALUES (?, ?)", name, entries)

    # --- secrets ---

    def scopes(self) -> list[str]:
        """The names of all secret scopes, sorted."""
        return [row[0] for row in self._ask("SELECT scope FROM secret_scopes ORDER BY scope")]

    def add_scope(self, scope: str) -> None:
        """Nothing for one that exists."""
        self._ask("INSERT OR IGNORE INTO secret_scopes VALUES (?)", scope)

    def remove_scope(self, scope: str) -> None:
        """A scope with its secrets, and who may do what with it."""
        with self._lock:
            self._ask("DELETE FROM secrets WHERE scope = ?", scope)
            self._ask("DELETE FROM secret_scopes WHERE scope = ?", scope)
            self._ask("DELETE FROM permissions WHERE object = ?", f"/secrets/{scope}")

    def secrets(self, scope: str) -> dict[str, tuple[bytes, int]]:
        """The secrets of a scope by key: value, and when it was changed, in milliseconds since 1970."""
        sql = "SELECT key, value, changed_ms FROM secrets WHERE scope = ? ORDER BY key"
        return {key: (value, changed_ms) for key, value, changed_ms in self._ask(sql, scope)}

    def put_secret(self, scope: str, key: str, value: bytes, changed_ms: int) -> None:
        """A new secret, or a new value of one."""
        self._ask("INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?)", scope, key, value, changed_ms)

    def remove_secret(self, scope: str, key: str) -> None:
        """Nothing for one that is not there."""
        self._ask("DELETE FROM secrets WHERE scope = ? AND key = ?", scope, key)
