"""A run as a job of the workspace: started by `mlflow.run` or as a task, waited for and cancelled by ourselves.

MLflow's own waiting has no deadline, and never ends for a run that ends without a result.
"""

from __future__ import annotations

import copy
import time
from contextlib import suppress

from databricks_sync.cli import browser
from databricks_sync.cli.session import Session
from databricks_sync.errors import Unreachable
from databricks_sync.interrupt import Interruption
from databricks_sync.remote.folder import Workspace
from mlflow_hooks.deploy.deploy import make_folder
from mlflow_hooks.generate.notebook import backend_config
from mlflow_hooks.report import Reporter
from mlflow_hooks.schema import Engine

from .copied import copy_project, remove_copy
from .job_run import JobRun, JobRunState, submitted
from .run import overdue, run
from .spec import RunResult, RunSpec
from .task import submission
from .tracking import Tracking, log_in, mlflow_errors, require_mlflow

_PATIENCE = 60.0  # seconds for a cancelled run to end
_FIRST_LOOK = 0.5


def on_databricks(spec: RunSpec, session: Session, report: Reporter) -> int:
    """Runs the project; the exit code. Raises HookError, WorkspaceError, SettingsError, InterruptedRun."""
    require_mlflow()
    login = session.settings.login
    uri = log_in(login)
    make_folder(session.http, spec.experiment.rpartition("/")[0])
    tracking = Tracking(uri, spec.experiment)
    page = session.pages(staying=False).experiment(tracking.experiment_id)
    report.event("experiment", url=page or None)
    report.address("experiment  ", page)
    code = run(spec, lambda one: backend_of(one, session, tracking, report), tracking, report)
    if login.ends:
        report.notice(browser.ENDED)
    return code


def backend_of(spec: RunSpec, session: Session, tracking: Tracking, report: Reporter) -> OnDatabricks:
    """What runs the project in the form that is deployed."""
    backend = AsDeployed if spec.hook.engine is Engine.JOBS_GIT else OnDatabricks
    return backend(spec, session, tracking, report)


class OnDatabricks:
    """As a job of the workspace."""

    def __init__(self, spec: RunSpec, session: Session, tracking: Tracking, report: Reporter) -> None:
        self.spec = spec
        self.http = session.http
        self.login = session.settings.login
        self.pages = session.pages(staying=False)  # what a run prints is looked at after it
        self.tracking = tracking
        self.report = report
        self.job_run: JobRun | None = None

    def run(self, name: str, deadline: float, stop: Interruption) -> RunResult:
        """See Backend. Raises WorkspaceError too."""
        run_id = self._launch(name)
        tags = self.tracking.get(run_id).data.tags
        self.job_run = JobRun(self.http, int(tags["mlflow.databricks.shellJobRunID"]))
        job = tags.get("mlflow.databricks.shellJobID", "")  # SERVER: older workspaces do not tell it
        self._say_launched(self.job_run, run_id, self.pages.job(job, str(self.job_run.run_id)) if job else "")
        with suppress(Exception):  # a run that is not tagged is still a run
            self.tracking.tag(run_id, self.spec.tags)
        state = self._wait(self.job_run, deadline, stop)
        return self._result(self.job_run, state, run_id, self.tracking.get(run_id).info.status)

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

    def _say_launched(self, job_run: JobRun, run_id: str, job_page: str) -> None:
        """`run_id` is "" until the script starts its MLflow run."""
        run_page = self.pages.experiment(self.tracking.experiment_id, run_id) if run_id else ""
        ids = {"run_id": run_id or None, "job_run_id": job_run.run_id}
        self.report.event("launched", "", "", **ids, url=run_page or None, job_url=job_page or None)
        self.report.line(f"run         {run_id}" if run_id and not run_page else "")
        self.report.address("run         ", run_page)
        self.report.address("job         ", job_page)
        if self.spec.open:
            browser.show(run_page or job_page, self.report.notice)

    def _result(self, job_run: JobRun, state: JobRunState, run_id: str, status: str) -> RunResult:
        """How it ended. `status`: of the MLflow run, where that may say otherwise than the job."""
        good = state.result == "SUCCESS" and status not in ("FAILED", "KILLED")
        output = "" if good else job_run.output()
        shown = state.shown if state.result != "SUCCESS" or good else f"SUCCESS, but its MLflow run {status}"
        shown += f": {state.message}" if state.message and not good else ""
        address = self.pages.experiment(self.tracking.experiment_id, run_id) if run_id else ""
        return RunResult(run_id, good, shown, output, address=address)

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


class AsDeployed(OnDatabricks):
    """As the task that `engine: jobs-git` deploys: its code from git, or from a copy of the folder that lies here."""

    copy = ""  # the folder with the code that lies here; none where the code is from git

    def run(self, name: str, deadline: float, stop: Interruption) -> RunResult:
        """See Backend. Raises WorkspaceError, HookError."""
        if self.spec.ref is None:
            self.copy = f"/Users/{Workspace(self.http, '/').me()}/.mlflow_hooks/{name}"
            copy_project(self.http, self.copy, self.spec.hook.project)
        folder = f"/Workspace{self.copy}" if self.copy else ""
        self.job_run = submitted(self.http, submission(self.spec, name, folder))
        self._say_launched(self.job_run, "", "" if self.login.ends else self.job_run.page())
        state = self._wait(self.job_run, deadline, stop)
        run = self.tracking.named(name)
        self._remove_copy()
        # The deployed job succeeds or fails as its task does, whatever becomes of the script's runs.
        return self._result(self.job_run, state, run.info.run_id if run is not None else "", "")

    def cancel(self) -> None:
        """See Backend: the copy is needed until the job is over. Raises WorkspaceError."""
        try:
            super().cancel()
        finally:
            self._remove_copy()

    def _remove_copy(self) -> None:
        if self.copy:
            remove_copy(self.http, self.copy)
