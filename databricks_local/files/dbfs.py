"""DBFS as databricks-sdk and MLflow's client use it.

Status and code of every refusal are documented [DOCS]; the texts are those users quote, or ours where nobody
published one. New workspaces have no DBFS any more: the setting `dbfs` switches it off, then everything is 403.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from databricks_local.core.documents import whole_number
from databricks_local.core.errors import ApiError, invalid
from databricks_local.core.model import ApiAnswer, Call, answer
from databricks_local.core.settings import MIB
from databricks_local.protocol.pipeline import Operation
from databricks_local.workspace.tree import LocalWorkspace

from .tree import Node, OutsideError, Tree


def missing(path: str) -> ApiError:
    """A path without a file: 404 [DOCS], text as users quote it."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"No file or directory exists on path {path}.")


def exists(path: str) -> ApiError:
    """400 although its class says conflict [REAL, filer tests of the CLI]."""
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", f"A file or directory already exists at the input path {path}.")


def switched_off() -> ApiError:
    """What a workspace without DBFS root answers exactly is unknown; 403 is documented."""
    return ApiError(403, "PERMISSION_DENIED", "Public DBFS root is disabled. Access is denied on path.")


class Dbfs:
    """The files, and the streams that are open for writing: those do not survive a restart."""

    def __init__(self, root: Path) -> None:
        self.tree = Tree(root)
        self._streams: dict[int, tuple[str, bytearray]] = {}
        self._handles = itertools.count(1)

    def clear(self) -> None:
        """Deletes all files, and forgets the streams that are open."""
        self.tree.clear()
        self._streams.clear()

    def operations(self) -> Sequence[tuple[str, str, Operation]]:
        """HTTP method, path below `/api/2.0/dbfs/`, and what serves it."""
        return (
            ("GET", "get-status", self.operation(self.get_status)),
            ("GET", "list", self.operation(self.list)),
            ("GET", "read", self.operation(self.read)),
            ("POST", "mkdirs", self.operation(self.mkdirs)),
            ("POST", "put", self.operation(self.put)),
            ("POST", "create", self.operation(self.create)),
            ("POST", "add-block", self.operation(self.add_block)),
            ("POST", "close", self.operation(self.close)),
            ("POST", "move", self.operation(self.move)),
            ("POST", "delete", self.operation(self.delete)),
        )

    def operation(
        self, operation: Callable[[Call], dict[str, Any] | ApiAnswer]
    ) -> Callable[[LocalWorkspace, Call], ApiAnswer]:
        """`operation` as the pipeline serves it: what it returns becomes JSON, what the disk refuses an ApiError."""

        def operate(workspace: LocalWorkspace, call: Call) -> ApiAnswer:
            if not workspace.settings.dbfs:
                raise switched_off()
            try:
                result = operation(call)
                return result if isinstance(result, ApiAnswer) else answer(result)
            except OutsideError:
                raise invalid(f"Invalid path: {call.target.path}") from None
            except (NotADirectoryError, IsADirectoryError, FileExistsError):
                raise exists(call.target.path) from None
            except OSError as error:
                raise invalid(f"{call.target.path}: {error.strerror}") from None

        return operate

    async def raw(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """`/dbfs/<path>`, undocumented: POST creates, PUT replaces, GET reads.

        That a POST over a file is 409 "File already exists" is what MLflow's client is prepared for [src].
        """
        handle = self.operation(self._content if call.method == "GET" else self._upload)
        return await workspace.apart(partial(handle, workspace, call))

    def _content(self, call: Call) -> ApiAnswer:
        return ApiAnswer(200, self._file(call).read_bytes(), "application/octet-stream")

    def _upload(self, call: Call) -> dict[str, Any]:
        path = path_of(call)
        if not self._is_free(path, call.method == "PUT" or call.flag("overwrite")):
            raise ApiError(409, "RESOURCE_ALREADY_EXISTS", f"File already exists: {path}")
        self.tree.write(path, call.content or b"")
        return {}

    def get_status(self, call: Call) -> dict[str, Any]:
        """The file or folder at a path, or 404 [DOCS]."""
        return file_info(self._node(call))

    def list(self, call: Call) -> dict[str, Any]:
        """The object itself when it is a file; no `files` for an empty folder [src of MLflow's client]."""
        node = self._node(call)
        nodes = self.tree.children(node.path) if node.is_dir else [node]
        return {"files": [file_info(node) for node in nodes]} if nodes else {}

    def mkdirs(self, call: Call) -> dict[str, Any]:
        """Makes a folder with all above it; one that exists is no error, a file is (400)."""
        path = path_of(call)
        try:
            self.tree.file(path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            # One of the texts of different clouds [REAL, tests of the CLI].
            text = f"Cannot create directory {path} because {path} is an existing file."
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", text) from None
        return {}

    def put(self, call: Call) -> dict[str, Any]:
        """A whole file, at most 1 MB in base64 [DOCS]; 400 over a file unless `overwrite`."""
        content = decoded(call, "contents")
        self._check_free(call)
        self.tree.write(path_of(call), content)
        return {}

    def create(self, call: Call) -> dict[str, Any]:
        """Opens a stream to a new file, and gives its `handle`; 400 over a file unless `overwrite` [DOCS]."""
        self._check_free(call)
        handle = next(self._handles)
        self.tree.write(path_of(call), b"")
        self._streams[handle] = (path_of(call), bytearray())
        return {"handle": handle}

    def add_block(self, call: Call) -> dict[str, Any]:
        """At most 1 MB in base64, at the end of a stream [DOCS]."""
        self._stream(call)[1].extend(decoded(call, "data"))
        return {}

    def close(self, call: Call) -> dict[str, Any]:
        """Ends a stream: only now the file has its content."""
        path, content = self._stream(call)
        self.tree.write(path, bytes(content))
        del self._streams[number(call, "handle", -1)]
        return {}

    def read(self, call: Call) -> dict[str, Any]:
        """At most 1 MB at a time; fewer bytes at the end of the file [DOCS]. Raises ApiError: 404, 400 for more."""
        offset, length = number(call, "offset", 0), number(call, "length", 512 * 1024)
        if length > MIB:
            raise ApiError(400, "MAX_READ_SIZE_EXCEEDED", f"The read length {length} exceeds {MIB} bytes.")
        with self._file(call).open("rb") as file:
            file.seek(offset)
            data = file.read(length)
        return {"bytes_read": len(data), "data": base64.b64encode(data).decode()}

    def move(self, call: Call) -> dict[str, Any]:
        """A file or folder to a path that must be free: 400 when it is not, 404 without a source [DOCS]."""
        source, target = clean(call.text("source_path")), clean(call.text("destination_path"))
        if self.tree.node(source) is None:
            raise missing(source)
        if self.tree.node(target) is not None:
            raise exists(target)
        self.tree.file(target).parent.mkdir(parents=True, exist_ok=True)
        self.tree.file(source).rename(self.tree.file(target))
        return {}

    def delete(self, call: Call) -> dict[str, Any]:
        """A path that is missing is no error; IO_ERROR for a full folder until a December [REAL].

        Raises ApiError (400).
        """
        path = path_of(call)
        node = self.tree.node(path)
        if node is None:
            return {}
        if node.path == "/":
            raise ApiError(400, "BAD_REQUEST", "The root cannot be deleted.")
        if node.is_dir and self.tree.children(path) and not call.flag("recursive"):
            text = "Directory is not empty. Use recursive delete or remove contents first."  # [PROBED]
            raise ApiError(400, "BAD_REQUEST", text)
        self.tree.remove(path)
        return {}

    def _node(self, call: Call) -> Node:
        path = path_of(call)
        node = self.tree.node(path)
        if node is None:
            raise missing(path)
        return node

    def _file(self, call: Call) -> Path:
        if self._node(call).is_dir:
            raise invalid(f"Cannot read a directory: {path_of(call)}")
        return self.tree.file(path_of(call))

    def _check_free(self, call: Call) -> None:
        if not self._is_free(path_of(call), call.flag("overwrite")):
            raise exists(path_of(call))

    def _is_free(self, path: str, overwrite: bool) -> bool:
        node = self.tree.node(path)
        return node is None or (overwrite and not node.is_dir)

    def _stream(self, call: Call) -> tuple[str, bytearray]:
        handle = number(call, "handle", -1)
        if handle not in self._streams:
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"No stream exists for handle {handle}.")
        return self._streams[handle]


def clean(path: str | None) -> str:
    """An absolute path, with or without its scheme. Raises ApiError (400) for a relative one."""
    path = (path or "").removeprefix("dbfs:")
    if not path.startswith("/"):
        raise invalid(f'Path must be absolute: "{path}"')
    return path.rstrip("/") or "/"


def path_of(call: Call) -> str:
    """The path that a call is about. Raises ApiError (400) for a relative one."""
    return clean(call.text("path"))


def file_info(node: Node) -> dict[str, Any]:
    """A file or folder as the API describes it: size in bytes, time in milliseconds since 1970."""
    return {
        "path": node.path,
        "is_dir": node.is_dir,
        "file_size": node.size,
        "modification_time": node.modified_ms,
    }


def number(call: Call, name: str, default: int) -> int:
    """A parameter that is a whole number from 0. Raises ApiError (400) for anything else."""
    value = call.parameters.get(name, default)
    number = whole_number(value)
    if number is None:
        raise invalid(f"{name} is a whole number from 0, not {value!r}.")
    return number


def decoded(call: Call, name: str) -> bytes:
    """Base64, at most 1 MB inline [DOCS]. Raises ApiError (400)."""
    try:
        content = base64.b64decode(str(call.parameters.get(name, "")), validate=True)
    except ValueError:
        raise invalid(f"{name} is not valid base64.") from None
    if len(content) > MIB:
        raise ApiError(400, "MAX_BLOCK_SIZE_EXCEEDED", f"The block is larger than {MIB} bytes.")
    return content
