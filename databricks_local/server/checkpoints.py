"""Writes the log back into the database beside the requests, so that none of them waits for the disk.

SQLite would do it within whatever commit makes the log long, and hold every request for as long as two fsyncs take:
20 ms for each 150 imports, a tenth of a push of 1,000 notebooks (measured).
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress

from databricks_local.workspace.store import Store

_PAUSE = 1.0  # seconds for more commits to come
_LONG = 4 * 2**20  # bytes of a log that is worth it, as SQLite has it
# Bytes of it that are used again from the front: whichever commit is the first to do so would cut off what is more, and
# hold every request for as long as the disk takes to free that, 60 ms for 30 MiB (measured).
_KEPT = 64 * 2**20


class Checkpoints:
    """Those of one store, from now until `close`, which comes before that of the store."""

    def __init__(self, store: Store) -> None:
        self._file = store.file
        self._written = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        store.leave_log(self._written.set, _KEPT)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._written.set()
        self._thread.join()

    def _run(self) -> None:
        log = self._file.with_name(f"{self._file.name}-wal")
        with closing(sqlite3.connect(self._file, isolation_level=None)) as db:
            while self._written.wait() and not self._over.wait(_PAUSE):
                self._written.clear()
                # What cannot be done now, on a full disk say, is left to the next commit: nothing is lost.
                with suppress(OSError, sqlite3.Error):
                    if log.stat().st_size > _LONG:
                        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
