"""run-now, runs/submit and what is asked about runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from databricks_local.core.errors import ApiError, invalid
from databricks_local.core.model import NOTEBOOK, ApiAnswer, Call, answer
from databricks_local.core.paths import spelled
from databricks_local.formats import html_page, notebook
from databricks_local.jobs.rules.fields import SINGLE, check, required
from databricks_local.jobs.rules.jobs import check_repair, check_run_now, check_submit
from databricks_local.protocol.pipeline import Operation
from databricks_local.workspace.tree import LocalWorkspace

from . import repairs
from .api import limit_of, missing, number_of, page_of, version_of
from .executor import Executor
from .overrides import RunOverrides
from .runs import JOB_RUN, SUBMIT_RUN, Run, TaskRun
from .store import JobStore, StoredJob
from .views import page_url, repair_history, task_view, view

PAGE = 20
MAX_PAGE = 26


class RunApi:
    """Each operation raises ApiError: 400 for what is wrong with a call, `missing` for a run that is not there."""

    def __init__(self, store: JobStore, executor: Executor, overrides: RunOverrides, host: str) -> None:
        self._store = store
        self._executor = executor
        self._overrides = overrides
        self._host = host

    def operations(self) -> Sequence[tuple[str, str, Operation]]:
        """HTTP method, path below `/api/<version>/jobs/`, and what serves it."""
        return (
            ("POST", "run-now", self.run_now),
            ("POST", "runs/submit", self.submit),
            ("POST", "runs/repair", self.repair),
            ("GET", "runs/export", self.export),
            ("GET", "runs/get", self.get),
            ("GET", "runs/list", self.list),
            ("GET", "runs/get-output", self.get_output),
            ("POST", "runs/cancel", self.cancel),
            ("POST", "runs/cancel-all", self.cancel_all),
            ("POST", "runs/delete", self.delete),
        )

    def run_now(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """A run of a job; with an idempotency token that was used, the run of then [DOCS]."""
        check_run_now(call.parameters)
        job = self._store.job(number_of(call, "job_id"))
        if job is None:
            raise missing("Job", call.parameters["job_id"], workspace)
        token = call.text("idempotency_token")
        existing = self._store.by_token(token) if token else None
        if existing is not None:
            return self._started(self._run(existing, workspace))
        return self._started(self.begin(workspace, job, _arguments(call), "ONE_TIME", token))

    def begin(
        self,
        workspace: LocalWorkspace,
        job: StoredJob,
        arguments: Mapping[str, Any],
        trigger: str,
        token: str | None = None,
    ) -> Run:
        """A run of a job, stored and on its way.

        Raises ApiError for a job without tasks, or whose runs a test refuses.
        """
        name = str(job.settings.get("name", "Untitled"))
        run = self._new(workspace, JOB_RUN, job.job_id, name, job.settings)
        if not run.tasks:
            raise invalid("The job has no tasks to run.")
        number = self._store.count_runs(job.job_id) + 1
        return self._begin(workspace, replace(run, trigger=trigger, number=number, arguments=arguments), token)

    def submit(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """A run without a job; its job_id is one that no job has."""
        body = dict(call.parameters)
        check_submit(body, version_of(call))
        if not body.get("tasks") and version_of(call) != "2.0":
            required("", body, "tasks")
        token = body.pop("idempotency_token", None)
        existing = self._store.by_token(token) if token else None
        if existing is not None:
            return answer({"run_id": existing})
        return answer({"run_id": self.begin_once(workspace, body, token).run_id})

    def begin_once(self, workspace: LocalWorkspace, body: dict[str, Any], token: str | None = None) -> Run:
        """A run without a job, stored and on its way; `body` is checked. Raises ApiError where a test refuses it."""
        name = str(body.pop("run_name", "Untitled"))
        return self._begin(workspace, self._new(workspace, SUBMIT_RUN, self._store.identifier(), name, body), token)

    def repair(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Tasks of a run of a job that has ended run again, in that run, as the job is by now [DOCS].

        Which codes and texts the refusals have is unknown.
        """
        check_repair(call.parameters)
        run = self._run(number_of(call, "run_id"), workspace)
        if run.state.is_open or run.kind != JOB_RUN:
            raise ApiError(400, "INVALID_STATE", f"Run {run.run_id} is not a run of a job that has ended.")
        latest = run.attempts[-1].repair_id if run.attempts else 0
        if latest and (call.text("latest_repair_id") is None or number_of(call, "latest_repair_id") != latest):
            raise invalid("latest_repair_id is not that of the latest repair.")
        keys, flags = call.parameters.get("rerun_tasks", []), ("rerun_all_failed_tasks", "rerun_dependent_tasks")
        chosen, job = repairs.chosen(run, keys, *map(call.flag, flags)), self._store.job(run.job_id)
        forced, repair_id = self._overrides.of(run.name), self._store.identifier()
        run = replace(run, arguments={**run.arguments, **_arguments(call)}, spec=job.settings if job else run.spec)
        repaired = repairs.repaired(run, chosen, repair_id, workspace.clock.now(), self._store.identifier)
        for task in repaired.tasks:
            if task.key in chosen:
                self._store.add_task_run(task.run_id, run.run_id)
                self._keep_code(workspace, task)
        self._store.change_run(run.run_id, lambda _: repaired)
        self._executor.start(repaired, forced)
        return answer({"repair_id": repair_id})

    def _new(self, workspace: LocalWorkspace, kind: str, job_id: int, name: str, spec: Mapping[str, Any]) -> Run:
        run_id = self._store.identifier()
        return Run(
            run_id=run_id,
            job_id=job_id,
            kind=kind,
            name=name,
            spec=spec,
            tasks=self._tasks(spec, run_id),
            creator=workspace.settings.user,
            single="tasks" not in spec,
            created_ms=workspace.clock.now(),
        )

    def _begin(self, workspace: LocalWorkspace, run: Run, token: str | None) -> Run:
        forced = self._overrides.of(run.name)
        self._store.add_run(run, token)
        for task in run.tasks:
            self._keep_code(workspace, task)
        self._executor.start(run, forced)
        return run

    def _keep_code(self, workspace: LocalWorkspace, task: TaskRun) -> None:
        """The notebook of a task as it is when its run begins, for runs/export; nothing for one that is not there."""
        notebook_task = task.spec.get("notebook_task", {})
        with suppress(ApiError):
            entry = workspace.readable(spelled(str(notebook_task.get("notebook_path", ""))))
            if notebook_task.get("source") != "GIT" and entry.object_type == NOTEBOOK:
                content = workspace.store.content(entry)
                is_kept = len(content) <= workspace.settings.max_json_bytes
                self._store.put_notebook(task.run_id, entry, content if is_kept else None)

    def export(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """The notebook of a task's run as a page, as it was when the run began; there are no dashboards here [DOCS].

        What is answered for other kinds of tasks is unknown, and so is it for notebooks of a git source and for large
        ones: here none is kept that is larger than 10 MB.
        """
        run, task = self._run_and_task(number_of(call, "run_id"), workspace)
        views = call.text("views_to_export") or "CODE"
        if views not in ("CODE", "DASHBOARDS", "ALL"):
            raise invalid("views_to_export is one of CODE, DASHBOARDS, ALL.")
        kept = None if task is None else self._store.notebook(task.run_id)
        if kept is None:
            raise invalid(f"Run {run.run_id if task is None else task.run_id} is not the run of a notebook.")
        entry, content = kept
        if content is None:
            raise invalid(f"The notebook of run {run.run_id} was too large to be kept.")
        page = html_page.render(entry, notebook.cells(entry, content)).decode()
        shown = {"type": "NOTEBOOK", "name": entry.name, "content": page}
        return answer({"views": [] if views == "DASHBOARDS" else [shown]})

    def get(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """A run, or the run of one of its tasks, as the version of the API that was called describes it."""
        run, task = self._run_and_task(number_of(call, "run_id"), workspace)
        body = self._view(run, task, version_of(call))
        if call.flag("include_history") and run.attempts:
            body["repair_history"] = repair_history(run)
        return answer(body)

    def list(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Newest first; active or completed ones, of one job, within times [DOCS]."""
        if call.flag("active_only") and call.flag("completed_only"):
            raise invalid("active_only and completed_only exclude each other.")
        where, values = ["run_id < ?"], [page_of(call)]
        if call.text("job_id") is not None:
            where, values = [*where, "job_id = ?"], [*values, number_of(call, "job_id")]
        if call.flag("active_only") or call.flag("completed_only"):
            where.append("open" if call.flag("active_only") else "NOT open")
        for name, sign in (("start_time_from", ">="), ("start_time_to", "<=")):
            if call.text(name) is not None:
                where, values = [*where, f"created_ms {sign} ?"], [*values, number_of(call, name)]
        version, count = version_of(call), limit_of(call, PAGE, MAX_PAGE if version_of(call) != "2.0" else 1000)
        stored = self._store.runs(" AND ".join(where), tuple(values), count + 1)
        expand = call.flag("expand_tasks") or version == "2.0"
        kind = call.text("run_type")
        runs = [view(run, self._host, version, expand) for run in stored[:count] if kind in (None, run.kind)]
        body: dict[str, Any] = {"runs": runs} if runs else {}
        body["has_more"] = len(stored) > count
        if body["has_more"] and version != "2.0":
            body["next_page_token"] = str(stored[count - 1].run_id)
        return answer(body)

    def get_output(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Of one task: what several tasks returned is not one output [DOCS, text as users quote it].

        Whether the run of a single task is told apart from that task is unknown: here it is not for Jobs 2.0 runs
        only.
        """
        run, task = self._run_and_task(number_of(call, "run_id"), workspace)
        if task is None:
            text = "Retrieving the output of runs with multiple tasks is not supported. "
            raise invalid(text + "Please retrieve the output of each individual task run instead.")
        output = self._store.output(task.run_id)
        body: dict[str, Any] = {"metadata": self._view(run, task, version_of(call))}
        if "notebook_task" in task.spec:
            body["notebook_output"] = {}
            if output.result is not None:
                body["notebook_output"] = {"result": output.result, "truncated": output.truncated}
        else:
            log, truncated = self._executor.log(task.run_id).tail()
            body["logs"], body["logs_truncated"] = log.decode("utf-8", "replace"), truncated
        for name in ("error", "error_trace"):
            if getattr(output, name) is not None:
                body[name] = getattr(output, name)
        return answer(body)

    def cancel(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Asks; the run ends a moment later. Nothing happens to one that has ended [DOCS]."""
        run, _ = self._run_and_task(number_of(call, "run_id"), workspace)
        self._executor.cancel(run.run_id)
        return answer({})

    def cancel_all(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """All runs of a job that are going on, or with `all_queued_runs` those in its queue."""
        check("", call.parameters, {"job_id": object, "all_queued_runs": bool})
        job_id = number_of(call, "job_id")
        for run in self._store.open_runs(job_id):
            if not call.flag("all_queued_runs") or run.state.life_cycle == "QUEUED":
                self._executor.cancel(run.run_id)
        return answer({})

    def delete(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """A run with all it left behind; 400 while it is going on."""
        run = self._run(number_of(call, "run_id"), workspace)
        if run.state.is_open:
            raise ApiError(400, "INVALID_STATE", f"Run {run.run_id} is still active.")
        self._store.remove_run(run)
        return answer({})

    def all_output(self, run_id: int) -> dict[str, Any]:
        """Everything a run left behind, for people: of the task, or of all tasks of a run. Raises ValueError."""
        run = self._store.run_of(run_id)
        if run is None:
            raise ValueError(f"there is no run {run_id}")
        outputs = []
        for task in run.tasks:
            if run_id not in (run.run_id, task.run_id):
                continue
            output, (log, truncated) = self._store.output(task.run_id), self._executor.log(task.run_id).tail()
            logged = {"log": log.decode("utf-8", "replace"), "log_truncated": truncated}
            outputs.append({"run_id": task.run_id, "task_key": task.key, **logged, **asdict(output)})
        return {"tasks": outputs}

    def _tasks(self, spec: Mapping[str, Any], run_id: int) -> tuple[TaskRun, ...]:
        """Of Jobs 2.0's single task the run is the task's run too [INFERRED]."""
        if spec.get("tasks"):
            return tuple(TaskRun(self._store.identifier(), task["task_key"], task) for task in spec["tasks"])
        task = {key: spec[key] for key in SINGLE if key in spec and key != "timeout_seconds"}
        return (TaskRun(run_id, "main", task),) if any(key.endswith("_task") for key in task) else ()

    def _started(self, run: Run) -> ApiAnswer:
        return answer({"run_id": run.run_id, "number_in_job": run.number})

    def _run(self, run_id: int, workspace: LocalWorkspace) -> Run:
        return self._run_and_task(run_id, workspace)[0]

    def _run_and_task(self, run_id: int, workspace: LocalWorkspace) -> tuple[Run, TaskRun | None]:
        """A run, or the run a task run belongs to together with that task."""
        run = self._store.run_of(run_id)
        if run is None:
            raise missing("Run", run_id, workspace)
        return run, next((task for task in run.tasks if task.run_id == run_id), None)

    def _view(self, run: Run, task: TaskRun | None, version: str) -> dict[str, Any]:
        if task is None or task.run_id == run.run_id:
            return view(run, self._host, version)
        whole = view(replace(run, tasks=(task,)), self._host, version)
        body = {**whole, **task_view(task, run, self._host), "job_run_id": run.run_id}
        return {**body, "run_page_url": page_url(self._host, run.job_id, task.run_id), "run_name": task.key}


def _arguments(call: Call) -> dict[str, Any]:
    """What a call gives a run instead of what its job has."""
    return {key: value for key, value in call.parameters.items() if key == "job_parameters" or key.endswith("_params")}
