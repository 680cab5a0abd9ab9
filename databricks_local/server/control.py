"""The control endpoint: what tests and the demo ask of the workspace that no real one offers.

Same token as the API; nothing here is recorded or hit by faults. Bodies and answers are JSON.

    GET    /api/local/attach         stays open: a server started for somebody waits for all who attached
    GET    /api/local/status         {"pid", "folder", "user", "notebooks", "files", "objects"}
    POST   /api/local/faults         a list of rules (faults.py), replacing those in force
    GET    /api/local/faults         the rules in force with their counts
    DELETE /api/local/faults         no more faults
    GET    /api/local/requests       {"requests": [{"sequence", "method", "endpoint", "object", "status",
                                     "faults", "at_once"}]}
                                     by arrival; "status" is null when the client got no answer, "at_once"
                                     counts those under way when it came; of those without the right token
                                     only the latest
    DELETE /api/local/requests       forgets them and counts from 1 again
    POST   /api/local/clock          {"mode": "real|coarse|frozen|backwards|absent", "at_ms", "offset_ms",
                                     "resolution_ms", "step_ms"} (clock.py)
    GET    /api/local/settings       all settings (settings.py)
    POST   /api/local/settings       some of them, to change
    POST   /api/local/permissions    {"path", "access": "read-only|unreadable|hidden" or null}, for a subtree
    POST   /api/local/edit           one edit or a list of them (edits.py): somebody else at work
    GET    /api/local/objects        {"objects": [{"path", "object_type", "language", "content"}]}: all below ?path=
                                     but folders; notebooks and files as an export gives them, in base64
    POST   /api/local/reset          an empty workspace: objects, permissions, faults, requests and clock;
                                     what was asked before and is under way is cut off

Those of jobs, secrets and MLflow are described in services.py.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from databricks_local.core.clock import WorkspaceClock
from databricks_local.core.errors import ApiError
from databricks_local.core.model import FILE, FOLDERS, NOTEBOOK, WorkspaceObject
from databricks_local.core.paths import spelled
from databricks_local.protocol import faults
from databricks_local.protocol.controls import endpoint
from databricks_local.protocol.pipeline import Pipeline, RequestRecord
from databricks_local.protocol.wire import refused
from databricks_local.workspace.edits import edit
from databricks_local.workspace.exporting import exported
from databricks_local.workspace.tree import ACCESS, LocalWorkspace

MAX_RULES = 1_000  # of faults
FEW = 1_000  # requests: told before a thread begins


async def status(pipeline: Pipeline, _: Any) -> dict[str, Any]:
    """Which server this is, and how much it holds."""
    counts = await pipeline.workspace.read(lambda workspace: workspace.store.count())
    return {
        "pid": os.getpid(),
        "folder": str(pipeline.folder),
        "user": pipeline.workspace.settings.user,
        "notebooks": counts.get(NOTEBOOK, 0),
        "files": sum(n for kind, n in counts.items() if kind != NOTEBOOK and kind not in FOLDERS),
        "objects": sum(counts.values()),
    }


def set_faults(pipeline: Pipeline, body: Any) -> dict[str, Any]:
    """Takes a rule or a list of them. Raises ValueError for a wrong one; then the old ones stay."""
    if len(_list(body)) > MAX_RULES:
        raise ValueError(f"there may be {MAX_RULES} rules: each request is compared with all of them")
    rules = [faults.rule(document) for document in _list(body)]
    pipeline.past = None  # which is closed when the last read of it ends, for some may be under way
    if any(rule.kind == "stale" for rule in rules):
        pipeline.past = pipeline.workspace.store.snapshot()
    pipeline.faults.set(rules)
    return {}


def get_faults(pipeline: Pipeline, _: Any) -> dict[str, Any]:
    """The rules in force with their counts."""
    return {"faults": pipeline.faults.counts()}


def clear_faults(pipeline: Pipeline, _: Any) -> dict[str, Any]:
    """No more faults."""
    return set_faults(pipeline, [])


def get_requests(pipeline: Pipeline, _: Any) -> dict[str, Any] | Awaitable[dict[str, Any]]:
    """The requests that were recorded."""
    shown = partial(_requests, pipeline.records())
    return shown() if pipeline.sequence <= FEW else asyncio.to_thread(shown)


def _requests(records: Sequence[RequestRecord]) -> dict[str, Any]:
    return {"requests": [asdict(record) for record in records]}


def clear_requests(pipeline: Pipeline, _: Any) -> dict[str, Any]:
    """Forgets them."""
    pipeline.forget_records()
    return {}


def set_clock(pipeline: Pipeline, body: Any) -> dict[str, Any]:
    """Takes what Clock.set takes."""
    pipeline.workspace.clock.set(_object(body))
    return {}


def get_settings(pipeline: Pipeline, _: Any) -> dict[str, Any]:
    """All settings."""
    return asdict(pipeline.workspace.settings)


def set_settings(pipeline: Pipeline, body: Any) -> dict[str, Any]:
    """Takes some settings, and gives all. Raises ValueError for a wrong one."""
    pipeline.workspace.settings = pipeline.workspace.settings.changed(_object(body))
    pipeline.rate_limits.clear()
    return get_settings(pipeline, None)


async def set_permission(pipeline: Pipeline, body: Any) -> dict[str, Any]:
    """Takes a path and what its user may not do there. Raises ValueError, ApiError for a path that is none."""
    document = _object(body)
    access = document.get("access")
    if access is not None and access not in ACCESS:
        raise ValueError(f"access is null or one of {', '.join(ACCESS)}, not {access!r}")
    path = spelled(str(document.get("path"))).path
    await pipeline.workspace.change(partial(pipeline.workspace.restrict, path, access))
    return {}


async def edit_objects(pipeline: Pipeline, body: Any) -> dict[str, Any]:
    """Takes an edit or a list of them, all of which are made, or none."""

    def work() -> None:
        with pipeline.workspace.store.changes():
            for document in _list(body):
                edit(pipeline.workspace, document)

    await pipeline.workspace.change(work)
    return {}


async def get_objects(pipeline: Pipeline, body: Any) -> dict[str, Any]:
    """Takes a path, and gives what is below it, whoever may read it."""
    path = spelled(str(_object(body)["path"])).path

    def work(workspace: LocalWorkspace) -> dict[str, Any]:
        below = [entry for entry in workspace.store.below(path) if entry.object_type not in FOLDERS]
        return {"objects": [_shown(workspace, entry) for entry in below]}

    return await pipeline.workspace.read(work)


def _shown(workspace: LocalWorkspace, entry: WorkspaceObject) -> dict[str, Any]:
    content = b""
    if entry.object_type in (NOTEBOOK, FILE):
        content, _ = exported(workspace.settings, entry, [(entry, workspace.store.content(entry))], "SOURCE")
    return {
        "path": entry.path,
        "object_type": entry.object_type,
        "language": entry.language or "",
        "content": base64.b64encode(content).decode(),
    }


async def reset(pipeline: Pipeline, _: Any) -> dict[str, Any]:
    """Empties the workspace, and all beside it."""
    await pipeline.cut_off()
    clear_faults(pipeline, None)
    clear_requests(pipeline, None)
    pipeline.workspace.clock = WorkspaceClock()
    await pipeline.workspace.change(partial(_empty, pipeline))
    return {}


def _empty(pipeline: Pipeline) -> None:
    pipeline.workspace.reset()
    for also in pipeline.resets:
        also()


CONTROLS: tuple[tuple[str, str, Callable[[Pipeline, Any], dict[str, Any] | Awaitable[dict[str, Any]]]], ...] = (
    ("GET", "status", status),
    ("POST", "faults", set_faults),
    ("GET", "faults", get_faults),
    ("DELETE", "faults", clear_faults),
    ("GET", "requests", get_requests),
    ("DELETE", "requests", clear_requests),
    ("POST", "clock", set_clock),
    ("GET", "settings", get_settings),
    ("POST", "settings", set_settings),
    ("POST", "permissions", set_permission),
    ("POST", "edit", edit_objects),
    ("GET", "objects", get_objects),
    ("POST", "reset", reset),
)


def routes(pipeline: Pipeline) -> list[Route]:
    """The routes of all that stands in CONTROLS, and of attach."""
    controls = [
        Route(f"/api/local/{name}", endpoint(pipeline, partial(control, pipeline)), methods=[method])
        for method, name, control in CONTROLS
    ]
    return [Route("/api/local/attach", _attach(pipeline)), *controls]


def _attach(pipeline: Pipeline) -> Callable[[Request], Awaitable[Response]]:
    async def stay() -> AsyncIterator[bytes]:
        pipeline.clients.arrive()
        try:
            yield b"attached\n"
            await asyncio.Event().wait()
        finally:
            pipeline.clients.leave()

    async def serve(request: Request) -> Response:
        try:
            pipeline.check(request)
        except ApiError as error:
            return refused(error)
        return StreamingResponse(stay(), media_type="text/plain")

    return serve


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ValueError("the body is a JSON object")
    return body


def _list(body: Any) -> list[dict[str, Any]]:
    entries = body if isinstance(body, list) else [body]
    return [_object(entry) for entry in entries]
