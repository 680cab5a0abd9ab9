"""What one run is asked to do, what it found and did, and who is told while it does."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from .carry import Outcome
from .diff import Line
from .errors import SyncError
from .mode import Mode
from .model import Problem
from .plan import Action, Step
from .survey import Scope
from .valves import Allowed

Diffs = dict[str, list[Line]]


class Request(NamedTuple):
    """What one run is asked to do."""

    mode: Mode
    target: str
    scope: Scope = Scope()
    dry_run: bool = False
    diff: bool = False
    markers: bool = False  # of a merge: what cannot be merged is written with markers
    delete: bool = True
    insisted: bool = False  # the target or the branch was named
    allowed: Allowed = Allowed()
    lock: bool = False
    wait: float = 0.0
    branch: str = ""
    head: str | None = None  # the branch that was checked out when the target was chosen, if any was
    again: str = ""  # the options that name this workspace and target, to be typed in the next command
    login: str = ""  # those of them that name the workspace
    way: str = ""  # from the current folder to the project, where that is another one

    def typed(self, path: str) -> str:
        """A path that the plan shows, as it is typed in the current folder."""
        return f"{self.way}/{path}" if self.way else path


class Report(NamedTuple):
    """What a run found and did."""

    request: Request
    steps: tuple[Step, ...]
    outcomes: tuple[Outcome, ...] = ()
    backup: str = ""
    seconds: float = 0.0
    requests: int = 0
    interrupted: bool = False
    trouble: SyncError | None = None

    @property
    def problems(self) -> list[Problem]:
        found = [step.problem for step in self.steps] + [outcome.problem for outcome in self.outcomes]
        return list(dict.fromkeys(problem for problem in found if problem))

    @property
    def conflicts(self) -> list[Step]:
        return [step for step in self.steps if step.action is Action.CONFLICT and not step.problem]

    @property
    def marked(self) -> list[Step]:
        return [step for step in self.steps if step.action is Action.MARK]

    @property
    def exit_code(self) -> int:
        if self.interrupted:
            return 130
        if self.trouble:
            return self.trouble.exit_code
        worst = max((problem.severity.value for problem in self.problems), default=0)
        return max(worst, 1 if self.conflicts or self.marked else 0)


class Watcher(Protocol):
    """Who is told how a run goes."""

    def notice(self, text: str) -> None: ...

    def start(self, request: Request, folders: list[str], host: str) -> None: ...

    def plan(self, request: Request, steps: list[Step], diffs: Diffs) -> None: ...

    def begin(self, total: int) -> None: ...

    def outcome(self, outcome: Outcome) -> None: ...

    def end(self) -> None: ...
