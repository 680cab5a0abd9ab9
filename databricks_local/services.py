"""What the workspace is besides its tree: DBFS, jobs and their runs, secrets, schedules, MLflow. And their routes.

Control endpoints of these parts, as control.py describes them:

    POST   /api/local/run-states     a list of overrides, replacing those in force: runs that never start,
                                     never end, end without a result, or are refused
    DELETE /api/local/run-states     no more overrides
    GET    /api/local/run-output     ?run_id= of a run or a task run: {"tasks": [{"run_id", "task_key", "log",
                                     "log_truncated", "result", "truncated", "error", "error_trace", "displays",
                                     "notes", "task_values"}]}
    POST   /api/local/reset          also cancels all runs and empties all of these parts
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from databricks_local.core.documents import whole_number
from databricks_local.files.dbfs import Dbfs
from databricks_local.files.files_api import FilesApi
from databricks_local.files.tree import Tree
from databricks_local.jobs.api import JobApi
from databricks_local.jobs.compute_api import COMPUTE_OPERATIONS
from databricks_local.jobs.executor import Executor, run_files
from databricks_local.jobs.overrides import RunOverrides, override
from databricks_local.jobs.permissions_api import PermissionsApi, of_jobs, of_objects
from databricks_local.jobs.rules.permissions import Grants
from databricks_local.jobs.run_api import RunApi
from databricks_local.jobs.scheduler import Scheduler
from databricks_local.jobs.secrets_api import SecretsApi
from databricks_local.jobs.store import JobStore
from databricks_local.jobs.task_runner import TaskRunner
from databricks_local.mlflow_server.process import MlflowProcess
from databricks_local.mlflow_server.proxy import MlflowProxy
from databricks_local.protocol import bodies
from databricks_local.protocol.controls import endpoint
from databricks_local.protocol.pipeline import Operation, Pipeline, Reader
from databricks_local.repos import snapshots
from databricks_local.repos.repos_api import ReposApi
from databricks_local.workspace import telemetry
from databricks_local.workspace.scim import SCIM_OPERATIONS

VERSIONS = ("2.0", "2.1", "2.2")

# What of the folder belongs to these parts.
DATABASE = "jobs.sqlite"
FOLDERS = ("dbfs", "runs", "mlflow", "repos", "spark")


class Services:
    """Opens all of these parts; runs that were going on when the last server ended are ended. Raises RefusedError."""

    def __init__(self, pipeline: Pipeline, host: str, token: str, run_schedules: bool = False) -> None:
        folder, workspace = pipeline.folder, pipeline.workspace
        self.pipeline = pipeline
        self.dbfs = Dbfs(folder / "dbfs")
        self.store = JobStore(folder / DATABASE)
        self.overrides = RunOverrides()
        files = run_files(folder)
        runner = TaskRunner(self.store, self.dbfs, files, host, token, lambda: pipeline.workspace.settings)
        self.executor = Executor(self.store, runner, workspace.clock.now, pipeline.log)
        self.executor.recover()
        self.jobs = JobApi(self.store)
        self.runs = RunApi(self.store, self.executor, self.overrides, host)
        self.secrets = SecretsApi(self.store)
        self.permissions = PermissionsApi(self.store, {"jobs": of_jobs(self.store), **of_objects(self.store)})
        self.repos = ReposApi(folder / "repos", workspace.store)
        self.artifacts = FilesApi(Tree(folder / "mlflow" / "artifacts"))
        self.mlflow = MlflowProcess(folder / "mlflow")
        self.proxy = MlflowProxy(self.mlflow)
        # Who else than a bearer of the token may see MLflow's page: set by whoever keeps browsers' sessions.
        self.admits: Callable[[Request], bool] = lambda _: False
        # The path that logs a browser in once: set by the same.
        self.login_link: Callable[[], str] = lambda: "/"
        self.scheduler = Scheduler(self.store, self._fire)
        if run_schedules:
            self.scheduler.start()

    def _fire(self, job_id: int) -> None:
        job = self.store.job(job_id)
        if job is not None:
            workspace = self.pipeline.workspace
            with workspace.store.reading() as seen:
                self.runs.begin(workspace.as_of(seen), job, {}, "PERIODIC")

    def _permit(self, folder: int, given: Grants) -> None:
        self.store.put_permissions(f"/directories/{folder}", given)

    def reset(self) -> None:
        """Empties all of these parts, and ends what runs."""
        self.overrides.set([])
        self.executor.stop_all()
        self.store.clear()
        self.dbfs.clear()
        self.repos.clear()
        self.mlflow.stop()
        for name in ("mlflow", "runs", "spark"):
            shutil.rmtree(self.pipeline.folder / name, ignore_errors=True)
        run_files(self.pipeline.folder)

    def close(self) -> None:
        """Ends what runs, and waits two seconds for it."""
        self.scheduler.stop()
        self.executor.stop_all(2)
        self.mlflow.stop()
        self.store.close()

    def routes(self) -> list[BaseRoute]:
        """The routes of all these parts."""
        return [
            *(
                Route(path, self._endpoint(operation, read), methods=[method])
                for method, path, operation, read in self._calls()
            ),
            *(self._mlflow_routes()),
            *(
                Route(f"/api/local/{name}", endpoint(self.pipeline, partial(operation, self)), methods=[method])
                for method, name, operation in CONTROLS
            ),
        ]

    def _calls(self) -> Iterator[tuple[str, str, Operation, Reader]]:
        parts = (
            ("/api/2.0/dbfs/", self.dbfs.operations()),
            *((f"/api/{version}/jobs/", self.jobs.operations()) for version in VERSIONS),
            *((f"/api/{version}/jobs/", self.runs.operations()) for version in VERSIONS),
            ("/api/2.0/secrets/", self.secrets.operations()),
            ("/api/2.0/permissions/", self.permissions.operations()),
            ("/api/2.0/repos", self.repos.operations()),
            *((f"/api/{version}/clusters/", COMPUTE_OPERATIONS) for version in ("2.0", "2.1")),
            ("/api/2.0/preview/scim/v2/", SCIM_OPERATIONS),
        )
        for prefix, operations in parts:
            for method, name, operation in operations:
                yield method, prefix + name, operation, bodies.read_json
        yield "POST", "/telemetry-ext", telemetry.take, bodies.read_json
        yield "POST", "/api/2.0/repos/snapshots", partial(snapshots.create, self._permit), bodies.read_file_part
        for method in ("POST", "PUT", "GET"):
            yield method, "/dbfs/{path:path}", self.dbfs.raw, bodies.read_raw
        yield "POST", "/api/2.0/fs/files/{path:path}", self.artifacts.initiate, bodies.read_raw
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            yield method, "/api/2.0/fs/files/{path:path}", self.artifacts.files, bodies.read_raw
        for method in ("GET", "HEAD", "PUT"):
            yield method, "/api/2.0/fs/directories/{path:path}", self.artifacts.directories, bodies.read_raw

    def _mlflow_routes(self) -> list[BaseRoute]:
        methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        api = self._endpoint(self.proxy.api, bodies.read_whole)
        page = self._endpoint(self.proxy.page, bodies.read_whole, self._check_page)
        return [
            *(Route(f"/api/{version}/mlflow/{{path:path}}", api, methods=methods) for version in ("2.0", "3.0")),
            Route("/api/2.0/mlflow-artifacts/{path:path}", api, methods=methods),
            Route("/ajax-api/{path:path}", page, methods=methods),
            Route("/mlflow", _to_page, methods=["GET"]),
            Route("/ml/{path:path}", _to_page, methods=["GET"]),
            Route("/mlflow/{path:path}", page, methods=methods),
        ]

    def _endpoint(
        self, operation: Operation, read: Reader, check: Callable[[Request], None] | None = None
    ) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            return await self.pipeline.serve(operation, request, read, check)

        return serve

    def _check_page(self, request: Request) -> None:
        """For MLflow's page a session of ours is as good as the token. Raises ApiError."""
        if not self.admits(request):
            self.pipeline.check(request)


