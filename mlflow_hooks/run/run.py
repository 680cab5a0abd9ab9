"""One run of a project from its start to its end, of which nothing is left behind.

Whatever happens, an error, the deadline, Ctrl-C: the job is cancelled, and no MLflow run stays RUNNING. Where it runs
is the business of workspace.py and local.py.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from databricks_sync.errors import InterruptedRun, SyncError, quantity
from databricks_sync.exit_code import ExitCode
from databricks_sync.interrupt import Interruption, raise_at_second, terminable
from mlflow_hooks.errors import HookError
from mlflow_hooks.report import Reporter

from .spec import RunSpec
from .tracking import Tracking, metrics_of, run_name


class Overdue(HookError):
    """The deadline has passed."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. `run_id`: "" where there is none in MLflow; `output`: what it printed last, where it failed."""

    run_id: str
    succeeded: bool
    shown: str
    output: str = ""
    address: str = ""  # its page, where that outlives the command


class Backend(Protocol):
    """Where a project runs."""

    def run(self, name: str, deadline: float, stop: Interruption) -> RunResult:
        """Starts a run with a name of its own and waits for its end. Raises Overdue, KeyboardInterrupt, HookError."""

    def cancel(self) -> None:
        """Ends what was started, as far as it goes on, and waits for that."""


def run(spec: RunSpec, backend: Backend, tracking: Tracking, report: Reporter) -> int:
    """The exit code. Raises HookError, WorkspaceError, InterruptedRun."""
    name = run_name(spec.hook.name)
    notice = "Interrupted: cancelling the run. Interrupt again to stop at once."
    stop = Interruption(raise_at_second(lambda: report.notice(notice)))
    deadline = time.monotonic() + spec.timeout.total_seconds()
    with terminable(), stop.listening():
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
    return _verdict(spec, tracking, result, report)


def overdue(spec: RunSpec) -> Overdue:
    """The error for a run that has reached its deadline."""
    limit = quantity(round(spec.timeout.total_seconds()), "second")
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


def _verdict(spec: RunSpec, tracking: Tracking, result: RunResult, report: Reporter) -> int:
    """Says how it ended, with its metrics; the exit code."""
    metrics: dict[str, float | None] = {}
    with suppress(SyncError):
        for name, value in (metrics_of(tracking.get(result.run_id)) if result.run_id else {}).items():
            metrics[name] = value if math.isfinite(value) else None  # NaN is not JSON
            report.event("metric", f"  {name:<24} {value:g}", name=name, value=metrics[name])
    if result.output and not report.as_json:
        report.err.line(result.output)
    code = ExitCode.DONE if result.succeeded else ExitCode.LEFT
    report.event(
        "summary",
        f"{spec.hook.name}: {result.shown}",
        "bold green" if result.succeeded else "bold red",
        hook=spec.hook.name,
        experiment=spec.experiment,
        run_id=result.run_id or None,
        result=result.shown,
        metrics=metrics,
        log=result.output or None,
        address=result.address or None,
        exit_code=code,
    )
    report.address("", result.address)
    return code
