"""get-status, list, list-repo, Me: what is there, and who asks."""

from __future__ import annotations

from databricks_local.core.errors import missing, no_endpoint
from databricks_local.core.model import FOLDERS, ApiAnswer, Call, answer

from .tree import LocalWorkspace

USER_ID = "1000000000000001"


def me(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """The one principal there is; the keys databricks-sdk reads [LOCAL]."""
    user = workspace.settings.user
    return answer(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": USER_ID,
            "userName": user,
            "displayName": user,
            "active": True,
            "emails": [{"type": "work", "value": user, "primary": True}],
        }
    )


def get_status(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """`return_git_info` is tolerated: of what lies in a Git folder nothing is told."""
    entry = workspace.readable(call.target)
    return answer(workspace.info(entry, call.target, export=call.flag("return_export_info")))


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
    since = int(after) if after is not None and after.isdigit() else 0
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
