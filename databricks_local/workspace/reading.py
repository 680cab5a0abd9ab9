"""get-status, list, list-repo: what is there."""

from __future__ import annotations

from typing import Any

from databricks_local.core.documents import whole_number
from databricks_local.core.errors import missing, no_endpoint
from databricks_local.core.model import FOLDERS, ApiAnswer, Call, answer
from databricks_local.core.paths import ancestors

from .tree import LocalWorkspace


def get_status(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """`return_git_info` tells of what lies in a Git folder which one, and what that shows [PROBED]."""
    entry = workspace.readable(call.target)
    body = workspace.info(entry, call.target, export=call.flag("return_export_info"))
    git_info = _git_info(workspace, call) if call.flag("return_git_info") else {}
    return answer({**body, "git_info": git_info} if git_info else body)


def _git_info(workspace: LocalWorkspace, call: Call) -> dict[str, Any]:
    for path in (call.target.path, *reversed(ancestors(call.target.path))):
        entry = workspace.store.get(path)
        if entry is not None and (row := workspace.store.repository(entry.object_id)):
            repository, _ = row
            body = {"id": entry.object_id, "path": call.target.echo(path), "url": repository.url}
            body |= {"provider": repository.provider, "head_commit_id": repository.head_commit_id}
            return body if repository.branch is None else {**body, "branch": repository.branch}
    return {}


def list_objects(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """One level; the object itself when it is no folder [DOCS]; `{}` for an empty folder [PROBED].

    Without the right to read, a folder is missing [REAL]. No order is promised: this one is not by name.
    `notebooks_modified_after` filters notebooks only [INFERRED, no test anywhere uses it]. Raises ApiError (404).
    """
    hashes = workspace.settings.hashes and call.flag("return_wsfs_metadata")
    entry = workspace.store.get(call.target.path)
    if entry is None or workspace.access(call.target.path) in ("unreadable", "hidden"):
        raise missing(call.target.echo())
    entries = workspace.store.children(entry.path) if entry.object_type in FOLDERS else [entry]
    after = call.text("notebooks_modified_after")
    since = whole_number(after) or 0
    objects = [
        workspace.info(child, call.target, hashes)
        for child in entries
        if workspace.access(child.path) != "hidden"
        and not (child.object_type == "NOTEBOOK" and (child.modified_at or 0) < since)
    ]
    return answer({"objects": objects} if objects else {})


def list_repo(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """Everything below a folder in one answer, with hashes [PROBED, undocumented].

    Whether folders are among it, and what a path that is none gives, is unknown: they are, and it is 404.
    """
    if not workspace.settings.hashes:
        raise no_endpoint(call.method, call.endpoint)
    entry = workspace.store.get(call.target.path)
    if entry is None or entry.object_type not in FOLDERS or workspace.access(entry.path) in ("unreadable", "hidden"):
        raise missing(call.target.echo())
    hashes = call.flag("return_wsfs_metadata")
    objects = [
        workspace.info(child, call.target, hashes)
        for child in workspace.store.below(entry.path)
        if workspace.access(child.path) != "hidden"
    ]
    return answer({"objects": objects} if objects else {})
