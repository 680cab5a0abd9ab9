"""Where a person finds things of the workspace in the browser. Pure.

SOURCE: databricks-labs-blueprint, WorkspacePath.as_uri: `<host>#workspace<path>` opens folders, notebooks and files.
Databricks CLI, libs/workspaceurls: `<host>/jobs/<id>`, `<host>/ml/experiments/<id>`; `?o=` for one of several.
The workspace on this machine has a page of its own for objects, and is the only one that is reached without encryption.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

_LOCAL = "http://"


class Pages(NamedTuple):
    """The pages of one workspace; without a host there is nobody to answer, and every address is ""."""

    host: str = ""
    workspace_id: str = ""  # where the host is of several workspaces

    def object(self, path: str) -> str:
        """The page of the folder, notebook or file at an absolute path."""
        shown = quote(path, safe="/@", errors="replace")
        if self.host.startswith(_LOCAL):
            return self._page(f"workspace?path={shown}")
        return self._page(f"{self._which}#workspace{shown}")

    def experiment(self, experiment: str, run: str = "") -> str:
        """The page of an experiment of MLflow, or of one of its runs, by their ids."""
        return self._page(f"ml/experiments/{_id(experiment)}{f'/runs/{_id(run)}' if run else ''}{self._which}")

    def job(self, job: str, run: str = "") -> str:
        """The page of a job, or of one of its runs, by their numbers."""
        return self._page(f"jobs/{_id(job)}{f'/runs/{_id(run)}' if run else ''}{self._which}")

    @property
    def _which(self) -> str:
        return f"?o={self.workspace_id}" if self.workspace_id else ""

    def _page(self, path: str) -> str:
        return f"{self.host}/{path}" if self.host else ""


def _id(text: str) -> str:
    """What a workspace calls an id, as part of an address, whatever it is."""
    return quote(text, safe="", errors="replace")
