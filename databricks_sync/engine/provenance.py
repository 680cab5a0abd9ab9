"""What a mirror into a folder of choice takes there that nobody expects: work that is in no commit, another branch.

A run that names its target does not depend on what is checked out. So this is told, and no reason to stop: a person may
want just that, and CI may push what it has built.
"""

from __future__ import annotations

import posixpath
from pathlib import Path

from databricks_sync.errors import enumerated, printable
from databricks_sync.local.git import Repository
from databricks_sync.model import Mode

from .request import Request


def provenance(request: Request, repository: Repository, project: str, folders: list[Path], last: str) -> list[str]:
    """What to tell before a mirror; nothing before any other run, for git is slow to ask.

    `project`: where it is in its repository; `last`: the branch of which the target's note tells, if it does.
    """
    if request.mode is not Mode.PUSH_MIRROR or not request.insisted:
        return []
    return [*_uncommitted(repository, project, folders), *_branches(request, last)]


def _uncommitted(repository: Repository, project: str, folders: list[Path]) -> list[str]:
    changed = [path for folder in folders if folder.is_dir() for path in repository.changed(folder) or ()]
    shown = [posixpath.relpath(path, project) for path in changed]
    if not shown:
        return []
    return [f"This mirror includes changes that are not committed: {enumerated(shown)}."]


def _branches(request: Request, last: str) -> list[str]:
    if not last or not request.branch or last == request.branch:
        return []
    target, before, now = map(printable, (request.target, last, request.branch))
    return [f"{target} was last pushed from the branch {before}, and this is the branch {now}."]
