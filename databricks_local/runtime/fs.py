"""`dbutils.fs`: DBFS, the workspace's files (`file:/Workspace/...`), and the files of this machine (`file:/...`)."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .client import Client, RefusedByServer

# What one call of the API takes; larger files go in several.
BLOCK = 512 * 1024


class IllegalArgument(Exception):
    """java.lang.IllegalArgumentException"""


@dataclass(frozen=True)
class FileInfo:
    """As `dbutils.fs.ls` gives it: size in bytes, time in milliseconds since 1970."""

    path: str
    name: str
    size: int
    modificationTime: int  # noqa: N815

    def isDir(self) -> bool:  # noqa: N802
        """Whether it is a folder."""
        return self.name.endswith("/")

    def isFile(self) -> bool:  # noqa: N802
        """Whether it is a file."""
        return not self.isDir()


class DbfsFiles:
    """DBFS."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ls(self, path: str) -> list[FileInfo]:
        """A file, or what lies in a folder."""
        answer = json.loads(self._client.get("/api/2.0/dbfs/list", path=path))
        return [_info(f"dbfs:{file['path']}", file) for file in answer.get("files", [])]

    def read(self, path: str, limit: int | None = None) -> bytes:
        """A file, or its beginning."""
        content = b""
        while limit is None or len(content) < limit:
            length = str(min(BLOCK, BLOCK if limit is None else limit - len(content)))
            query = {"path": path, "offset": str(len(content)), "length": length}
            block = base64.b64decode(json.loads(self._client.get("/api/2.0/dbfs/read", **query))["data"])
            if not block:
                break
            content += block
        return content

    def write(self, path: str, content: bytes, overwrite: bool) -> None:
        """A file."""
        handle = self._client.post("/api/2.0/dbfs/create", {"path": path, "overwrite": overwrite})["handle"]
        for start in range(0, len(content), BLOCK):
            data = base64.b64encode(content[start : start + BLOCK]).decode()
            self._client.post("/api/2.0/dbfs/add-block", {"handle": handle, "data": data})
        self._client.post("/api/2.0/dbfs/close", {"handle": handle})

    def mkdirs(self, path: str) -> None:
        """A folder with all above it."""
        self._client.post("/api/2.0/dbfs/mkdirs", {"path": path})

    def rm(self, path: str, recurse: bool) -> None:
        """A file, or a folder."""
        self._client.post("/api/2.0/dbfs/delete", {"path": path, "recursive": recurse})


class WorkspaceFiles:
    """The workspace's objects, by their path without `/Workspace`; a notebook is read as source."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ls(self, path: str) -> list[FileInfo]:
        """A file, or what lies in a folder."""
        entries = [json.loads(self._client.get("/api/2.0/workspace/get-status", path=path))]
        if entries[0]["object_type"] in ("DIRECTORY", "REPO"):
            entries = json.loads(self._client.get("/api/2.0/workspace/list", path=path)).get("objects", [])
        return [_info(f"file:/Workspace{entry['path']}", entry) for entry in entries]

    def read(self, path: str, limit: int | None = None) -> bytes:
        """A file, or its beginning."""
        return self._client.get("/api/2.0/workspace/export", path=path, format="AUTO", direct_download="true")[:limit]

    def write(self, path: str, content: bytes, overwrite: bool) -> None:
        """A file; with a notebook's header or name a notebook."""
        encoded = base64.b64encode(content).decode()
        body = {"path": path, "format": "AUTO", "content": encoded, "overwrite": overwrite}
        self._client.post("/api/2.0/workspace/import", body)

    def mkdirs(self, path: str) -> None:
        """A folder with all above it."""
        self._client.post("/api/2.0/workspace/mkdirs", {"path": path})

    def rm(self, path: str, recurse: bool) -> None:
        """An object, or a folder."""
        self._client.post("/api/2.0/workspace/delete", {"path": path, "recursive": recurse})


