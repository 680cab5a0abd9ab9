"""Requests of many threads take turns at an endpoint, at the pace the workspace allows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from math import inf

from databricks_sync.clock import Clock
from databricks_sync.errors import WorkspaceError

from .pace import Pace, Sent


class Turns:
    """The turns at one endpoint, of which at most `most` are under way at once.

    Where all was refused for `patience` seconds, nobody waits for one any more: else each of those that queue would be
    patient for so long, one after the other.
    """

    def __init__(self, endpoint: str, most: int, patience: float, clock: Clock) -> None:
        self.pace = Pace(endpoint, most)
        self.patience = patience
        self.clock = clock
        self.changed = threading.Condition()
        self._first = threading.Lock()

    def take(self) -> Turn:
        """Waits until it is one's turn. Threads queue: only the first of them watches the clock.

        Raises WorkspaceError where that is in vain. Nothing was sent then; it is no Throttled, which is tried again.
        """
        with self._first, self.changed:
            while (delay := self.pace.delay(self.clock.monotonic())) > 0:
                if self.pace.in_vain(self.clock.monotonic()) > self.patience:
                    raise WorkspaceError(
                        f"The workspace has been refusing all {self.pace.endpoint} requests as too many (429).",
                        "Run the command again later; nothing is lost.",
                        status=429,
                    )
                self.clock.wait(self.changed, None if delay == inf else delay)
            return Turn(self, self.pace.sent(self.clock.monotonic()))


class Turn:
    """The right to send one request. Leaving the `with` block without having used it gives it back."""

    def __init__(self, turns: Turns, request: Sent) -> None:
        self._turns = turns
        self._request = request
        self._over = False

    def __enter__(self) -> Turn:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._over:
            self._end(self._turns.pace.unused)

    def answered(self) -> None:
        """The workspace took the request, whatever it said to it."""
        self._end(self._turns.pace.answered)

    def refused(self, seconds: float) -> None:
        """The workspace said 429, and to ask again in so many seconds."""
        self._end(partial(self._turns.pace.refused, self._request, self._turns.clock.monotonic(), seconds))

    def _end(self, tell: Callable[[], None]) -> None:
        self._over = True
        with self._turns.changed:
            tell()
            self._turns.changed.notify()
