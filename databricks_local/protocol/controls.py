"""Endpoints below /api/local, which no real workspace has.

They ask for the token; nothing of them is recorded or hit by faults.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from databricks_local.core.errors import ApiError, invalid

from .pipeline import Pipeline
from .wire import refused

Control = Callable[[Any], "dict[str, Any] | Awaitable[dict[str, Any]]"]


def endpoint(pipeline: Pipeline, control: Control) -> Callable[[Request], Awaitable[Response]]:
    """Serves `control`: it gets the JSON body, else the query, else None, and gives what is answered as JSON.

    What it raises as ApiError is answered as that; a ValueError, KeyError or TypeError is a 400 with its text.
    """

    async def serve(request: Request) -> Response:
        try:
            pipeline.check(request)
            raw = await request.body()
            answer = control(json.loads(raw) if raw else dict(request.query_params) or None)
            return JSONResponse(answer if isinstance(answer, dict) else await answer)
        except ApiError as error:
            return refused(error)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return refused(invalid(str(error)))

    return serve
