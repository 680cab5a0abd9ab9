"""Jobs with their schedules and last results, and their runs with all they have left behind."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from databricks_local.core.documents import whole_number
from databricks_local.core.paths import spelled
from databricks_local.jobs.api import missing
from databricks_local.jobs.rules.jobs import check_run_now
from databricks_local.jobs.runs import JOB_RUN, Run, RunState, TaskRun
from databricks_local.jobs.scheduler import next_of
from databricks_local.jobs.store import StoredJob

from . import outputs
from .links import address
from .outputs import ANSI
from .page import OUTPUTS, PageRequest, PageView, Redirect, link

PER_PAGE = 50
RECENT = 20
NEWEST = 2**62
FOLLOW_S = 2
PREFIX = "parameter "
# How MLflow's client tells where a run of it is to be seen, and how many of a task are named.
MLFLOW_RUN = re.compile(r"/experiments/(\d{1,20})/runs/([0-9a-f]{32})\b")
MAX_MLFLOW = 10

# What a state is called, and how it is to be seen.
RESULTS = {
    "SUCCESS": ("Succeeded", "good"),
    "SUCCESS_WITH_FAILURES": ("Succeeded with failures", "note"),
    "FAILED": ("Failed", "bad"),
    "TIMEDOUT": ("Timed out", "bad"),
    "CANCELED": ("Cancelled", "note"),
    "UPSTREAM_FAILED": ("Upstream failed", "bad"),
    "UPSTREAM_CANCELED": ("Upstream cancelled", "note"),
}
TRIGGERS = {"ONE_TIME": "by hand or by a program", "PERIODIC": "by its schedule"}


@dataclass(frozen=True, slots=True)
class StateLabel:
    """A state in words. `look` only colours it."""

    text: str
    look: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a list. Times in milliseconds, `duration_ms` None for what has not begun."""

    number: int
    name: str
    url: str
    label: StateLabel
    started_ms: int
    duration_ms: int | None


def jobs(request: PageRequest) -> PageView:
    """All jobs, newest first, a page at a time (`before`); on the first page the latest runs too."""
    before = request.number("before", NEWEST)
    listed = request.services.store.jobs(before, PER_PAGE + 1)
    recent = request.services.store.runs("1", (), RECENT) if before == NEWEST else []
    rows = [_job_row(request, job) for job in listed[:PER_PAGE]]
    values = {
        "rows": rows,
        "total": request.services.store.count_jobs(),
        "older": rows[-1]["job_id"] if len(listed) > PER_PAGE else None,
        "is_first": before == NEWEST,
        "recent": [run_row(run, request) for run in recent],
    }
    return PageView("jobs.html", values)


def job(request: PageRequest) -> PageView:
    """One job with its runs. Raises ApiError (404) for one that is not there."""
    job = _job(request)
    before = request.number("before", NEWEST)
    runs = request.services.store.runs("job_id = ? AND run_id < ?", (job.job_id, before), PER_PAGE + 1)
    values = {
        "job": _job_row(request, job),
        "creator": job.creator,
        "created_ms": job.created_ms,
        "next_ms": _next_ms(job),
        "runs_schedules": request.services.scheduler.is_running,
        "settable": list(_settable(job)[1].items()),
        "prefix": PREFIX,
        "tasks": [
            (str(task.get("task_key", "")), *_description(task)) for task in job.settings.get("tasks", [job.settings])
        ],
        "settings": json.dumps(job.settings, indent=2, ensure_ascii=False),
        "runs": [run_row(run, request) for run in runs[:PER_PAGE]],
        "total": request.services.store.count_runs(job.job_id),
        "older": runs[PER_PAGE - 1].run_id if len(runs) > PER_PAGE else None,
        "is_first": before == NEWEST,
    }
    return PageView("job.html", values)


def run(request: PageRequest) -> PageView | Redirect:
    """The address the API gives for runs leads here, for those of tasks too."""
    run = _run(request)
    if (run.job_id, run.run_id) != (request.parts["job_id"], request.parts["run_id"]):
        return Redirect(_url(run))
    is_open = run.state.is_open
    values = {
        "run": run_row(run, request),
        "job": request.services.store.job(run.job_id) if run.kind == JOB_RUN else None,
        "message": run.state.message,
        "trigger": TRIGGERS.get(run.trigger, run.trigger),
        "creator": run.creator,
        "parameters": _parameters(run),
        "parts": [_task_panel(request, task) for task in run.tasks],
        "is_open": is_open,
        "follow": FOLLOW_S if is_open and "follow" in request.query else None,
        "url": _url(run),
    }
    return PageView("run.html", values, allows=OUTPUTS)


def run_now(request: PageRequest) -> Redirect:
    """Starts a run of a job with the parameters that were changed, and shows it. Raises ApiError (400)."""
    job = _job(request)
    field, defaults = _settable(job)
    typed = {name.removeprefix(PREFIX): value for name, value in request.form.items() if name.startswith(PREFIX)}
    changed = {name: value for name, value in typed.items() if value != defaults.get(name)}
    arguments = {field: changed} if changed else {}
    check_run_now({"job_id": job.job_id, **arguments})
    begun = request.services.runs.begin(request.workspace, job, arguments, "ONE_TIME")
    return Redirect(link(_url(begun), follow="yes"))


def cancel(request: PageRequest) -> Redirect:
    """Cancels a run, and shows it."""
    run = _run(request)
    request.services.executor.cancel(run.run_id)
    return Redirect(link(_url(run), follow="yes"))


def no_mlflow(_: PageRequest) -> PageView:
    """How to get MLflow where it is not installed."""
    return PageView("no_mlflow.html")


