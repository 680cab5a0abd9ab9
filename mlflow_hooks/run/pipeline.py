"""A run of a pipeline: its steps one after the other, each with what the caller and the earlier steps give."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from databricks_sync.errors import InterruptedRun, SettingsError
from mlflow_hooks.errors import HookError
from mlflow_hooks.model import Parameter, Step, ValueKind
from mlflow_hooks.report import Reporter
from mlflow_hooks.rules.steps import in_order

from .spec import RunResult, RunSpec, values
from .tracking import Tracking, run_name

if TYPE_CHECKING:
    from mlflow.entities import Run

Attempt = Callable[[RunSpec, float], RunResult]  # one run of a project, by a deadline


def run_steps(
    spec: RunSpec, attempt: Attempt, tracking: Tracking, deadline: float, report: Reporter
) -> dict[str, RunResult]:
    """What each step came to, below an MLflow run of their own; the last one may have failed, and none comes after it.

    Raises HookError, WorkspaceError, InterruptedRun.
    """
    name = run_name(spec.hook.name)
    parent = tracking.begin(name, spec.tags)
    results: dict[str, RunResult] = {}
    status = "FAILED"
    try:
        for step in in_order(spec.hook.steps):
            runs = {done: tracking.get(result.run_id) for done, result in results.items() if result.run_id}
            results[step.name] = _tried(_of_step(spec, step, runs, parent), step, attempt, deadline, report)
            if not results[step.name].succeeded:
                return results
        status = "FINISHED"
        return results
    except InterruptedRun:
        status = "KILLED"
        raise
    finally:
        with suppress(Exception):
            tracking.close(name, status)


def _tried(spec: RunSpec, step: Step, attempt: Attempt, deadline: float, report: Reporter) -> RunResult:
    for left in range(step.retries, -1, -1):
        report.event("step", f"\nstep        {step.name}", step=step.name, parameters=spec.parameters)
        result = attempt(spec, min(deadline, time.monotonic() + spec.timeout.total_seconds()))
        if result.succeeded or not left:
            break
        report.notice(f"{step.name} is tried again: {result.shown}")
    return result


def _of_step(spec: RunSpec, step: Step, runs: Mapping[str, Run], parent: str) -> RunSpec:
    """What one step of a pipeline is to do. Raises HookError where an earlier step has not left what it needs."""
    given = {made.name: spec.parameters[made.name] for made in step.hook.parameters if made.shared}
    given |= {made.name: _left(step, made, runs) for made in step.hook.parameters if made.source is not None}
    try:
        assignments = [f"{name}={value}" for name, value in given.items()]
        parameters = values(step.hook, assignments, pasted=spec.remote and step.hook.pasted)
    except SettingsError as error:
        raise HookError(f"{step.name}: {error.message}", error.hint) from None
    timeout = min(spec.timeout, step.hook.timeout)
    return replace(spec, hook=step.hook, parameters=parameters, timeout=timeout, step=step.name, parent=parent)


def _left(step: Step, parameter: Parameter, runs: Mapping[str, Run]) -> str:
    source = parameter.source
    assert source is not None
    data = runs[source.step].data if source.step in runs else None
    value = (data.tags if source.kind is ValueKind.TAG else data.metrics).get(source.key) if data else None
    if value is None:
        message = f"{step.name}: {parameter.name} has no value, because the MLflow run of {source.step} has no "
        message += f"{source.kind.value} {source.key}."
        raise HookError(message, f"Have {source.step} log it, or name another one in hook.yml.")
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return str(int(value) if whole else value)
