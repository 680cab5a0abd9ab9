"""Runs everybody on the same work, in turn and interleaved, so that a machine that changes speed is fair to all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import workload
from .contestants import Contestant, Place
from .process import cost
from .results import Cell, Run
from .server import Conditions, Server
from .workload import Tree

START = "start"
FIRST_PUSH = "first push"
SAME_PUSH = "push, nothing changed"
STILL_SAME_PUSH = "push, still nothing changed"
ONE_PUSH = "push, one changed"
FIRST_PULL = "first pull"
SAME_PULL = "pull, nothing changed"
WORKS = (START, FIRST_PUSH, SAME_PUSH, ONE_PUSH, FIRST_PULL, SAME_PULL)

# Whoever took longer than this for one round has no second one.
PATIENCE_S = 60.0

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: which works under which conditions, how often."""

    conditions: Conditions
    works: tuple[str, ...] = WORKS
    rounds: int = 3


class Harness:
    def __init__(self, folder: Path, server: Server, tree: Tree, tell: Told) -> None:
        self.folder = folder
        self.server = server
        self.tell = tell
        self._original = folder / "original"
        tree.make(self._original)

    def measure(self, plan: Plan, contestants: Sequence[Contestant]) -> list[Cell]:
        """All cells of a plan. Raises Failed when a contestant does not do its work."""
        cells = {
            (work, one.name): Cell(plan.conditions.name, work, one.name) for work in plan.works for one in contestants
        }
        left = list(contestants)
        for number in range(plan.rounds):
            self.server.ask("POST", "/api/local/reset", {})
            self.server.set(plan.conditions)
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                places = {one.name: self._place(one, Path(folder)) for one in left}
                for work in plan.works:
                    workload.settle()
                    for one in _turned(left, number):
                        self._do(work, one, places[one.name], cells[work, one.name])
            left = [one for one in left if _last_round(cells.values(), one) < PATIENCE_S]
        return [cell for cell in cells.values() if cell.runs]

    def _place(self, one: Contestant, folder: Path) -> Place:
        home = folder / one.slug
        there = self.server.there
        place = Place(home / "project", home / "clone", home.name, home, there.host, there.token)
        shutil.copytree(self._original, place.project)
        workload.repository(place.clone)
        return place

    def _do(self, work: str, one: Contestant, place: Place, cell: Cell) -> None:
        pulls = work in (FIRST_PULL, SAME_PULL)
        command = one.start if work == START else one.pull if pulls else one.push
        if command is None:
            return
        if work == ONE_PUSH:
            workload.change_one(place.project / "notebooks")
        self.server.forget()
        spent = cost(command(place), folder=place.clone if pulls else place.project, environ=place.environ(one.environ))
        cell.runs.append(Run(spent, self.server.seen()))
        self.tell(f"{cell.conditions}: {work}: {one.name}: {spent.wall:.2f} s")


def _turned(contestants: Sequence[Contestant], number: int) -> Sequence[Contestant]:
    """Nobody is always the first."""
    by = number % len(contestants)
    return [*contestants[by:], *contestants[:by]]


def _last_round(cells: Iterable[Cell], one: Contestant) -> float:
    return sum(cell.runs[-1].cost.wall for cell in cells if cell.contestant == one.name and cell.runs)
