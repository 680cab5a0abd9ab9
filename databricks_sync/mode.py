"""The ways to run, each a column of the action table."""

from __future__ import annotations

from enum import IntEnum

from .model import Direction


class Mode(IntEnum):
    PUSH = 0
    PULL = 1
    PUSH_OVERWRITE = 2
    PULL_OVERWRITE = 3
    PUSH_MIRROR = 4
    PULL_MERGE = 5

    @property
    def direction(self) -> Direction:
        return Direction.PULL if self in (Mode.PULL, Mode.PULL_OVERWRITE, Mode.PULL_MERGE) else Direction.PUSH

    @property
    def source_wins(self) -> bool:
        return self not in (Mode.PUSH, Mode.PULL, Mode.PULL_MERGE)
