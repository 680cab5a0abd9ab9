"""Logging in as a service principal: what databricks-sdk finds a token with when it has none [LOCAL].

There is one secret here, the server's token. Whoever shows it, as the secret of any service principal (OAuth M2M)
or as the identity token that some CI issued (workload identity federation), gets it back as an access token.
"""

from __future__ import annotations

import base64

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from databricks_local.core.model import WORKSPACE_ID
from databricks_local.protocol.bodies import MAX_FORM, read_form
from databricks_local.protocol.pipeline import Pipeline
from databricks_local.protocol.wire import TooLongError

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
EXPIRES_S = 3600


def routes(pipeline: Pipeline) -> list[BaseRoute]:
    """The three endpoints that databricks-sdk asks for: where, how, and for a token."""

    async def token(request: Request) -> Response:
        """RFC 6749, 4.4 with the secret in the header, and RFC 8693."""
        try:
            form = await read_form(request, MAX_FORM)
        except TooLongError:
            return JSONResponse({"error": "invalid_request"}, 413)
        except ValueError:
            return JSONResponse({"error": "invalid_request"}, 400)
        except ClientDisconnect:
            return Response(status_code=400)
        grant = form.get("grant_type")
        if grant == "client_credentials":
            shown = _secret(request.headers.get("authorization", ""))
        elif grant == EXCHANGE:
            shown = form.get("subject_token", "")
        else:
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        if not pipeline.is_token(shown):
            return JSONResponse({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
        return JSONResponse({"access_token": shown, "token_type": "Bearer", "expires_in": EXPIRES_S})

    return [
        Route("/.well-known/databricks-config", _discover),
        Route("/oidc/.well-known/oauth-authorization-server", _endpoints),
        Route("/oidc/v1/token", token, methods=["POST"]),
    ]


async def _discover(request: Request) -> Response:
    """What databricks-sdk asks for before anything else, without a token."""
    return JSONResponse({"oidc_endpoint": f"{request.base_url}oidc", "workspace_id": WORKSPACE_ID})


async def _endpoints(request: Request) -> Response:
    """Where a token is to be had."""
    oidc = f"{request.base_url}oidc"
    return JSONResponse({"authorization_endpoint": f"{oidc}/v1/authorize", "token_endpoint": f"{oidc}/v1/token"})


def _secret(authorization: str) -> str:
    """The secret of `Basic id:secret`; empty for anything else."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:
        return ""
    return decoded.partition(":")[2]