class LocalFiles:
    """The disk of this machine, which is that of the driver."""

    def ls(self, path: str) -> list[FileInfo]:
        """A file, or what lies in a folder."""
        at = Path(path)
        files = sorted(at.iterdir()) if at.is_dir() else [at]
        return [
            FileInfo(f"file:{file}{end}", file.name + end, 0 if end else stat.st_size, int(stat.st_mtime * 1000))
            for file in files
            for stat, end in [(file.stat(), "/" if file.is_dir() else "")]
        ]

    def read(self, path: str, limit: int | None = None) -> bytes:
        """A file, or its beginning."""
        with Path(path).open("rb") as file:
            return file.read(-1 if limit is None else limit)

    def write(self, path: str, content: bytes, overwrite: bool) -> None:
        """A file."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("wb" if overwrite else "xb") as file:
            file.write(content)

    def mkdirs(self, path: str) -> None:
        """A folder with all above it."""
        Path(path).mkdir(parents=True, exist_ok=True)

    def rm(self, path: str, recurse: bool) -> None:
        """A file, or a folder: with what is in it only with `recurse`."""
        at = Path(path)
        if not at.is_dir() or at.is_symlink():
            at.unlink()
        elif recurse:
            shutil.rmtree(at)
        else:
            at.rmdir()


# The places that paths lead to. What is not there raises RefusedByServer or OSError.
Files = DbfsFiles | WorkspaceFiles | LocalFiles


class Fs:
    """`dbutils.fs`. Its methods raise what the places raise, and IllegalArgument for a path that leads nowhere here."""

    def __init__(self, client: Client) -> None:
        self._dbfs, self._workspace, self._local = DbfsFiles(client), WorkspaceFiles(client), LocalFiles()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"dbutils.fs.{name} is not there: databricks_local has no mounts and caches")

    def ls(self, path: str) -> list[FileInfo]:
        """A file, or what lies in a folder."""
        files, at = self._at(path)
        return files.ls(at)

    def head(self, file: str, maxBytes: int = 65536) -> str:  # noqa: N803
        """The beginning of a file, as UTF-8."""
        files, at = self._at(file)
        return files.read(at, maxBytes).decode("utf-8", "replace")

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Writes a text as UTF-8."""
        files, at = self._at(file)
        files.write(at, contents.encode(), overwrite)
        return True

    def mkdirs(self, dir: str) -> bool:
        """Makes a folder with all above it."""
        files, at = self._at(dir)
        files.mkdirs(at)
        return True

    def rm(self, dir: str, recurse: bool = False) -> bool:
        """Deletes a file, or with `recurse` a folder; false when there is none."""
        files, at = self._at(dir)
        try:
            files.rm(at, recurse)
        except (RefusedByServer, FileNotFoundError) as error:
            if isinstance(error, RefusedByServer) and error.status != 404:
                raise
            return False
        return True

    def cp(self, source: str, target: str, recurse: bool = False) -> bool:
        """Copies a file, also into a folder, or with `recurse` a folder; from any place to any other."""
        (files, at), (others, to) = self._at(source), self._at(target)
        if not self._is_folder(source):
            to = f"{to.rstrip('/')}/{at.rpartition('/')[2]}" if self._is_folder(target) else to
            others.write(to, files.read(at), True)
            return True
        if not recurse:
            raise IllegalArgument(f"{source} is a folder: it is copied with recurse=True only")
        others.mkdirs(to)
        for entry in files.ls(at):
            self.cp(entry.path.rstrip("/"), f"{target.rstrip('/')}/{entry.name.rstrip('/')}", True)
        return True

    def mv(self, source: str, target: str, recurse: bool = False) -> bool:
        """Moves a file, or with `recurse` a folder."""
        self.cp(source, target, recurse)
        return self.rm(source, recurse)

    def _is_folder(self, path: str) -> bool:
        files, at = self._at(path)
        try:
            entries = files.ls(at)
        except (OSError, RefusedByServer):
            return False
        return [entry.path.rstrip("/") for entry in entries] != [_full(path)]

    def _at(self, path: str) -> tuple[Files, str]:
        scheme, colon, rest = path.partition(":")
        if path.startswith("/Workspace/") or _full(path).startswith("file:/Workspace/"):
            return self._workspace, _full(path).partition("/Workspace")[2]
        if scheme == "file" and colon:
            return self._local, "/" + rest.lstrip("/")
        if path.startswith(("/Volumes/", "dbfs:/Volumes/")) or (colon and scheme != "dbfs" and "/" not in scheme):
            place = "volumes" if "/Volumes/" in path else f"{scheme}:"
            raise IllegalArgument(f"{path}: there is no {place} here, but DBFS, file:/Workspace and file:")
        return self._dbfs, "/" + (rest if colon else path).lstrip("/")


def _full(path: str) -> str:
    """The path as `ls` gives it."""
    scheme, colon, rest = path.partition(":")
    if path.startswith("/Workspace/"):
        return f"file:{path.rstrip('/')}"
    return f"{scheme if colon else 'dbfs'}:/{(rest if colon else path).strip('/')}"


def _info(path: str, entry: dict[str, Any]) -> FileInfo:
    end = "/" if entry.get("is_dir") or entry.get("object_type") in ("DIRECTORY", "REPO") else ""
    size = int(entry.get("file_size", entry.get("size", 0)))
    changed = int(entry.get("modification_time", entry.get("modified_at", 0)))
    return FileInfo(path + end, path.rpartition("/")[2] + end, size, changed)
