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


class CopiedProject:
    """The copy of a project below `root`, a folder of the workspace that is this run's own. Raises WorkspaceError."""

    def __init__(self, http: Http, root: str) -> None:
        self._workspace = Workspace(http, root)
        self.root = root

    def make(self, project: MLflowProject) -> None:
        """Copies what git tracks or does not ignore, at the paths that the repository has for it."""
        files = {project.path(name): project.folder / name for name in _to_copy(project.folder)}
        for folder in sorted({name.rpartition("/")[0] for name in files}):
            self._workspace.make_folder(f"{self.root}/{folder}".rstrip("/"))
        with Pool() as pool:
            for copied in [pool.submit(self._put, name, path) for name, path in files.items()]:
                copied.result()

    def remove(self) -> None:
        """Deletes the copy, where there is one: it is of nobody else, since its name has been made for this run."""
        body = {"path": self.root, "recursive": True}
        with suppress(WorkspaceError):
            self._workspace.http.write(f"{API}/delete", json.dumps(body).encode())

    def _put(self, name: str, path: Path) -> None:
        self._workspace.put(name, path.read_bytes(), None, overwrite=True)


def _to_copy(folder: Path) -> Iterator[str]:
    """The files of a project, without those that hold credentials or lie outside of it by a link."""
    top = folder.resolve()
    for entry in Repository(folder).entries(folder):
        path = folder / entry.path
        kept_away = is_settings(entry.path) or is_litter(entry.path) or credential_file(entry.path)
        if path.is_file() and top in path.resolve().parents and not kept_away:
            yield entry.path