async def _to_page(request: Request) -> Response:
    """Also the addresses of Databricks that MLflow's client prints."""
    path = quote(str(request.path_params.get("path", "")))
    return Response(status_code=307, headers={"Location": f"/mlflow/#/{path}" if path else "/mlflow/"})


def _run_states(services: Services, body: Any) -> dict[str, Any]:
    services.overrides.set([override(document) for document in (body if isinstance(body, list) else [body])])
    return {}


def _no_run_states(services: Services, _: Any) -> dict[str, Any]:
    services.overrides.set([])
    return {}


async def _run_output(services: Services, query: Any) -> dict[str, Any]:
    number = whole_number(query["run_id"])
    if number is None:
        raise ValueError("run_id is a number")
    return await asyncio.to_thread(services.runs.all_output, number)


CONTROLS: tuple[tuple[str, str, Callable[[Services, Any], dict[str, Any] | Awaitable[dict[str, Any]]]], ...] = (
    ("POST", "run-states", _run_states),
    ("DELETE", "run-states", _no_run_states),
    ("GET", "run-output", _run_output),
)


def wipe(folder: Path) -> None:
    """All these parts of a workspace that no server has open."""
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for suffix in ("", "-wal", "-shm"):
        (folder / (DATABASE + suffix)).unlink(missing_ok=True)
