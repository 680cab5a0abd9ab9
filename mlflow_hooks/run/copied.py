"""A project as it lies here, copied into the workspace for one run, from where a job's task can take its code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from databricks_sync.errors import WorkspaceError
from databricks_sync.local.git import Repository
from databricks_sync.remote.folder import API, Workspace
from databricks_sync.remote.http import Http
from databricks_sync.rules.never_synced import credential_file, is_litter, is_settings
from databricks_sync.system import Pool
from mlflow_hooks.model import MLflowProject


def copy_project(http: Http, root: str, project: MLflowProject) -> None:
    """Copies what git tracks or does not ignore below `root`, at the paths that the repository has for it.

    `root` is a folder of the workspace that is this run's own. Raises WorkspaceError.
    """
    workspace = Workspace(http, root)
    files = {project.path(name): project.folder / name for name in _to_copy(project.folder)}
    for folder in sorted({name.rpartition("/")[0] for name in files}):
        workspace.make_folder(f"{root}/{folder}".rstrip("/"))

    def put(name: str) -> None:
        workspace.put(name, files[name].read_bytes(), None, overwrite=True)

    with Pool() as pool:
        for copied in [pool.submit(put, name) for name in files]:
            copied.result()


def remove_copy(http: Http, root: str) -> None:
    """Deletes the copy, where there is one: it is of nobody else, since its name has been made for this run."""
    with suppress(WorkspaceError):
        http.write(f"{API}/delete", json.dumps({"path": root, "recursive": True}).encode())


def _to_copy(folder: Path) -> Iterator[str]:
    """The files of a project, without those that hold credentials or lie outside of it by a link."""
    top = folder.resolve()
    for entry in Repository(folder).entries(folder):
        path = folder / entry.path
        kept_away = is_settings(entry.path) or is_litter(entry.path) or credential_file(entry.path)
        if path.is_file() and top in path.resolve().parents and not kept_away:
            yield entry.path
