"""Carries the generated notebooks to the workspace: one ordinary push, then what is known by its stamp.

An edit in the workspace is a conflict, as for to_databricks. What was generated and is unedited, from whichever
clone, is known by its stamp: so a fresh clone in CI, which remembers nothing, replaces old hooks without asking.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from databricks_sync import shell
from databricks_sync.cli.session import Session
from databricks_sync.engine.report import Report as Synced
from databricks_sync.engine.report import RunListener
from databricks_sync.engine.request import Request
from databricks_sync.errors import Denied, Foreign, InterruptedRun, NotFound, NotOurs, SyncError
from databricks_sync.exit_code import ExitCode
from databricks_sync.model import Allowed, Folder, Form, Mode, Patterns, Problem, Scope
from databricks_sync.output.wording import WHY
from databricks_sync.remote.folder import Workspace
from databricks_sync.remote.marker import Markers
from databricks_sync.rules.outcome import Outcome
from databricks_sync.rules.plan import Action, Step
from mlflow_hooks.change import Change
from mlflow_hooks.generate.files import NOTEBOOKS
from mlflow_hooks.generate.origin import hook_at, hook_file, is_gone
from mlflow_hooks.generate.stamp import is_intact, is_stamped, unix
from mlflow_hooks.model import Hook
from mlflow_hooks.options import HookOptions
from mlflow_hooks.report import Reporter
from mlflow_hooks.schema import Engine

_TAKE_OVER = "Choose another folder with --target, or add --take-over to take over this one."
NO_HOOK, PRUNE = "belongs to no hook any more; it was not deleted.", "To delete it, add --prune."
_OVERWRITE = "To replace it, add --overwrite; a backup is kept."


def exported(workspace: Workspace, key: str) -> str:
    """What a notebook holds in the workspace, as it is generated; "" when it is gone. Raises WorkspaceError."""
    try:
        raw = workspace.export(key, Form.SOURCE)
    except NotFound:
        return ""
    # SERVER: an export may lack the newline at the end that was imported.
    return unix(raw.decode("utf-8", "replace")).rstrip("\n") + "\n"


class Listener(RunListener):
    """Hears the sync engine: notes are passed on, the rest is told in our own words, where it is done.

    `begun`: something may have been written.
    """

    def __init__(self, report: Reporter) -> None:
        self.report = report
        self.begun = False

    def notice(self, text: str) -> None:
        """Passes a note on."""
        self.report.notice(text)

    def begin(self, total: int) -> None:
        """Remembers whether there is anything to write."""
        self.begun = self.begun or total > 0


class Notebooks:
    """The notebooks' part of a deployment: one ordinary push, and further ones for what is known by its stamp."""

    def __init__(
        self, hooks: Sequence[Hook], folder: Path, session: Session, options: HookOptions, report: Reporter
    ) -> None:
        where = folder / options.to / NOTEBOOKS
        shown = where.relative_to(session.settings.project).as_posix()
        settings = session.settings._replace(folders=(Folder(where, shown, ""),), patterns=Patterns())
        self.hooks = [hook for hook in hooks if hook.engine is Engine.MLFLOW]
        self.where = where
        self.session = session
        self.options = options
        self.listener = Listener(report)
        self.sync = session._replace(settings=settings).sync(self.listener, shared=True)
        self.workspace = Workspace(session.http, session.target)
        self.pages = session.pages(staying=False)
        self.outcomes: list[Outcome] = []

    def deploy(self) -> Iterator[Change]:
        """A change for each notebook, while it pushes them.

        Raises SyncError or KeyboardInterrupt, after the changes that were made until then.
        """
        if not self.where.is_dir() and not (self.options.prune and self.owns_target()):
            return
        try:
            with _folder(self.where):
                changes = [*self._deploy()]
        except (KeyboardInterrupt, SyncError):
            yield from (self._fate(outcome.step.key, outcome.step, outcome.problem) for outcome in self.outcomes)
            raise
        yield from changes

    def owns_target(self) -> bool:
        """Whether the target belongs to this repository, as its marker says: others deploy to the same workspace.

        Raises WorkspaceError.
        """
        repository = self.session.repository
        try:
            note = Markers(self.session.http, self.session.target, whole_trees=True).marker()
        except (Denied, NotOurs):
            return False
        if note is None:
            return False
        names = note.repository
        return self.options.take_over or bool(names & repository.origin() or names & repository.first_commits())

    def _deploy(self) -> Iterator[Change]:
        first = self._run(Mode.PUSH, ())
        steps = {step.key: step for step in first.steps if step.local is not None}
        texts = {step.key: exported(self.workspace, step.key) for step in first.steps if _may_be_stale(step)}
        stale = {key: text for key, text in texts.items() if self._is_stale(key, text)}
        may_go = [key for key, text in stale.items() if is_intact(text) or self.options.overwrite]
        gone = may_go if self.options.prune else []
        for mode, keys in ((Mode.PUSH_OVERWRITE, self._known_by_stamp(first)), (Mode.PUSH_MIRROR, gone)):
            if keys:
                done = self._run(mode, keys)
                steps |= {step.key: step for step in done.steps}
        problems = {outcome.step.key: outcome.problem for outcome in self.outcomes if outcome.problem}
        for key, step in sorted(steps.items()):
            yield self._fate(key, step, problems.get(key) or step.problem)
        yield from (self._stale(key) for key in stale if key not in gone)
        for hook in self.hooks:
            if hook.notebook not in steps:
                hint = f"Git ignores {self.where.name} or files in it: change .gitignore."
                yield replace(self._of(hook.notebook), problem="was not copied.", hint=hint, exit_code=ExitCode.LEFT)

    def _run(self, mode: Mode, keys: Sequence[str]) -> Synced:
        request = Request(
            mode=mode,
            target=self.session.target,
            scope=Scope(tuple(keys)),
            dry_run=self.options.dry_run,
            delete=mode is Mode.PUSH_MIRROR,
            insisted=True,
            # Generated files may well change, or go, all at once: that is what was looked at in git.
            allowed=Allowed(str(len(keys)), all_changed=True, empty=True, take_over=self.options.take_over),
            wait=self.options.wait,
            branch=self.session.branch,
            again=shell.option("target", self.session.target),
        )
        try:
            report = self.sync.run(request)
        except Foreign as error:
            raise Foreign(error.message, _TAKE_OVER, option=error.option) from None
        self.outcomes += report.outcomes
        if report.trouble:
            raise report.trouble
        if report.interrupted:
            raise InterruptedRun("Interrupted.")
        return report

    def _known_by_stamp(self, report: Synced) -> list[str]:
        """What may be replaced though this clone does not remember having carried it, or is missing there."""
        return [
            step.key
            for step in report.steps
            if step.local is not None and not step.problem and step.action in (Action.CONFLICT, Action.AHEAD)
            # An edit that only the workspace has is left to whoever made it, as by to_databricks.
            if self.options.overwrite
            or step.remote is None
            or (step.action is Action.CONFLICT and _is_ours(step.key) and is_intact(exported(self.workspace, step.key)))
        ]

    def _is_stale(self, key: str, text: str) -> bool:
        """Whether a notebook was generated, and its hook is gone or has none any more."""
        path, top = hook_file(text), self.session.repository.top
        name = key.removeprefix("mlflow_").removesuffix("_hook")
        if not path or not is_stamped(text):
            return False
        hook = hook_at(path, name, top)
        return is_gone(path, name, top) or (hook is not None and hook.engine is not Engine.MLFLOW)

    def _of(self, key: str, *, stands: bool = False) -> Change:
        path = f"{self.session.target}/{key}"
        return Change("notebook", path, address=self.pages.object(path) if stands else "")

    def _fate(self, key: str, step: Step, problem: Problem | None) -> Change:
        made = step.action is Action.CREATE and not (problem or self.options.dry_run)
        change = self._of(key, stands=made or (step.remote is not None and step.action is not Action.DELETE))
        if problem:
            what = f"{problem.what.rstrip('.')}."
            return replace(change, problem=what, hint=problem.hint, exit_code=problem.severity.value)
        if step.action in (Action.CONFLICT, Action.AHEAD):
            code = ExitCode.LEFT if step.action is Action.CONFLICT else ExitCode.DONE
            return replace(change, problem=f"is skipped: {WHY[step.shape]}.", hint=_OVERWRITE, exit_code=code)
        why = WHY[step.shape] if step.action is Action.UPDATE else ""
        return replace(change, action=step.action.value, why=why) if step.writes else change

    def _stale(self, key: str) -> Change:
        change = self._of(key, stands=True)
        if not self.options.prune:
            return replace(change, problem=NO_HOOK, hint=PRUNE)
        what = "belongs to no hook any more, but was edited in the workspace; it was not deleted."
        return replace(change, problem=what, hint=_OVERWRITE, exit_code=ExitCode.LEFT)


def _may_be_stale(step: Step) -> bool:
    """Whether it looks like a notebook of a hook that is gone; what is in it tells whether it is."""
    return _is_ours(step.key) and step.local is None and step.remote is not None and not step.problem


def _is_ours(key: str) -> bool:
    return "/" not in key and key.startswith("mlflow_") and key.endswith("_hook")


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """Meanwhile there is this folder: the last notebook may be gone, and git keeps no empty folder."""
    made = not path.is_dir()
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if made:
            with suppress(OSError):
                path.rmdir()
