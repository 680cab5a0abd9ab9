"""Threads that would only be in each other's way go one by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE = 0.02  # seconds; on a slow disk, as over a network, many at once are quicker again


class OneByOne:
    """For short work with files, of whoever has the same lock.

    Each call into the system, and each hash, lets go of the interpreter, and fifty threads that take it from
    each other ten times a file mostly wait for it: a first pull of 1,000 notebooks takes a third longer
    (measured). Nothing relies on it, so whoever has waited long goes ahead all the same.
    """

    def __init__(self, lock: threading.Lock, patience: float = _PATIENCE) -> None:
        self._lock = lock
        self._patience = patience
        self._ours = False

    def __enter__(self) -> OneByOne:
        self._ours = self._lock.acquire(timeout=self._patience)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._lock.release()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Lets the others go ahead, while one waits for the disk."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()
