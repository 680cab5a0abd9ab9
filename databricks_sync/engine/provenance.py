"""Where what is pushed comes from: which commit, and whether that was all of it.

A run that names its target does not depend on what is checked out. So a mirror into a folder of choice tells what
nobody expects of it: work that is in no commit, another branch. That is no reason to stop: a person may want just that,
and CI may push what it has built. That it would go back to an older commit is one: most likely nobody knows.
"""

from __future__ import annotations

import socket
import time

from databricks_sync.errors import SyncError, enumerated, printable
from databricks_sync.local.folder import LocalFolder
from databricks_sync.local.git import Repository, Status
from databricks_sync.model import Mode
from databricks_sync.remote.marker import Marker
from databricks_sync.remote.pushed import Pushed
from databricks_sync.system import login_name

from .request import Request


def provenance(request: Request, local: LocalFolder, last: str) -> list[str]:
    """What to tell before a mirror; nothing before any other run, for git is slow to ask.

    `last`: the branch of which the target's note tells, if it does.
    """
    if request.mode is not Mode.PUSH_MIRROR or not request.insisted:
        return []
    notes = []
    if changed := local.status().changed:
        notes.append(f"This mirror includes changes that are not committed: {enumerated(changed)}.")
    if last and request.branch and last != request.branch:
        target, before, now = map(printable, (request.target, last, request.branch))
        notes.append(f"{target} was last pushed from the branch {before}, and this is the branch {now}.")
    return notes


def pushed(request: Request, local: LocalFolder) -> Pushed | None:
    """What a push notes of itself beside its target; None where it is only about some paths."""
    if request.scope.paths:
        return None
    status = _status(local)
    return Pushed(
        commit=status.commit,
        clean=None if status.changed is None else not status.changed,
        by=f"{login_name()}@{socket.gethostname()}",
        at=int(time.time()),
        run=request.ci_run,
    )


def _status(local: LocalFolder) -> Status:
    try:
        return local.status()
    except SyncError:  # what has changed is only told, and stops nobody
        return Status(local.repository.commit(), None)


def newer(request: Request, repository: Repository, marker: Marker | None) -> str:
    """The commit that was pushed last, where a mirror of the one that is checked out would go back from it; else "".

    As far as this clone knows: one without the later commits cannot tell.
    """
    last = marker.pushed.commit if marker and marker.pushed else ""
    if request.mode is not Mode.PUSH_MIRROR or not last:
        return ""
    ahead, behind = repository.apart(last) or (0, 0)
    return last if ahead and not behind else ""
