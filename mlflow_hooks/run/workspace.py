"""A run as a job of the workspace: started by `mlflow.run`, waited for and cancelled by ourselves.

MLflow's own waiting has no deadline, and never ends for a run that ends without a result.
"""

from __future__ import annotations

import copy
import time
from contextlib import suppress
from typing import Any

from databricks_sync.cli.session import Session
from databricks_sync.errors import NotFound, Unreachable
from databricks_sync.interrupt import Interruption
from databricks_sync.remote.folder import Workspace
from databricks_sync.remote.http import Http
from mlflow_hooks.generate.notebook import backend_config
from mlflow_hooks.report import Reporter

from .job_run import JobRun, JobRunState
from .run import RunResult, overdue, run
from .spec import RunSpec
from .tracking import Tracking, log_in, mlflow_errors, require_mlflow

_PATIENCE = 60.0  # seconds for a cancelled run to end
_FIRST_LOOK = 0.5


def on_databricks(spec: RunSpec, session: Session, report: Reporter) -> int:
    """Runs the project; the exit code. Raises HookError, WorkspaceError, SettingsError, InterruptedRun."""
    require_mlflow()
    login = session.settings.login
    uri = log_in(login)
    _make_folder(session.http, spec.experiment.rpartition("/")[0])
    tracking = Tracking(uri, spec.experiment)
    page = f"{login.host}/ml/experiments/{tracking.experiment_id}"
    report.event("experiment", f"experiment  {page}", url=page)
    return run(spec, OnDatabricks(spec, session, tracking, report), tracking, report)


class OnDatabricks:
    """As a job of the workspace."""

    def __init__(self, spec: RunSpec, session: Session, tracking: Tracking, report: Reporter) -> None:
        self.spec = spec
        self.http = session.http
        self.login = session.settings.login
        self.tracking = tracking
        self.report = report
        self.job_run: JobRun | None = None

    def run(self, name: str, deadline: float, stop: Interruption) -> RunResult:
        """See Backend. Raises WorkspaceError too."""
        run_id = self._launch(name)
        tags = self.tracking.get(run_id).data.tags
        self.job_run = JobRun(self.http, int(tags["mlflow.databricks.shellJobRunID"]))
        page = f"{self.login.host}/ml/experiments/{self.tracking.experiment_id}/runs/{run_id}"
        job_page = tags.get("mlflow.databricks.runURL", "")
        ids: dict[str, Any] = {"run_id": run_id, "job_run_id": self.job_run.run_id}
        self.report.event("launched", f"run         {page}\njob         {job_page}", **ids, url=page, job_url=job_page)
        with suppress(Exception):  # a run that is not tagged is still a run
            self.tracking.tag(run_id, self.spec.tags)
        state = self._wait(self.job_run, deadline, stop)
        status = self.tracking.get(run_id).info.status
        good = state.result == "SUCCESS" and status not in ("FAILED", "KILLED")
        output = "" if good else self.job_run.output()
        shown = state.shown if state.result != "SUCCESS" or good else f"SUCCESS, but its MLflow run {status}"
        return RunResult(run_id, good, f"{shown}{f': {state.message}' if state.message and not good else ''}", output)

    def cancel(self) -> None:
        """See Backend: cancels the job run and waits up to a minute. Raises WorkspaceError."""
        if self.job_run is not None and not self.job_run.state().over:
            self.job_run.cancel(_PATIENCE)

    def _launch(self, name: str) -> str:
        import mlflow.projects

        hook = self.spec.hook
        with mlflow_errors(self.spec.checking):
            started = mlflow.projects.run(  # type: ignore[no-untyped-call]
                self.spec.source,
                entry_point=hook.entry_point,
                version=self.spec.ref,
                parameters=dict(self.spec.parameters),
                experiment_id=self.tracking.experiment_id,
                run_name=name,
                backend="databricks",
                backend_config=copy.deepcopy(dict(backend_config(hook))),  # MLflow writes into it
                # The workspace on this machine makes no environments; a Spark job has none.
                env_manager="local" if self.login.where and hook.project.spark_job is None else None,
                synchronous=False,  # its own waiting may never end
            )
        return str(started.run_id)

    def _wait(self, job_run: JobRun, deadline: float, stop: Interruption) -> JobRunState:
        """The state it ended in. Raises Overdue, KeyboardInterrupt."""
        seen, pause = None, _FIRST_LOOK
        while True:
            try:
                state = job_run.state()
            except Unreachable as error:  # a short disturbance is waited out, as long as there is time
                self.report.notice(f"{error.message} Trying again.")
            else:
                if state != seen:
                    text = f"{time.strftime('%H:%M:%S')}    {state.shown}  {state.message}".rstrip()
                    self.report.event("state", text, state=state.shown, message=state.message)
                    seen = state
                if state.over:
                    return state
            left = deadline - time.monotonic()
            if left <= 0:
                raise overdue(self.spec)
            if stop.wait(min(pause, left)):
                raise KeyboardInterrupt
            pause = min(pause * 1.5, self.spec.hook.poll.total_seconds())


def _make_folder(http: Http, folder: str) -> None:
    """The folder of the experiment, which MLflow does not make."""
    try:
        http.read("/api/2.0/workspace/get-status", {"path": folder})
    except NotFound:
        Workspace(http, folder).make_folder(folder)
