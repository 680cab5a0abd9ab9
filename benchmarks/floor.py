"""The least that a first push can take: to start, and to wait for its answers, or for what it is granted a second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .contestants import OURS
from .harness import FIRST_PUSH, START
from .results import Cell, Run
from .server import Conditions


@dataclass(frozen=True, slots=True)
class Floor:
    """That of one run; `start` is how many seconds it takes to start and do nothing."""

    conditions: Conditions
    start: float
    run: Run

    @property
    def seconds(self) -> float:
        seen, rate = self.run.seen, self.conditions.import_rate
        waited = seen.requests * self.conditions.latency_ms / 1000 / seen.at_once
        granted = (seen.endpoints["import"] - seen.throttled) / rate - 1 if rate else 0.0  # a second's worth at once
        return self.start + max(waited, granted)

    @property
    def times(self) -> float:
        """How many times as long it took."""
        return self.run.cost.wall / self.seconds

    def document(self) -> dict[str, Any]:
        return {"conditions": self.conditions.name, "floor_s": round(self.seconds, 3), "times": round(self.times, 2)}

    def __str__(self) -> str:
        seen = self.run.seen
        asked = f"{seen.requests:,} requests, {seen.at_once} at once"
        return f"first push, {self.conditions.name}: {self.times:.2f} times the least, {self.seconds:.2f} s ({asked})"


def floors(cells: Iterable[Cell], conditions: Mapping[str, Conditions]) -> Iterator[Floor]:
    """Those of our own first pushes where there is something to wait for, if our start was measured beside them."""
    ours = [cell for cell in cells if cell.contestant == OURS]
    starts = [cell.wall for cell in ours if cell.work == START]
    for cell in ours:
        under = conditions[cell.conditions]
        if cell.work == FIRST_PUSH and starts and under.latency_ms:
            yield Floor(under, starts[0], cell.middle)
