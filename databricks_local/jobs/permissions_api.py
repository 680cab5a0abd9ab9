"""Permissions: who may do what with an object, as `/api/2.0/permissions/{object_type}/{object_id}` tells and takes.

Nobody is refused anything for them: whoever has the server's token may do all. A kind of object has a Securable, and
services.py says which kinds there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from databricks_local.core.documents import whole_number
from databricks_local.core.errors import ApiError, invalid
from databricks_local.core.model import (
    DIRECTORY,
    FILE,
    GIT_FOLDER,
    NOTEBOOK,
    REPO,
    ApiAnswer,
    Call,
    WorkspaceObject,
    answer,
)
from databricks_local.core.paths import ancestors
from databricks_local.jobs.rules.permissions import JOB_LEVELS, OBJECT_LEVELS, OWNER, Grants, check_owner, grants
from databricks_local.protocol.pipeline import Operation
from databricks_local.workspace.tree import LocalWorkspace

from .api import missing
from .store import JobStore

# How addresses call a kind, how answers do, and the types of objects that are of it.
OBJECT_KINDS = (
    ("notebooks", "notebook", (NOTEBOOK,)),
    ("directories", "directory", (DIRECTORY, GIT_FOLDER)),
    ("files", "file", (FILE,)),
    ("repos", "repo", (REPO, GIT_FOLDER)),
)


@dataclass(frozen=True, slots=True)
class Securable:
    """A kind of object that has permissions.

    `first` are the permissions that an object has of its own until somebody sets others; it raises ApiError for one
    that does not exist. `inherited` are levels with the object each comes from. `owned` says that there is always
    exactly one owner.
    """

    object_type: str
    levels: Mapping[str, str]
    first: Callable[[LocalWorkspace, str], Grants]
    inherited: Callable[[LocalWorkspace, str], Mapping[tuple[str, str], tuple[str, str]]]
    owned: bool = False


class PermissionsApi:
    """Each operation raises ApiError: 400 for what is wrong with a call, 404 for an object that is not there."""

    def __init__(self, store: JobStore, kinds: Mapping[str, Securable]) -> None:
        self._store = store
        self._kinds = kinds

    def operations(self) -> Sequence[tuple[str, str, Operation]]:
        """HTTP method, path below `/api/2.0/permissions/`, and what serves it."""
        return (
            ("GET", "{object_type}/{object_id}", self.get),
            ("PUT", "{object_type}/{object_id}", self.set),
            ("PATCH", "{object_type}/{object_id}", self.update),
            ("GET", "{object_type}/{object_id}/permissionLevels", self.levels),
        )

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
        kind.first(workspace, identifier)
        return kind, f"/{segment}/{identifier}"

    def _own(self, workspace: LocalWorkspace, kind: Securable, name: str) -> Grants:
        own = self._store.permissions(name)
        return kind.first(workspace, name.rpartition("/")[2]) if own is None else own

    def _given(self, call: Call, kind: Securable) -> Grants:
        return grants(call.parameters.get("access_control_list", []), kind.levels)

    def _put(self, workspace: LocalWorkspace, kind: Securable, name: str, given: Grants) -> ApiAnswer:
        if kind.owned:
            check_owner(kind.object_type, given)
        self._store.put_permissions(name, given)
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

    def first(workspace: LocalWorkspace, identifier: str) -> Grants:
        number = whole_number(identifier)
        job = None if number is None else store.job(number)
        if job is None:
            raise missing("Job", identifier, workspace)
        return {("user_name", job.creator): OWNER}

    return Securable(
        "job", JOB_LEVELS, first, lambda *_: {("group_name", "admins"): ("CAN_MANAGE", "/jobs/")}, owned=True
    )


def of_objects(store: JobStore) -> dict[str, Securable]:
    """The permissions of the workspace's tree: what is granted on a folder holds for all that is in it [DOCS].

    Homes are managed by whose they are, /Shared by everybody, all of it by administrators [DOCS]; that what is made in
    a folder has at first only what it inherits is [INFERRED].
    """

    def entry_of(workspace: LocalWorkspace, name: str, types: Sequence[str]) -> WorkspaceObject:
        identifier = name.rpartition("/")[2]
        number = whole_number(identifier)
        entry = None if number is None else workspace.store.by_id(number)
        if entry is None or entry.object_type not in types:
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Node ID {identifier[:40]} does not exist.")
        return entry

    def inherited(
        types: Sequence[str], workspace: LocalWorkspace, name: str
    ) -> Mapping[tuple[str, str], tuple[str, str]]:
        found = {("group_name", "admins"): ("CAN_MANAGE", "/directories/")}
        for path in ancestors(entry_of(workspace, name, types).path):
            above = workspace.store.get(path)
            if above is None:
                continue
            source = f"/directories/{above.object_id}"
            own = store.permissions(source) or store.permissions(f"/repos/{above.object_id}")
            holding = _standing(workspace, path) if own is None else own
            found |= {principal: (level, source) for principal, level in holding.items()}
        return found

    def first(types: Sequence[str], workspace: LocalWorkspace, identifier: str) -> Grants:
        return _standing(workspace, entry_of(workspace, identifier, types).path)

    return {
        segment: Securable(name, OBJECT_LEVELS, partial(first, types), partial(inherited, types))
        for segment, name, types in OBJECT_KINDS
    }


def _standing(workspace: LocalWorkspace, path: str) -> Grants:
    """What holds for the folders that each workspace has, as long as nobody changes it."""
    user = workspace.settings.user
    who = {f"/Users/{user}": ("user_name", user), "/Shared": ("group_name", "users")}.get(path)
    return {} if who is None else {who: "CAN_MANAGE"}


def _entry(field: str, principal: str, levels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Users and service principals have a name for people beside their own [DOCS]."""
    named = {} if field == "group_name" else {"display_name": principal}
    return {field: principal, **named, "all_permissions": list(levels)}
