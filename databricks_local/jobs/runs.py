"""A run and its tasks as values, and how they become the JSON that is stored. Frozen; no rules here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

JOB_RUN = "JOB_RUN"
SUBMIT_RUN = "SUBMIT_RUN"

OPEN_STATES = ("QUEUED", "PENDING", "RUNNING", "TERMINATING", "BLOCKED")


@dataclass(frozen=True, slots=True)
class RunState:
    """`result` exists only in terminal states, and not in all of them [DOCS]."""

    life_cycle: str
    result: str | None = None
    message: str = ""
    code: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self.life_cycle in OPEN_STATES


PENDING = RunState("PENDING")


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task of a run; `spec` is the task as it was submitted, `attempt` 0 the first time it is tried."""

    run_id: int
    key: str
    spec: Mapping[str, Any]
    state: RunState = PENDING
    started_ms: int = 0
    ended_ms: int = 0
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class RunAttempt:
    """The run as it was at first (`repair_id` 0), or one repair of it; `state` and `ended_ms` once that is over."""

    repair_id: int
    started_ms: int
    task_run_ids: tuple[int, ...]
    state: RunState | None = None
    ended_ms: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """`spec` holds the settings in force when it began: a later change of the job does not touch it.

    `attempts` are there once it was repaired, the first run among them.
    """

    run_id: int
    job_id: int
    kind: str
    name: str
    spec: Mapping[str, Any]
    tasks: tuple[TaskRun, ...]
    creator: str
    single: bool = False
    trigger: str = "ONE_TIME"
    number: int = 1
    state: RunState = PENDING
    created_ms: int = 0
    started_ms: int = 0
    ended_ms: int = 0
    arguments: Mapping[str, Any] = field(default_factory=dict)
    attempts: tuple[RunAttempt, ...] = ()

    def with_task(self, changed: TaskRun) -> Run:
        """The same run with one task replaced, by its key."""
        return replace(self, tasks=tuple(changed if task.key == changed.key else task for task in self.tasks))

    def task(self, key: str) -> TaskRun:
        """The task with that key. Raises StopIteration without one."""
        return next(task for task in self.tasks if task.key == key)

    @property
    def parameters(self) -> dict[str, str]:
        """Job parameters: the defaults, overridden by what the caller gave."""
        defaults = {str(parameter["name"]): str(parameter["default"]) for parameter in self.spec.get("parameters", [])}
        return {**defaults, **self.arguments.get("job_parameters", {})}


@dataclass(frozen=True, slots=True)
class Output:
    """What a task left behind."""

    result: str | None = None
    truncated: bool = False
    error: str | None = None
    error_trace: str | None = None
    displays: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    task_values: Mapping[str, Any] = field(default_factory=dict)


def to_json(run: Run) -> dict[str, Any]:
    """The document in which a run is stored."""
    return asdict(run)


def from_json(document: Mapping[str, Any]) -> Run:
    """The run in a stored document; one stored before November 2026 calls its arguments `given`."""
    document = {"arguments" if name == "given" else name: value for name, value in document.items()}
    tasks = tuple(TaskRun(**{**task, "state": RunState(**task["state"])}) for task in document["tasks"])
    attempts = tuple(_attempt(attempt) for attempt in document.get("attempts", ()))
    return Run(**{**document, "tasks": tasks, "attempts": attempts, "state": RunState(**document["state"])})


def _attempt(document: Mapping[str, Any]) -> RunAttempt:
    state = document["state"] and RunState(**document["state"])
    return RunAttempt(**{**document, "state": state, "task_run_ids": tuple(document["task_run_ids"])})
