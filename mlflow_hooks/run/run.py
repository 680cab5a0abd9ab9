"""One run of a project from its start to its end, of which nothing is left behind.

Whatever happens, an error, the deadline, Ctrl-C: the job is cancelled, and no MLflow run stays RUNNING. Where it runs
is the business of workspace.py and local.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from databricks_sync.errors import InterruptedRun, SyncError, quantity
from databricks_sync.exit_code import ExitCode
from databricks_sync.interrupt import Interruption, raise_at_second, terminable
from mlflow_hooks.errors import Overdue
from mlflow_hooks.report import Reporter

from .pipeline import run_steps
from .spec import RunResult, RunSpec
from .tracking import Tracking, run_name


class Backend(Protocol):
    """Where a project runs."""

    def run(self, name: str, deadline: float, stop: Interruption) -> RunResult:
        """Starts a run with a name of its own and waits for its end. Raises Overdue, KeyboardInterrupt, HookError."""

    def cancel(self) -> None:
        """Ends what was started, as far as it goes on, and waits for that."""


def run(spec: RunSpec, backend_of: Callable[[RunSpec], Backend], tracking: Tracking, report: Reporter) -> int:
    """The exit code. Raises HookError, WorkspaceError, InterruptedRun."""
    return _verdict(spec, results(spec, backend_of, tracking, report), report)


def results(
    spec: RunSpec, backend_of: Callable[[RunSpec], Backend], tracking: Tracking, report: Reporter
) -> dict[str, RunResult]:
    """What the run came to, or each step of it. Raises HookError, WorkspaceError, InterruptedRun."""
    notice = "Interrupted: cancelling the run. Interrupt again to stop at once."
    stop = Interruption(raise_at_second(lambda: report.notice(notice)))
    deadline = time.monotonic() + spec.timeout.total_seconds()

    def attempt(one: RunSpec, deadline: float) -> RunResult:
        return _attempt(one, backend_of(one), tracking, deadline, stop, report)

    with terminable(), stop.listening():
        if spec.hook.steps:
            return run_steps(spec, attempt, tracking, deadline, report)
        return {spec.name: attempt(spec, deadline)}


def _attempt(
    spec: RunSpec, backend: Backend, tracking: Tracking, deadline: float, stop: Interruption, report: Reporter
) -> RunResult:
    """One run of a project, with its metrics told. Raises HookError, WorkspaceError, InterruptedRun."""
    name = run_name(spec.name)
    try:
        result = backend.run(name, deadline, stop)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        _leave_nothing(backend, name, "KILLED" if interrupted else "FAILED", tracking, report)
        if interrupted:
            raise InterruptedRun("Interrupted; the run was cancelled.") from None
        raise
    # Nobody else would end it: neither MLflow nor a script that never calls start_run().
    tracking.close(name, "FINISHED" if result.succeeded else "FAILED")
    metrics = dict[str, "float | None"]()
    with suppress(SyncError):
        logged = tracking.get(result.run_id).data.metrics if result.run_id else {}
        for metric, value in sorted(logged.items()):
            metrics[metric] = value if math.isfinite(value) else None  # NaN is not JSON
            report.event("metric", f"  {metric:<24} {value:g}", name=metric, value=metrics[metric])
    if result.output and not report.as_json:
        report.err.line(result.output)
    return replace(result, metrics=metrics)


def overdue(spec: RunSpec) -> Overdue:
    """The error for a run that has reached its deadline."""
    limit = quantity(round(spec.timeout.total_seconds()), "second")
    if spec.step:
        hint = f"Write a longer timeout: for {spec.step} in hook.yml, or add --timeout 3h."
        return Overdue(f"The step {spec.step} took longer than {limit} and was cancelled.", hint)
    return Overdue(f"The run took longer than {limit} and was cancelled.", "Allow more time with --timeout 3h.")


def _leave_nothing(backend: Backend, name: str, status: str, tracking: Tracking, report: Reporter) -> None:
    with suppress(Exception):
        tracking.close(name, status)  # before there is time for anything else to go wrong
    try:
        backend.cancel()
    except (Exception, KeyboardInterrupt):
        report.notice("The run could not be cancelled and may still be running: check it in the workspace.")
    with suppress(Exception):
        tracking.close(name, status)  # what was still running may have opened its run again


def _verdict(spec: RunSpec, results: Mapping[str, RunResult], report: Reporter) -> int:
    """Says how it ended; the exit code. Of a pipeline, the last step that was run decides."""
    *_, (last, result) = results.items()
    code = ExitCode.DONE if result.succeeded else ExitCode.LEFT
    shown = result.shown if result.succeeded or not spec.hook.steps else f"{last} {result.shown}"
    steps = {"steps": {name: _fields(step) for name, step in results.items()}} if spec.hook.steps else {}
    style = "bold green" if result.succeeded else "bold red"
    about = {"hook": spec.hook.name, "experiment": spec.experiment, **_fields(result), "result": shown}
    report.event("summary", f"{spec.hook.name}: {shown}", style, **about, **steps, exit_code=code)
    report.address("", result.address)
    return code


def _fields(result: RunResult) -> dict[str, object]:
    return {
        "run_id": result.run_id or None,
        "result": result.shown,
        "metrics": result.metrics,
        "log": result.output or None,
        "address": result.address or None,
    }
