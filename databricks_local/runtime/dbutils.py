"""`dbutils` as a notebook finds it: widgets, secrets, notebook, library, and those of fs.py and task_values.py.

Names, arguments and errors as on the service; what is removed there (`library.installPyPI`) is not here either.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NoReturn

from .client import Client, RefusedByServer
from .context import EntryPoint
from .fs import Fs, IllegalArgument
from .task_values import TaskValues


class NotebookExit(BaseException):
    """Ends the notebook well. Not an Exception: an `except Exception` around it does not stop it."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class RestartPython(BaseException):
    """Ends the cell, and forgets every name."""


class InputWidgetNotDefined(Exception):
    """com.databricks.dbutils_v1.InputWidgetNotDefined"""

    def __init__(self, name: str) -> None:
        super().__init__(f"No input widget named {name} is defined")
        self.name = name


class InvalidInputWidgetDefaultValue(Exception):
    """com.databricks.dbutils_v1.InvalidInputWidgetDefaultValueException"""


class SecretNotDefined(IllegalArgument):
    """An IllegalArgumentException, too."""

    def __init__(self, scope: str, key: str) -> None:
        super().__init__(f"Secret does not exist with scope: {scope} and key: {key}")
        self.scope = scope
        self.key = key


class Widgets:
    """What callers may set. A parameter of the run counts as a widget even before the notebook declares it."""

    def __init__(self, parameters: dict[str, str]) -> None:
        self._parameters = dict(parameters)
        self._declared: dict[str, str] = {}

    def preset(self, parameters: dict[str, str]) -> None:
        """Values that a `%run` sets, over those of the run."""
        self._parameters.update(parameters)

    def text(self, name: str, defaultValue: str, label: str | None = None) -> None:  # noqa: N803
        """Declares a widget with its default."""
        self._declared[name] = str(defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:  # noqa: N803
        """Declares one; raises InvalidInputWidgetDefaultValue for a default that is no choice."""
        if defaultValue not in choices:
            raise InvalidInputWidgetDefaultValue(f"The default value {defaultValue} of {name} is not among its choices")
        self._declared[name] = defaultValue

    def combobox(self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None) -> None:  # noqa: N803
        """Declares one; its default may be any text."""
        self._declared[name] = str(defaultValue)

    multiselect = dropdown

    def get(self, name: str) -> str:
        """Its value; raises InputWidgetNotDefined."""
        if name in self._parameters:
            return self._parameters[name]
        if name in self._declared:
            return self._declared[name]
        raise InputWidgetNotDefined(name)

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:  # noqa: N802, N803
        """Its value, or the default; raises InputWidgetNotDefined without one."""
        if defaultValue is not None and name not in self._parameters and name not in self._declared:
            return defaultValue
        return self.get(name)

    def getAll(self) -> dict[str, str]:  # noqa: N802
        """All values by name."""
        return {**self._declared, **self._parameters}

    def remove(self, name: str) -> None:
        """Takes one away; raises InputWidgetNotDefined."""
        if name not in self._declared:
            raise InputWidgetNotDefined(name)
        del self._declared[name]
        self._parameters.pop(name, None)

    def removeAll(self) -> None:  # noqa: N802
        """Takes all away."""
        for name in list(self._declared):
            self.remove(name)


@dataclass(frozen=True)
class SecretScope:
    """As `dbutils.secrets.listScopes` gives it."""

    name: str


@dataclass(frozen=True)
class SecretMetadata:
    """As `dbutils.secrets.list` gives it."""

    key: str


class Secrets:
    """From the workspace's scopes. What was read never shows in the output."""

    def __init__(self, client: Client, seen: set[str]) -> None:
        self._client = client
        self._seen = seen

    def get(self, scope: str, key: str) -> str:
        """A secret as text; raises IllegalArgument for one that is not there."""
        value = self.getBytes(scope, key).decode("utf-8")
        if value:
            self._seen.add(value)
        return value

    def getBytes(self, scope: str, key: str) -> bytes:  # noqa: N802
        """A secret as bytes; raises IllegalArgument for one that is not there."""
        try:
            answer = json.loads(self._client.get("/api/2.0/secrets/get", scope=scope, key=key))
        except RefusedByServer as error:
            if error.status != 404:
                raise
            raise SecretNotDefined(scope, key) from None
        return base64.b64decode(answer["value"])

    def list(self, scope: str) -> list[SecretMetadata]:
        """The names of the secrets in a scope; raises IllegalArgument for one that is not there."""
        try:
            answer = json.loads(self._client.get("/api/2.0/secrets/list", scope=scope))
        except RefusedByServer as error:
            raise IllegalArgument(str(error)) from None
        return [SecretMetadata(secret["key"]) for secret in answer.get("secrets", [])]

    def listScopes(self) -> Sequence[SecretScope]:  # noqa: N802
        """All scopes."""
        answer = json.loads(self._client.get("/api/2.0/secrets/scopes/list"))
        return [SecretScope(scope["name"]) for scope in answer.get("scopes", [])]


class Notebook:
    """`run` carries out a notebook: path, seconds, parameters; it gives what that returned. This one is at `path`."""

    def __init__(self, run: Callable[[str, float, dict[str, str]], str], path: str) -> None:
        self._run = run
        self.entry_point = EntryPoint(path)
        self.getContext = self.entry_point.getContext

    def exit(self, value: Any = "") -> None:
        """What is not text becomes it; whether the service refuses it is unknown."""
        raise NotebookExit(value if isinstance(value, str) else str(value))

    def run(self, path: str, timeout_seconds: float = 0, arguments: dict[str, str] | None = None) -> str:
        """Another notebook, with parameters and a Python of its own; 0 seconds is no limit."""
        return self._run(path, timeout_seconds, {str(k): str(v) for k, v in (arguments or {}).items()})


class DBUtils:
    """`dbutils` itself."""

    def __init__(self, widgets: Widgets, secrets: Secrets, notebook: Notebook, fs: Fs, task_values: TaskValues) -> None:
        self.widgets = widgets
        self.secrets = secrets
        self.notebook = notebook
        self.library = SimpleNamespace(restartPython=_restart_python)
        self.fs = fs
        self.jobs = SimpleNamespace(taskValues=task_values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"dbutils.{name} is not there: databricks_local has {', '.join(self.__dict__)}")


def _restart_python() -> NoReturn:
    """What is left of dbutils.library. Raises RestartPython, which the cell does not see."""
    raise RestartPython
