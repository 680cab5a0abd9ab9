"""What one run found and did, and who is told while it does."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from databricks_sync.errors import ExitCode, SyncError
from databricks_sync.model import Problem
from databricks_sync.notebook.diff import Line
from databricks_sync.rules.outcome import Outcome
from databricks_sync.rules.plan import Action, Step

from .request import Request

Diffs = dict[str, list[Line]]


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
    def exit_code(self) -> ExitCode:
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.trouble:
            return self.trouble.exit_code
        worst = max((problem.severity.value for problem in self.problems), default=ExitCode.DONE)
        return max(worst, ExitCode.LEFT if self.conflicts or self.marked else ExitCode.DONE)


class RunListener(Protocol):
    """Who is told how a run goes."""

    def notice(self, text: str) -> None: ...

    def start(self, request: Request, folders: list[str], host: str) -> None: ...

    def plan(self, request: Request, steps: list[Step], diffs: Diffs) -> None: ...

    def begin(self, total: int) -> None: ...

    def outcome(self, outcome: Outcome) -> None: ...

    def end(self) -> None: ...
