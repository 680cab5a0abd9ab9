"""Experiments are objects of the workspace: their names are paths, their folders must exist.

MLflow's own server knows nothing of that: here is what Databricks adds, before it is asked and after it answered.
"""

from __future__ import annotations

from databricks_local.core.errors import ApiError
from databricks_local.core.model import FOLDERS, WorkspaceObject
from databricks_local.core.paths import ALIAS, Spelling, parent, spelled
from databricks_local.workspace.tree import LocalWorkspace

EXPERIMENT = "MLFLOW_EXPERIMENT"


def not_absolute(name: str) -> ApiError:
    """A name that is no absolute path: 400, text as users quote it."""
    text = (
        f"Got an invalid experiment name '{name}'. An experiment name must be an absolute path within the Databricks "
        "workspace, e.g. '/Users/<some-username>/my-experiment'."
    )
    return ApiError(400, "INVALID_PARAMETER_VALUE", text)


def parent_missing(folder: str) -> ApiError:
    """A name in a folder that is not there: 404 [PROBED]."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Parent directory {folder} does not exist.")  # [PROBED]


def taken(path: str) -> ApiError:
    """Something else lies at this path: the workspace's words for it [PROBED]."""
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Node named '{path.rpartition('/')[2]}' already exists")


def stored_name(workspace: LocalWorkspace, name: str) -> str:
    """The name a new experiment gets.

    `/Workspace/Shared/x` becomes `/Shared/x`, and is then not found under the name it was asked for, so that the
    second attempt to create it is refused: MLflow's issue 11077 [PROBED].
    """
    if not name.startswith("/") or name.rstrip("/") in ("", ALIAS):
        raise not_absolute(name)
    path = spelled(name).path
    folder = workspace.store.get(parent(path))
    if folder is None or folder.object_type not in FOLDERS:
        raise parent_missing(parent(path))
    workspace.check_writable(Spelling(path))
    entry = workspace.store.get(path)
    if entry is not None and entry.object_type != EXPERIMENT:
        raise taken(path)
    return path


def check_lookup(name: str) -> None:
    """Raises ApiError (404) for a name that a look-up never knows: see `stored_name`."""
    if name.startswith(ALIAS + "/"):
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Could not find experiment with name '{name}'")


def show(workspace: LocalWorkspace, name: str) -> None:
    """The experiment appears in the tree."""
    if name.startswith("/") and workspace.store.get(name) is None and workspace.store.get(parent(name)) is not None:
        now = workspace.clock.stamp()
        workspace.store.add(WorkspaceObject(0, name, EXPERIMENT, created_at=now, modified_at=now))


def hide(workspace: LocalWorkspace, name: str) -> None:
    """The experiment is gone from the tree."""
    entry = workspace.store.get(name)
    if entry is not None and entry.object_type == EXPERIMENT:
        workspace.store.remove(entry)
