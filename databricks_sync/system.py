"""What a run needs of the machine it runs on: threads, the clock, names that survive a power cut, the login's name."""

from __future__ import annotations

import getpass
import os
import sys
import threading
import time
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


class Clock:
    """The clock that pauses go by. It comes with the connection, so that tests need not wait as long as people do.

    Seconds, from an arbitrary moment.

    What others take their time for, such as a request or a lock that is held, is measured by `time` itself.
    """

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits so many seconds."""
        time.sleep(seconds)

    def wait(self, changed: threading.Condition, seconds: float | None) -> None:
        """Waits until `changed` is notified, for so many seconds at most; None: for ever."""
        changed.wait(seconds)


CLOCK = Clock()


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
