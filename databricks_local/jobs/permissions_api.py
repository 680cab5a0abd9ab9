"""Permissions: who may do what with an object, as `/api/2.0/permissions/{object_type}/{object_id}` tells and takes.

Nobody is refused anything for them: whoever has the server's token may do all. A kind of object has a Securable, and
services.py says which kinds there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databricks_local.core.documents import whole_number
from databricks_local.core.errors import invalid
from databricks_local.core.model import ApiAnswer, Call, answer
from databricks_local.jobs.rules.permissions import JOB_LEVELS, OWNER, Grants, check_owner, grants
from databricks_local.workspace.tree import LocalWorkspace

from .api import missing_job
from .store import JobStore


@dataclass(frozen=True, slots=True)
class Securable:
    """A kind of object that has permissions.

    `creator` raises ApiError for an object that does not exist; `inherited` are levels with the object each comes
    from; `owned` says that there is always exactly one owner.
    """

    object_type: str
    levels: Mapping[str, str]
    creator: Callable[[LocalWorkspace, str], str]
    inherited: Callable[[LocalWorkspace, str], Mapping[tuple[str, str], tuple[str, str]]]
    owned: bool = False


class PermissionsApi:
    """Each operation raises ApiError: 400 for what is wrong with a call, 404 for an object that is not there."""

    def __init__(self, store: JobStore, kinds: Mapping[str, Securable]) -> None:
        self._store = store
        self._kinds = kinds

    def get(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """All permissions on an object: its own, and what it inherits."""
        return answer(self._view(workspace, *self._object(workspace, call)))

    def set(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Own permissions replaced by those of the call [DOCS]."""
        kind, name = self._object(workspace, call)
        return self._put(workspace, kind, name, self._given(call, kind))

    def update(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """Own permissions of the principals in the call replaced, the others kept [DOCS]."""
        kind, name = self._object(workspace, call)
        return self._put(workspace, kind, name, {**self._own(workspace, kind, name), **self._given(call, kind)})

    def levels(self, workspace: LocalWorkspace, call: Call) -> ApiAnswer:
        """The levels that a principal can have on an object."""
        kind, _ = self._object(workspace, call)
        listed = [{"permission_level": level, "description": text} for level, text in kind.levels.items()]
        return answer({"permission_levels": listed})

    def _object(self, workspace: LocalWorkspace, call: Call) -> tuple[Securable, str]:
        """The kind of the object that a call names, and the name of the object, like `/jobs/1`."""
        segment, identifier = str(call.parameters["object_type"]), str(call.parameters["object_id"])
        kind = self._kinds.get(segment)
        if kind is None:
            raise invalid(f"'{segment}' is not one of the object types {', '.join(self._kinds)}.")
        kind.creator(workspace, identifier)
        return kind, f"/{segment}/{identifier}"

    def _own(self, workspace: LocalWorkspace, kind: Securable, name: str) -> Grants:
        entries = self._store.permissions(name)
        if entries is not None:
            return {(field, principal): level for field, principal, level in entries}
        creator = kind.creator(workspace, name.rpartition("/")[2])
        return {("user_name", creator): OWNER if kind.owned else "CAN_MANAGE"}

    def _given(self, call: Call, kind: Securable) -> Grants:
        return grants(call.parameters.get("access_control_list", []), kind.levels)

    def _put(self, workspace: LocalWorkspace, kind: Securable, name: str, given: Grants) -> ApiAnswer:
        if kind.owned:
            check_owner(kind.object_type, given)
        self._store.put_permissions(name, [(*principal, level) for principal, level in given.items()])
        return answer(self._view(workspace, kind, name))

    def _view(self, workspace: LocalWorkspace, kind: Securable, name: str) -> dict[str, Any]:
        entries: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for principal, level in self._own(workspace, kind, name).items():
            entries.setdefault(principal, []).append({"permission_level": level, "inherited": False})
        for principal, (level, source) in kind.inherited(workspace, name).items():
            permission = {"permission_level": level, "inherited": True, "inherited_from_object": [source]}
            entries.setdefault(principal, []).append(permission)
        return {
            "object_id": name,
            "object_type": kind.object_type,
            "access_control_list": [_entry(*principal, levels) for principal, levels in entries.items()],
        }


def of_jobs(store: JobStore) -> Securable:
    """The permissions of jobs: a job has one owner, at first its creator; administrators manage all [DOCS]."""

    def creator(workspace: LocalWorkspace, identifier: str) -> str:
        number = whole_number(identifier)
        job = None if number is None else store.job(number)
        if job is None:
            raise missing_job(identifier, workspace)
        return job.creator

    return Securable(
        "job", JOB_LEVELS, creator, lambda *_: {("group_name", "admins"): ("CAN_MANAGE", "/jobs/")}, owned=True
    )


def _entry(field: str, principal: str, levels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Users and service principals have a name for people beside their own [DOCS]."""
    named = {} if field == "group_name" else {"display_name": principal}
    return {field: principal, **named, "all_permissions": list(levels)}


PERMISSION_OPERATIONS: tuple[tuple[str, str, Callable[[PermissionsApi, LocalWorkspace, Call], ApiAnswer]], ...] = (
    ("GET", "{object_type}/{object_id}", PermissionsApi.get),
    ("PUT", "{object_type}/{object_id}", PermissionsApi.set),
    ("PATCH", "{object_type}/{object_id}", PermissionsApi.update),
    ("GET", "{object_type}/{object_id}/permissionLevels", PermissionsApi.levels),
)
