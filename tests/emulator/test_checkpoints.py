"""The workspace's database and its log."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from databricks_local.core.model import NOTEBOOK, Entry
from databricks_local.embedded import running
from databricks_local.home import DATABASE
from databricks_local.server.checkpoints import Checkpoints
from databricks_local.workspace.store import Store

from .client import HEADER, HOME, Local

LONG = 4 * 2**20
BODY = HEADER + b"x" * 60_000
MANY = 100


def test_log_is_written_back_aside(folder: Path) -> None:
    """A log that has become long is written back to the database a moment later, then used again from its front."""
    database, log = folder / DATABASE, folder / f"{DATABASE}-wal"
    with running(folder) as there:
        local = Local(there.host, there.token)
        for number in range(MANY):
            assert local.upload(f"{HOME}/{number}", BODY).status == 200
        long = log.stat().st_size
        assert long > LONG
        deadline = time.monotonic() + 60
        while database.stat().st_size < MANY * len(BODY):
            assert time.monotonic() < deadline, database.stat().st_size
            time.sleep(0.2)
        grown = True
        while grown:
            assert time.monotonic() < deadline
            time.sleep(1.5)  # the database has its size some time before all is in it
            before = log.stat().st_size
            assert local.upload(f"{HOME}/0", BODY, overwrite="true").status == 200
            grown = log.stat().st_size > before
        assert log.stat().st_size >= long
        assert local.download(f"{HOME}/0") == BODY


def test_kill_with_a_long_log(folder: Path) -> None:
    """What was answered is there after the server was killed, however little of it was written back by then."""
    with running(folder) as there:
        local = Local(there.host, there.token)
        for number in range(MANY):
            assert local.upload(f"{HOME}/{number}", BODY).status == 200
        os.kill(there.pid, signal.SIGKILL)
    with running(folder) as there:
        local = Local(there.host, there.token)
        assert all(local.download(f"{HOME}/{number}") == BODY for number in range(MANY))


def test_commit_writes_nothing_back(tmp_path: Path) -> None:
    """However long its log, a commit leaves the database alone, and tells whoever writes the log back."""
    file = tmp_path / DATABASE
    store, commits = Store(file), []
    store.create()
    store.leave_log(lambda: commits.append(file.stat().st_size), LONG)
    for number in range(MANY):
        store.add(Entry(0, f"/{number}", NOTEBOOK), BODY)
    assert len(commits) == MANY and set(commits) == {commits[0]}
    assert (tmp_path / f"{DATABASE}-wal").stat().st_size > LONG
    store.close()


def test_commit_cuts_nothing_off(tmp_path: Path) -> None:
    """The first commit after a log was written back leaves it as long as it is: cutting takes the disk long."""
    file, log = tmp_path / DATABASE, tmp_path / f"{DATABASE}-wal"
    store = Store(file)
    store.create()
    checkpoints = Checkpoints(store)
    for number in range(MANY):
        store.add(Entry(0, f"/{number}", NOTEBOOK), BODY)
    checkpoints.close()
    long = log.stat().st_size
    with closing(sqlite3.connect(file)) as other:
        busy, pages, written = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert not busy and pages == written
    store.add(Entry(0, "/last", NOTEBOOK), HEADER)
    assert log.stat().st_size == long > LONG
    store.close()
