"""The jobs of hooks in the workspace: which are ours, whether one is as it should be, and making it so.

A job is ours by its tag. What bears our name without it, or bears it twice, is somebody's, and stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from databricks_sync.errors import BadAnswer
from databricks_sync.remote.http import Http
from mlflow_hooks.generate.job import TAG

_API = "/api/2.2/jobs"
_PAGES = 1000  # of a hundred jobs each: ten times what a workspace may hold
# Under which a job keeps the digest of what was wanted of it last: that tells also what is wanted no more.
DIGEST = "mlflow_hook_settings"
# What a job does beyond what we ask of it, when somebody added it by hand; all else the workspace fills in itself.
_TELLING = ("schedule", "trigger", "continuous", "git_source", "parameters", "email_notifications")


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
    def description(self) -> str:
        """The text that a person reads of the job; it names the hook.yml, see generate/origin.py."""
        return str(self.settings.get("description", ""))

    @property
    def source(self) -> tuple[str, str]:
        """Where its code comes from: the notebook's folder, or else the address of a repository."""
        tasks = self.settings.get("tasks") or [{}]
        notebook = str((tasks[0].get("notebook_task") or {}).get("notebook_path", ""))
        git = self.settings.get("git_source") or {}
        return notebook.rpartition("/")[0], str(git.get("git_url", ""))


def marked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a job with a tag that has their digest, see differences()."""
    digest = sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    return {**settings, "tags": {**settings.get("tags", {}), DIGEST: digest}}


def differences(settings: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """The names of those `settings` of ours that a job, whose settings are `present`, has otherwise.

    What the workspace adds by itself does not count. `["settings"]` where it is not known which one differs.
    """
    names = [name for name in settings if not _covers(settings[name], present.get(name))]
    names += [name for name in _TELLING if name not in settings and present.get(name)]
    if _digest(settings) == _digest(present):
        return names
    # A setting of ours is gone, but it is one that the workspace might have added by itself, so it has no name here.
    return [name for name in names if name != "tags"] or ["settings"]


def _digest(settings: Mapping[str, Any]) -> str:
    return str((settings.get("tags") or {}).get(DIGEST, ""))


def _covers(setting: object, present: object) -> bool:
    if isinstance(setting, Mapping):
        return isinstance(present, Mapping) and all(_covers(value, present.get(key)) for key, value in setting.items())
    if isinstance(setting, Sequence) and not isinstance(setting, str):
        if not isinstance(present, Sequence) or isinstance(present, str) or len(present) != len(setting):
            return False
        return all(_covers(item, other) for item, other in zip(setting, present, strict=True))
    return setting == present


class Jobs:
    """The jobs of one workspace. Raises WorkspaceError."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def named(self, name: str) -> list[HookJob]:
        """Those of exactly this name."""
        # SERVER: the workspace pays no attention to upper and lower case.
        return [job for job in self._listed({"name": name}) if job.name == name]

    def ours(self) -> list[HookJob]:
        """Those with our tag, whoever deployed them."""
        return [job for job in self._listed({}) if job.hook]

    def get(self, job_id: int) -> HookJob:
        """A job with all its settings: a list leaves out what is long."""
        return _job(self.http.read(f"{_API}/get", {"job_id": str(job_id)}, self.http.limits.jobs).json())

    def create(self, settings: Mapping[str, Any]) -> int:
        """Makes a job; its number. Whether it was made is unknown when there is no answer: look by name."""
        return _number(self._send("create", settings))

    def reset(self, job_id: int, settings: Mapping[str, Any]) -> None:
        """Replaces all settings; runs and history stay."""
        self._send("reset", {"job_id": job_id, "new_settings": settings})

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
    for inner in (settings.get("tags"), settings.get("git_source"), tasks[0], _object(tasks[0]).get("notebook_task")):
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
