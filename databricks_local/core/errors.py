"""The errors of the workspace API, one function per situation, in the service's status, code and text.

Tags name the evidence: [REAL] a test against a real workspace, [PROBED] seen by an engineer or in a user's
raw log, [LOCAL] measured with a client, [FAKE] only what the CLI's fake does, [DOCS] documented, [INFERRED]
concluded by us. "unknown" means that nobody published it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_LONGEST = 2_000  # characters of what a message repeats


class ApiError(Exception):
    """A refusal with the shape `{"error_code", "message"[, "details"]}`."""

    def __init__(
        self,
        status: int,
        error_code: str,
        message: str,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.details = details
        self.headers = headers or {}


def no_credentials() -> ApiError:
    """Status known; text as users quote it in public issues [INFERRED]."""
    text = "Credential was not sent or was of an unsupported type for this API."
    return ApiError(401, "401", text, headers={"WWW-Authenticate": 'Bearer realm="databricks_local"'})


def bad_token() -> ApiError:
    """Status known; text as users quote it in public issues [INFERRED]."""
    return ApiError(403, "403", "Invalid access token.")


def no_endpoint(method: str, path: str) -> ApiError:
    """The service's answer to an API path it does not know [INFERRED from users' reports]."""
    return ApiError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path.removeprefix('/api/2.0')}'")


def denied_name() -> ApiError:
    """No workspace says this: it is about this machine."""
    return ApiError(403, "PERMISSION_DENIED", "This server only answers as 127.0.0.1 or localhost.")


def missing(path: str) -> ApiError:
    """404 [REAL]. `path` as its caller spelled it."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Path ({path}) doesn't exist.")  # [REAL]


def parent_missing(folder: str) -> ApiError:
    """Status [REAL]; text from Terraform's fixtures."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"The parent folder ({folder}) does not exist.")


def exists(path: str) -> ApiError:
    """import without overwrite: 400 [PROBED]."""
    text = f"{path} already exists. Please pass overwrite=true to overwrite it."  # [PROBED]
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", text)


def exists_by_race(path: str) -> ApiError:
    """import of what another request has made meanwhile: 409 [PROBED]."""
    text = f"Node with name {path} already exists. Please pass overwrite=true to update it."  # [PROBED]
    return ApiError(409, "ALREADY_EXISTS", text)


def file_exists(path: str) -> ApiError:
    """import-file over a FILE: 409 [REAL]; code and text vary."""
    return ApiError(409, "ALREADY_EXISTS", f"Creating file failed. An item with path {path} already exists")


def notebook_exists(path: str) -> ApiError:
    """import-file over a NOTEBOOK: 400 with an empty code [REAL], text of May 2026."""
    text = f"RESOURCE_ALREADY_EXISTS: {path} already exists. Please pass overwrite=true to overwrite it."
    return ApiError(400, "", text)


def type_mismatch(path: str, requested: str, actual: str) -> ApiError:
    """An import over an object of another type: 400 [PROBED]. Types as the API names them."""
    text = f"Cannot overwrite the asset at {path} due to type mismatch (asked: {requested}, actual: {actual})."
    return ApiError(400, "INVALID_PARAMETER_VALUE", text, _mismatch_details(actual))  # [PROBED]


def source_view_mismatch(requested: str, actual: str) -> ApiError:
    """Plain content at `/foo.py` while `/foo` is a Python notebook [PROBED]."""
    text = f"Requested node type [{requested}] is different from the existing node type [{actual}]"
    return ApiError(400, "INVALID_PARAMETER_VALUE", text, _mismatch_details(actual))


def _mismatch_details(actual: str) -> list[dict[str, Any]]:
    """Newer backends add these; the roll-out was not complete in June 2026 [PROBED]."""
    return [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "WORKSPACE_OBJECT_TYPE_MISMATCH",
            "domain": "workspace.databricks.com",
            "metadata": {"existing_type": actual},
        }
    ]


def not_a_zip() -> ApiError:
    """SOURCE without language: status and text [REAL]; code [INFERRED] from what databricks-sdk rewraps."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", "The zip archive contains no items.")


def only_dbc() -> ApiError:
    """A zip of sources in an older workspace: text from the documentation until 2023; status and code [INFERRED]."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", "Importing a directory is only supported for the DBC format.")


def not_posted() -> ApiError:
    """A zip of sources as a posted file: nobody says that there is such a refusal."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", "Importing a directory requires the content parameter.")


def not_in_archives(name: str) -> ApiError:
    """A member that an archive must not have: nobody says that there is such a refusal."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", f"{name} is not a notebook.")


def not_empty(path: str) -> ApiError:
    """delete of a folder with something in it, without `recursive`: 400 [REAL]."""
    return ApiError(400, "DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty")  # [REAL]


def protected(path: str) -> ApiError:
    """The code is documented; status and text are unknown."""
    return ApiError(400, "DIRECTORY_PROTECTED", f"Folder ({path}) is protected")


def not_a_folder(path: str) -> ApiError:
    """mkdirs where a prefix is an object: code [DOCS], text unknown."""
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Cannot create directory {path}: it is not a directory.")


def denied(principal: str, path: str, right: str = "Manage") -> ApiError:
    """Writing [PROBED]; the wording for reading ("View") is [INFERRED]."""
    text = f"{principal} does not have {right} permissions on {path}. "
    return ApiError(403, "PERMISSION_DENIED", text + "Please contact the owner or an administrator for access.")


def folder_full(folder: str, size: int, limit: int) -> ApiError:
    """A full folder looks like a permission error [PROBED]; the middle of the text is not published."""
    text = f"Size limit exceeded for folder '{folder}'. Current size: {size} Limit: {limit}"
    return ApiError(403, "MAX_CHILD_NODE_SIZE_EXCEEDED", text)


def too_large(size: int, limit: int, code: str = "MAX_NOTEBOOK_SIZE_EXCEEDED") -> ApiError:
    """The text of imports [PROBED]; what an export says is not published, the code is [DOCS]."""
    text = f"File size imported is ({size} bytes), exceeded max size ({limit} bytes)"
    return ApiError(400, code, text)


def no_content() -> ApiError:
    """An import that brings no content: 400, text [PROBED]."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", "No input data source provided")  # text [PROBED]


def invalid(text: str) -> ApiError:
    """A parameter we cannot read; the service's own wording is unknown for these. What it quotes is cut short."""
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return ApiError(400, "INVALID_PARAMETER_VALUE", shown)


def body_too_large(limit: int) -> ApiError:
    """A body that is larger than any call takes: status as of every proxy, text unknown."""
    return ApiError(413, "REQUEST_ENTITY_TOO_LARGE", f"The request is larger than {limit} bytes.")


def throttled(retry_after: int | None) -> ApiError:
    """429 with or without Retry-After (whole seconds) [PROBED]; the text is unknown."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return ApiError(429, "REQUEST_LIMIT_EXCEEDED", "Too many requests. Please try again later.", headers=headers)
