"""jobs/create to jobs/delete: what is asked is checked, kept whole, and given back as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from databricks_local.core.documents import whole_number
from databricks_local.core.errors import ApiError, invalid
from databricks_local.core.model import ApiAnswer, Call, answer
from databricks_local.jobs.rules.fields import check, required
from databricks_local.jobs.rules.jobs import check_job
from databricks_local.jobs.rules.permissions import JOB_LEVELS, OWNER, check_owner, grants
from databricks_local.protocol.pipeline import Operation
from databricks_local.workspace.tree import LocalWorkspace

from .store import JobStore, StoredJob

# Of these lists, an update replaces the entries with the same key and keeps the others [DOCS].
MERGED = {
    "tasks": "task_key",
    "job_clusters": "job_cluster_key",
    "parameters": "name",
    "environments": "environment_key",
}

# What the service adds to a job when it gives it back [PROBED, shapes in the CLI's recorded tests].
DEFAULTS: Mapping[str, Any] = {
    "email_notifications": {},
    "webhook_notifications": {},
    "timeout_seconds": 0,
    "max_concurrent_runs": 1,
    "format": "MULTI_TASK",
    "queue": {"enabled": True},
}
TASK_DEFAULTS: Mapping[str, Any] = {"run_if": "ALL_SUCCESS", "timeout_seconds": 0, "email_notifications": {}}

PAGE = 20
MAX_PAGE = 100


def missing(what: str, number: object, workspace: LocalWorkspace) -> ApiError:
    """No "Job" or "Run" of that number.

    404 and 400 both occur: the first in the CLI's tests, the second in databricks-sdk's table of errors.
    """
    status = workspace.settings.missing_job_status
    code = "INVALID_PARAMETER_VALUE" if status == 400 else "RESOURCE_DOES_NOT_EXIST"
    return ApiError(status, code, f"{what} {number} does not exist.")


class JobApi:
    """Each operation raises ApiError: 400 for what is wrong with a call, `missing` for a job that is not there."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def operations(self) -> Sequence[tuple[str, str, Operation]]:
        """HTTP method, path below `/api/<version>/jobs/`, and what serves it."""
        return (
            ("POST", "create", self.create),
            ("POST", "reset", self.reset),
            ("POST", "update", self.update),
            ("GET", "get", self.get),
            ("GET", "list", self.list),
            ("POST", "delete", self.delete),
        )

    def create(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Takes settings, of Jobs 2.0 or later, and gives the new `job_id`."""
        settings = dict(call.parameters)
        check_job(settings, version_of(call))
        given = grants(settings.pop("access_control_list", []), JOB_LEVELS)
        job = StoredJob(self._store.identifier(), workspace.settings.user, workspace.clock.now(), settings)
        if OWNER not in given.values():
            given["user_name", job.creator] = OWNER
        check_owner("job", given)
        self._put(job)
        self._store.put_permissions(f"/jobs/{job.job_id}", given)
        return answer({"job_id": job.job_id})

    def reset(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """All settings replaced [DOCS]."""
        job, settings = self._job(workspace, call), self._new_settings(call)
        check_job(settings, version_of(call))
        self._put(StoredJob(job.job_id, job.creator, job.created_ms, settings))
        return answer({})

    def update(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Top-level fields replaced, keyed lists merged, fields taken away [DOCS]."""
        job = self._job(workspace, call)
        settings = without(job.settings, call.parameters.get("fields_to_remove", []))
        if "new_settings" in call.parameters:
            settings = merged(settings, self._new_settings(call))
        check_job(settings, version_of(call))
        self._put(StoredJob(job.job_id, job.creator, job.created_ms, settings))
        return answer({})

    def get(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """A job with its settings, as they came or with the service's defaults (`job_defaults`)."""
        job = self._job(workspace, call)
        return answer({**self._view(job, workspace), "run_as_user_name": job.creator})

    def list(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Newest first; by exact name without regard to case; without tasks unless asked for [DOCS]."""
        version = version_of(call)
        count = limit_of(call, PAGE, MAX_PAGE) if version != "2.0" else self._store.count_jobs()
        before = page_of(call)
        jobs = self._store.jobs(before, count + 1, call.text("name"))
        shown = jobs[:count]
        expand = call.flag("expand_tasks") or version == "2.0"
        body: dict[str, Any] = {"jobs": [self._view(job, workspace, expand) for job in shown]} if shown else {}
        if version == "2.0":
            return answer(body)
        body["has_more"] = len(jobs) > count
        if body["has_more"]:
            body["next_page_token"] = str(shown[-1].job_id)
        return answer(body)

    def delete(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Runs that are going on go on."""
        self._store.remove_job(self._job(workspace, call).job_id)
        return answer({})

    def _put(self, job: StoredJob) -> None:
        schedule = job.settings.get("schedule")
        self._store.put_job(job, schedule is not None and schedule.get("pause_status", "UNPAUSED") == "UNPAUSED")

    def _job(self, workspace: LocalWorkspace, call: Call) -> StoredJob:
        job = self._store.job(number_of(call, "job_id"))
        if job is None:
            raise missing("Job", call.parameters["job_id"], workspace)
        return job

    def _new_settings(self, call: Call) -> dict[str, Any]:
        body = check("", call.parameters, {"job_id": object, "new_settings": dict, "fields_to_remove": list})
        required("", body, "new_settings")
        return dict(body["new_settings"])

    def _view(self, job: StoredJob, workspace: LocalWorkspace, expand: bool = True) -> dict[str, Any]:
        settings = dict(job.settings)
        if workspace.settings.job_defaults:
            settings = with_defaults(settings)
        if not expand:
            settings = {key: value for key, value in settings.items() if key not in ("tasks", "job_clusters")}
        return {
            "job_id": job.job_id,
            "creator_user_name": job.creator,
            "created_time": job.created_ms,
            "settings": settings,
        }


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`old` settings with the fields of `new`; of MERGED lists the entries with the same key are replaced [DOCS]."""
    result = {**old, **new}
    for field, key in MERGED.items():
        if field in old and field in new:
            _check_keyed(field, new[field], key)
            changed = {entry[key]: entry for entry in new[field]}
            kept = [changed.pop(entry[key], entry) for entry in old[field]]
            result[field] = [*kept, *changed.values()]
    return result


def with_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` as the service gives them back [PROBED]."""
    result = {**DEFAULTS, **settings}
    if "tasks" in result:
        result["tasks"] = [{**TASK_DEFAULTS, **task} for task in result["tasks"]]
    return result


def without(settings: Mapping[str, Any], fields: object) -> dict[str, Any]:
    """`settings` without some fields; `tasks/task_1` is one entry of a list of MERGED. Raises ApiError (400)."""
    if not isinstance(fields, list):
        raise invalid("fields_to_remove is a list.")
    whole, entries = set[str](), dict[str, set[str]]()
    for field in map(str, fields):
        name, slash, key = field.partition("/")
        if slash and name not in MERGED:
            raise invalid(f"fields_to_remove: '{field}' is not understood.")
        if slash:
            entries.setdefault(name, set()).add(key)
        else:
            whole.add(name)
    result = {name: value for name, value in settings.items() if name not in whole}
    for name in {*entries} & {*result}:
        result[name] = [entry for entry in result[name] if entry[MERGED[name]] not in entries[name]]
    return result


def _check_keyed(field: str, entries: object, key: str) -> None:
    if not isinstance(entries, list):
        raise invalid(f"{field} is a list, not {entries!r}.")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get(key), str):
            raise invalid(f"Missing required field: {field}[{number}].{key}")


def version_of(call: Call) -> str:
    """The version of the Jobs API that was called, like `2.1`."""
    return call.endpoint.split("/")[2]


def number_of(call: Call, name: str) -> int:
    """An identifier: a number, or its digits [LOCAL: queries are text]. Raises ApiError (400)."""
    value = call.parameters.get(name)
    if value is None:
        raise invalid(f"Missing required field: {name}")
    number = whole_number(value)
    if number is None:
        raise invalid(f"{name} is a number, not {value!r}.")
    return number


def limit_of(call: Call, default: int, most: int) -> int:
    """The page size a call asks for, `default` when it does not. Raises ApiError (400) above `most`."""
    if call.text("limit") is None:
        return default
    limit = number_of(call, "limit")
    if not 0 <= limit <= most:
        raise invalid(f"limit is at most {most}, not {limit}.")
    return limit or default


def page_of(call: Call) -> int:
    """The identifier the next page begins before."""
    return 2**62 if call.text("page_token") is None else number_of(call, "page_token")
