"""Removes the folder of a branch that is over: a push whose local side is empty, and then the folder itself.

So what this clone has carried there and nobody has edited is deleted, each object after its backup and a last look, and
everything else is left, as the columns of the action table have it. What is known of the folder goes after it: objects,
folders, the note beside it, the record here. Each of these goes only when all before it are gone, so that a run which
was killed has left behind what the next one goes by. Git, and the files here, have no say in any of this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from databricks_sync.errors import SyncError, printable
from databricks_sync.failpoints import reached
from databricks_sync.remote.folder import keys_by_nfc
from databricks_sync.remote.marker import from_json, unread
from databricks_sync.rules.names import parents
from databricks_sync.rules.outcome import Outcome, Result
from databricks_sync.rules.plan import Action, Step, resolved, steps
from databricks_sync.state.base import Base
from databricks_sync.state.location import FILE, folders_of_records

from .compare import Comparison
from .context import RunContext
from .look import Snapshot
from .push import PushWriter
from .report import Report
from .request import Request
from .run import Sync
from .verify import key_there
from .versions import Versions


def run(sync: Sync, request: Request) -> Report:
    """Removes the target, as far as the mode of the request goes. Raises SyncError; then nothing was changed."""
    sync.listener.start(request, [folder.shown for folder in sync.settings.folders], sync.settings.login.name)
    keep = not request.dry_run and (sync.record(request.target) / FILE).exists()
    return sync.under_lock(request, partial(_removed, sync), keep=keep)


def pushed_branches(sync: Sync) -> Iterator[tuple[str, str]]:
    """The targets of this project in this workspace that this clone has a record of, each with its branch.

    The branch is that of the note on the target, as it was last seen; without one there is none. Raises SyncError.
    """
    for folder in folders_of_records(sync.repository.state):
        base = Base(folder, create=False)
        target, note = base.meta("target"), base.meta("claim")
        base.close()
        marker = from_json(note.encode(), target) if target and sync.record(target) == folder else None
        if marker and marker.branch:
            yield target, marker.branch


def _removed(sync: Sync, run: RunContext) -> Report:
    request, base = run.request, run.base
    snapshot = sync.seen(request, base, run.pool)
    plan = _plan(snapshot.comparison, request)
    versions = Versions(run, sync.local, snapshot.workspace, snapshot.comparison)
    diffs = versions.differences(plan) if request.diff else {}
    if not request.dry_run:
        sync.check(request, snapshot, base, plan)
    sync.tell(unread(snapshot.view, request.target))
    if not snapshot.comparison.listing.exists:
        sync.tell(f"There is no folder {printable(request.target)} in the workspace.")
    sync.listener.plan(request, plan, diffs)
    reached("planned")
    if request.dry_run:  # the plan is shown first: it says what the valve is about
        sync.check(request, snapshot, base, plan)
        return Report(request, tuple(plan))
    sync.remember(run, snapshot, plan, pushing=False)
    if not snapshot.comparison.listing.exists and snapshot.view.marker is None:
        return Report(request, tuple(plan), removed=True)
    writer = _RemovalWriter(sync, run, snapshot)
    report = sync.carry(run, plan, writer)._replace(removed=writer.removed)
    sync.prune(run, report)
    return report


def _plan(comparison: Comparison, request: Request) -> list[Step]:
    """That of a push from an empty folder. What any other run would not mention is in the way here, and is told.

    What is gone there already is left to a pull, as far as the record stays: whether it is gone here, nobody has seen.
    """
    sides = comparison.sides
    everything = {**keys_by_nfc(comparison.listing), **sides.remote}
    plan = steps(sides._replace(remote=everything), request.mode)
    return [resolved(step, request.mode) for step in plan if step.action is not Action.FORGET]


class _RemovalWriter(PushWriter):
    """Deletes the objects as a push does, and in the end what they were in and what is known of it."""

    def __init__(self, sync: Sync, run: RunContext, snapshot: Snapshot) -> None:
        super().__init__(run, sync.local, snapshot.workspace, snapshot.comparison, notice=sync.tell)
        self.markers, self.marker = snapshot.markers, snapshot.view.marker
        self.removed = False

    def reason(self, step: Step) -> str:
        """As of a push, in the words of a removal."""
        return "removed with its folder"

    def tidy(self, outcomes: Sequence[Outcome]) -> None:
        """Removes the folders that are empty, and if nothing is left, the target itself and the note on it."""
        listing = self.comparison.listing
        gone = {key_there(outcome.step) for outcome in outcomes if outcome.result is Result.DONE}
        left = {*listing.objects.keys() - gone, *listing.others}
        in_use = {folder for key in left for folder in ("", *parents(key))}
        self._folders.remove({"", *listing.folders} - in_use)
        if left:
            return
        reached("before note")
        if self._stands():
            kept = f"{printable(self.workspace.root)} is not empty, or cannot be deleted, so it was kept."
            self.notice(f"{kept} Run the command again: it shows what is in it.")
            return
        trouble = self.markers.remove(self.marker) if self.marker else ""
        self.notice(trouble)
        self.removed = not trouble

    def _stands(self) -> bool:
        try:
            return self.workspace.stands()
        except SyncError:
            return True
