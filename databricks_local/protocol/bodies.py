"""Reading requests that are not about an object of the workspace: DBFS, jobs, secrets, MLflow.

Their parameters come in the query, in a JSON body whatever the method (MLflow sends one with a GET), or the body
is the content itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from databricks_local.core.errors import ApiError
from databricks_local.core.model import Call
from databricks_local.core.paths import Spelling

from .wire import call, json_object

MAX_FORM = 8192  # of whoever has not logged in yet
_MOST_FIELDS = 20


class TooLongError(ValueError):
    """A form larger than it may be."""


# What fault rules and records call the object of such a request.
SUBJECTS = ("path", "job_id", "run_id", "scope", "experiment_name", "name")


def _subject(parameters: Mapping[str, Any]) -> Spelling:
    return Spelling(next((str(parameters[name]) for name in SUBJECTS if name in parameters), ""))


async def read_json(request: Request) -> Call:
    """A call from a query, a JSON object over it, and what the address names. ApiError (400): the body is no object."""
    parameters: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    json_body = bool(body.strip())
    if json_body:
        parameters.update(json_object(body))
    # Ours last: a body cannot pretend to be about another object than its address.
    parameters.update(request.path_params)
    return call(request, _subject(parameters), parameters, body, json_body=json_body)


async def read_raw(request: Request) -> Call:
    """The body is the content; the path is what is left of the URL."""
    parameters: dict[str, Any] = dict(request.query_params)
    parameters["path"] = "/" + str(request.path_params.get("path", ""))
    parameters["range"] = request.headers.get("range", "")
    return call(request, _subject(parameters), parameters, await request.body())


async def read_whole(request: Request) -> Call:
    """A request that is passed on: as it came, and what it says when that is JSON."""
    body = await request.body()
    parameters: dict[str, Any] = dict(request.query_params)
    json_body = request.headers.get("content-type", "").startswith("application/json")
    if json_body:
        with suppress(ApiError):
            parameters.update(json_object(body))
    # Ours last: a body cannot pretend to be a header.
    parameters["headers"] = request.headers.items()
    parameters["query"] = request.url.query
    parameters["user-agent"] = request.headers.get("user-agent", "")
    return call(request, _subject(parameters), parameters, body, json_body=json_body)


async def read_form(request: Request, limit: int) -> dict[str, str]:
    """The fields of a form, line ends as LF; ValueError when it is none. What is too long is not read to its end."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or len(length) > 15 or int(length) > limit:
        raise TooLongError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLongError
    fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    return {name: value.replace("\r\n", "\n") for name, value in fields}
