"""The jobs of hooks in the workspace: which are ours, and making them as they should be.

A job is ours by its tag. What bears our name without it, or bears it twice, is somebody's, and stays as it is; and so
does what a bundle deployed, which has our tag where hooks/bundle is included in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from databricks_sync.errors import BadAnswer, NotFound, WorkspaceError
from databricks_sync.remote.http import Http
from mlflow_hooks.generate.job import TAG
from mlflow_hooks.model import job_name

_API = "/api/2.2/jobs"
_PAGES = 1000  # of a hundred jobs each: ten times what a workspace may hold
# Under which a job keeps the digest of what was asked of it last, see record.py.
DIGEST = "mlflow_hook_settings"


@dataclass(frozen=True, slots=True)
class HookJob:
    """A job as the workspace shows it."""

    job_id: int
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the job; "" where the workspace shows none."""
        return str(self.settings.get("name", ""))

    @property
    def hook(self) -> str:
        """The name of the hook it is of; "" for a job that is not ours."""
        return str((self.settings.get("tags") or {}).get(TAG, ""))

    @property
    def deployed_by(self) -> str:
        """What else deploys it, and owns it therefore: BUNDLE, in development mode too; "" for nothing.

        SERVER: `deployment.kind` of the settings (Jobs API 2.2, `JobDeploymentKind`).
        """
        return str((self.settings.get("deployment") or {}).get("kind", ""))

    @property
    def last(self) -> str:
        """The digest of what was asked of it last; "" where it has none."""
        return str((self.settings.get("tags") or {}).get(DIGEST, ""))

    @property
    def unmarked(self) -> dict[str, Any]:
        """Its settings without that digest."""
        tags = {name: value for name, value in (self.settings.get("tags") or {}).items() if name != DIGEST}
        return {**self.settings, "tags": tags}

    @property
    def folder(self) -> str:
        """Where the notebook that it runs lies; "" where it runs none."""
        tasks = self.settings.get("tasks") or [{}]
        return str((tasks[0].get("notebook_task") or {}).get("notebook_path", "")).rpartition("/")[0]


def marked(settings: Mapping[str, Any], last: str) -> dict[str, Any]:
    """The settings of a job with a tag that has the digest of what hook.yml asks of it."""
    return {**settings, "tags": {**settings.get("tags", {}), DIGEST: last}}


class Jobs:
    """The jobs of one workspace. Raises WorkspaceError."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def named(self, name: str) -> list[HookJob]:
        """Those of exactly this name."""
        # SERVER: the workspace pays no attention to upper and lower case.
        return [job for job in self._listed({"name": name}) if job.name == name]

    def get(self, job_id: int) -> HookJob:
        """A job with all its settings: a list leaves out what is long."""
        return _job(self.http.read(f"{_API}/get", {"job_id": str(job_id)}, self.http.limits.jobs).json())

    def at(self, job_id: int) -> HookJob | None:
        """The job of that number; None when there is none any more (SERVER: 404, or 400 with a text that says so)."""
        try:
            return self.get(job_id)
        except NotFound:
            return None
        except WorkspaceError as error:
            if error.status == 400:
                return None
            raise

    def of_hook(self, hook: str, job_id: int) -> list[HookJob]:
        """The jobs of the name that the job of the hook called `hook` has, with all their settings.

        Where there is none, the one of the number `job_id`, 0 for none, if it is still the hook's: somebody renamed it.
        """
        same_name = [self.get(job.job_id) for job in self.named(job_name(hook))]
        if same_name or not job_id:
            return same_name
        renamed = self.at(job_id)
        return [renamed] if renamed is not None and renamed.hook == hook else []

    def last_run(self, job_id: int) -> tuple[str, int]:
        """How the newest run of a job ended, or goes on, "" where there was none; and when it began, in ms since 1970.

        `GET /api/2.2/jobs/runs/list` has the newest first.
        """
        query = {"job_id": str(job_id), "limit": "1"}
        runs = self.http.read(f"{_API}/runs/list", query, self.http.limits.jobs).json().get("runs") or [{}]
        run = _object(runs[0]) if isinstance(runs, list) else {}
        state = _object(run.get("state") or {})
        started = run.get("start_time")
        result = str(state.get("result_state") or state.get("life_cycle_state") or "")
        return result, started if isinstance(started, int) else 0

    def create(self, settings: Mapping[str, Any]) -> int:
        """Makes a job; its number. Whether it was made is unknown when there is no answer: look by name."""
        return _number(self._send("create", settings))

    def reset(self, job_id: int, settings: Mapping[str, Any]) -> None:
        """Replaces all settings; runs and history stay."""
        self._send("reset", {"job_id": job_id, "new_settings": settings})

    def update(self, job_id: int, settings: Mapping[str, Any]) -> None:
        """Replaces some of the settings."""
        self._send("update", {"job_id": job_id, "new_settings": settings})

    def delete(self, job_id: int) -> None:
        """Deletes the job and its history (`POST /api/2.2/jobs/delete`)."""
        self._send("delete", {"job_id": job_id})

    def _listed(self, query: Mapping[str, str]) -> Iterable[HookJob]:
        token = ""
        for _ in range(_PAGES):
            parameters = {**query, "limit": "100", "expand_tasks": "true", **({"page_token": token} if token else {})}
            page = self.http.read(f"{_API}/list", parameters, self.http.limits.jobs).json()
            jobs = page.get("jobs", [])
            if not isinstance(jobs, list):
                raise _unreadable()
            yield from (_job(entry) for entry in jobs)
            token = str(page.get("next_page_token") or "")
            if not token:
                return
        raise BadAnswer("The workspace returns a list of jobs without an end.", "Check DATABRICKS_HOST.")

    def _send(self, verb: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.http.write(f"{_API}/{verb}", json.dumps(body).encode()).json()


def _job(value: object) -> HookJob:
    """Raises BadAnswer for what has not the form of a job, as far as we look at it."""
    job = _object(value)
    settings = _object(job.get("settings") or {})
    tasks = settings.get("tasks") or [{}]
    if not isinstance(tasks, list):
        raise _unreadable()
    outer = (settings.get(name) for name in ("tags", "deployment"))
    for inner in (*outer, tasks[0], _object(tasks[0]).get("notebook_task")):
        _object(inner or {})
    return HookJob(_number(job), settings)


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _unreadable()
    return value


def _number(fields: Mapping[str, Any]) -> int:
    try:
        return int(fields["job_id"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise _unreadable() from None


def _unreadable() -> BadAnswer:
    return BadAnswer("The workspace returned a job in an unknown form.", "Check DATABRICKS_HOST.")
