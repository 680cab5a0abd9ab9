"""The workspace's clock, which tests can make coarse, stop, turn back or hide."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

LAST_MS = 253_402_300_799_000
MODES = ("real", "coarse", "frozen", "backwards", "absent")


class WorkspaceClock:
    """Milliseconds since 1970 for `created_at`, `modified_at` and the Date header.

    `coarse` rounds down to `resolution_ms`; `frozen` stands still; `backwards` starts now and loses `step_ms`
    with every stamp; `absent` leaves the times out of answers. `offset_ms` shifts all of them.
    """

    def __init__(self) -> None:
        self.mode = "real"
        self._at = 0
        self._offset = 0
        self._resolution = 1000
        self._step = 1000

    def set(self, settings: Mapping[str, Any]) -> None:
        """Takes `mode`, and what it needs, in milliseconds: `at_ms`, `offset_ms`, `resolution_ms`, `step_ms`.

        Raises ValueError for an unknown mode or what is no number.
        """
        mode = settings.get("mode", "real")
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
        self.mode = mode
        self._offset = int(settings.get("offset_ms", 0))
        self._resolution = max(1, int(settings.get("resolution_ms", 1000)))
        self._step = int(settings.get("step_ms", 1000))
        self._at = int(settings.get("at_ms", time.time_ns() // 1_000_000))

    def now(self) -> int:
        """Milliseconds since 1970, as this clock shows them: never before 1970, nor after the year 9999."""
        at = self._at if self.mode in ("frozen", "backwards") else time.time_ns() // 1_000_000
        now = min(max(0, at + self._offset), LAST_MS)
        return now - now % self._resolution if self.mode == "coarse" else now

    def stamp(self) -> int:
        """The time of a change: only changes turn the clock back."""
        if self.mode == "backwards":
            self._at -= self._step
        return self.now()
