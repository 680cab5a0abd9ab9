"""The workspace's files as a running notebook or script finds them: beside it, on disk.

On the service its working folder is the one it lies in, and that is on Python's path (Databricks Runtime 14.0 and
later) [DOCS]. Here the files of its branch folder, `/Users/<user>/<name>` or `/Shared/<name>`, are copied
to where it runs: so `../src` is there, and absolute paths below `/Workspace` are not. What it writes stays there.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from .client import Client, RefusedByServer

# How many names a branch folder's path has, by its first one; elsewhere two.
DEPTH = {"Users": 3, "Repos": 3}


def working_folder(client: Client, path: str, root: Path) -> Path:
    """The folder below `root` to run what lies at `path` in, made with the files around it unless it is there."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["Workspace"]:
        del parts[0]
    folder = parts[:-1]
    branch = folder[: DEPTH.get(parts[0], 2)] if parts else []
    copied = root.joinpath(*branch)
    copied.mkdir(parents=True, exist_ok=True)
    if not any(copied.iterdir()):
        # Above branch folders, `/Shared` itself for example, everybody's files lie below: only those in it count.
        _copy(client, "/" + "/".join(branch), copied, deep=branch != [] and len(branch) == DEPTH.get(parts[0], 2))
    working = root.joinpath(*folder)
    working.mkdir(parents=True, exist_ok=True)
    return working


def _copy(client: Client, path: str, folder: Path, *, deep: bool) -> None:
    for item in _listed(client, path):
        child = folder / str(item["path"]).rpartition("/")[2]
        with suppress(OSError):  # a name that this system does not take
            if item["object_type"] == "DIRECTORY" and deep:
                child.mkdir()
                _copy(client, item["path"], child, deep=True)
            elif item["object_type"] == "FILE":
                query = {"path": str(item["path"]), "format": "AUTO", "direct_download": "true"}
                child.write_bytes(client.get("/api/2.0/workspace/export", **query))


def _listed(client: Client, path: str) -> list[dict[str, Any]]:
    try:
        objects: list[dict[str, Any]] = json.loads(client.get("/api/2.0/workspace/list", path=path)).get("objects", [])
    except RefusedByServer:  # a folder that is not there, or not ours to read, has no files
        return []
    return objects