def _job(request: PageRequest) -> StoredJob:
    job_id = whole_number(request.parts["job_id"])
    job = None if job_id is None else request.services.store.job(job_id)
    if job is None:
        raise missing("Job", request.parts["job_id"], request.workspace)
    return job


def _run(request: PageRequest) -> Run:
    """The run, also by the identifier of one of its tasks."""
    run_id = whole_number(request.parts["run_id"])
    run = None if run_id is None else request.services.store.run_of(run_id)
    if run is None:
        raise missing("Run", request.parts["run_id"], request.workspace)
    return run


def _job_row(request: PageRequest, job: StoredJob) -> dict[str, Any]:
    """One job in a list, with its last run."""
    last = request.services.store.runs("job_id = ?", (job.job_id,), 1)
    return {
        "job_id": job.job_id,
        "name": str(job.settings.get("name", "Untitled")),
        "schedule": _schedule(job),
        "last": run_row(last[0], request) if last else None,
    }


def _schedule(job: StoredJob) -> str:
    schedule = job.settings.get("schedule")
    if schedule is None:
        return ""
    paused = " (paused)" if schedule.get("pause_status") == "PAUSED" else ""
    return f"{schedule['quartz_cron_expression']}, {schedule['timezone_id']}{paused}"


def _next_ms(job: StoredJob) -> int | None:
    schedule = job.settings.get("schedule")
    if schedule is None or schedule.get("pause_status") == "PAUSED":
        return None
    moment = next_of(job, datetime.now(timezone.utc))
    return int(moment.timestamp() * 1000) if moment else None


def run_row(run: Run, request: PageRequest) -> RunRow:
    """A run as it stands in lists."""
    started = run.started_ms or run.created_ms
    took = _duration_ms(started, run.ended_ms, run.state, request)
    return RunRow(run.number, run.name, _url(run), _state_label(run.state), started, took)


def _duration_ms(started: int, ended: int, state: RunState, request: PageRequest) -> int | None:
    if not started:
        return None
    end = request.workspace.clock.now() if state.is_open else ended
    return max(0, end - started) if end else None


def _state_label(state: RunState) -> StateLabel:
    if state.is_open:
        return StateLabel(state.life_cycle.capitalize(), "note", True)
    name = state.result or state.life_cycle
    text, look = RESULTS.get(name, (name.replace("_", " ").capitalize(), "note"))
    return StateLabel(text, look, False)


def _url(run: Run) -> str:
    return f"/jobs/{run.job_id}/runs/{run.run_id}"


def _parameters(run: Run) -> list[tuple[str, str]]:
    values = {**run.parameters}
    for name, value in run.arguments.items():
        if name != "job_parameters":
            values[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return sorted((str(name), str(value)) for name, value in values.items())


def _settable(job: StoredJob) -> tuple[str, dict[str, str]]:
    """What may be set for a run, with defaults: the job's parameters, else those of its notebooks; and their field."""
    parameters = job.settings.get("parameters")
    if parameters:
        return "job_parameters", {str(entry["name"]): str(entry.get("default", "")) for entry in parameters}
    tasks = [task.get("notebook_task", {}) for task in job.settings.get("tasks", [job.settings])]
    return "notebook_params", {
        str(name): str(value) for task in tasks for name, value in task.get("base_parameters", {}).items()
    }


def _mlflow_runs(task: TaskRun, log: str) -> list[tuple[str, str]]:
    """Experiment and run of those that the task's log names, and of the one that it was started for."""
    variables = task.spec.get("shell_command_task", {}).get("env_vars", {})
    own = f"/experiments/{variables.get('MLFLOW_EXPERIMENT_ID')}/runs/{variables.get('MLFLOW_RUN_ID')}"
    return list(dict.fromkeys(MLFLOW_RUN.findall(own + "\n" + log)))[:MAX_MLFLOW]


def _description(spec: Mapping[str, Any]) -> tuple[str, str | None]:
    """What a task executes in words, and the notebook's address when it lies in the workspace."""
    kind = next((key for key in spec if key.endswith("_task")), None)
    if kind is None:
        return "", None
    task = spec[kind]
    path = str(task.get("notebook_path") or task.get("python_file") or "")
    words = kind.removesuffix("_task").replace("_", " ")
    is_here = path.startswith("/") and task.get("source", "WORKSPACE") == "WORKSPACE"
    return f"{words} {path}".strip(), address(spelled(path).path) if is_here else None


def _task_panel(request: PageRequest, task: TaskRun) -> dict[str, Any]:
    """One task of a run.

    `notebook` is the address of the notebook it executes, `displays` has what each cell has displayed, `mlflow`
    experiment and run of each run of MLflow that it names.
    """
    output = request.services.store.output(task.run_id)
    tail, is_cut = request.services.executor.log(task.run_id).tail()
    log = tail.decode("utf-8", "replace")
    texts = [
        ("Result" + (", shortened" if output.truncated else ""), output.result, False),
        ("Error", output.error, True),
        ("Where it happened", output.error_trace, True),
        ("The end of its log" if is_cut else "Log", log, False),
    ]
    what, notebook = _description(task.spec)
    [displays] = outputs.bounded([outputs.of_displays(output.displays, 0)])
    return {
        "key": task.key,
        "label": _state_label(task.state),
        "what": what,
        "notebook": notebook,
        "duration_ms": _duration_ms(task.started_ms, task.ended_ms, task.state, request),
        "task_run_id": task.run_id,
        "displays": list(zip((entry.get("cell", "?") for entry in output.displays), displays, strict=False)),
        "mlflow": _mlflow_runs(task, log),
        "texts": [(label, ANSI.sub("", text), is_bad) for label, text, is_bad in texts if text],
        "notes": output.notes,
    }
