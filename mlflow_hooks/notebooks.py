"""Carries the generated notebooks to the workspace: one ordinary push, then what is known by its stamp.

An edit in the workspace is a conflict, as for to_databricks. What was generated and is unedited, from whichever
clone, is known by its stamp: so a fresh clone in CI, which remembers nothing, replaces old hooks without asking.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from databricks_sync.errors import InterruptedRun, NotFound
from databricks_sync.model import Form, Kind, Problem
from databricks_sync.plan import Action, Mode, Step
from databricks_sync.run import Report as Synced
from databricks_sync.run import Request
from databricks_sync.session import Session
from databricks_sync.settings import Folder
from databricks_sync.survey import Scope
from databricks_sync.sync import Sync
from databricks_sync.valves import Allowed
from databricks_sync.words import WHY
from databricks_sync.workspace import Workspace

from .fate import Fate
from .generate import NOTEBOOKS
from .model import Engine, Hook
from .report import Report
from .stamp import is_intact, is_stamped

PRUNE = "To remove it, add --prune."
_OVERWRITE = "To replace it, add --overwrite: what is there is kept in a backup."


class Stamp(Enum):
    """What the stamp of a notebook in the workspace says."""

    INTACT = "intact"
    EDITED = "edited"
    NONE = "none"  # it was never generated: somebody else's, whatever its name


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command was asked for."""

    target: str
    overwrite: bool = False
    prune: bool = False
    dry_run: bool = False
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Hears the sync engine: notes are passed on, the rest is told in our own words."""

    report: Report

    def notice(self, text: str) -> None:
        self.report.notice(text)

    def start(self, *_: object) -> None: ...

    def plan(self, *_: object) -> None: ...

    def begin(self, total: int) -> None: ...

    def outcome(self, *_: object) -> None: ...

    def end(self) -> None: ...


class Notebooks:
    """The notebooks' part of a deployment: one ordinary push, and further ones for what is known by its stamp."""

    def __init__(self, hooks: Sequence[Hook], folder: Path, session: Session, wish: Wish, report: Report) -> None:
        where = folder / NOTEBOOKS
        shown = where.relative_to(session.settings.project).as_posix()
        settings = replace(session.settings, folders=(Folder(where, shown, ""),))
        self.hooks = [hook for hook in hooks if hook.engine is Engine.MLFLOW]
        self.where = where
        self.session = session
        self.wish = wish
        self.sync = Sync(settings, session.repository, session.http, Listener(report))
        self.workspace = Workspace(session.http, wish.target)

    def deploy(self) -> Iterator[Fate]:
        if not self.where.is_dir():
            if not self.wish.prune:
                return
            self.where.mkdir(parents=True)  # the last notebook is gone, and git keeps no empty folder
        first = self._run(Mode.PUSH, ())
        steps = {step.key: step for step in first.steps if step.local is not None}
        stale = {step.key: self._stamp(step.key) for step in first.steps if _is_stale(step)}
        gone = [key for key, stamp in stale.items() if self.wish.prune and self._may_go(stamp)]
        outcomes = list(first.outcomes)
        for mode, keys in ((Mode.PUSH_OVERWRITE, self._known_by_stamp(first)), (Mode.PUSH_MIRROR, gone)):
            if keys:
                done = self._run(mode, keys)
                steps |= {step.key: step for step in done.steps}
                outcomes += done.outcomes
        problems = {one.step.key: one.problem for one in outcomes if one.problem}
        for key, step in sorted(steps.items()):
            yield self._fate(key, step, problems.get(key) or step.problem)
        for key, stamp in stale.items():
            if key not in gone and stamp is not Stamp.NONE:
                yield self._stale(key)
        for hook in self.hooks:
            if hook.notebook not in steps:
                hint = f"Git ignores {self.where.name}, or what is in it: change .gitignore."
                yield replace(self._of(hook.notebook), problem="is not carried.", hint=hint, exit_code=1)

    def _run(self, mode: Mode, keys: Sequence[str]) -> Synced:
        request = Request(
            mode=mode,
            target=self.wish.target,
            scope=Scope(tuple(keys)),
            dry_run=self.wish.dry_run,
            delete=mode is Mode.PUSH_MIRROR,
            insisted=True,
            # Generated files may well change, or go, all at once: that is what was looked at in git.
            allowed=Allowed(deletes=str(len(keys)), all_changed=True, empty=True),
            wait=self.wish.wait,
            branch=self.session.branch,
            again=f" --target {self.wish.target}",
        )
        report = self.sync.run(request)
        if report.trouble:
            raise report.trouble
        if report.interrupted:
            raise InterruptedRun("Interrupted.", "Type the command again: what was done stays, the rest is done then.")
        return report

    def _known_by_stamp(self, report: Synced) -> list[str]:
        """What may be replaced though this clone does not remember having carried it, or is missing there."""
        return [
            step.key
            for step in report.steps
            if step.local is not None and not step.problem and step.action in (Action.CONFLICT, Action.AHEAD)
            # An edit that only the workspace has is left to whoever made it, as by to_databricks.
            if self.wish.overwrite
            or step.remote is None
            or (step.action is Action.CONFLICT and _is_ours(step.key) and self._stamp(step.key) is Stamp.INTACT)
        ]

    def _may_go(self, stamp: Stamp) -> bool:
        return stamp is Stamp.INTACT or (stamp is Stamp.EDITED and self.wish.overwrite)

    def _stamp(self, key: str) -> Stamp:
        try:
            raw = self.workspace.export(key, Kind.NOTEBOOK, Form.SOURCE)
        except NotFound:
            return Stamp.NONE
        # SERVER: an export may lack the newline at the end that was imported.
        text = raw.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n") + "\n"
        return Stamp.INTACT if is_intact(text) else Stamp.EDITED if is_stamped(text) else Stamp.NONE

    def _of(self, key: str) -> Fate:
        return Fate("notebook", f"{self.wish.target}/{key}")

    def _fate(self, key: str, step: Step, problem: Problem | None) -> Fate:
        fate = self._of(key)
        if problem:
            what = f"{problem.what.rstrip('.')}."
            return replace(fate, problem=what, hint=problem.hint, exit_code=problem.severity.value)
        if step.action in (Action.CONFLICT, Action.AHEAD):
            code = 1 if step.action is Action.CONFLICT else 0
            return replace(fate, problem=f"was {WHY[step.shape]}; it stays.", hint=_OVERWRITE, exit_code=code)
        why = WHY[step.shape] if step.action is Action.UPDATE else ""
        return replace(fate, action=step.action.value, why=why) if step.writes else fate

    def _stale(self, key: str) -> Fate:
        fate = self._of(key)
        if self.wish.prune:
            return replace(fate, problem="is of no hook, but was edited there; it stays.", hint=_OVERWRITE, exit_code=1)
        return replace(fate, problem="is of no hook any more; it stays.", hint=PRUNE)


def _is_stale(step: Step) -> bool:
    """Whether it looks like a notebook of a hook that is gone; its stamp tells whether it is."""
    return _is_ours(step.key) and step.local is None and step.remote is not None and not step.problem


def _is_ours(key: str) -> bool:
    return "/" not in key and key.startswith("mlflow_") and key.endswith("_hook")
