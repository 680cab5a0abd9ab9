"""Commands in processes of their own that have nothing to import: each is forked from one that has.

To import a command takes longer than most of its runs. All else is as ever: the process has a number, a folder, an
environment and files that it writes to, and signals reach it. How a process begins is for tests that start one.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import walk_packages

import databricks_sync

MODULES = tuple(module.name for module in walk_packages(databricks_sync.__path__, "databricks_sync."))
_CONTEXT = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")


class Forked:
    """As much of subprocess.Popen as is wanted of it.

    It waits for a word before it begins, so that its number can be given to whoever is to kill it.
    """

    def __init__(
        self, module: str, typed: Sequence[str], folder: Path, environ: Mapping[str, str], out: Path, err: Path,
        modules: Sequence[str] = MODULES,
    ) -> None:  # fmt: skip
        """`module`: whose `main` is run; `modules`: what is imported by then, if these are the first of this worker."""
        if sys.platform != "win32":
            _CONTEXT.set_forkserver_preload(list(modules))
        self._begin, theirs = _CONTEXT.Pipe()
        told = theirs, module, list(typed), str(folder), dict(environ), str(out), str(err)
        self._process = _CONTEXT.Process(target=_run, args=told, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def begin(self) -> None:
        """Runs the command."""
        self._begin.send(None)

    @property
    def returncode(self) -> int | None:
        """How it ended, by a signal if it is negative; None until then."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, seconds: float = 600) -> int:
        self._process.join(seconds)
        assert self._process.exitcode is not None, "it did not end"
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))


def _run(begin: Connection, module: str, typed: list[str], folder: str, environ: dict[str, str], *said: str) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for number, name in enumerate((os.devnull, *said)):
        opened = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    sys.argv = typed
    begin.recv()
    importlib.import_module(module).main()
