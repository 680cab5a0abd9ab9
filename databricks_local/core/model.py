"""The values everybody passes: an object of the workspace, a call, an answer. Frozen, and nothing else here.

Nothing here imports a rule or a parser of `databricks_sync`: one shared with the client under test would hide a mistake
that both make. The command line and the pages share what writes for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .documents import written
from .errors import ApiError
from .paths import Spelling

DIRECTORY = "DIRECTORY"
NOTEBOOK = "NOTEBOOK"
FILE = "FILE"
DASHBOARD = "DASHBOARD"
DESIGNER_FILE = "DESIGNER_FILE"
REPO = "REPO"  # a classic Git folder
GIT_FOLDER = "GIT_FOLDER"  # one with Git CLI access: our own name, the API tells of a DIRECTORY

FOLDERS = (DIRECTORY, REPO, GIT_FOLDER)

WORKSPACE_ID = "1000000000000000"

LANGUAGES = ("PYTHON", "SQL", "SCALA", "R")


@dataclass(frozen=True, slots=True)
class WorkspaceObject:
    """One object of the workspace without its content. Directories have neither times nor hash [PROBED]."""

    object_id: int
    path: str
    object_type: str
    language: str | None = None
    export_format: str | None = None
    created_at: int | None = None
    modified_at: int | None = None
    sha256: str | None = None

    @property
    def name(self) -> str:
        """The last name of its path."""
        return self.path.rsplit("/", 1)[1]

    @property
    def api_type(self) -> str:
        """The type that the API tells: a Git folder with Git CLI access is a directory [DOCS]."""
        return DIRECTORY if self.object_type == GIT_FOLDER else self.object_type


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read: what is asked of which object, and when it reached the server."""

    method: str
    endpoint: str
    target: Spelling
    parameters: Mapping[str, Any]
    content: bytes | None
    json_body: bool
    arrived: float
    gzip_accepted: bool = False

    def text(self, name: str) -> str | None:
        """A parameter as text; None when it is missing or empty."""
        value = self.parameters.get(name)
        return None if value is None or value == "" else str(value)

    def flag(self, name: str) -> bool:
        """Booleans are JSON booleans in bodies and the strings true/false in queries and parts [LOCAL]."""
        value = self.parameters.get(name)
        return value is True or (isinstance(value, str) and value.lower() == "true")


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What goes back over the wire."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> ApiAnswer:
    """An answer whose body is JSON."""
    return ApiAnswer(status, written(body).encode(), headers=headers or {})


def refusal(error: ApiError) -> ApiAnswer:
    """An error as the API answers it: `error_code`, `message`, and `details` when it has any."""
    body: dict[str, Any] = {"error_code": error.error_code, "message": error.message}
    if error.details:
        body["details"] = list(error.details)
    return answer(body, error.status, error.headers)
