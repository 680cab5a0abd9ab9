"""Runs one task for real: prepares it, starts its process, waits for it, keeps what it left behind."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from databricks_local.core.model import WORKSPACE_ID
from databricks_local.core.settings import ServerSettings
from databricks_local.files.dbfs import Dbfs
from databricks_local.runtime.cell_marks import VARIABLE
from databricks_local.runtime.client import Client

from . import references, run_folder
from .cell_log import CellLog
from .processes import Log, Process, wait_or_stop
from .runs import Output, Run, RunState, TaskRun
from .states import CANCELED, FAILED, SUCCESS, TIMED_OUT, internal_error
from .store import JobStore
from .task_commands import CannotStart, TaskCommand, TaskContext, prepare


class TaskRunner:
    """`files` is the folder of logs and of what runs; `settings` are asked anew for each task."""

    def __init__(
        self, store: JobStore, dbfs: Dbfs, files: Path, host: str, token: str, settings: Callable[[], ServerSettings]
    ) -> None:
        self._store = store
        self._dbfs = dbfs
        self._files = files
        self._host = host
        self._token = token
        self._settings = settings
        # No time for those who are cancelled: everything is being ended.
        self.abrupt = False

    def log(self, task_run_id: int) -> Log:
        """The log of a task's run, which may still grow."""
        return Log(self._files / f"{task_run_id}.log")

    def run(self, run: Run, task: TaskRun, stop: threading.Event, deadline: float | None) -> RunState:
        """The task's state at its end; the output is stored by then."""
        folder = run_folder.make(self._files / str(task.run_id), self._dbfs.tree.root)
        try:
            try:
                prepared = prepare(run, task, self._context(run, task, folder))
            except CannotStart as error:
                self._store.put_output(task.run_id, Output(error=str(error)))
                return internal_error(str(error), error.code)
            if stop.is_set():
                return CANCELED
            return self._execute(run, task, prepared, folder, stop, deadline)
        finally:
            folder.remove()

    def _execute(
        self,
        run: Run,
        task: TaskRun,
        prepared: TaskCommand,
        folder: run_folder.RunFolder,
        stop: threading.Event,
        deadline: float | None,
    ) -> RunState:
        log, settings = self.log(task.run_id), self._settings()
        own = int(task.spec.get("timeout_seconds", 0))
        if own:
            limit = time.monotonic() + own
            deadline = limit if deadline is None else min(limit, deadline)
        environment = run_folder.environment(
            os.environ, folder, self._host, self._token, settings.registry_uri, prepared.environment
        )
        # As MLflow's client marks runs in a job of the service [src of MLflow 3.17]: its page names the run here.
        environment.setdefault("MLFLOW_RUN_CONTEXT", json.dumps(_run_context(run, task)))
        cells = None
        if prepared.result is not None:
            environment[VARIABLE] = secrets.token_hex(8)
            cells = CellLog(log.cells, environment[VARIABLE])
        try:
            process = Process(prepared.command, prepared.cwd, environment, folder.root / "exit")
        except (OSError, ValueError) as error:  # more than a command line holds, or NUL in it
            self._store.put_output(task.run_id, Output(error=f"The command cannot be started: {error}"))
            return internal_error(f"The command cannot be started: {error}", "RUN_EXECUTION_ERROR")
        following = process.follow(log, cells)
        grace = settings.cancel_grace_s if "notebook_task" in task.spec else 0.0
        verdict = wait_or_stop(process, stop, deadline, lambda: 0.0 if self.abrupt else grace)
        following.join(10)
        code = process.end()
        output, missing = _output(prepared, code)
        if verdict != "ended" and (code is None or output.error is None):
            output = replace(output, error={"cancelled": "Cancelled", "timeout": "Timed out"}[verdict])
        self._store.put_output(task.run_id, output)
        if verdict != "ended":
            return CANCELED if verdict == "cancelled" else TIMED_OUT
        if missing:
            return internal_error(str(output.error), "RESOURCE_NOT_FOUND")
        return SUCCESS if code == 0 and output.error is None else FAILED

    def _context(self, run: Run, task: TaskRun, folder: run_folder.RunFolder) -> TaskContext:
        task_values = {other.key: self._store.output(other.run_id).task_values for other in run.tasks}
        return TaskContext(
            folder=folder,
            tables=self._files.parent / "spark",
            dbfs=self._dbfs.tree,
            client=Client(self._host, self._token),
            references={
                **references.values(run, task, self._host, WORKSPACE_ID),
                **references.of_task_values(task_values),
            },
            task_values=task_values,
            pip_install=self._settings().pip_install,
            secret=self._secret,
        )

    def _secret(self, scope: str, key: str) -> str | None:
        entry = self._store.secrets(scope).get(key)
        return None if entry is None else entry[0].decode("utf-8", "replace")


def _run_context(run: Run, task: TaskRun) -> dict[str, str]:
    return {
        "mlflow.source.type": "JOB",
        "mlflow.source.name": f"jobs/{run.job_id}/run/{task.run_id}",
        "mlflow.databricks.jobID": str(run.job_id),
        "mlflow.databricks.jobRunID": str(task.run_id),
    }


def _output(prepared: TaskCommand, code: int | None) -> tuple[Output, bool]:
    """What is known of the end: a notebook tells it itself, of other programs there is only the exit code."""
    if prepared.result is None:
        error = None if code == 0 else f"The command ended with exit code {code}"
        return Output(error=error, notes=prepared.notes), False
    try:
        outcome: dict[str, Any] = json.loads(prepared.result.read_text(encoding="utf-8"))
        is_missing, notes = bool(outcome.pop("missing", False)), [*prepared.notes, *outcome.pop("notes")]
        return Output(**outcome, notes=notes), is_missing
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        # Killed, or its own doing: os._exit, a crash of the interpreter.
        return Output(error=f"The Python process ended unexpectedly (exit code {code})", notes=prepared.notes), False
