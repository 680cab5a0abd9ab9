"""MLflow's artifacts under the names Databricks gives them, and the Files API by which its client reaches them.

MLflow's own server calls a place `mlflow-artifacts:/1/<run>/artifacts`; a client of Databricks only understands
`dbfs:/databricks/mlflow-tracking/1/<run>/artifacts` and then asks for
`/WorkspaceInternal/Mlflow/Artifacts/1/Runs/<run>/artifacts` [src of MLflow 3.17]. All three are one folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import format_datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from databricks_local.core.errors import ApiError
from databricks_local.core.model import ApiAnswer, Call, answer
from databricks_local.workspace.tree import LocalWorkspace

from .tree import Node, OutsideError, Tree

OURS = re.compile(rb"mlflow-artifacts:/(\d+)(/models)?")
THEIRS = re.compile(rb"dbfs:/databricks/mlflow-tracking/(\d+)(/logged_models)?")
INTERNAL = re.compile(r"/WorkspaceInternal/Mlflow/Artifacts/(\d+)/(Runs|LoggedModels)/([^/]+)(/.*)?")


def to_databricks(body: bytes) -> bytes:
    """What MLflow's server answered, with the addresses a client of Databricks expects."""
    return OURS.sub(lambda m: b"dbfs:/databricks/mlflow-tracking/" + m[1] + (b"/logged_models" if m[2] else b""), body)


def to_mlflow(body: bytes) -> bytes:
    """What a client of Databricks sends, with the addresses MLflow's server expects."""
    return THEIRS.sub(lambda m: b"mlflow-artifacts:/" + m[1] + (b"/models" if m[2] else b""), body)


class FilesApi:
    """`/api/2.0/fs` for artifacts; there are no volumes here."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    async def files(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """One file: GET, HEAD, PUT and DELETE; 404 outside of MLflow's artifacts."""
        operation = {"PUT": self._put, "DELETE": self._delete}.get(call.method, self._get)
        return await workspace.apart(partial(self._answered, call, operation))

    def directories(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """One folder: GET and HEAD list it, PUT makes it; 404 outside of MLflow's artifacts."""
        return self._answered(call, {"PUT": self._mkdirs}.get(call.method, self._list))

    def initiate(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Large uploads by signed addresses are not offered: databricks-sdk then sends the file as one.

        Raises ApiError (403), always.
        """
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "FILES_API_API_IS_NOT_ENABLED",
            "domain": "filesystem.databricks.com",
        }
        raise ApiError(403, "PERMISSION_DENIED", "Presigned URLs are not enabled.", [info])

    def _answered(self, call: Call, operation: Callable[[Call, str], ApiAnswer]) -> ApiAnswer:
        match = INTERNAL.fullmatch("/" + call.target.path.strip("/"))
        if match is None:
            raise _missing(call.target.path)
        middle = "models/" if match[2] == "LoggedModels" else ""
        try:
            return operation(call, f"/{match[1]}/{middle}{match[3]}{match[4] or ''}")
        except (OutsideError, NotADirectoryError, IsADirectoryError, FileExistsError, FileNotFoundError):
            raise _missing(call.target.path) from None

    def _get(self, call: Call, path: str) -> ApiAnswer:
        node = self._node(path, call, is_dir=False)
        body = self.tree.file(path).read_bytes()
        changed = datetime.fromtimestamp(node.modified_ms // 1000, timezone.utc)
        headers = {"Last-Modified": format_datetime(changed, usegmt=True)}
        start = re.fullmatch(r"bytes=([0-9]+)-", str(call.parameters.get("range", "")))
        if start and (len(start[1]) > 18 or int(start[1]) > len(body)):
            raise ApiError(416, "INVALID_PARAMETER_VALUE", f"The file has no byte {start[1][:40]}.")
        return ApiAnswer(200, body[int(start[1]) :] if start else body, "application/octet-stream", headers)

    def _put(self, call: Call, path: str) -> ApiAnswer:
        if self.tree.node(path) is not None and not call.flag("overwrite"):
            raise ApiError(409, "ALREADY_EXISTS", f"The file {call.target.path} already exists.")
        self.tree.write(path, call.content or b"")
        return ApiAnswer(204, b"")

    def _delete(self, call: Call, path: str) -> ApiAnswer:
        self._node(path, call, is_dir=False)
        self.tree.remove(path)
        return ApiAnswer(204, b"")

    def _mkdirs(self, call: Call, path: str) -> ApiAnswer:
        self.tree.file(path).mkdir(parents=True, exist_ok=True)
        return ApiAnswer(204, b"")

    def _list(self, call: Call, path: str) -> ApiAnswer:
        self._node(path, call, is_dir=True)
        root = "/" + call.target.path.strip("/")
        contents = [_entry(node, f"{root}/{node.path.rpartition('/')[2]}") for node in self.tree.children(path)]
        return answer({"contents": contents} if contents else {})

    def _node(self, path: str, call: Call, is_dir: bool) -> Node:
        node = self.tree.node(path)
        if node is None or node.is_dir != is_dir:
            raise _missing(call.target.path)
        return node


def _entry(node: Node, path: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "path": path,
        "name": path.rpartition("/")[2],
        "is_directory": node.is_dir,
        "last_modified": node.modified_ms,
    }
    return entry if node.is_dir else {**entry, "file_size": node.size}


def _missing(path: str) -> ApiError:
    return ApiError(404, "NOT_FOUND", f"The path {quote(path)} does not exist.")
