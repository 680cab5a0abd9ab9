"""The differences that a plan is about, read from both sides: what `--diff` shows."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor

from databricks_sync.errors import SyncError
from databricks_sync.local.folder import LocalFolder
from databricks_sync.model import Direction, Form, Language
from databricks_sync.notebook.diff import Line, Version, difference
from databricks_sync.remote.exports import read
from databricks_sync.remote.folder import Workspace
from databricks_sync.rules.plan import Action, Step
from databricks_sync.state.backups import Backups

from .compare import Comparison
from .report import Diffs


class Differences:
    def __init__(self, local: LocalFolder, workspace: Workspace, backups: Backups, comparison: Comparison) -> None:
        self.local = local
        self.workspace = workspace
        self.backups = backups
        self.comparison = comparison

    def of(self, steps: Iterable[Step], direction: Direction, pool: Executor) -> Diffs:
        """From destination to source, by key: what the run changes. A conflict is shown the same way."""
        steps = [self._in_place(step) for step in steps if not (step.moved and step.action is Action.DELETE)]
        shown = [step for step in steps if not step.problem and (step.writes or step.action is Action.CONFLICT)]
        found = pool.map(lambda step: self._lines(step, direction), shown)
        return {step.key: lines for step, lines in zip(shown, found, strict=True)}

    def _in_place(self, step: Step) -> Step:
        """What is moved, compared with what stands at its old place."""
        return step._replace(remote=self.comparison.sides.remote.get(step.moved)) if step.is_move else step

    def _lines(self, step: Step, direction: Direction) -> list[Line]:
        try:
            if direction is Direction.PUSH:
                old, new = self._there(step), self._copy(step) or self._here(step)
            else:
                old, new = self._here(step), self._copy(step) or self._there(step)
        except (OSError, SyncError) as error:
            return [Line("@", f"cannot be shown: {error}")]
        if step.merge and step.merge.raw is not None:
            new = Version(step.merge.raw, old.form, old.language)
        return difference(old, new)

    def _copy(self, step: Step) -> Version | None:
        """What a restore brings back."""
        return Version(self.backups.read(step.saved), *_reading(step)) if step.saved else None

    def _here(self, step: Step) -> Version:
        if step.local is None:
            return Version(None, *_reading(step))
        return Version(self.local.read(step.local.path)[0], step.local.form, step.local.language)

    def _there(self, step: Step) -> Version:
        if step.remote is None:
            return Version(None, *_reading(step))
        export = self.comparison.exports.get(step.moved if step.is_move else step.key)
        export = export or read(self.workspace, step.remote, step.local, step.base)
        return Version(export.raw, export.form, export.language)


def _reading(step: Step) -> tuple[Form | None, Language | None]:
    side = step.local or step.base or step.saved
    return (side.form, side.language) if side else (None, None)
