"""What becomes of a run: from how a task's process ended to its state, from its tasks' states to the run's. Pure.

Codes are databricks-sdk's TerminationCodeCode; messages are those users quote where there are any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .runs import Run, RunState, TaskRun

SUCCESS = RunState("TERMINATED", "SUCCESS", "", "SUCCESS")
FAILED = RunState("TERMINATED", "FAILED", "Workload failed, see run output for details", "RUN_EXECUTION_ERROR")
CANCELED = RunState("TERMINATED", "CANCELED", "Run cancelled.", "USER_CANCELED")
TIMED_OUT = RunState("TERMINATED", "TIMEDOUT", "Run timed out.", "CANCELED")
UPSTREAM_FAILED = RunState("TERMINATED", "UPSTREAM_FAILED", "An upstream task failed.", "RUN_EXECUTION_ERROR")
UPSTREAM_CANCELED = RunState("TERMINATED", "UPSTREAM_CANCELED", "An upstream task was cancelled.", "CANCELED")
EXCLUDED = RunState("TERMINATED", "EXCLUDED", "The run_if condition was not met.", "SUCCESS")
DISABLED = RunState("TERMINATED", "DISABLED", "The task is disabled.", "DISABLED")
TOO_MANY = RunState(
    "SKIPPED",
    "MAXIMUM_CONCURRENT_RUNS_REACHED",
    "The run was skipped because the limit of concurrent runs of its job was reached.",
    "MAX_CONCURRENT_RUNS_EXCEEDED",
)
SERVER_ENDED = RunState(
    "INTERNAL_ERROR", "FAILED", "The workspace server ended while the run was in progress.", "INTERNAL_ERROR"
)


def internal_error(message: str, code: str = "INTERNAL_ERROR") -> RunState:
    """The end of a run that was never executed, or by a defect."""
    return RunState("INTERNAL_ERROR", "FAILED", message, code)


# run_if -> (are the upstream results as wanted?)
GOOD = ("SUCCESS", "SUCCESS_WITH_FAILURES", "EXCLUDED", "DISABLED")


def may_run(run_if: str, upstream: Sequence[str]) -> bool:
    """Whether a task starts, given how those it depends on ended [DOCS]."""
    failed = [result for result in upstream if result not in GOOD]
    done = [result for result in upstream if result in ("SUCCESS", "SUCCESS_WITH_FAILURES")]
    return {
        "ALL_SUCCESS": not failed and (bool(done) or not upstream),
        "ALL_DONE": True,
        "NONE_FAILED": not failed,
        "AT_LEAST_ONE_SUCCESS": bool(done),
        "ALL_FAILED": bool(failed) and not done,
        "AT_LEAST_ONE_FAILED": bool(failed),
    }[run_if]


def not_run(run_if: str, upstream: Sequence[str]) -> RunState:
    """The state of a task that does not start, from how those it depends on ended [DOCS]."""
    if run_if in ("ALL_FAILED", "AT_LEAST_ONE_FAILED"):
        return EXCLUDED
    if any(result in ("CANCELED", "UPSTREAM_CANCELED") for result in upstream):
        return UPSTREAM_CANCELED
    return UPSTREAM_FAILED if any(result not in GOOD for result in upstream) else EXCLUDED


def may_be_retried(task: TaskRun, state: RunState) -> bool:
    """Whether a task that ended so is tried again; -1 retries are any number [DOCS]."""
    most = int(task.spec.get("max_retries", 0))
    again = state.result == "FAILED" or (state.result == "TIMEDOUT" and bool(task.spec.get("retry_on_timeout")))
    return again and (most < 0 or task.attempt < most)


def upstream_of(task: TaskRun) -> list[str]:
    """The keys of the tasks it depends on."""
    return [str(dependency["task_key"]) for dependency in task.spec.get("depends_on", [])]


def ready(tasks: Iterable[TaskRun]) -> list[tuple[TaskRun, list[str]]]:
    """The tasks that wait for nothing any more, each with the results of those it depends on."""
    by_key = {task.key: task for task in tasks}
    free = []
    for task in by_key.values():
        above = [by_key[key] for key in upstream_of(task)]
        if (
            task.state.life_cycle == "PENDING"
            and not task.started_ms
            and not any(other.state.is_open for other in above)
        ):
            free.append((task, [other.state.result or "FAILED" for other in above]))
    return free


def of_run(run: Run, cancelled: bool, timed_out: bool) -> RunState:
    """A run's state from those of its tasks; for one task it is that task's.

    The leaves decide: a failure that another task repaired is a success with failures [DOCS].
    """
    if cancelled:
        return CANCELED
    if timed_out:
        return TIMED_OUT
    if len(run.tasks) == 1:
        return run.tasks[0].state
    needed = {key for task in run.tasks for key in upstream_of(task)}
    leaves = [task.state for task in run.tasks if task.key not in needed]
    failed = [state for state in leaves if state.result not in GOOD]
    if failed:
        message = failed[0].message if len(failed) == 1 else f"{len(failed)} tasks failed."
        return RunState("TERMINATED", "FAILED", message, failed[0].code)
    if any(task.state.result not in GOOD for task in run.tasks):
        return RunState("TERMINATED", "SUCCESS_WITH_FAILURES", "", "SUCCESS_WITH_FAILURES")
    return SUCCESS


def termination_type(state: RunState) -> str:
    """Whose doing an end was, as Jobs 2.2 classifies it."""
    if state.code in ("SUCCESS", "SUCCESS_WITH_FAILURES", "USER_CANCELED", "DISABLED"):
        return "SUCCESS"
    return "INTERNAL_ERROR" if state.code == "INTERNAL_ERROR" else "CLIENT_ERROR"
