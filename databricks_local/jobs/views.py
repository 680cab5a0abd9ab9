"""Runs as the API tells of them: Jobs 2.0 with its one task beside the run, 2.1 and 2.2 with a list. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from databricks_local.core.model import WORKSPACE_ID
from databricks_local.jobs.rules.fields import COMPUTE, OTHER_TASKS, TASKS

from .runs import Run, RunState, TaskRun
from .states import termination_type


def view(run: Run, host: str, version: str, expand: bool = True) -> dict[str, Any]:
    """A run as runs/get and runs/list answer; `version` of the API like `2.1`, without tasks unless `expand`."""
    body: dict[str, Any] = {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "number_in_job": run.number,
        "original_attempt_run_id": run.run_id,
        "creator_user_name": run.creator,
        "state": state_view(run.state),
        "status": status_view(run.state),
        "start_time": run.created_ms,
        "trigger": run.trigger,
        "run_name": run.name,
        "run_page_url": page_url(host, run.job_id, run.run_id),
        "run_type": run.kind,
        "format": "SINGLE_TASK" if run.single else "MULTI_TASK",
        **_durations(run.created_ms, run.started_ms, run.ended_ms),
    }
    for key in ("schedule", "git_source"):
        if key in run.spec and (key != "schedule" or run.trigger == "PERIODIC"):
            body[key] = run.spec[key]
    if run.parameters:
        body["job_parameters"] = _parameters(run)
    overriding = {key: value for key, value in run.arguments.items() if key.endswith("_params")}
    if overriding:
        body["overriding_parameters"] = overriding
    if run.single and version == "2.0":
        spec = run.tasks[0].spec
        body["task"] = {key: spec[key] for key in (*TASKS, *OTHER_TASKS) if key in spec}
        body["cluster_spec"] = {key: spec[key] for key in (*COMPUTE, "libraries") if key in spec}
    elif expand:
        body["tasks"] = [task_view(task, run, host) for task in run.tasks]
        if "job_clusters" in run.spec:
            body["job_clusters"] = run.spec["job_clusters"]
    return body


def task_view(task: TaskRun, run: Run, host: str) -> dict[str, Any]:
    """One task of a run, as it stands in the run's list of tasks."""
    return {
        **task.spec,
        "run_id": task.run_id,
        "task_key": task.key,
        "state": state_view(task.state),
        "status": status_view(task.state),
        "start_time": task.started_ms,
        "attempt_number": task.attempt,
        "run_page_url": page_url(host, run.job_id, task.run_id),
        **_durations(task.started_ms, task.started_ms, task.ended_ms),
    }


def repair_history(run: Run) -> list[dict[str, Any]]:
    """The first run and each of its repairs, as runs/get tells of them when asked to [DOCS]."""
    items = []
    for attempt in run.attempts:
        state, ended = (attempt.state, attempt.ended_ms) if attempt.state else (run.state, run.ended_ms)
        item = {
            "type": "REPAIR" if attempt.repair_id else "ORIGINAL",
            "start_time": attempt.started_ms,
            "end_time": ended,
            "state": state_view(state),
            "status": status_view(state),
            "task_run_ids": list(attempt.task_run_ids),
        }
        items.append({**item, "id": attempt.repair_id} if attempt.repair_id else item)
    return items


def state_view(state: RunState) -> dict[str, Any]:
    """The `state` of Jobs 2.0 and 2.1."""
    body: dict[str, Any] = {"life_cycle_state": state.life_cycle}
    if state.result is not None:
        body["result_state"] = state.result
    body["state_message"] = state.message
    body["user_cancelled_or_timedout"] = state.result in ("CANCELED", "TIMEDOUT")
    return body


def status_view(state: RunState) -> dict[str, Any]:
    """The `status` of Jobs 2.2; as long as a run is open its states have the names of the older life cycle."""
    if state.is_open:
        return {"state": state.life_cycle}
    details = {"code": state.code or "INTERNAL_ERROR", "type": termination_type(state), "message": state.message}
    return {"state": "TERMINATED", "termination_details": details}


def page_url(host: str, job_id: int, run_id: int) -> str:
    """The page of a run, or of a task's run, in this workspace."""
    return f"{host}/jobs/{job_id}/runs/{run_id}?o={WORKSPACE_ID}"


def _durations(created: int, started: int, ended: int) -> dict[str, int]:
    """0 while something is still going on [DOCS]."""
    body = {"setup_duration": max(0, started - created) if started else 0, "cleanup_duration": 0}
    body["execution_duration"] = max(0, ended - started) if ended and started else 0
    body["end_time"] = ended
    return body


def _parameters(run: Run) -> list[dict[str, str]]:
    defaults: Mapping[str, str] = {
        parameter["name"]: parameter["default"] for parameter in run.spec.get("parameters", [])
    }
    arguments = run.arguments.get("job_parameters", {})
    listed = []
    for name, value in run.parameters.items():
        parameter = {"name": name, "value": value}
        if name in defaults:
            parameter["default"] = defaults[name]
        if name not in arguments:
            parameter.pop("value")
        listed.append(parameter)
    return listed
