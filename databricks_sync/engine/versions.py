"""The versions of what a plan is about, read from where they lie: to show the differences, and to merge notebooks.

A step has up to four: what stands here and in the workspace, what both sides last agreed on and, of a restore, the copy
in a backup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from databricks_sync.errors import BrokenNotebook, SyncError
from databricks_sync.local.files import as_scanned
from databricks_sync.local.folder import LocalFolder
from databricks_sync.model import JUPYTER, Direction, Format, same_form
from databricks_sync.notebook import diff, merge
from databricks_sync.notebook.cells import in_one_language
from databricks_sync.notebook.equality import digest
from databricks_sync.notebook.format import jupyter_language, lines_of, parse, spoken_in
from databricks_sync.notebook.rewrite import materialise
from databricks_sync.remote.exports import read
from databricks_sync.remote.folder import Workspace
from databricks_sync.rules.plan import Action, Step

from .compare import Comparison
from .context import RunContext
from .report import Diffs

_UNKNOWN = "no earlier sync of it is known in this clone"


class Versions:
    """Reads them for one plan. `differences` and `merged` ask for those of many steps at once."""

    def __init__(self, run: RunContext, local: LocalFolder, workspace: Workspace, comparison: Comparison) -> None:
        self.run = run
        self.local = local
        self.workspace = workspace
        self.comparison = comparison

    # --- reading ------------------------------------------------------------------------------------------

    def _here(self, step: Step) -> diff.FileVersion:
        """Raises OSError, SyncError."""
        if step.local is None:
            return diff.FileVersion(None, _format(step))
        return diff.FileVersion(self.local.read(step.local.path)[0], step.local.format)

    def _there(self, step: Step) -> diff.FileVersion:
        """Of what is moved, that at its old place. Raises SyncError."""
        key, remote = step.key, step.remote
        if step.is_move:
            key, remote = step.moved, self.comparison.sides.remote.get(step.moved)
        if remote is None:
            return diff.FileVersion(None, _format(step))
        export = self.comparison.exports.get(key) or read(self.workspace, remote, step.local, step.base)
        return diff.FileVersion(export.raw, export.format)

    def _copy(self, step: Step) -> diff.FileVersion | None:
        """Raises SyncError."""
        return diff.FileVersion(self.run.backups.read(step.saved), _format(step)) if step.saved else None

    def _agreed(self, step: Step) -> merge.NotebookVersion | None:
        """None where its text was not kept."""
        entry = step.base
        if entry is None or entry.format is None:
            return None
        # Where the workspace has no hashes, what was kept is what the file held.
        raw = self.run.base.content(entry.version.sha) or self.run.base.content(entry.local_sha)
        try:
            whole = raw is not None and digest(raw, entry.format) == entry.digest
        except BrokenNotebook:
            whole = False
        return merge.NotebookVersion(raw, entry.format) if raw is not None and whole else None

    # --- differences --------------------------------------------------------------------------------------

    def differences(self, steps: Iterable[Step]) -> Diffs:
        """From destination to source, by key: what the run changes. A conflict is shown the same way."""
        about = [step for step in steps if not step.problem and (step.writes or step.action is Action.CONFLICT)]
        shown = [step for step in about if not (step.moved and step.action is Action.DELETE)]
        differences = self.run.pool.map(self._lines, shown)
        return {step.key: lines for step, lines in zip(shown, differences, strict=True)}

    def _lines(self, step: Step) -> list[diff.Line]:
        direction = self.run.request.mode.direction
        try:
            if direction is Direction.PUSH:
                old, new = self._there(step), self._copy(step) or self._here(step)
            else:
                old, new = self._here(step), self._copy(step) or self._there(step)
            if step.merge and step.merge.raw is not None:
                new = diff.FileVersion(step.merge.raw, old.format)
            elif direction is Direction.PULL and not step.saved:
                new = _as_written(step, old, new)
        except (BrokenNotebook, OSError, SyncError) as error:
            return [diff.Line("@", f"cannot be shown: {error}")]
        return diff.difference(old, new)

    # --- merges -------------------------------------------------------------------------------------------

    def merged(self, steps: Sequence[Step]) -> list[Step]:
        """The steps with their merges. What cannot be merged is a conflict, or marked as one if asked for."""
        how = merge.Markers(self._text) if self.run.request.markers else None
        agreed = {step.key: self._agreed(step) for step in steps if step.action is Action.MERGE}
        return list(self.run.pool.map(lambda step: self._settled(step, agreed.get(step.key), how), steps))

    def _settled(self, step: Step, base: merge.NotebookVersion | None, markers: merge.Markers | None) -> Step:
        if step.problem:
            return step
        if step.shape == "-xy" and step.action is Action.CONFLICT:
            return step._replace(merge=merge.Merge(reason=_UNKNOWN))
        if step.action is not Action.MERGE:
            return step
        try:
            result = self._merged(step, base, markers)
        except (BrokenNotebook, OSError, SyncError) as error:
            result = merge.Merge(reason=f"it cannot be merged: {error}")
        action = Action.CONFLICT if result.raw is None else Action.MARK if result.clashes else Action.MERGE
        return step._replace(action=action, merge=result)

    def _merged(self, step: Step, base: merge.NotebookVersion | None, markers: merge.Markers | None) -> merge.Merge:
        """Raises BrokenNotebook, OSError, SyncError."""
        item, export = step.local, self.comparison.exports.get(step.key)
        assert item and item.format
        if base is None or export is None:  # without a base of the same kind nothing was read there
            return merge.Merge(reason=_UNKNOWN)
        if item.unresolved:
            return merge.Merge(reason=f"it still contains the markers of an earlier conflict (cell {item.unresolved})")
        raw, _ = self.local.read(item.path)
        if as_scanned(raw, item) is None:
            return merge.Merge(reason="it was changed locally during the run")
        if export.format is None or not same_form(export.format, item.format):
            return merge.Merge(reason="the workspace does not export it in the format of the local file")
        local = merge.NotebookVersion(raw, item.format)
        remote = merge.NotebookVersion(export.raw, export.format)
        if reason := _languages_differ(local, remote):
            return merge.Merge(reason=reason)
        return merge.merge(base, local, remote, markers)

    def _text(self, base: str, local: str, remote: str) -> str:
        try:
            return self.local.repository.merged_text(base, local, remote, merge.LABELS)
        except SyncError:
            return ""  # git takes it for binary, and then both versions stand there whole


def _format(step: Step) -> Format | None:
    """How to read a side that holds nothing."""
    side = step.local or step.base or step.saved
    return side.format if side else None


def _as_written(step: Step, old: diff.FileVersion, new: diff.FileVersion) -> diff.FileVersion:
    """What a pull makes of a file: the workspace may show as changed what stays here. Raises BrokenNotebook."""
    if old.raw is None or new.raw is None or new.format is None or not same_form(old.format, new.format):
        return new
    return new._replace(raw=materialise(new.raw, new.format, old.raw, outputs=step.shape.endswith("o")))


def _languages_differ(local: merge.NotebookVersion, remote: merge.NotebookVersion) -> str:
    """What to say where the plain cells of two notebooks of one form are of two languages. Raises BrokenNotebook."""
    if local.format == JUPYTER:
        ours, theirs = parse(local.raw), parse(remote.raw)
        if in_one_language(ours, theirs):
            return ""
        one, other = jupyter_language(ours), jupyter_language(theirs)
    else:
        one, other = (spoken_in(lines_of(side.raw)[0], side.format.language) for side in (local, remote))
    return "" if one is other else f"its language is {one.value} locally and {other.value} in the workspace"
