"""What a run needs of the machine it runs on: threads, names that survive a power cut, the name of the login."""

from __future__ import annotations

import getpass
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

CONNECTIONS = 50  # to one workspace at once, and threads that use them


class Pool(ThreadPoolExecutor):
    """As many threads as there are connections. A KeyboardInterrupt waits for none of them.

    They can only be reading then: while something is written, Ctrl-C is minded by `Interruption`.
    """

    def __init__(self) -> None:
        super().__init__(CONNECTIONS, "sync")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = kind is KeyboardInterrupt
        self.shutdown(wait=not interrupted, cancel_futures=interrupted)


def fsync_directory(folder: Path) -> None:
    """Makes the names in a folder durable where the system can; raises nothing where it cannot."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def login_name() -> str:
    """The name this process runs under, from the system itself rather than from variables anybody can set; or ""."""
    try:
        if sys.platform != "win32":
            import pwd  # Windows has none

            return pwd.getpwuid(os.getuid()).pw_name
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
