"""Reading requests that are not about an object of the workspace: DBFS, jobs, secrets, MLflow.

Their parameters come in the query, in a JSON body whatever the method (MLflow sends one with a GET), or the body
is the content itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from databricks_local.core.errors import ApiError
from databricks_local.core.model import Call
from databricks_local.core.paths import Spelling
from databricks_local.core.settings import MIB, ServerSettings
from databricks_local.core.threads import beside

from .multipart import Part, all_parts
from .wire import body, bounded_body, call, json_object, read_parts

MAX_FORM = 8192  # of whoever has not logged in yet
_MOST_FIELDS = 20
MAX_PASSED_ON = 2048 * MIB  # of what MLflow's own server gets: artifacts, which have no limit there
MAX_JSON = 16 * MIB
MAX_SUBJECT = 4096


# What fault rules and records call the object of such a request.
SUBJECTS = ("path", "job_id", "run_id", "scope", "experiment_name", "name")


def _subject(parameters: Mapping[str, Any]) -> Spelling:
    return Spelling(next((str(parameters[name])[:MAX_SUBJECT] for name in SUBJECTS if name in parameters), ""))


async def read_json(request: Request, settings: ServerSettings) -> Call:
    """A call from a query, a JSON object over it, and what the address names. ApiError (400): the body is no object."""
    parameters: dict[str, Any] = dict(request.query_params)
    raw = await body(request, MAX_JSON)
    json_body = bool(raw.strip())
    if json_body:
        parameters.update(await beside(len(raw), partial(json_object, raw)))
    # Ours last: a body cannot pretend to be about another object than its address.
    parameters.update(request.path_params)
    return call(request, _subject(parameters), parameters, raw, json_body=json_body)


async def read_raw(request: Request, settings: ServerSettings) -> Call:
    """The body is the content; the path is what is left of the URL."""
    parameters: dict[str, Any] = dict(request.query_params)
    parameters["path"] = "/" + str(request.path_params.get("path", ""))
    parameters["range"] = request.headers.get("range", "")
    return call(request, _subject(parameters), parameters, await body(request, settings.max_file_bytes))


async def read_file_part(request: Request, settings: ServerSettings) -> Call:
    """A multipart body: its part `file` is the content, the others are parameters. Raises ApiError (400, 413)."""
    content, parameters = await read_parts(request, "file", settings.max_archive_bytes)
    return call(request, _subject(parameters), parameters, content)


async def read_whole(request: Request, settings: ServerSettings) -> Call:
    """A request that is passed on: as it came, and what it says when that is JSON."""
    raw = await body(request, MAX_PASSED_ON)
    parameters: dict[str, Any] = dict(request.query_params)
    json_body = request.headers.get("content-type", "").startswith("application/json")
    if json_body:
        with suppress(ApiError):
            parameters.update(await beside(len(raw), partial(json_object, raw)))
    # Ours last: a body cannot pretend to be a header.
    parameters["headers"] = request.headers.items()
    parameters["query"] = request.url.query
    parameters["user-agent"] = request.headers.get("user-agent", "")
    return call(request, _subject(parameters), parameters, raw, json_body=json_body)


async def read_form(request: Request, limit: int, fields: int = _MOST_FIELDS) -> dict[str, str]:
    """The fields of a form, line ends as LF; ValueError when it is none. What is too long is not read to its end."""
    raw = await bounded_body(request, limit)
    return await beside(len(raw), partial(_fields, raw, fields))


async def read_upload(request: Request, limit: int, fields: int) -> list[Part]:
    """The fields and files of a form that uploads; ValueError when it is none, or has more than so many."""
    raw = await bounded_body(request, limit)
    return await beside(len(raw), partial(all_parts, request.headers.get("content-type", ""), raw, fields))


def _fields(raw: bytes, most: int) -> dict[str, str]:
    pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=most)
    return {name: value.replace("\r\n", "\n") for name, value in pairs}
