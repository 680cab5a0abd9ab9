"""What one run found and did, and who is told while it does."""

from __future__ import annotations

from typing import NamedTuple

from databricks_sync.errors import SyncError
from databricks_sync.exit_code import ExitCode
from databricks_sync.model import Problem
from databricks_sync.notebook.diff import Line
from databricks_sync.rules.outcome import Outcome
from databricks_sync.rules.plan import Action, Step

from .request import Request

Diffs = dict[str, list[Line]]  # by key


class Report(NamedTuple):
    """What a run found and did: `steps` is the plan, `outcomes` of those of its steps that were begun."""

    request: Request
    steps: tuple[Step, ...]
    outcomes: tuple[Outcome, ...] = ()
    backup: str = ""  # the name of what was saved, if anything was
    removed: bool = False  # the target is gone, with all that was known of it
    seconds: float = 0.0
    requests: int = 0
    interrupted: bool = False  # by a person
    trouble: SyncError | None = None  # what else ended it before its time

    @property
    def problems(self) -> list[Problem]:
        """What the plan found and what the run met, each once."""
        problems = [step.problem for step in self.steps] + [outcome.problem for outcome in self.outcomes]
        return list(dict.fromkeys(problem for problem in problems if problem))

    @property
    def conflicts(self) -> list[Step]:
        """What both sides have changed, and was left."""
        return [step for step in self.steps if step.action is Action.CONFLICT and not step.problem]

    @property
    def marked(self) -> list[Step]:
        """What was merged with conflict markers."""
        return [step for step in self.steps if step.action is Action.MARK]

    @property
    def remains(self) -> bool:
        """Whether the target stays, or would: something in it is to be left, or it was not to be removed."""
        if self.request.dry_run:
            return any(step.problem or (step.remote and not step.writes) for step in self.steps)
        return not self.removed

    @property
    def exit_code(self) -> ExitCode:
        """0: all is done; 1: a conflict, a refusal, a folder that stays, or of a check, a difference; 4: a failure.

        130: Ctrl-C. Else it is the one of `trouble`.
        """
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.trouble:
            return self.trouble.exit_code
        worst = max((problem.severity.value for problem in self.problems), default=ExitCode.DONE)
        differs = self.request.check and any(step.writes for step in self.steps)
        stays = self.request.removing and self.remains
        return max(worst, ExitCode.LEFT if differs or stays or self.conflicts or self.marked else ExitCode.DONE)


class RunListener:
    """Who is told how a run goes, by the thread that runs it. The report comes last, as what the run returns.

    What somebody does not want to know of does nothing.
    """

    def notice(self, text: str) -> None:
        """Something that is worth knowing, at any time."""

    def start(self, request: Request, folders: list[str], host: str) -> None:
        """Before anything is asked: what will be compared."""

    def plan(self, request: Request, steps: list[Step], diffs: Diffs) -> None:
        """The whole plan, before anything is written."""

    def begin(self, total: int) -> None:
        """So many steps are about to be carried out."""

    def outcome(self, outcome: Outcome) -> None:
        """One of them is over, and not yet read back."""

    def end(self) -> None:
        """No more of them, whatever happened."""
