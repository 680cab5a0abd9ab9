"""Has the notebooks merged that both sides changed: reads the three versions of each, and tells what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

from databricks_sync.errors import BrokenNotebook, SyncError
from databricks_sync.local.folder import LocalFolder
from databricks_sync.local.git import Repository
from databricks_sync.model import Form, Language
from databricks_sync.notebook.format import digest, jupyter_language, lines_of, parse, sha256, spoken_in, wire
from databricks_sync.notebook.merge import LABELS, Merge, TextMerge, Version, merge
from databricks_sync.rules.plan import Action, Step
from databricks_sync.state.base import Base

from .compare import Comparison

_UNKNOWN = "no earlier sync of it is known in this clone"


class Mediator:
    def __init__(self, local: LocalFolder, repository: Repository, base: Base, comparison: Comparison) -> None:
        self.local = local
        self.repository = repository
        self.base = base
        self.comparison = comparison

    def settled(self, steps: Sequence[Step], pool: Executor, *, markers: bool) -> list[Step]:
        """The steps with their merges. What cannot be merged is a conflict, or (`markers`) marked as one."""
        text = self._text if markers else None
        agreed = {step.key: self._agreed(step) for step in steps if step.action is Action.MERGE}
        return list(pool.map(lambda step: self._step(step, agreed.get(step.key), text), steps))

    def _step(self, step: Step, base: Version | None, text: TextMerge | None) -> Step:
        if step.problem:
            return step
        if step.shape == "-xy" and step.action is Action.CONFLICT:
            return step._replace(merge=Merge(reason=_UNKNOWN))
        if step.action is not Action.MERGE:
            return step
        try:
            found = self._merged(step, base, text)
        except (BrokenNotebook, OSError, SyncError) as error:
            found = Merge(reason=f"it cannot be merged: {error}")
        action = Action.CONFLICT if found.raw is None else Action.MARK if found.clashes else Action.MERGE
        return step._replace(action=action, merge=found)

    def _agreed(self, step: Step) -> Version | None:
        """What both sides last agreed on; None where its text was not kept."""
        entry = step.base
        if entry is None or entry.form is None:
            return None
        # Where the workspace has no hashes, what was kept is what the file held.
        raw = self.base.content(entry.version.sha) or self.base.content(entry.local_sha)
        try:
            known = raw is not None and digest(raw, entry.form, entry.language) == entry.digest
        except BrokenNotebook:
            known = False
        return Version(raw, entry.form, entry.language) if raw is not None and known else None

    def _merged(self, step: Step, base: Version | None, text: TextMerge | None) -> Merge:
        """Raises BrokenNotebook, OSError, SyncError."""
        item, there = step.local, self.comparison.exports.get(step.key)
        assert item and item.form
        if base is None or there is None:  # without a base of the same kind nothing was read there
            return Merge(reason=_UNKNOWN)
        if item.unresolved:
            return Merge(reason=f"it still contains the markers of an earlier conflict (cell {item.unresolved})")
        raw, _ = self.local.read(item.path)
        if sha256(wire(raw, item.kind)) != item.sha:
            return Merge(reason="it was changed locally during the run")
        if there.form is not item.form:
            return Merge(reason="the workspace does not export it in the format of the local file")
        here = Version(raw, item.form, item.language)
        theirs = Version(there.raw, item.form, there.language)
        spoken = [_language(one) for one in (here, theirs)]
        if spoken[0] is not spoken[1]:
            return Merge(reason=f"its language is {spoken[0].value} locally and {spoken[1].value} in the workspace")
        return merge(base, here, theirs, text)

    def _text(self, base: str, here: str, there: str) -> str:
        try:
            return self.repository.merged_text(base, here, there, LABELS)
        except SyncError:
            return ""  # git takes it for binary, and then both versions stand there whole


def _language(notebook: Version) -> Language:
    """The language of a notebook's plain cells. Raises BrokenNotebook."""
    if notebook.form is Form.JUPYTER:
        return jupyter_language(parse(notebook.raw))
    return spoken_in(lines_of(notebook.raw)[0], notebook.language)
