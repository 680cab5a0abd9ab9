"""A job's settings, merged field by field from three: what was deployed last, what hook.yml says, what is there. Pure.

    base    local   remote
    same    same    same     nothing
    same    same    other    kept: somebody edited it in the workspace
    same    other   same     changed: hook.yml says otherwise now
    other   same    same     nothing: both came to the same
    each another             a conflict, and so it is where the base is unknown
    missing missing there    kept, and told where it changes when or with what the job runs; else the workspace added it

A field is a path such as `schedule.pause_status` or `tasks.hook.timeout_seconds`: the entries of tasks, clusters and
parameters are told apart by their keys, and every other list is one value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# By which entries of a list are known (Jobs API 2.2, `jobs/update`).
_KEYS = {
    "tasks": "task_key",
    "job_clusters": "job_cluster_key",
    "environments": "environment_key",
    "environment_variables": "environment_variables_key",
    "parameters": "name",
}
# What a job does beyond what we ask of it, when somebody added it by hand; all else the workspace fills in itself.
_TELLING = ("schedule", "trigger", "continuous", "git_source", "email_notifications", *_KEYS)
_GROWING = ("email_notifications", "permissions", *_KEYS)  # the same one level deeper
_UNKNOWN = object()  # a base of which nobody knows anything
_SHOWN = 60  # characters of a value that is replaced


class MergedSettings(NamedTuple):
    """What the job shall have, and by path: what that changes, what stays as somebody edited it, what is a conflict.

    With a conflict, `settings` are those of the workspace where it is.
    """

    settings: Mapping[str, Any]
    changed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


def merge(
    base: Mapping[str, Any] | None, local: Mapping[str, Any], remote: Mapping[str, Any], *, overwrite: bool = False
) -> MergedSettings:
    """The three together; `base` None where it is not known what was deployed last.

    `overwrite`: `local` wins wherever the sides differ, and what it replaces is shown with its path.
    """
    sides = [side for side in (base, local, remote) if side is not None]
    keyed = {name: key for name, key in _KEYS.items() if all(_is_keyed(side.get(name), key) for side in sides)}
    merging = _Merging(overwrite)
    settings = merging.fields(
        (), _UNKNOWN if base is None else _by_key(base, keyed), _by_key(local, keyed), _by_key(remote, keyed)
    )
    in_lists = {name: list(value.values()) if name in keyed else value for name, value in settings.items()}
    return MergedSettings(in_lists, tuple(merging.changed), tuple(merging.kept), tuple(merging.conflicts))


def taken_over(local: Mapping[str, Any], remote: Mapping[str, Any]) -> dict[str, Any]:
    """What of a job that nobody deployed counts as deployed last: all that hook.yml says, or would have said.

    So the next merge changes what differs, takes away what the job would do besides, and keeps all else.
    """
    kept = {name: value for name, value in remote.items() if name in local or name in _TELLING}
    tags = remote.get("tags") or {}
    return {**kept, "tags": {name: value for name, value in tags.items() if name in local.get("tags", {})}}


class _Merging:
    """One merge under way. What is missing is None on every side."""

    def __init__(self, overwrite: bool) -> None:
        self.overwrite = overwrite
        self.changed: list[str] = []
        self.kept: list[str] = []
        self.conflicts: list[str] = []

    def fields(
        self, path: tuple[str, ...], base: object, local: Mapping[str, Any], remote: Mapping[str, Any]
    ) -> dict[str, Any]:
        names = {**local, **remote, **(base if isinstance(base, Mapping) else {})}
        merged = {name: self.field((*path, name), _at(base, name), local.get(name), remote.get(name)) for name in names}
        return {name: value for name, value in merged.items() if value is not None}

    def field(self, path: tuple[str, ...], base: object, local: object, remote: object) -> object:
        if isinstance(local, Mapping) and isinstance(remote, Mapping):
            return self.fields(path, base, local, remote)
        if _same(local, remote):
            return remote
        if local is None and base in (None, _UNKNOWN):
            return self._added(path, base, remote)
        if self.overwrite:
            return self._replaced(path, local, remote)
        if base is not _UNKNOWN and local == base:
            return self._left(self.kept, path, remote)
        if base is not _UNKNOWN and _same(base, remote):
            return self._left(self.changed, path, local)
        return self._left(self.conflicts, path, remote)

    def _added(self, path: tuple[str, ...], base: object, remote: object) -> object:
        """What the workspace alone has. It may have been ours where the base is unknown."""
        telling = path[0] in _TELLING if len(path) == 1 else len(path) == 2 and path[0] in _GROWING
        if self.overwrite and (telling or (base is _UNKNOWN and len(path) > 1 and path[0] != "tags")):
            return self._replaced(path, None, remote) if remote else None
        return self._left(self.kept, path, remote) if telling and remote else remote

    def _replaced(self, path: tuple[str, ...], local: object, remote: object) -> object:
        text = json.dumps(remote)
        was = f" (was {text if len(text) <= _SHOWN else f'{text[:_SHOWN]}…'})" if remote is not None else ""
        self.changed.append(f"{'.'.join(path)}{was}")
        return local

    @staticmethod
    def _left(paths: list[str], path: tuple[str, ...], value: object) -> object:
        paths.append(".".join(path))
        return value


def _at(base: object, name: str) -> object:
    if base is _UNKNOWN:
        return base
    return base.get(name) if isinstance(base, Mapping) else None


def _same(one: object, present: object) -> bool:
    """Whether the workspace has what was asked for: it may add to it, and leaves out what is 0, false or empty."""
    return _covers(one, present) or (not one and not present)


def _covers(one: object, present: object) -> bool:
    if isinstance(one, Mapping):
        return isinstance(present, Mapping) and all(_same(value, present.get(key)) for key, value in one.items())
    if isinstance(one, Sequence) and not isinstance(one, str):
        if not isinstance(present, Sequence) or isinstance(present, str) or len(present) != len(one):
            return False
        return all(_covers(item, other) for item, other in zip(one, present, strict=True))
    return one == present


def _is_keyed(entries: object, key: str) -> bool:
    if entries is None:
        return True
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        return False
    names = [entry.get(key) for entry in entries]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _by_key(settings: Mapping[str, Any], keyed: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: {entry[keyed[name]]: entry for entry in value} if name in keyed and value is not None else value
        for name, value in settings.items()
    }
