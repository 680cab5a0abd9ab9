"""Runs a command where Python has no more of POSIX than on Windows: `python windows.py COMMAND ARGUMENTS`.

What is missing there is taken away, and what of ours asks for the system is told it is Windows; `msvcrt` does
with fcntl what the real one does with LockFile. Paths stay those of this system: how Windows spells them is for
the tests of names.
"""

from __future__ import annotations

import fcntl
import importlib
import importlib.abc
import os
import signal
import sys
import types
from collections.abc import Sequence

GONE = ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "syslog")
CALLS = ("fork", "getuid", "geteuid", "getgid", "killpg", "setsid", "getpgid", "chown", "mkfifo", "uname", "getppid")
FLAGS = ("O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK")
SIGNALS = ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH")


class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None) -> None:
        if name in GONE:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def locking(descriptor: int, mode: int, count: int) -> None:
    """Locks or frees `count` bytes from where the file stands."""
    kind = fcntl.LOCK_EX | fcntl.LOCK_NB if mode else fcntl.LOCK_UN
    fcntl.lockf(descriptor, kind, count, os.lseek(descriptor, 0, os.SEEK_CUR))


def become_windows() -> None:
    # These modules of Python itself use POSIX where it is; on Windows they choose otherwise.
    import getpass  # noqa: F401
    import subprocess  # noqa: F401
    import tempfile  # noqa: F401

    made = types.ModuleType("msvcrt")
    made.__dict__.update(LK_UNLCK=0, LK_NBLCK=2, locking=locking)
    sys.modules["msvcrt"] = made
    for name in GONE:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Missing())
    for owner, names in ((os, (*CALLS, *FLAGS)), (signal, SIGNALS)):
        for name in names:
            if hasattr(owner, name):
                delattr(owner, name)

    def no_links(*_: object, **__: object) -> None:
        raise OSError(95, "no hard links here")

    os.link = no_links
    here, sys.platform = sys.platform, "win32"
    for name in ("state.lock", "cli.settings"):  # what chooses by the system; the libraries we use choose for this one
        importlib.import_module(f"databricks_sync.{name}")
    sys.platform = here


if __name__ == "__main__":
    command, sys.argv = sys.argv[1], sys.argv[1:]
    become_windows()
    importlib.import_module(f"databricks_sync.{command}").main()
