"""Executes runs, each on a thread of its own: tasks in their order, deadlines, cancellation, concurrency.

Theory of operation. A run is a document in the store; each change of it is one `change_run`, committed before anybody
can see it. In memory there is only a RunHandle for each run that can still be stopped.

1. `start` decides: a run whose state a test chose (overrides.py) gets that state; one above its job's limit of
   concurrent runs is skipped, or QUEUED when the job has a queue; else it begins at once.
2. A queued run looks how many runs of its job are ahead of it, whenever a run ends (`_changed`), and twice a second.
3. RUNNING: `_run_tasks` starts every task that waits for nothing any more (states.ready) and may run (`run_if`), up to
   MAX_PARALLEL_TASKS, and goes on whenever one has ended. A task that may not run ends without a process; one that
   failed is tried again as often as it may be (`max_retries`).
4. When nothing runs and nothing is ready, the run's state follows from those of its tasks (states.of_run).
5. `_finish` closes what is still open, forgets the handle, and wakes those who wait.

To stop: `cancel` sets the handle's event, the deadline is a time; the runner of each task looks at both, and ends its
process. Also a defect of ours ends in `_finish`: no run stays open for ever. A server that was killed could not do so:
the next one does it at its start (`recover`).
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from .processes import Log
from .runs import PENDING, Run, RunState, TaskRun
from .states import (
    CANCELED,
    DISABLED,
    SERVER_ENDED,
    TIMED_OUT,
    TOO_MANY,
    internal_error,
    may_be_retried,
    may_run,
    not_run,
    of_run,
    ready,
)
from .store import JobStore
from .task_runner import TaskRunner

MAX_PARALLEL_TASKS = 8


@dataclass(slots=True)
class RunHandle:
    """What is needed to stop a run that is going on."""

    stop: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False


class Executor:
    """The runs of one server. `now_ms` is the workspace's clock, `log_error` takes defects of ours."""

    def __init__(
        self, store: JobStore, runner: TaskRunner, now_ms: Callable[[], int], log_error: Callable[[Exception], None]
    ) -> None:
        self._store = store
        self._runner = runner
        self._log_error = log_error
        self._now_ms = now_ms
        self._handles: dict[int, RunHandle] = {}
        self._changed = threading.Condition()

    def log(self, task_run_id: int) -> Log:
        """The log of a task's run, which may still grow."""
        return self._runner.log(task_run_id)

    def recover(self) -> None:
        """At the start: what was going on when the last server ended is over."""
        for run in self._store.open_runs():
            self._finish(run.run_id, SERVER_ENDED)

    def start(self, run: Run, forced: RunState | None) -> None:
        """Lets a stored run begin; it may be skipped at once, or wait in the queue."""
        handle = self._handles[run.run_id] = RunHandle()
        if forced is not None:
            threading.Thread(target=self._force, args=(run, handle, forced), daemon=True).start()
            return
        limit = int(run.spec.get("max_concurrent_runs", 1)) if run.kind == "JOB_RUN" else 0
        if run.kind == "JOB_RUN" and self._ahead(run) >= limit:
            if not run.spec.get("queue", {}).get("enabled"):
                self._finish(run.run_id, TOO_MANY)
                return
            self._store.change_run(run.run_id, lambda run: replace(run, state=RunState("QUEUED")))
        threading.Thread(target=self._run, args=(run.run_id, handle, limit), daemon=True).start()

    def cancel(self, run_id: int) -> None:
        """Asks a run to stop; nothing for one that has ended."""
        handle = self._handles.get(run_id)
        if handle is None or handle.done.is_set():
            return
        handle.cancelled = True
        self._store.change_run(run_id, _terminating)
        handle.stop.set()
        with self._changed:
            self._changed.notify_all()

    def stop_all(self, seconds: float = 10.0) -> None:
        """Ends whatever is going on, without ceremony, and waits for it."""
        waiting, deadline = list(self._handles.items()), time.monotonic() + seconds
        self._runner.abrupt = True
        for run_id, _ in waiting:
            self.cancel(run_id)
        for _, handle in waiting:
            handle.done.wait(max(0.0, deadline - time.monotonic()))
        self._runner.abrupt = False

    def _ahead(self, run: Run) -> int:
        return sum(other.run_id < run.run_id for other in self._store.open_runs(run.job_id))

    def _run(self, run_id: int, handle: RunHandle, limit: int) -> None:
        try:
            if not self._wait_in_queue(run_id, handle, limit):
                self._finish(run_id, CANCELED)
                return
            run = self._store.change_run(run_id, self._running)
            if run is not None:
                self._run_tasks(run, handle)
        except Exception as error:
            # A defect of ours must not leave a run open for ever.
            self._finish(run_id, internal_error(f"databricks_local failed: {error}"))
            self._log_error(error)

    def _wait_in_queue(self, run_id: int, handle: RunHandle, limit: int) -> bool:
        """Waits in the queue of the job; False when cancelled meanwhile."""
        while limit:
            run = self._store.run(run_id)
            if run is None or handle.stop.is_set():
                return False
            if self._ahead(run) < limit:
                return True
            with self._changed:
                self._changed.wait(0.5)
        return True

    def _run_tasks(self, run: Run, handle: RunHandle) -> None:
        timeout = int(run.spec.get("timeout_seconds", 0))
        deadline = time.monotonic() + timeout if timeout else None
        going: dict[Future[RunState], str] = {}
        with ThreadPoolExecutor(MAX_PARALLEL_TASKS) as pool:
            while True:
                run = self._store.run(run.run_id) or run
                over = handle.stop.is_set() or (deadline is not None and time.monotonic() > deadline)
                for task, upstream in [] if over else ready(run.tasks):
                    run_if = str(task.spec.get("run_if", "ALL_SUCCESS"))
                    if task.spec.get("disabled") or (upstream and not may_run(run_if, upstream)):
                        self._ended(run, task, DISABLED if task.spec.get("disabled") else not_run(run_if, upstream))
                        continue
                    self._started(run, task)
                    future = pool.submit(self._runner.run, run, task, handle.stop, deadline)
                    going[future] = task.key
                if not going:
                    if over or not ready((self._store.run(run.run_id) or run).tasks):
                        break
                    continue
                for future in wait(going, return_when=FIRST_COMPLETED).done:
                    self._ended(run, run.task(going.pop(future)), future.result())
        timed_out = deadline is not None and time.monotonic() > deadline and not handle.cancelled
        run = self._store.run(run.run_id) or run
        open_tasks = any(task.state.is_open for task in run.tasks)
        self._finish(run.run_id, of_run(run, handle.cancelled, timed_out and (open_tasks or _timed_out(run))))

    def _force(self, run: Run, handle: RunHandle, forced: RunState) -> None:
        """The end, or the lack of one, that a test chose."""
        if not forced.is_open:
            self._finish(run.run_id, forced)
            return
        self._store.change_run(run.run_id, lambda run: replace(run, state=forced))
        timeout = int(run.spec.get("timeout_seconds", 0)) or None
        stopped = handle.stop.wait(timeout)
        self._finish(run.run_id, CANCELED if stopped else TIMED_OUT)

    def _running(self, run: Run) -> Run:
        return replace(run, state=RunState("RUNNING", message="In run"), started_ms=self._now_ms())

    def _started(self, run: Run, task: TaskRun) -> None:
        begun = replace(task, state=RunState("RUNNING", message="In run"), started_ms=self._now_ms())
        self._store.change_run(run.run_id, lambda run: run.with_task(begun))

    def _ended(self, run: Run, task: TaskRun, state: RunState) -> None:
        def change(run: Run) -> Run:
            now = self._now_ms()
            begun = run.task(task.key)
            return run.with_task(replace(begun, state=state, started_ms=begun.started_ms or now, ended_ms=now))

        if may_be_retried(task, state):
            self._try_again(run, task)
        else:
            self._store.change_run(run.run_id, change)

    def _try_again(self, run: Run, task: TaskRun) -> None:
        """The next attempt is a run of its own; its number is seen of the task from now on. No interval is waited."""
        number = self._store.identifier()
        self._store.add_task_run(number, run.run_id)
        again = replace(task, run_id=number, state=PENDING, started_ms=0, attempt=task.attempt + 1)
        self._store.change_run(run.run_id, lambda run: run.with_task(again))

    def _finish(self, run_id: int, state: RunState) -> None:
        """The run is over, and so are those of its tasks that never began."""

        def change(run: Run) -> Run:
            now = self._now_ms()
            tasks = tuple(
                replace(task, state=state, ended_ms=now) if task.state.is_open else task for task in run.tasks
            )
            return replace(run, state=state, tasks=tasks, ended_ms=now)

        self._store.change_run(run_id, change)
        handle = self._handles.pop(run_id, None)
        if handle is not None:
            handle.done.set()
        with self._changed:
            self._changed.notify_all()


def _terminating(run: Run) -> Run:
    return replace(run, state=RunState("TERMINATING")) if run.state.is_open else run


def _timed_out(run: Run) -> bool:
    return any(task.state.result == "TIMEDOUT" for task in run.tasks)


def run_files(folder: Path) -> Path:
    """Where the outputs of runs are kept; private places of runs that no longer run are cleared away."""
    files = folder / "runs"
    files.mkdir(exist_ok=True)
    for left in files.iterdir():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
    return files
