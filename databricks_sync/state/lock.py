"""One run per target at a time on this machine: a lock the system itself releases when a process dies."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from databricks_sync.errors import Busy, SyncError


@contextmanager
def held(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Holds the lock of a state folder. Raises Busy, naming the holder, when another run has it for too long."""
    deadline = time.monotonic() + wait
    with _opened(folder) as file:
        while not _take(file):
            if time.monotonic() >= deadline:
                hint = "Wait until it has finished, or add --wait SECONDS."
                raise Busy(f"Another run is using this target ({_holder(file)}).", hint)
            time.sleep(0.1)
        _sign(file)
        try:
            yield
        finally:
            _give(file)


def _opened(folder: Path) -> IO[bytes]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "lock").open("a+b", buffering=0)
    except OSError as error:
        hint = "The state of the sync is kept there: make the folder writable."
        raise SyncError(f"{folder} cannot be written ({error.strerror}).", hint) from None


def _sign(file: IO[bytes]) -> None:
    """Leaves word of who holds the lock; on a full disk it is held all the same."""
    try:
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "since": time.strftime("%H:%M:%S")}).encode())
    except OSError:
        pass


def _holder(file: IO[bytes]) -> str:
    try:
        file.seek(0)
        holder = json.loads(file.read(200))
        return f"process {int(holder['pid'])}, since {str(holder['since'])[:8]}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


if sys.platform == "win32":
    import msvcrt

    # A byte far behind the content, so that others can still read who holds the lock.
    _BYTE = 2**20

    def _take(file: IO[bytes]) -> bool:
        try:
            file.seek(_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _give(file: IO[bytes]) -> None:
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _give(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
