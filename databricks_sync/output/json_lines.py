"""A run for a program: one JSON object per line on stdout, an event per path and a closing summary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import IO

from databricks_sync.engine.report import Diffs, Report, RunListener
from databricks_sync.engine.request import Request
from databricks_sync.errors import SyncError
from databricks_sync.model import Direction
from databricks_sync.notebook.merge import Merge
from databricks_sync.rules.credentials import redacted
from databricks_sync.rules.plan import Step
from databricks_sync.state.backups import SavedRun

from .wording import counted, reason


class JsonReport(RunListener):
    """The reporter for programs: writes one JSON object per line to `stdout`.

    It shows no progress: the events `result` come all together, in `summary`.
    """

    def __init__(self, direction: Direction, stdout: IO[str]) -> None:
        self.command = direction.command
        self.stdout = stdout

    def emit(self, event: str, **fields: object) -> None:
        """Writes one object: `event` names it, `fields` are the rest of its keys."""
        self.stdout.write(json.dumps({"event": event, **fields}) + "\n")
        self.stdout.flush()

    def notice(self, text: str) -> None:
        """Something that is worth knowing, and no error: the event `note`."""
        self.emit("note", message=text)

    def error(self, error: SyncError) -> None:
        """Why a run failed, and what to type next: the event `error`."""
        self.emit("error", message=error.message, hint=error.hint, exit_code=error.exit_code)

    def start(self, request: Request, folders: list[str], host: str) -> None:
        """A run begins, over these folders of the project and on this host: the event `start`."""
        self.emit(
            "start",
            command=request.mode.direction.command,
            folders=folders,
            target=request.target,
            host=host,
            address=request.address() or None,
            **({"because": request.because} if request.because else {}),
        )

    def plan(self, request: Request, steps: list[Step], diffs: Diffs) -> None:
        """An event `plan` for each step, with its difference where `diffs` has one; *** stands for credentials."""
        for step in steps:
            fields: dict[str, object] = {
                "path": step.path,
                "key": step.key,
                "action": step.action.value,
                **reasons(step, request),
            }
            if step.merge:
                fields["merge"] = _merge(step.merge)
            if request.mode.direction is Direction.PUSH and step.writes and step.local and step.local.credentials:
                fields["credentials"] = list(step.local.credentials)
            if step.key in diffs:
                fields["diff"] = [f"{line.sign}{redacted(line.text)}" for line in diffs[step.key]]
            self.emit("plan", **fields)

    def summary(self, report: Report) -> None:
        """The run is over: an event `result` for each outcome, and the event `summary` with the numbers."""
        for outcome in report.outcomes:
            problem = outcome.problem
            self.emit(
                "result",
                path=outcome.step.path,
                key=outcome.step.key,
                action=outcome.step.action.value,
                result=outcome.result.value,
                problem=problem and problem.what,
                hint=problem and problem.hint,
            )
        if report.trouble:
            self.error(report.trouble)
        self.emit(
            "summary",
            command=report.request.mode.direction.command,
            target=report.request.target,
            dry_run=report.request.dry_run,
            **({"run": report.request.restore} if report.request.restore else {}),
            **counted(report),
            **({"removed": report.removed} if report.request.removing else {}),
            interrupted=report.interrupted,
            backup=report.backup or None,
            requests=report.requests,
            seconds=round(report.seconds, 3),
            address=None if report.removed else report.request.address() or None,
            exit_code=report.exit_code,
        )

    def backups(self, request: Request, runs: Sequence[SavedRun], elsewhere: Mapping[str, int]) -> None:
        """Lists what can be restored; `elsewhere`: how many backups other targets have."""
        for run in runs:
            objects = [
                {"path": saved.path, "key": saved.key, "reason": saved.reason, "bytes": saved.size}
                for saved in run.objects
            ]
            self.emit("backup", run=run.name, target=run.target, objects=objects)
        self.emit("summary", command=self.command, backups=len(runs), elsewhere=elsewhere, exit_code=0)

    def say(self, text: str, event: str, **fields: object) -> None:
        """Writes the event: a program does not get the `text` for people."""
        self.emit(event, **fields)


def reasons(step: Step, request: Request) -> dict[str, object]:
    """The fields of an event that say what has happened to an object, and where to look at it."""
    problem = step.problem
    return {
        "why": reason(step, request),
        "problem": problem and problem.what,
        "hint": problem and problem.hint,
        "address": (request.address(step.remote.key) or None) if step.remote else None,
        **({"moved": step.moved} if step.moved else {}),
        **({"older": step.older} if step.older else {}),
    }


def _merge(merge: Merge) -> dict[str, object]:
    """What came of trying to merge, for a program."""
    conflicts = []
    for clash in merge.clashes:
        cell = (clash.here or clash.there)[0].cell
        conflicts.append(
            {
                "cell": clash.number_here,
                "cell_there": clash.number_there,
                "here": clash.did_here.value,
                "there": clash.did_there.value,
                "language": cell.language,
                "title": cell.title,
            }
        )
    return {"cells_from_there": merge.taken, "conflicts": conflicts, "reason": merge.reason or None}
