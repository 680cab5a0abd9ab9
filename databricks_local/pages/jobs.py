"""Jobs with their schedules and last results, and their runs with all they have left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from databricks_local.core.paths import spelled
from databricks_local.jobs.api import missing_job, missing_run
from databricks_local.jobs.runs import JOB_RUN, Run, State, TaskRun
from databricks_local.jobs.scheduler import next_of
from databricks_local.jobs.store import Job

from .links import address
from .outputs import ANSI
from .page import Moved, Shown, Visit, link

PER_PAGE = 50
RECENT = 20
NEWEST = 2**62
FOLLOW_S = 2

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
class Mark:
    """A state in words. `look` only colours it."""

    text: str
    look: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class RunRow:
    number: int
    name: str
    url: str
    mark: Mark
    started_ms: int
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class JobRow:
    job_id: int
    name: str
    schedule: str
    last: RunRow | None


@dataclass(frozen=True, slots=True)
class Part:
    """One task of a run. `notebook` is the address of the notebook it executes."""

    key: str
    mark: Mark
    what: str
    notebook: str | None
    duration_ms: int | None
    texts: Sequence[tuple[str, str, bool]]
    notes: Sequence[str]


def jobs(visit: Visit) -> Shown:
    before = visit.number("before", NEWEST)
    found = visit.services.store.jobs(before, PER_PAGE + 1)
    recent = visit.services.store.runs("1", (), RECENT) if before == NEWEST else []
    rows = [_job_row(visit, job) for job in found[:PER_PAGE]]
    values = {
        "rows": rows,
        "total": visit.services.store.count_jobs(),
        "older": rows[-1].job_id if len(found) > PER_PAGE else None,
        "is_first": before == NEWEST,
        "recent": [_run_row(one, visit) for one in recent],
    }
    return Shown("jobs.html", values)


def job(visit: Visit) -> Shown:
    found = _job(visit)
    before = visit.number("before", NEWEST)
    runs = visit.services.store.runs("job_id = ? AND run_id < ?", (found.job_id, before), PER_PAGE + 1)
    values = {
        "job": _job_row(visit, found),
        "creator": found.creator,
        "created_ms": found.created_ms,
        "next_ms": _next_ms(found),
        "tasks": [(str(task.get("task_key", "")), *_what(task)) for task in _tasks(found.settings)],
        "settings": json.dumps(found.settings, indent=2, ensure_ascii=False),
        "runs": [_run_row(run, visit) for run in runs[:PER_PAGE]],
        "total": visit.services.store.count_runs(found.job_id),
        "older": runs[PER_PAGE - 1].run_id if len(runs) > PER_PAGE else None,
        "is_first": before == NEWEST,
    }
    return Shown("job.html", values)


def run(visit: Visit) -> Shown | Moved:
    """The address the API gives for runs leads here, for those of tasks too."""
    run_id = int(visit.parts["run_id"])
    found = _run(visit)
    if found.run_id != run_id or found.job_id != int(visit.parts["job_id"]):
        return Moved(_url(found))
    is_open = found.state.is_open
    values = {
        "run": _run_row(found, visit),
        "job": visit.services.store.job(found.job_id) if found.kind == JOB_RUN else None,
        "message": found.state.message,
        "trigger": TRIGGERS.get(found.trigger, found.trigger),
        "creator": found.creator,
        "parameters": _parameters(found),
        "parts": [_part(visit, task) for task in found.tasks],
        "is_open": is_open,
        "follow": FOLLOW_S if is_open and "follow" in visit.query else None,
        "url": _url(found),
    }
    return Shown("run.html", values)


def run_now(visit: Visit) -> Moved:
    begun = visit.services.runs.begin(visit.workspace, _job(visit), {}, "ONE_TIME")
    return Moved(link(_url(begun), follow="yes"))


def cancel(visit: Visit) -> Moved:
    found = _run(visit)
    visit.services.executor.cancel(found.run_id)
    return Moved(link(_url(found), follow="yes"))


def _job(visit: Visit) -> Job:
    job_id = int(visit.parts["job_id"])
    found = visit.services.store.job(job_id) if job_id <= NEWEST else None
    if found is None:
        raise missing_job(job_id, visit.workspace)
    return found


def _run(visit: Visit) -> Run:
    """The run, also by the identifier of one of its tasks."""
    run_id = int(visit.parts["run_id"])
    found = None
    if run_id <= NEWEST:
        parent = visit.services.store.parent(run_id)
        found = visit.services.store.run(run_id if parent is None else parent)
    if found is None:
        raise missing_run(run_id, visit.workspace)
    return found


def _job_row(visit: Visit, found: Job) -> JobRow:
    last = visit.services.store.runs("job_id = ?", (found.job_id,), 1)
    row = _run_row(last[0], visit) if last else None
    return JobRow(found.job_id, str(found.settings.get("name", "Untitled")), _schedule(found), row)


def _schedule(found: Job) -> str:
    given = found.settings.get("schedule")
    if not isinstance(given, dict):
        return ""
    paused = " (paused)" if given.get("pause_status") == "PAUSED" else ""
    return f"{given.get('quartz_cron_expression', '')}, {given.get('timezone_id', '')}{paused}"


def _next_ms(found: Job) -> int | None:
    schedule = found.settings.get("schedule")
    if not isinstance(schedule, dict) or schedule.get("pause_status") == "PAUSED":
        return None
    moment = next_of(found, datetime.now(timezone.utc))
    return int(moment.timestamp() * 1000) if moment else None


def _run_row(found: Run, visit: Visit) -> RunRow:
    started = found.started_ms or found.created_ms
    took = _took(started, found.ended_ms, found.state, visit)
    return RunRow(found.number, found.name, _url(found), _mark(found.state), started, took)


def _took(started: int, ended: int, state: State, visit: Visit) -> int | None:
    if not started:
        return None
    end = visit.workspace.clock.now() if state.is_open else ended
    return max(0, end - started) if end else None


def _mark(state: State) -> Mark:
    if state.is_open:
        return Mark(state.life_cycle.capitalize(), "note", True)
    name = state.result or state.life_cycle
    text, look = RESULTS.get(name, (name.replace("_", " ").capitalize(), "note"))
    return Mark(text, look, False)


def _url(found: Run) -> str:
    return f"/jobs/{found.job_id}/runs/{found.run_id}"


def _parameters(found: Run) -> list[tuple[str, str]]:
    given = {**found.parameters}
    for name, value in found.given.items():
        if name != "job_parameters":
            given[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return sorted((str(name), str(value)) for name, value in given.items())


def _tasks(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tasks = settings.get("tasks")
    return [task for task in tasks if isinstance(task, dict)] if isinstance(tasks, list) else [settings]


def _what(spec: Mapping[str, Any]) -> tuple[str, str | None]:
    """What a task executes in words, and the notebook's address when it lies in the workspace."""
    kind = next((key for key in spec if key.endswith("_task")), None)
    if kind is None:
        return "", None
    given = spec[kind] if isinstance(spec[kind], dict) else {}
    path = str(given.get("notebook_path") or given.get("python_file") or "")
    words = kind.removesuffix("_task").replace("_", " ")
    is_here = path.startswith("/") and given.get("source", "WORKSPACE") == "WORKSPACE"
    return f"{words} {path}".strip(), address(spelled(path).path) if is_here else None


def _part(visit: Visit, task: TaskRun) -> Part:
    output = visit.services.store.output(task.run_id)
    log, is_cut = visit.services.executor.log(task.run_id).tail()
    texts = [
        ("Result" + (", shortened" if output.truncated else ""), output.result, False),
        ("Error", output.error, True),
        ("Where it happened", output.error_trace, True),
        *((f"Shown by cell {one.get('cell', '?')}", str(one.get("text", "")), False) for one in output.displays),
        ("The end of its log" if is_cut else "Log", log.decode("utf-8", "replace"), False),
    ]
    what, notebook = _what(task.spec)
    return Part(
        key=task.key,
        mark=_mark(task.state),
        what=what,
        notebook=notebook,
        duration_ms=_took(task.started_ms, task.ended_ms, task.state, visit),
        texts=[(label, ANSI.sub("", text), is_bad) for label, text, is_bad in texts if text],
        notes=output.notes,
    )
