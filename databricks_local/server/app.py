"""All routes of the server. New parts of the workspace add theirs to `routes`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from databricks_local.core.errors import denied_name, no_endpoint
from databricks_local.pages import sessions, site
from databricks_local.protocol.pipeline import Operation, Pipeline
from databricks_local.protocol.wire import refused
from databricks_local.services import Services
from databricks_local.workspace import exporting, folders, importing, reading, scim

from . import control, oidc


class Identifier(IntegerConvertor):
    """Starlette's own takes numbers of any length, which Python does not."""

    def convert(self, value: str) -> int:
        """The number, or one that no job and no run has."""
        return int(value[:40])


register_url_convertor("int", Identifier())

WORKSPACE: tuple[tuple[str, str, Operation], ...] = (
    ("POST", "/api/2.0/workspace/import", importing.import_object),
    ("GET", "/api/2.0/workspace/export", exporting.export),
    ("GET", "/api/2.0/workspace/get-status", reading.get_status),
    ("GET", "/api/2.0/workspace/list", reading.list_objects),
    ("GET", "/api/2.0/workspace/list-repo", reading.list_repo),
    ("POST", "/api/2.0/workspace/mkdirs", folders.mkdirs),
    ("POST", "/api/2.0/workspace/delete", folders.delete),
    ("GET", "/api/2.0/preview/scim/v2/Me", scim.me),
    ("POST", "/api/2.0/workspace-files/import-file/{path:path}", importing.import_file),
    ("GET", "/api/2.0/workspace-files/{path:path}", exporting.read_file),
)


def application(pipeline: Pipeline, services: Services) -> ASGIApp:
    """Everything that is served, as one ASGI application.

    A request without a token is answered only under a name of this machine: a site whose name was made to point here
    (DNS rebinding) cannot know the token.
    """
    unknown: dict[Any, Any] = {404: _unknown, 405: _unknown}
    routed = Starlette(routes=routes(pipeline, services), exception_handlers=unknown)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if "authorization" in request.headers or sessions.is_for_loopback(request):
            await routed(scope, receive, send)
        else:
            await refused(denied_name())(scope, receive, send)

    return serve


def routes(pipeline: Pipeline, services: Services) -> list[BaseRoute]:
    """Every route there is; the first that fits a request serves it."""
    return [
        *(Route(path, _served(pipeline, serve), methods=[method]) for method, path, serve in WORKSPACE),
        *oidc.routes(pipeline),
        *control.routes(pipeline),
        *site.routes(pipeline, services),
        *services.routes(),
    ]


def _served(pipeline: Pipeline, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return await pipeline.serve(operation, request)

    return serve


async def _unknown(request: Request, _: Exception) -> Response:
    return refused(no_endpoint(request.method, request.url.path))
