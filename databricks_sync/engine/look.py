"""Looks at both sides of a target and at the note on it, all at once. Writes nothing.

The local side is read between two checkouts: git's state before and after the scan is the same, or it is read again.
Meanwhile the workspace is listed, and its note is read, on other threads. Only then the sides are compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple

from databricks_sync.errors import Again, BranchSwitched, ValveError, printable
from databricks_sync.local.folder import LocalFolder, Scan
from databricks_sync.local.git import GitState, Repository
from databricks_sync.model import Direction
from databricks_sync.remote.folder import Listing, Workspace, asked_types
from databricks_sync.remote.http import Http
from databricks_sync.remote.marker import Markers, MarkerView, is_outdated
from databricks_sync.rules.debounce import AFTER_GIT
from databricks_sync.rules.names import parents
from databricks_sync.state.base import Base
from databricks_sync.system import Clock

from .compare import Comparer, Comparison
from .request import Request

_SCANS = 3
_GIT_AT_WORK = 2.0  # seconds to wait for a checkout to end


class Snapshot(NamedTuple):
    """What a run sees before it decides."""

    workspace: Workspace
    markers: Markers
    view: MarkerView
    comparison: Comparison


def look(
    local: LocalFolder, http: Http, request: Request, base: Base, pool: Executor, notice: Callable[[str], None]
) -> Snapshot:
    """What there is now; `notice` is called with what is worth knowing.

    Raises SyncError: what cannot be seen whole is not believed.
    """
    workspace = Workspace(http, request.target, whole_trees=base.whole_trees)
    markers = Markers(http, request.target, whole_trees=base.whole_trees)
    viewing = pool.submit(markers.look, base, pool)
    looking = pool.submit(workspace.listing, pool)
    # No listing tells what its root is: asked until something was carried, and when it is another folder by now.
    check_types = asked_types(workspace, pool) if not base.meta("root") else None
    scan = Scan(looked=False) if request.removing else _scan(local, request, base, http.clock)
    if check_types:
        check_types()
    view, listing = viewing.result(), looking.result()
    if not check_types and _is_another(listing, base):
        asked_types(workspace, pool)()
    if is_outdated(view.marker, base):
        base.distrust()
        notice("The record of the last sync is an old copy, so both sides are compared again from the start.")
    comparer, layout = Comparer(local, workspace, base, pool), view.marker and view.marker.layout
    replacing = request.mode.source_wins and request.mode.direction is Direction.PUSH
    extras = request.scope if request.outputs or replacing else None
    comparison = comparer.compare(request.mode.direction, scan, listing, layout, extras)
    if request.mode.direction is Direction.PULL:
        _check_unlisted(workspace, comparison)
    return Snapshot(workspace, markers, view, comparison)


def _scan(local: LocalFolder, request: Request, base: Base, clock: Clock) -> Scan:
    """The local side, as it stood between two checkouts. Raises BranchSwitched when there is no such moment."""
    repository = local.repository
    before = _wait_for_git(repository, repository.git_state(), clock)
    for _ in range(_SCANS):
        check_branch(request, before)
        scan = local.scan(base.entries)
        after = repository.git_state()
        if after == before:
            return scan
        before = _wait_for_git(repository, after, clock, moved=True)
    raise BranchSwitched("Git changed the files while they were read.", Again(" when it has finished."))


def _wait_for_git(repository: Repository, git_state: GitState, clock: Clock, *, moved: bool = False) -> GitState:
    """The moment when git has finished what it is at. Raises BranchSwitched when it does not.

    A checkout writes the files, then the index and HEAD last: once git was seen at work, HEAD gets its time.
    """
    deadline = time.monotonic() + _GIT_AT_WORK
    while git_state.locked or moved:
        if time.monotonic() > deadline:
            raise BranchSwitched(
                "Git is changing the files, so they may belong to two branches.",
                f"Wait until it has finished; if it was killed, remove {repository.git_dir / 'index.lock'}.",
            )
        before = git_state
        clock.sleep(AFTER_GIT)
        git_state = repository.git_state()
        moved = git_state != before
    return git_state


def _check_unlisted(workspace: Workspace, comparison: Comparison) -> None:
    """Raises ValveError when a folder that was carried is there, but not listed: what is in it is unknown."""
    listing = comparison.listing
    expected = {folder for key in comparison.sides.base for folder in parents(key)}
    gone = expected - listing.folders - listing.others.keys() if listing.exists else set()
    gone = {folder for folder in gone if listing.others.keys().isdisjoint(parents(folder))}
    for folder in sorted(path for path in gone if path.rpartition("/")[0] not in gone):
        if workspace.stands(folder):
            raise ValveError(
                f"The folder {printable(folder)} is in the workspace, but its contents are not listed.",
                "Nothing was written; ask for permission to read it.",
            )


def check_branch(request: Request, git_state: GitState) -> None:
    """Raises BranchSwitched when another branch is checked out than the one whose folder this is about."""
    if request.head is not None and git_state.branch != request.head:
        raise BranchSwitched(
            f"The branch was switched to {printable(git_state.branch or 'none')} while the folder was read.",
            Again(before="Nothing was written; "),
        )


def _is_another(listing: Listing, base: Base) -> bool:
    """Whether no object of the target is one that was carried there: somebody may have put another folder there."""
    entries, objects = base.entries, listing.objects
    both = ((objects[key].version, entry.version) for key, entry in entries.items() if key in objects)
    same = any(now.object_id == before.object_id for now, before in both)
    return listing.exists and bool(entries) and not same
