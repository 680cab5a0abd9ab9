"""Where a person finds an object of the workspace in the browser. Pure.

SOURCE: databricks-labs-blueprint, WorkspacePath.as_uri: `<host>#workspace<path>` opens folders, notebooks and files.
The workspace on this machine has a page of its own, and is the only one that is reached without encryption.
"""

from __future__ import annotations

from urllib.parse import quote

_LOCAL = "http://"


def pages(host: str, workspace_id: str = "") -> str:
    """What an object's path is put behind; `workspace_id`: where the host is of several workspaces."""
    if host.startswith(_LOCAL):
        return f"{host}/workspace?path="
    return f"{host}/{f'?o={workspace_id}' if workspace_id else ''}#workspace"


def address(pages: str, path: str) -> str:
    """The address of the object at an absolute path; "" where there are no pages."""
    return f"{pages}{quote(path, safe='/@', errors='replace')}" if pages else ""
