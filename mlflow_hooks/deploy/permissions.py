"""Who may do what with a job: what is asked beside its settings, and merged with them as if it were one of them.

So a permission that somebody gave or took in the workspace is an edit like any other (merge.py). What is inherited, as
by administrators, is nobody's to deploy; and who owns the job is asked only where hook.yml says it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from databricks_local.jobs.rules.permissions import JOB_LEVELS, OWNER, PRINCIPALS
from databricks_sync.errors import BadAnswer
from databricks_sync.remote.folder import Workspace
from databricks_sync.remote.http import Http
from mlflow_hooks.generate import job
from mlflow_hooks.model import Hook

from .jobs import HookJob

PERMISSIONS = "permissions"
_API = "/api/2.0/permissions/jobs"
_OWNED = "owner"
_ORDER = [*JOB_LEVELS]
_APPLICATION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)


def as_asked(hook: Hook, target: str) -> dict[str, Any]:
    """The settings of the hook's job as hook.yml says, and who may do what with it, if it says that.

    Raises HookError where the engine cannot carry the project.
    """
    entries = job.access_control_list(hook)
    return {**job.settings(hook, target), **({PERMISSIONS: _by_principal(entries)} if entries else {})}


def as_compared(local: Mapping[str, Any], base: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What hook.yml says: none of the permissions that it said before, rather than nothing about permissions."""
    return {PERMISSIONS: {}, **local} if base is not None and PERMISSIONS in base else local


def without_permissions(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What is the job's alone."""
    return {name: value for name, value in settings.items() if name != PERMISSIONS}


class Permissions:
    """The permissions of jobs in one workspace. Raises WorkspaceError."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def added(self, present: HookJob, base: Mapping[str, Any], local: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a job, with its permissions if `base` or `local` has some.

        Its owner is among them if `base` has one: else it is who happened to create the job. An owner has what hook.yml
        gives to him, and more.
        """
        if PERMISSIONS not in base and PERMISSIONS not in local:
            return present.unmarked
        granted, asked = self._of(present.job_id), local.get(PERMISSIONS, {})
        if (owner := granted.get(_OWNED, "")) in asked:
            granted[owner] = asked[owner]
        if _OWNED not in base.get(PERMISSIONS, {}):
            granted.pop(_OWNED, None)
        return {**present.unmarked, PERMISSIONS: granted}

    def set(self, job_id: int, present: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        """Makes the permissions those of `wanted`, where they are other than those of `present`."""
        if wanted.get(PERMISSIONS, {}) != present.get(PERMISSIONS, {}):
            owner = self._of(job_id).get(_OWNED) or self._me
            body = json.dumps(_access_control({_OWNED: owner, **wanted.get(PERMISSIONS, {})})).encode()
            self._http.write(f"{_API}/{job_id}", body, method="PUT")

    def for_creation(self, wanted: Mapping[str, str] | None) -> dict[str, Any]:
        """What a job is created with. SERVER: a job has exactly one owner, so whoever creates it is named."""
        return _access_control({_OWNED: self._me, **wanted}) if wanted else {}

    @cached_property
    def _me(self) -> str:
        """Who deploys, as a principal."""
        me = Workspace(self._http, "/").me()
        return f"{'service_principal' if _APPLICATION.fullmatch(me) else 'user'} {me}"

    def _of(self, job_id: int) -> dict[str, str]:
        answer = self._http.read(f"{_API}/{job_id}", {}, self._http.limits.jobs).json()
        try:
            entries = [
                {**entry, "permission_level": max(own, key=_ORDER.index)}
                for entry in answer["access_control_list"]
                if (own := [one["permission_level"] for one in entry["all_permissions"] if not one.get("inherited")])
            ]
            return _by_principal(entries)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BadAnswer(
                "The workspace returned permissions in an unknown form.", "Check DATABRICKS_HOST."
            ) from None


def _by_principal(entries: list[dict[str, Any]]) -> dict[str, str]:
    """`{"group analysts": "CAN_VIEW", "owner": "user me@example.com"}`."""
    granted: dict[str, str] = {}
    for entry in entries:
        (field,) = (field for field in PRINCIPALS if entry.get(field))
        principal, level = f"{field.removesuffix('_name')} {entry[field]}", entry["permission_level"]
        granted |= {_OWNED: principal} if level == OWNER else {principal: level}
    return granted


def _access_control(granted: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    levels = {name: level for name, level in granted.items() if name != _OWNED} | {granted[_OWNED]: OWNER}
    parts = ((*name.split(" ", 1), level) for name, level in levels.items())
    entries = [{f"{kind}_name": name, "permission_level": level} for kind, name, level in parts]
    return {"access_control_list": entries}
