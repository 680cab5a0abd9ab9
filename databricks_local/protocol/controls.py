"""Endpoints below /api/local, which no real workspace has.

They ask for the token; nothing of them is recorded or hit by faults.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from databricks_local.core.documents import parsed
from databricks_local.core.errors import ApiError, invalid
from databricks_local.core.model import answer
from databricks_local.core.settings import MIB
from databricks_local.core.threads import beside

from .pipeline import Pipeline
from .wire import body, refused, response

MAX_CONTROL = 64 * MIB

Control = Callable[[Any], "dict[str, Any] | Awaitable[dict[str, Any]]"]


def endpoint(pipeline: Pipeline, control: Control) -> Callable[[Request], Awaitable[Response]]:
    """Serves `control`: it gets the JSON body, else the query, else None, and gives what is answered as JSON.

    It runs on the event loop; what takes long, or gives much, is a coroutine. What it raises as ApiError is answered as
    that; a ValueError, KeyError or TypeError is a 400 with its text.
    """

    async def serve(request: Request) -> Response:
        try:
            pipeline.check(request)
            raw = await body(request, MAX_CONTROL)
            asked = await beside(len(raw), partial(parsed, raw)) if raw else dict(request.query_params) or None
            result = control(asked)
            made = answer(result) if isinstance(result, dict) else await asyncio.to_thread(answer, await result)
            return response(made, pipeline.date())
        except ApiError as error:
            return refused(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except (ValueError, KeyError, TypeError) as error:
            return refused(invalid(str(error)))
        except Exception as error:
            pipeline.log(error)
            return refused(ApiError(500, "INTERNAL_ERROR", "An internal error occurred."))

    return serve
