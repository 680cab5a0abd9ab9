"""The clock that pauses go by. It comes with the connection, so that tests need not wait as long as people do."""

from __future__ import annotations

import threading
import time


class Clock:
    """The machine's own. Seconds, from an arbitrary moment.

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
