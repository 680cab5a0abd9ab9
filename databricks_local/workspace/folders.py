"""mkdirs and delete: the shape of the tree."""

from __future__ import annotations

from databricks_local.core import errors
from databricks_local.core.model import DIRECTORY, FOLDERS, ApiAnswer, Call, WorkspaceObject, answer
from databricks_local.core.paths import Spelling, ancestors, is_protected, parent

from .tree import LocalWorkspace


def mkdirs(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """With all parents, idempotent [DOCS, REAL]."""
    make(workspace, call.target)
    return answer({})


def make(workspace: LocalWorkspace, target: Spelling) -> None:
    """Makes a folder with all above it; nothing for one that exists.

    Raises ApiError: `not_a_folder` for an object on the way, `denied`, `folder_full`.
    """
    chain = [] if target.path == "/" else [*ancestors(target.path), target.path]
    with workspace.store.changes():
        for path in chain:
            existing = workspace.store.get(path)
            if existing is not None and existing.object_type not in FOLDERS:
                raise errors.not_a_folder(target.echo(path))
            if existing is None:
                workspace.check_writable(Spelling(path, target.prefix))
                check_room(workspace, Spelling(path, target.prefix))
                workspace.store.add(WorkspaceObject(0, path, DIRECTORY))


def check_room(workspace: LocalWorkspace, target: Spelling) -> None:
    """A folder holds 10,000 objects [PROBED]. Raises ApiError (403)."""
    folder, limit = parent(target.path), workspace.settings.max_children
    if workspace.store.count_children(folder, limit) >= limit:
        raise errors.folder_full(target.echo(folder), limit, limit)


def delete(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """Not idempotent: the second time is 404 [REAL]. Atomic here; for real a recursive one is not [DOCS]."""
    target = call.target
    entry = workspace.store.get(target.path)
    if entry is None or workspace.access(target.path) == "hidden":
        raise errors.missing(target.echo())
    if entry.object_type in FOLDERS and is_protected(entry.path):
        raise errors.protected(target.echo())
    workspace.check_writable(target)
    recursive = call.flag("recursive")
    if not recursive and entry.object_type in FOLDERS and workspace.store.count_children(entry.path, 1):
        raise errors.not_empty(target.echo())
    workspace.store.remove(entry)
    return answer({})
