"""Carries the generated notebooks to the workspace: one ordinary push, then what is known by its stamp.

An edit in the workspace is a conflict, as for to_databricks. What was generated and is unedited, from whichever
clone, is known by its stamp: so a fresh clone in CI, which remembers nothing, replaces old hooks without asking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from databricks_sync.errors import NotFound
from databricks_sync.model import Form, Kind
from databricks_sync.plan import Action, Mode, Step
from databricks_sync.report import WHY
from databricks_sync.run import Report as Synced
from databricks_sync.run import Request
from databricks_sync.session import Session
from databricks_sync.settings import Folder
from databricks_sync.survey import Scope
from databricks_sync.sync import Sync
from databricks_sync.valves import Allowed
from databricks_sync.workspace import Workspace

from .fate import Fate
from .generate import NOTEBOOKS
from .model import Engine, Hook
from .report import Report
from .stamp import is_intact

PRUNE = "To remove it, add --prune."
_OVERWRITE = "To replace it, add --overwrite: what is there is kept in a backup."


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
            if self.wish.prune:  # the last hook is gone, and git keeps no empty folder
                self.where.mkdir(parents=True)
            else:
                return
        first = self._run(Mode.PUSH, ())
        settled = {step.key: step for step in first.steps}
        again, gone = self._known_by_stamp(first)
        for mode, keys in ((Mode.PUSH_OVERWRITE, again), (Mode.PUSH_MIRROR, gone)):
            if keys:
                done = self._run(mode, keys)
                settled |= {step.key: step for step in done.steps}
                first = replace(first, outcomes=(*first.outcomes, *done.outcomes))
        yield from self._fates(settled, first, gone)

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
            raise KeyboardInterrupt
        return report

    def _known_by_stamp(self, report: Synced) -> tuple[list[str], list[str]]:
        """What may be replaced, and what may be removed, though this clone does not remember having carried it."""
        again, gone = [], []
        for step in report.steps:
            if step.problem or not _is_ours(step.key):
                continue
            if step.local is not None and step.action in (Action.CONFLICT, Action.AHEAD):
                # An edit that only the workspace has is left to whoever made it, as by to_databricks.
                newer = step.remote is None or (step.action is Action.CONFLICT and self._is_intact(step.key))
                if newer or self.wish.overwrite:
                    again.append(step.key)
            elif step.local is None and step.remote is not None and self.wish.prune:
                if self.wish.overwrite or self._is_intact(step.key):
                    gone.append(step.key)
        return again, gone

    def _is_intact(self, key: str) -> bool:
        try:
            raw = self.workspace.export(key, Kind.NOTEBOOK, Form.SOURCE)
        except NotFound:
            return False
        # SERVER: an export may lack the newline at the end that was imported.
        text = raw.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n") + "\n"
        return is_intact(text)

    def _fates(self, settled: Mapping[str, Step], report: Synced, gone: Sequence[str]) -> Iterator[Fate]:
        problems = {one.step.key: one.problem for one in report.outcomes if one.problem}
        for key, step in sorted(settled.items()):
            fate = Fate("notebook", f"{self.wish.target}/{key}")
            problem = problems.get(key) or step.problem
            if problem:
                what = f"{problem.what.rstrip('.')}."
                yield replace(fate, problem=what, hint=problem.hint, exit_code=problem.severity.value)
            elif step.local is None and key not in gone:
                if _is_ours(key) and step.remote is not None:
                    yield self._stale(fate)
            elif step.action in (Action.CONFLICT, Action.AHEAD):
                code = 1 if step.action is Action.CONFLICT else 0
                yield replace(fate, problem=f"was {WHY[step.shape]}; it stays.", hint=_OVERWRITE, exit_code=code)
            elif step.writes:
                why = WHY[step.shape] if step.action is Action.UPDATE else ""
                yield replace(fate, action=step.action.value, why=why)
            else:
                yield fate
        for hook in self.hooks:
            if hook.notebook not in settled:
                hint = f"Git ignores {self.where.name}, or what is in it: change .gitignore."
                fate = Fate("notebook", f"{self.wish.target}/{hook.notebook}")
                yield replace(fate, problem="is not carried.", hint=hint, exit_code=1)

    def _stale(self, fate: Fate) -> Fate:
        if self.wish.prune:
            return replace(fate, problem="is of no hook, but was edited there; it stays.", hint=_OVERWRITE, exit_code=1)
        return replace(fate, problem="is of no hook any more; it stays.", hint=PRUNE)


def _is_ours(key: str) -> bool:
    return "/" not in key and key.startswith("mlflow_") and key.endswith("_hook")
