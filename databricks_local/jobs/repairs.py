"""A repair: some tasks of a run that has ended run again, in that run. Pure, but for the numbers that it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from databricks_local.core.errors import invalid

from .runs import PENDING, Run, RunAttempt, TaskRun
from .states import GOOD, upstream_of


def chosen(run: Run, keys: Iterable[str], all_failed: bool, dependents: bool) -> set[str]:
    """The keys of the tasks that run again. Raises ApiError (400) for a key that is none, or where none is left."""
    wanted = set(keys)
    if unknown := wanted - {task.key for task in run.tasks}:
        raise invalid(f"The run has no task '{min(unknown)}'.")
    if all_failed:
        wanted = {task.key for task in run.tasks if task.state.result not in GOOD}
    if not wanted:
        raise invalid("No task of the run is to be run again.")
    while dependents and (more := {task.key for task in run.tasks if wanted & {*upstream_of(task)}} - wanted):
        wanted |= more
    return wanted


def repaired(run: Run, keys: set[str], repair_id: int, now_ms: int, identifier: Callable[[], int]) -> Run:
    """The run with the tasks of these keys to be done, as its `spec` has them now, each as a run of its own."""
    specs = {str(task.get("task_key")): task for task in run.spec.get("tasks", [])}

    def again(task: TaskRun) -> TaskRun:
        return TaskRun(identifier(), task.key, specs.get(task.key, task.spec), attempt=task.attempt + 1)

    tasks = tuple(again(task) if task.key in keys else task for task in run.tasks)
    first = RunAttempt(0, run.created_ms, tuple(task.run_id for task in run.tasks))
    *earlier, last = run.attempts or (first,)
    ended = replace(last, state=run.state, ended_ms=run.ended_ms)
    repair = RunAttempt(repair_id, now_ms, tuple(task.run_id for task in tasks if task.key in keys))
    return replace(run, tasks=tasks, state=PENDING, started_ms=0, ended_ms=0, attempts=(*earlier, ended, repair))
