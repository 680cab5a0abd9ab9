"""MLflow under the workspace's address: asks for the workspace's token, adds what Databricks adds, passes it on."""

from __future__ import annotations

import asyncio
import json
import string
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from urllib.parse import quote, urlencode

from databricks_local.core.errors import ApiError, no_endpoint
from databricks_local.core.model import ApiAnswer, Call
from databricks_local.core.threads import beside
from databricks_local.files import files_api
from databricks_local.protocol.wire import json_object
from databricks_local.workspace.tree import LocalWorkspace

from . import experiments
from .forwarding import Reply, forward
from .process import MlflowProcess
from .program import SECRET_HEADER

API = "/api/2.0/mlflow/"

# Calls after which the tree shows something else.
FOLLOWED = tuple(f"experiments/{name}" for name in ("create", "restore", "delete", "update"))

# Parts of MLflow that run commands or ask other services: not what a workspace is for.
WITHHELD = ("assistant", "gateway", "jobs", "invocations")

# Answers whose addresses every client takes for Databricks's: a registry may be reached by plain HTTP.
REGISTRY = ("/registered-models/", "/model-versions/")


class MlflowProxy:
    """Passes calls on to the server of `process`. Raises ApiError: 501 without MLflow, 502 when it does not answer."""

    def __init__(self, process: MlflowProcess) -> None:
        self._process = process
        # Of its own: the loop would wait at its end for what is asked of MLflow, which ends only after it.
        self._threads = ThreadPoolExecutor(16)

    async def api(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """The REST API, as the clients use it."""
        call = await workspace.read(lambda seen: self._checked(seen, call))
        shown = await self._name_before(call)
        reply = await self._passed(call, call.endpoint)
        if reply.status == 200 and call.endpoint.removeprefix(API) in FOLLOWED:
            await workspace.change(partial(_follow, workspace, call, shown))
        is_data = "artifact" in call.endpoint
        return await beside(len(reply.body), partial(_answer, reply, self._is_databricks(call), is_data))

    async def page(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """The web page and what it asks for, below /mlflow: a session of our page is as good as the token there."""
        target = call.endpoint.removeprefix("/mlflow") or "/"
        reply = await self._passed(call, target)
        return await beside(len(reply.body), partial(_answer, reply, False, "artifact" in target))

    def _checked(self, workspace: LocalWorkspace, call: Call) -> Call:
        """Databricks's rules on names, before MLflow sees them."""
        name = call.endpoint.removeprefix(API)
        if name == "experiments/create":
            return _named(call, "name", experiments.stored_name(workspace, str(call.parameters.get("name", ""))))
        if name == "experiments/update" and call.parameters.get("new_name"):
            return _named(call, "new_name", experiments.stored_name(workspace, str(call.parameters["new_name"])))
        if name == "experiments/get-by-name":
            experiments.check_lookup(str(call.parameters.get("experiment_name", "")))
        return call

    async def _name_before(self, call: Call) -> str:
        """The path of the experiment that is about to move or go."""
        if call.endpoint.removeprefix(API) not in FOLLOWED[1:]:
            return ""
        query = urlencode({"experiment_id": str(call.parameters.get("experiment_id", ""))})
        reply = await self._ask("GET", f"{API}experiments/get?{query}", (), b"")
        return str(json.loads(reply.body)["experiment"]["name"]) if reply.status == 200 else ""

    def _is_databricks(self, call: Call) -> bool:
        agent = str(call.parameters.get("user-agent", ""))
        return "databricks-sdk" in agent or any(part in call.endpoint for part in REGISTRY)

    async def _passed(self, call: Call, target: str) -> Reply:
        if any(part in WITHHELD for part in target.split("/")):
            raise no_endpoint(call.method, call.endpoint)
        query = quote(str(call.parameters.get("query", "")), safe=string.punctuation)
        address = quote(target, safe="/:@!$&'()*+,;=~-._") + (f"?{query}" if query else "")
        headers: Sequence[tuple[str, str]] = call.parameters.get("headers", ())
        body = call.content or b""
        if call.json_body:
            body = await beside(len(body), partial(files_api.to_mlflow, body))
        return await self._ask(call.method, address, headers, body)

    async def _ask(self, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes) -> Reply:
        port = await self._process.port()
        forwarded = [*((name, value) for name, value in headers if name != "accept-encoding")]
        forwarded.append((SECRET_HEADER, self._process.secret))
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, forward, port, method, target, forwarded, body)
        except OSError as error:
            raise ApiError(502, "INTERNAL_ERROR", f"MLflow did not answer: {error}") from None


def _named(call: Call, field: str, name: str) -> Call:
    body = {**json_object(call.content or b"{}"), field: name}
    return replace(call, content=json.dumps(body).encode(), parameters={**call.parameters, field: name})


def _follow(workspace: LocalWorkspace, call: Call, before: str) -> None:
    """The tree shows what has become of the experiment."""
    name = call.endpoint.removeprefix(API)
    if name == "experiments/create":
        experiments.show(workspace, str(call.parameters["name"]))
    elif name == "experiments/restore":
        experiments.show(workspace, before)
    elif name == "experiments/delete":
        experiments.hide(workspace, before)
    elif name == "experiments/update" and call.parameters.get("new_name"):
        experiments.hide(workspace, before)
        experiments.show(workspace, str(call.parameters["new_name"]))


def _answer(reply: Reply, is_databricks: bool, is_data: bool) -> ApiAnswer:
    headers = dict(reply.headers)
    media = headers.get("content-type", "application/octet-stream")
    body = reply.body
    if is_databricks and media.startswith("application/json"):
        body = files_api.to_databricks(body)
    # An artifact is data: opened in a browser it must not act as a page of this workspace.
    sandbox = {"Content-Security-Policy": "sandbox"} if is_data else {}
    passed = ("cache-control", "content-disposition", "etag", "last-modified", "location", "x-content-type-options")
    return ApiAnswer(
        reply.status, body, media, {**sandbox, **{name: headers[name] for name in passed if name in headers}}
    )
