"""What was measured: costs of runs, their medians, and the table that people read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from .contestants import OURS
from .process import Cost
from .server import Seen


@dataclass(frozen=True, slots=True)
class Run:
    """One process of one contestant."""

    cost: Cost
    seen: Seen


@dataclass(slots=True)
class Cell:
    """All runs of one contestant at one piece of work under the same conditions."""

    conditions: str
    work: str
    contestant: str
    runs: list[Run] = field(default_factory=list)

    @property
    def middle(self) -> Run:
        """The run that took neither the longest nor the shortest."""
        return sorted(self.runs, key=lambda run: run.cost.wall)[len(self.runs) // 2]

    @property
    def wall(self) -> float:
        return median(run.cost.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        return median(run.cost.cpu for run in self.runs)

    @property
    def peak(self) -> float:
        return max(run.cost.peak for run in self.runs)

    @property
    def requests(self) -> int:
        return int(median(run.seen.requests for run in self.runs))

    @property
    def throttled(self) -> int:
        return int(median(run.seen.throttled for run in self.runs))


@dataclass(frozen=True, slots=True)
class Results:
    """Everything one run of the benchmark found; `about` says on what."""

    about: dict[str, Any]
    cells: list[Cell]

    def document(self) -> dict[str, Any]:
        medians = [
            {
                "conditions": cell.conditions,
                "work": cell.work,
                "contestant": cell.contestant,
                "wall_s": round(cell.wall, 3),
                "cpu_s": round(cell.cpu, 3),
                "peak_mib": round(cell.peak),
                "requests": cell.requests,
                "throttled": cell.throttled,
                "runs": [asdict(run) for run in cell.runs],
            }
            for cell in self.cells
        ]
        return {"about": self.about, "measured": medians}

    def print(self, console: Console) -> None:
        for name in dict.fromkeys(cell.conditions for cell in self.cells):
            console.print(_table(name, [cell for cell in self.cells if cell.conditions == name]))


def _table(title: str, cells: Sequence[Cell]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading in ("work", "tool"):
        table.add_column(heading)
    for heading in ("wall s", "times ours", "CPU s", "peak MiB", "requests", "429"):
        table.add_column(heading, justify="right")
    for work in dict.fromkeys(cell.work for cell in cells):
        _rows(table, [cell for cell in cells if cell.work == work])
    return table


def _rows(table: Table, cells: Iterable[Cell]) -> None:
    cells = list(cells)
    ours = next((cell.wall for cell in cells if cell.contestant == OURS), None)
    for cell in cells:
        first = cell is cells[0]
        table.add_row(
            cell.work if first else "",
            cell.contestant,
            f"{cell.wall:.2f}",
            f"{cell.wall / ours:.1f}" if ours else "",
            f"{cell.cpu:.2f}",
            f"{cell.peak:.0f}",
            str(cell.requests),
            str(cell.throttled),
            end_section=cell is cells[-1],
        )
