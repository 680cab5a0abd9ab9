"""A run as a process on this machine, tracked in a folder: no workspace, no account."""

from __future__ import annotations

import json
import os
import posixpath
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from databricks_sync.interrupt import Interruption
from mlflow_hooks.errors import HookError
from mlflow_hooks.report import Reporter
from mlflow_hooks.rules.command_line import command_line
from mlflow_hooks.schema import Engine

from .run import overdue, run
from .spec import RunResult, RunSpec
from .task import as_given, run_context
from .tracking import Tracking, require_mlflow, store_in

_GRACE = 5.0  # seconds to end in an orderly way
# MLflow's command does the same, and takes twice as long to start.
_PROGRAM = """
import json, sys, mlflow.projects
from mlflow_hooks.credentials import hidden
try:
    mlflow.projects.run(**json.loads(sys.argv[1]))
except Exception as error:  # of MLflow, or of git
    sys.exit(hidden(str(error)))
"""
# In the same environment a script alone, as a task of a job runs it: no shell, and the folder that it lies in.
_TASK = """
import json, os, subprocess, sys
from mlflow_hooks.credentials import hidden
at_a_ref, folder, script, words = json.loads(sys.argv[1])
try:
    if at_a_ref:
        from mlflow.projects.utils import fetch_and_validate_project
        folder = fetch_and_validate_project(**at_a_ref)
except Exception as error:  # of MLflow, or of git
    sys.exit(hidden(str(error)))
file = os.path.join(folder, script)
sys.exit(subprocess.call([sys.executable, file, *words], cwd=os.path.dirname(file)))
"""


def on_this_machine(spec: RunSpec, folder: Path, report: Reporter) -> int:
    """Runs the project; the exit code. Raises HookError, SettingsError, InterruptedRun."""
    require_mlflow(server=True)
    tracking = Tracking(store_in(folder), spec.experiment, folder / "artifacts")
    return run(spec, lambda one: OnThisMachine(one, tracking, folder), tracking, report)


class OnThisMachine:
    """In a process group of its own, which can be ended with all that MLflow starts in it."""

    def __init__(self, spec: RunSpec, tracking: Tracking, folder: Path) -> None:
        self.spec = spec
        self.tracking = tracking
        self.folder = folder
        self.as_task = spec.hook.engine is Engine.JOBS_GIT
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, name: str, deadline: float, stop: Interruption) -> RunResult:
        """See Backend."""
        command, environment = self._command(name), self._environment()
        if self.as_task:
            command = self._task()
            environment |= {"MLFLOW_EXPERIMENT_NAME": self.spec.experiment, **run_context(self.spec, name)}
        self.process = subprocess.Popen(
            command,
            cwd=self.folder,  # `-c` looks for modules in the current folder first, and there are none
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            **_own_group(),
        )
        while (code := self.process.poll()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise overdue(self.spec)
            if stop.wait(min(0.1, left)):
                raise KeyboardInterrupt
        run = self.tracking.named(name)
        if run is None and not self.as_task:
            raise HookError("MLflow could not start the project; the reason is above.", f"Type `{self.spec.checking}`.")
        run_id, status = (run.info.run_id, run.info.status) if run is not None else ("", "")
        with suppress(Exception):
            self.tracking.tag(run_id, self.spec.tags)
        good = code == 0 and (self.as_task or status not in ("FAILED", "KILLED"))
        return RunResult(run_id, good, "SUCCESS" if good else f"FAILED: it ended with exit code {code}")

    def cancel(self) -> None:
        """See Backend: ends the whole process group."""
        if self.process is not None:
            _end_group(self.process)

    def _command(self, name: str) -> list[str]:
        spec = self.spec
        arguments = {
            "uri": spec.source,
            "entry_point": spec.hook.entry_point,
            "version": spec.ref,
            "parameters": self._parameters(),
            "experiment_id": self.tracking.experiment_id,
            "run_name": name,
            "env_manager": "local",
        }
        return [sys.executable, "-c", _PROGRAM, json.dumps(arguments)]

    def _task(self) -> list[str]:
        spec, project = self.spec, self.spec.hook.project
        script, words = command_line(as_given(spec))
        inside = posixpath.relpath(script, project.subfolder or ".")
        fetched = {"uri": spec.source, "version": spec.ref, "entry_point": spec.hook.entry_point}
        typed = [{**fetched, "parameters": dict(spec.parameters)} if spec.ref else None, str(project.folder), inside]
        return [sys.executable, "-c", _TASK, json.dumps([*typed, words])]

    def _parameters(self) -> dict[str, str]:
        """Those of the run. A relative path is of the project: MLflow would look for it in the folder that it is in."""
        kinds = {parameter.name: parameter.type for parameter in self.spec.hook.parameters}
        folder = self.spec.hook.project.folder
        paths = {
            name: str(folder / value)
            for name, value in self.spec.parameters.items()
            if kinds.get(name) == "path" and (folder / value).exists()
        }
        return {**self.spec.parameters, **paths}

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_REGISTRY")}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
        git = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"}  # no program as an address
        return {**kept, **git, "PATH": path, "MLFLOW_TRACKING_URI": self.tracking.uri}


def _own_group() -> dict[str, Any]:
    """What to start a process with, so that Ctrl-C on the terminal is ours to pass on."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _end_group(leader: subprocess.Popen[bytes]) -> None:
    """Ends it and all it started: asked first, then without asking."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(leader.pid)], capture_output=True, check=False)
        leader.wait()
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader.pid, number)
        with suppress(subprocess.TimeoutExpired):
            leader.wait(_GRACE)
