"""Who else uses a server that was started for somebody: it stays until the last of them has left."""

from __future__ import annotations

from collections.abc import Callable


class AttachedClients:
    """Counted on the event loop only, so that arriving and ending cannot cross."""

    def __init__(self) -> None:
        self._here = 0
        self._end: Callable[[], None] | None = None

    def arrive(self) -> None:
        """A client has attached itself."""
        self._here += 1

    def leave(self) -> None:
        """A client that had arrived is gone."""
        self._here -= 1
        self._end_if_alone()

    def end_when_alone(self, end: Callable[[], None]) -> None:
        """The host is gone: `end` is called now, or when the last client leaves."""
        self._end = end
        self._end_if_alone()

    def _end_if_alone(self) -> None:
        if self._end is not None and not self._here:
            self._end()
