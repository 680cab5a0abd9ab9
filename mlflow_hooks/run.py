"""Runs a project now, from a laptop or a pull request's build, and waits for its end.

Whatever happens, an error, the deadline, Ctrl-C: the job is cancelled, and no MLflow run stays RUNNING.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databricks_sync.errors import InterruptedRun, NotFound, SyncError, Unreachable
from databricks_sync.http import Http
from databricks_sync.session import Session
from databricks_sync.workspace import Workspace

from .errors import HookError
from .interruption import Interruption
from .job_run import JobRun, State
from .notebook import backend_config
from .processes import end_group, own_group
from .report import Report
from .tracking import Tracking, log_in, metrics_of, require_mlflow, run_name, store_in, told
from .trial import Trial

_PATIENCE = 60.0  # seconds for a cancelled run to end
_FIRST_LOOK = 0.5
# MLflow's command does the same, and takes twice as long to start.
_PROGRAM = """
import json, sys, mlflow.exceptions, mlflow.projects
try:
    mlflow.projects.run(**json.loads(sys.argv[1]))
except mlflow.exceptions.MlflowException as error:
    sys.exit(str(error))
"""


class Overdue(HookError):
    """The deadline has passed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `said`: what it printed last, where it failed."""

    run_id: str
    succeeded: bool
    shown: str
    said: str = ""


def on_databricks(trial: Trial, session: Session, report: Report) -> int:
    """As a job of the workspace; the exit code. Raises HookError, WorkspaceError, InterruptedRun."""
    require_mlflow()
    login = session.settings.login
    uri = log_in(login)
    _make_folder(session.http, trial.experiment.rpartition("/")[0])
    tracking = Tracking(uri, trial.experiment)
    report.event("experiment", f"experiment  {_page(login.host, tracking)}", url=_page(login.host, tracking))
    return _minded(trial, tracking, report, _OnDatabricks(trial, session, tracking, report))


def on_this_machine(trial: Trial, folder: Path, report: Report) -> int:
    """As a process here, tracked in a folder, with no workspace at all; the exit code."""
    require_mlflow(server=True)
    tracking = Tracking(store_in(folder), trial.experiment, folder / "artifacts")
    return _minded(trial, tracking, report, _OnThisMachine(trial, tracking, folder))


def _minded(trial: Trial, tracking: Tracking, report: Report, way: _OnDatabricks | _OnThisMachine) -> int:
    """One run from its start to its end, of which nothing is left behind."""
    name = run_name(trial.hook.name)
    stop = Interruption(lambda: report.notice("Interrupted: the run is being cancelled; once more, and at once."))
    deadline = time.monotonic() + trial.timeout.total_seconds()
    try:
        with stop.listening():
            ended = way.run(name, deadline, stop)
    except BaseException as error:
        try:
            way.cancel()
        except Exception:
            report.notice("The job could not be cancelled, and may go on: look at it in the workspace.")
        with suppress(Exception):
            tracking.close(name, "FAILED" if isinstance(error, HookError) else "KILLED")
        if isinstance(error, KeyboardInterrupt):
            raise InterruptedRun("Interrupted; the run was cancelled.") from None
        raise
    # Nobody else would end it: neither MLflow nor a script that never calls start_run().
    tracking.close(name, "FINISHED" if ended.succeeded else "FAILED")
    return _verdict(trial, tracking, ended, report)


class _OnDatabricks:
    def __init__(self, trial: Trial, session: Session, tracking: Tracking, report: Report) -> None:
        self.trial = trial
        self.http = session.http
        self.login = session.settings.login
        self.tracking = tracking
        self.report = report
        self.job_run: JobRun | None = None

    def run(self, name: str, deadline: float, stop: Interruption) -> Ended:
        run_id = self._launch(name)
        tags = self.tracking.get(run_id).data.tags
        self.job_run = JobRun(self.http, int(tags["mlflow.databricks.shellJobRunID"]))
        page = f"{self.login.host}/ml/experiments/{self.tracking.experiment_id}/runs/{run_id}"
        job_page = tags.get("mlflow.databricks.runURL", "")
        ids: dict[str, Any] = {"run_id": run_id, "job_run_id": self.job_run.run_id}
        self.report.event("launched", f"run         {page}\njob         {job_page}", **ids, url=page, job_url=job_page)
        with suppress(Exception):  # a run that is not tagged is still a run
            self.tracking.tag(run_id, self.trial.tags)
        state = self._wait(self.job_run, deadline, stop)
        status = self.tracking.get(run_id).info.status
        good = state.result == "SUCCESS" and status not in ("FAILED", "KILLED")
        said = "" if good else self.job_run.said()
        shown = state.shown if state.result != "SUCCESS" or good else f"SUCCESS, but its MLflow run {status}"
        return Ended(run_id, good, f"{shown}{f': {state.message}' if state.message and not good else ''}", said)

    def cancel(self) -> None:
        if self.job_run is not None and not self.job_run.state().over:
            self.job_run.cancel(_PATIENCE)

    def _launch(self, name: str) -> str:
        import mlflow.projects

        hook = self.trial.hook
        with told():
            started = mlflow.projects.run(  # type: ignore[no-untyped-call]
                self.trial.source,
                entry_point=hook.entry_point,
                version=self.trial.ref,
                parameters=dict(self.trial.parameters),
                experiment_id=self.tracking.experiment_id,
                run_name=name,
                backend="databricks",
                backend_config=copy.deepcopy(dict(backend_config(hook))),  # MLflow writes into it
                # The workspace on this machine makes no environments; a Spark job has none.
                env_manager="local" if self.login.where and hook.project.spark_job is None else None,
                synchronous=False,  # its own waiting may never end
            )
        return str(started.run_id)

    def _wait(self, job_run: JobRun, deadline: float, stop: Interruption) -> State:
        """The state it ended in. Raises Overdue, KeyboardInterrupt."""
        seen, pause = None, _FIRST_LOOK
        while True:
            try:
                state = job_run.state()
            except Unreachable as error:  # a short disturbance is waited out, as long as there is time
                self.report.notice(f"{error.message} Asking again.")
            else:
                if state != seen:
                    text = f"{time.strftime('%H:%M:%S')}    {state.shown}  {state.message}".rstrip()
                    self.report.event("state", text, state=state.shown, message=state.message)
                    seen = state
                if state.over:
                    return state
            left = deadline - time.monotonic()
            if left <= 0:
                raise _overdue(self.trial)
            if stop.wait(min(pause, left)):
                raise KeyboardInterrupt
            pause = min(pause * 1.5, self.trial.hook.poll.total_seconds())


class _OnThisMachine:
    """In a process group of its own, which can be ended with all that MLflow starts in it."""

    def __init__(self, trial: Trial, tracking: Tracking, folder: Path) -> None:
        self.trial = trial
        self.tracking = tracking
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, name: str, deadline: float, stop: Interruption) -> Ended:
        self.process = subprocess.Popen(
            self._command(name),
            cwd=self.folder,  # `-c` looks for modules in the current folder first, and there are none
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            **own_group(),
        )
        while (code := self.process.poll()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _overdue(self.trial)
            if stop.wait(min(0.1, left)):
                raise KeyboardInterrupt
        run = self.tracking.named(name)
        if run is None:
            raise HookError("MLflow could not start the project; above it says why.", "Type `mlflow_hooks check`.")
        with suppress(Exception):
            self.tracking.tag(run.info.run_id, self.trial.tags)
        good = code == 0 and run.info.status not in ("FAILED", "KILLED")
        return Ended(run.info.run_id, good, "SUCCESS" if good else f"FAILED: it ended with exit code {code}")

    def cancel(self) -> None:
        if self.process is not None:
            end_group(self.process)

    def _command(self, name: str) -> list[str]:
        trial = self.trial
        asked = {
            "uri": trial.source,
            "entry_point": trial.hook.entry_point,
            "version": trial.ref,
            "parameters": dict(trial.parameters),
            "experiment_id": self.tracking.experiment_id,
            "run_name": name,
            "env_manager": "local",
        }
        return [sys.executable, "-c", _PROGRAM, json.dumps(asked)]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_REGISTRY")}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
        return {**kept, "PATH": path, "GIT_TERMINAL_PROMPT": "0", "MLFLOW_TRACKING_URI": self.tracking.uri}


def _overdue(trial: Trial) -> Overdue:
    limit = f"{trial.timeout.total_seconds():.0f} seconds"
    return Overdue(f"The run was not over within {limit}, and was cancelled.", "Give it more with --timeout 3h.")


def _make_folder(http: Http, folder: str) -> None:
    """The folder of the experiment, which MLflow does not make."""
    try:
        http.read("/api/2.0/workspace/get-status", {"path": folder})
    except NotFound:
        Workspace(http, folder).make_folder(folder)


def _page(host: str, tracking: Tracking) -> str:
    return f"{host}/ml/experiments/{tracking.experiment_id}"


def _verdict(trial: Trial, tracking: Tracking, ended: Ended, report: Report) -> int:
    """Says how it ended, with its metrics; the exit code."""
    metrics: dict[str, float] = {}
    with suppress(SyncError):
        metrics = metrics_of(tracking.get(ended.run_id))
    for name, value in metrics.items():
        report.event("metric", f"  {name:<24} {value:g}", name=name, value=value)
    if ended.said and not report.as_json:
        report.err.line(ended.said)
    code = 0 if ended.succeeded else 1
    report.event(
        "summary",
        f"{trial.hook.name}: {ended.shown}",
        "bold green" if ended.succeeded else "bold red",
        hook=trial.hook.name,
        experiment=trial.experiment,
        run_id=ended.run_id,
        result=ended.shown,
        metrics=metrics,
        log=ended.said or None,
        exit_code=code,
    )
    return code
