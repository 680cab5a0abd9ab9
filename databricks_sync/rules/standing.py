"""How each object stands between the two sides, from the plans of both directions for the same sides. Pure.

What a push would carry was changed locally, and what only a pull would carry in the workspace. So no second comparison
is made: what the one plan writes, the other one leaves, but for extras of a notebook, which a pull keeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from databricks_sync.model import Severity

from .plan import Action, Step


class Side(str, Enum):
    """Where an object differs from what both sides agreed on. The values are those of the JSON output."""

    LOCAL = "local"  # a push brings it
    WORKSPACE = "workspace"  # a pull brings it
    BOTH = "both"  # a conflict
    NEITHER = "neither"  # in sync
    UNKNOWN = "unknown"  # left alone: the problem says why


class Standing(NamedTuple):
    """How one object stands. `step` is that of the plan which would carry it, or says best why none does."""

    side: Side
    step: Step

    @property
    def letters(self) -> str:
        """Two letters as git has them, the first for the local side: A new, M edited, D deleted, R moved."""
        if problem := self.step.problem:
            return "??" if problem.severity is Severity.NOTE else "!!"
        if self.step.moved and self.side is Side.LOCAL:
            return "R "
        if self.side is Side.NEITHER:
            return "  "
        local, workspace = (_letter(self.step.shape[0], side) for side in self.step.shape[1:])
        return f"{' ' if self.side is Side.WORKSPACE else local}{' ' if self.side is Side.LOCAL else workspace}"


def standings(pushing: Iterable[Step], pulling: Iterable[Step]) -> list[Standing]:
    """How everything stands, by the steps of a plain push and of a plain pull; what both sides lack is nothing."""
    back = {step.key: step for step in pulling}
    both = ((push, back.get(push.key, push)) for push in pushing)
    return [standing for push, pull in both if (standing := _standing(push, pull))]


def _standing(push: Step, pull: Step) -> Standing | None:
    if push.writes:
        return Standing(Side.LOCAL, push)
    if pull.writes:
        return Standing(Side.WORKSPACE, pull)
    if push.problem or pull.problem:
        return Standing(Side.UNKNOWN, push if push.problem else pull)
    if Action.CONFLICT in (push.action, pull.action):
        return Standing(Side.BOTH, push if push.action is Action.CONFLICT else pull)
    return Standing(Side.NEITHER, push) if push.action in (Action.NOTHING, Action.ADOPT) else None


def _letter(agreed: str, side: str) -> str:
    """What has become of a side of a shape since both agreed."""
    if side == agreed:
        return " "
    return "D" if side == "-" else "A" if agreed == "-" else "M"
