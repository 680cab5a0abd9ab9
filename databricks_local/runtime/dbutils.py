"""`dbutils` as a notebook finds it: widgets, secrets, notebook, library and a little of fs.

Names, arguments and errors as on the service; what is removed there (`library.installPyPI`) is not here either.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .client import Client, RefusedByServer


class NotebookExit(BaseException):
    """Ends the notebook well. Not an Exception: an `except Exception` around it does not stop it."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class RestartPython(BaseException):
    """Ends the cell, and forgets every name."""


class InputWidgetNotDefined(Exception):
    """com.databricks.dbutils_v1.InputWidgetNotDefined"""


class InvalidInputWidgetDefaultValue(Exception):
    """com.databricks.dbutils_v1.InvalidInputWidgetDefaultValueException"""


class IllegalArgument(Exception):
    """java.lang.IllegalArgumentException"""


class Widgets:
    """What callers may set. A parameter of the run counts as a widget even before the notebook declares it."""

    def __init__(self, parameters: dict[str, str]) -> None:
        self._parameters = dict(parameters)
        self._declared: dict[str, str] = {}

    def preset(self, parameters: dict[str, str]) -> None:
        self._parameters.update(parameters)

    def text(self, name: str, defaultValue: str, label: str | None = None) -> None:  # noqa: N803
        self._declared[name] = str(defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:  # noqa: N803
        if defaultValue not in choices:
            raise InvalidInputWidgetDefaultValue(f"The default value {defaultValue} of {name} is not among its choices")
        self._declared[name] = defaultValue

    def combobox(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:  # noqa: N803
        self._declared[name] = str(defaultValue)

    multiselect = dropdown

    def get(self, name: str) -> str:
        if name in self._parameters:
            return self._parameters[name]
        if name in self._declared:
            return self._declared[name]
        raise InputWidgetNotDefined(f"No input widget named {name} is defined")

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:  # noqa: N802, N803
        if defaultValue is not None and name not in self._parameters and name not in self._declared:
            return defaultValue
        return self.get(name)

    def getAll(self) -> dict[str, str]:  # noqa: N802
        return {**self._declared, **self._parameters}

    def remove(self, name: str) -> None:
        if name not in self._declared:
            raise InputWidgetNotDefined(f"No input widget named {name} is defined")
        del self._declared[name]
        self._parameters.pop(name, None)

    def removeAll(self) -> None:  # noqa: N802
        for name in list(self._declared):
            self.remove(name)


@dataclass(frozen=True)
class SecretScope:
    name: str


@dataclass(frozen=True)
class SecretMetadata:
    key: str


class Secrets:
    """From the workspace's scopes. What was read never shows in the output."""

    def __init__(self, client: Client, seen: set[str]) -> None:
        self._client = client
        self._seen = seen

    def get(self, scope: str, key: str) -> str:
        value = self.getBytes(scope, key).decode("utf-8")
        if value:
            self._seen.add(value)
        return value

    def getBytes(self, scope: str, key: str) -> bytes:  # noqa: N802
        try:
            answer = json.loads(self._client.get("/api/2.0/secrets/get", scope=scope, key=key))
        except RefusedByServer as error:
            if error.status != 404:
                raise
            raise IllegalArgument(f"Secret does not exist with scope: {scope} and key: {key}") from None
        return base64.b64decode(answer["value"])

    def list(self, scope: str) -> list[SecretMetadata]:
        try:
            answer = json.loads(self._client.get("/api/2.0/secrets/list", scope=scope))
        except RefusedByServer as error:
            raise IllegalArgument(str(error)) from None
        return [SecretMetadata(secret["key"]) for secret in answer.get("secrets", [])]

    def listScopes(self) -> Sequence[SecretScope]:  # noqa: N802
        answer = json.loads(self._client.get("/api/2.0/secrets/scopes/list"))
        return [SecretScope(scope["name"]) for scope in answer.get("scopes", [])]


class Notebook:
    def __init__(self, run: Callable[[str, float, dict[str, str]], str]) -> None:
        self._run = run

    def exit(self, value: Any = "") -> None:
        """What is not text becomes it; whether the service refuses it is unknown."""
        raise NotebookExit(value if isinstance(value, str) else str(value))

    def run(self, path: str, timeout_seconds: float = 0, arguments: dict[str, str] | None = None) -> str:
        """Another notebook, with parameters and a Python of its own; 0 seconds is no limit."""
        return self._run(path, timeout_seconds, {str(k): str(v) for k, v in (arguments or {}).items()})


class Library:
    def restartPython(self) -> None:  # noqa: N802
        raise RestartPython


@dataclass(frozen=True)
class FileInfo:
    path: str
    name: str
    size: int
    modificationTime: int  # noqa: N815


class Fs:
    """On this workspace's DBFS only."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ls(self, path: str) -> list[FileInfo]:
        answer = json.loads(self._client.get("/api/2.0/dbfs/list", path=_dbfs(path)))
        return [_file_info(file) for file in answer.get("files", [])]

    def head(self, file: str, maxBytes: int = 65536) -> str:  # noqa: N803
        answer = json.loads(self._client.get("/api/2.0/dbfs/read", path=_dbfs(file), length=str(maxBytes)))
        return base64.b64decode(answer["data"]).decode("utf-8", "replace")

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        body = {"path": _dbfs(file), "contents": base64.b64encode(contents.encode()).decode(), "overwrite": overwrite}
        self._client.post("/api/2.0/dbfs/put", body)
        return True

    def mkdirs(self, dir: str) -> bool:
        self._client.post("/api/2.0/dbfs/mkdirs", {"path": _dbfs(dir)})
        return True

    def rm(self, dir: str, recurse: bool = False) -> bool:
        self._client.post("/api/2.0/dbfs/delete", {"path": _dbfs(dir), "recursive": recurse})
        return True

    def mv(self, source: str, target: str, recurse: bool = False) -> bool:
        body = {"source_path": _dbfs(source), "destination_path": _dbfs(target)}
        self._client.post("/api/2.0/dbfs/move", body)
        return True


class DBUtils:
    def __init__(self, widgets: Widgets, secrets: Secrets, notebook: Notebook, fs: Fs) -> None:
        self.widgets = widgets
        self.secrets = secrets
        self.notebook = notebook
        self.library = Library()
        self.fs = fs


def _file_info(entry: dict[str, Any]) -> FileInfo:
    name = str(entry["path"]).rpartition("/")[2] + ("/" if entry["is_dir"] else "")
    path = f"dbfs:{entry['path']}" + ("/" if entry["is_dir"] else "")
    return FileInfo(path, name, int(entry["file_size"]), int(entry["modification_time"]))


def _dbfs(path: str) -> str:
    if path.startswith("file:"):
        raise IllegalArgument(f"{path}: dbutils.fs reaches DBFS only here; use Python's own files")
    return path.removeprefix("dbfs:")
