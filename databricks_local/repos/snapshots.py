"""`/api/2.0/repos/snapshots`: all files of a bundle at once, under the hash of what they are, never to be changed.

Undocumented: the request and the answer are those of the CLI's code since 1.6 [src]; what a second upload of the same
content answers, and what becomes of notebooks among the files, is unknown: the same, and notebooks.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from databricks_local.core.documents import parsed
from databricks_local.core.errors import invalid
from databricks_local.core.model import ApiAnswer, Call, answer
from databricks_local.core.paths import Spelling, parent
from databricks_local.core.threads import beside
from databricks_local.jobs.rules.permissions import Grants, grants
from databricks_local.workspace import archive, folders
from databricks_local.workspace.scim import USER_ID
from databricks_local.workspace.tree import LocalWorkspace

LEVELS = {"CAN_READ": "Can read the files of the snapshot."}
_NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)


async def create(permit: Callable[[int, Grants], None], workspace: LocalWorkspace, call: Call) -> ApiAnswer:
    """A new snapshot, or the one that is there. Raises ApiError (400).

    `permit` keeps the permissions on a folder, by its identifier.
    """
    content = call.content or b""
    bundle, snapshot = (_name(call, field) for field in ("bundle_id", "snapshot_id"))
    if (await beside(len(content), partial(hashlib.sha256, content))).hexdigest() != snapshot:
        raise invalid("snapshot_id is not the SHA-256 of the file.")
    access = grants(_list(call.text("access_control_list")), LEVELS)
    target = Spelling(f"/Users/{USER_ID}/.snapshots/{bundle}/{snapshot}", "/Workspace")
    give = partial(_permitted, permit, workspace, target, access)
    if not await workspace.change(give):
        await archive.import_folder(workspace, replace(call, target=target), "AUTO", content)
        await workspace.change(partial(workspace.restrict, target.path, "read-only"))
        await workspace.change(give)
    return answer({"snapshot": {"path": target.echo()}})


def _permitted(
    permit: Callable[[int, Grants], None], workspace: LocalWorkspace, target: Spelling, access: Grants
) -> bool:
    """Keeps the permissions of a snapshot; False where there is none yet, but its place is made."""
    entry = workspace.store.get(target.path)
    if entry is None:
        folders.make(workspace, Spelling(parent(target.path)))
        return False
    permit(entry.object_id, access)
    return True


def _name(call: Call, field: str) -> str:
    text = call.text(field) or ""
    if not _NAME.fullmatch(text) or set(text) == {"."}:
        raise invalid(f"Missing or wrong field: {field}")
    return text


def _list(text: str | None) -> Any:
    return [] if text is None else parsed(text.encode()) or []
