"""`dbutils.notebook...getContext()`, which notebooks ask for their own path, the workspace's address and a token.

Undocumented, and used by many: each answer is an option of Scala, whose `get()` gives the value.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import partial
from typing import Any

from .client import from_environment


@dataclass(frozen=True)
class Option:
    """A value of Scala that may be missing."""

    value: Any

    def get(self) -> Any:
        """The value; raises LookupError without one."""
        if self.value is None:
            raise LookupError("None.get")
        return self.value

    def getOrElse(self, default: Any) -> Any:  # noqa: N802
        """The value, or another one."""
        return default if self.value is None else self.value

    def isDefined(self) -> bool:  # noqa: N802
        """Whether there is one."""
        return self.value is not None

    def toString(self) -> str:  # noqa: N802
        """As Scala writes it."""
        return "None" if self.value is None else f"Some({self.value})"


class Tags:
    """The tags of a context."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> Option:
        """One tag, if it is there."""
        return Option(self._values.get(name))

    def apply(self, name: str) -> str:
        """One tag; raises KeyError."""
        return self._values[name]


class Context:
    """That of one notebook."""

    def __init__(self, path: str) -> None:
        self._path = path

    def notebookPath(self) -> Option:  # noqa: N802
        """Where the notebook is in the workspace, or in its folder."""
        return Option(self._path)

    def apiUrl(self) -> Option:  # noqa: N802
        """The address of the workspace."""
        return Option(os.environ["DATABRICKS_HOST"])

    def apiToken(self) -> Option:  # noqa: N802
        """The token of the run."""
        return Option(os.environ["DATABRICKS_TOKEN"])

    def userName(self) -> Option:  # noqa: N802
        """The user of the token."""
        me = json.loads(from_environment().get("/api/2.0/preview/scim/v2/Me"))
        return Option(me.get("userName"))

    def browserHostName(self) -> Option:  # noqa: N802
        """The workspace's address without https://."""
        return Option(os.environ["DATABRICKS_HOST"].partition("://")[2])

    def tags(self) -> Tags:
        """What is known of the user and the workspace."""
        return Tags({"user": self.userName().get(), "browserHostName": self.browserHostName().get()})

    def toJson(self) -> str:  # noqa: N802
        """All that, but for the token."""
        tags = {name: self.tags().apply(name) for name in ("user", "browserHostName")}
        return json.dumps({"extraContext": {"notebook_path": self._path}, "tags": tags})

    safeToJson = toJson  # noqa: N815


class EntryPoint:
    """`dbutils.notebook.entry_point`, of whose ways one leads to the context."""

    def __init__(self, path: str) -> None:
        self.getContext = partial(Context, path)

    def getDbutils(self) -> EntryPoint:  # noqa: N802
        """As in Scala."""
        return self

    def notebook(self) -> EntryPoint:
        """As in Scala."""
        return self
