"""Ctrl-C, and the SIGTERM of a CI system: the first asks for an orderly end, the second for one at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """True once somebody has interrupted; `told` is called at that moment."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self._event = threading.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits so long, or until somebody interrupts; whether somebody has."""
        return self._event.wait(seconds)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Meanwhile a first interruption only sets the flag; a second one raises KeyboardInterrupt."""
        before = {number: signal.signal(number, self._interrupted) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _interrupted(self, *_: object) -> None:
        if self._event.is_set():
            raise KeyboardInterrupt
        self._event.set()
        self._told()
