"""One command of a run: started under its guard, its output kept within bounds, ended when told to."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from databricks_local.runtime import guard
from databricks_local.runtime.programs import let_go

from .cell_log import CellLog

# The API gives the last 5 MB of a log [DOCS].
LOG_LIMIT = 5 * 1024 * 1024


class Log:
    """A file that never grows beyond twice the limit: what is older than the last 5 MB goes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._older = file.with_suffix(".older")

    def pump(self, source: IO[bytes], cells: CellLog | None = None) -> None:
        """Keeps all that comes from `source`, until its end; `cells` takes out what tells the cells apart."""
        while chunk := source.read1(65536):  # type: ignore[attr-defined]
            self.add(cells.take(chunk) if cells else chunk)
        if cells:
            self.add(cells.rest())

    @property
    def cells(self) -> Path:
        """Where it is recorded which cell of a notebook wrote what (cell_log.py)."""
        return self._file.with_suffix(".cells")

    def add(self, chunk: bytes) -> None:
        """Adds some bytes."""
        with self._file.open("ab") as out:
            out.write(chunk)
            size = out.tell()
        if size > LOG_LIMIT:
            self._file.replace(self._older)

    def tail(self) -> tuple[bytes, bool]:
        """The last 5 MB, and whether there was more."""
        whole = b"".join(file.read_bytes() for file in (self._older, self._file) if file.is_file())
        return whole[-LOG_LIMIT:], len(whole) > LOG_LIMIT or self._older.is_file()


class Process:
    """A running command. It ends with us, because we hold the other end of its guard's standard input."""

    def __init__(self, command: Sequence[str], cwd: Path, environment: Mapping[str, str], exit_file: Path) -> None:
        self._exit_file = exit_file
        exit_file.unlink(missing_ok=True)
        guarded = [sys.executable, "-I", "-S", guard.__file__, str(exit_file), *command]
        self._process = subprocess.Popen(
            guarded,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def follow(self, log: Log, cells: CellLog | None = None) -> threading.Thread:
        """Starts a thread that writes the command's output to `log`, until it ends."""
        assert self._process.stdout is not None
        thread = threading.Thread(target=log.pump, args=(self._process.stdout, cells), daemon=True)
        thread.start()
        return thread

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within that time."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=max(0.0, seconds))
            return True
        return False

    def interrupt(self) -> None:
        """Ctrl-C for the command, as cancelling interrupts a notebook's cell."""
        if self._process.stdin is not None:
            with suppress(OSError, ValueError):
                self._process.stdin.write(b"i")
                self._process.stdin.flush()

    def kill(self) -> None:
        """Ends the command and all that it started, and waits for it; nothing when it has ended."""
        if self._process.poll() is None:
            guard.kill_group(self._process.pid)
            self._process.wait()

    def end(self) -> int | None:
        """The command's exit code; None when it was killed."""
        self.kill()
        let_go(self._process)
        with suppress(OSError, ValueError):
            return int(self._exit_file.read_text())
        return None


def wait_or_stop(process: Process, stop: threading.Event, deadline: float | None, grace: Callable[[], float]) -> str:
    """How it came to an end: "ended", "cancelled" or "timeout". Interrupted first, killed after the grace."""
    verdict = ""
    while not verdict:
        if process.wait(0.05):
            return "ended"
        if stop.is_set():
            verdict = "cancelled"
        elif deadline is not None and time.monotonic() > deadline:
            verdict = "timeout"
    seconds = grace()
    if seconds:
        process.interrupt()
        process.wait(seconds)
    process.kill()
    return verdict
