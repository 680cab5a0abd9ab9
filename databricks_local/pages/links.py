"""Paths as links: how a place is called in an address, and the way up to the root. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from databricks_local.core.paths import ALIAS, ancestors
from databricks_local.workspace.tree import LocalWorkspace


@dataclass(frozen=True, slots=True)
class Crumb:
    """One folder on the way up."""

    name: str
    address: str


def address(path: str) -> str:
    """A spelling that means exactly this object, also where a name looks like the alias."""
    return ALIAS + path if path == ALIAS or path.startswith(ALIAS + "/") else path


def trail(path: str) -> list[Crumb]:
    """From the root to the object itself."""
    above = ["/", *ancestors(path), *([path] if path != "/" else [])]
    return [Crumb(above_path.rpartition("/")[2] or "Workspace", address(above_path)) for above_path in above]


def home_of(workspace: LocalWorkspace) -> str:
    """The folder of the workspace's one user."""
    return f"/Users/{workspace.settings.user}"
