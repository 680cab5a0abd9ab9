"""What a page is given and what it answers with. Values only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from databricks_local.core.documents import whole_number
from databricks_local.core.errors import invalid
from databricks_local.core.model import Call, WorkspaceObject
from databricks_local.core.paths import spelled
from databricks_local.protocol.multipart import Part
from databricks_local.services import Services
from databricks_local.workspace.tree import LocalWorkspace

from .links import address


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One request of somebody who is logged in.

    What it is about stands in the query, for a POST too: a form would change the line ends in a path. `form` is what
    was typed, and empty unless it is a POST; `files` is what was uploaded with it. `workspace` stands still unless it
    is a POST.
    """

    workspace: LocalWorkspace
    services: Services
    query: Mapping[str, str]
    form: Mapping[str, str]
    parts: Mapping[str, Any]
    files: Sequence[Part] = ()

    def of(self, workspace: LocalWorkspace) -> PageRequest:
        """The same request about the workspace as it is at another moment."""
        return replace(self, workspace=workspace)

    def entry(self) -> WorkspaceObject:
        """The object at the `path` of the query. Raises ApiError (404, 403)."""
        return self.workspace.readable(spelled(self.query.get("path", "/")))

    def number(self, name: str, default: int) -> int:
        """A number of the query; a person never types it, so anything else is a mistake. Raises ApiError (400)."""
        number = whole_number(self.query.get(name, default))
        if number is None:
            raise invalid(f"{name} is a number.")
        return number

    def call(self, path: str, content: bytes | None = None, **parameters: object) -> Call:
        """What the same wish would be as a call of the API; `path` is a path of the tree."""
        return Call("POST", "", spelled(address(path)), parameters, content, False, self.workspace.monotonic())


# What a page may do beside showing text in our style: run our own script; show what cells have left, images and frames.
SCRIPT = "script-src 'self'"
OUTPUTS = "img-src data:; frame-src 'self'"


@dataclass(frozen=True, slots=True)
class PageView:
    """A template with its values; `allows` is SCRIPT, OUTPUTS or nothing."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    allows: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """Content that is kept as a file of that name, and never shown."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """HTML that somebody else wrote, for a frame in which it can do nothing."""

    html: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to look next."""

    url: str


Answer = PageView | Redirect | Download | Frame
# A coroutine does its steps in threads itself, as operations of the API do (protocol/pipeline.py).
Page = Callable[[PageRequest], Answer | Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a long list, from index `start` up to `stop`; `back` and `on` are the pages beside it, or None."""

    start: int
    stop: int
    size: int
    total: int
    back: int | None
    on: int | None


def sliced(page: int, size: int, total: int) -> Slice:
    """The page asked for, or the last one there is."""
    last = max(1, -(-total // size))
    page = min(max(page, 1), last)
    return Slice(
        start=(page - 1) * size,
        stop=min(page * size, total),
        size=size,
        total=total,
        back=page - 1 if page > 1 else None,
        on=page + 1 if page < last else None,
    )


def link(url: str, fragment: str = "", /, **query: object) -> str:
    """Paths of the workspace travel in the query: browsers would resolve a name like `..` in a URL's path."""
    parameters = {name: value for name, value in query.items() if value not in (None, "")}
    return url + (f"?{urlencode(parameters)}" if parameters else "") + (f"#{fragment}" if fragment else "")
