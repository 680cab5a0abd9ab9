"""Ctrl-C for a program that stays.

A handler raises KeyboardInterrupt wherever the program happens to be. In the middle of Python's own tidying up (a
finalizer, a callback of a weak reference, as each run has many when its threads are gone) that is printed and dropped,
and the program would stay for ever. So it is also remembered, and nobody waits for anything without asking.
"""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


class Stop:
    """While this is entered, what ends a program in an orderly way is Ctrl-C, and none is forgotten."""

    def __init__(self) -> None:
        self._asked = False

    def __enter__(self) -> Stop:
        self._before = signal.signal(signal.SIGINT, self._ask), signal.signal(signal.SIGTERM, self._terminate)
        self._hook, sys.unraisablehook = sys.unraisablehook, self._dropped
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._hook
        for number, before in zip((signal.SIGINT, signal.SIGTERM), self._before, strict=True):
            signal.signal(number, before)

    def check(self) -> None:
        """Raises KeyboardInterrupt when the program was asked to stop and is still here."""
        if self._asked:
            raise KeyboardInterrupt

    def _ask(self, *_: object) -> NoReturn:
        self._asked = True
        raise KeyboardInterrupt

    def _terminate(self, *_: object) -> None:
        signal.raise_signal(signal.SIGINT)  # which whoever carries objects has taken over meanwhile

    def _dropped(self, dropped: sys.UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            self._hook(dropped)
