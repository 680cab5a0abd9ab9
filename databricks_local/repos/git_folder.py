"""A clone on this disk and the folder of the workspace that shows it: what is in it, and what was changed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from databricks_local.core import errors
from databricks_local.core.errors import ApiError
from databricks_local.core.model import FILE, FOLDERS, Call, WorkspaceObject
from databricks_local.core.paths import Spelling, ancestors, parent
from databricks_local.core.settings import MIB
from databricks_local.jobs.checkout import tracked
from databricks_local.workspace import folders
from databricks_local.workspace.archive import parts
from databricks_local.workspace.classify import ObjectSpec, by_name
from databricks_local.workspace.placing import digest, place
from databricks_local.workspace.tree import LocalWorkspace

# Of the working branch of a Git folder [DOCS].
MAX_FILES = 10_000
MAX_BYTES = 500 * MIB

Files = Mapping[str, tuple[ObjectSpec, bytes]]
Digests = Mapping[str, str]


def committed(clone: Path, folder: str) -> Files:
    """What the files of a clone become below `folder`, by path. Raises ApiError (400) for more than a folder takes."""
    names = tracked(clone)
    files = [(name, clone / name) for name in names if (clone / name).is_file() and not (clone / name).is_symlink()]
    if len(files) > MAX_FILES or sum(file.stat().st_size for _, file in files) > MAX_BYTES:
        raise errors.invalid(f"A Git folder has at most {MAX_FILES} files and {MAX_BYTES} bytes.")
    specs = ((_spec(f"{folder}/{name}", body := file.read_bytes()), body) for name, file in files)
    return {spec.path: (spec, body) for spec, body in specs}


def _spec(path: str, body: bytes) -> ObjectSpec:
    """As AUTO would have it; what is called a notebook and is none stays a file [INFERRED]."""
    try:
        return by_name(path, body)
    except ApiError:
        return ObjectSpec(path, FILE)


def digests(files: Files) -> Digests:
    """What tells these files from others, by path."""
    return {path: digest(body) for path, (_, body) in files.items()}


async def show(
    workspace: LocalWorkspace, call: Call, folder: WorkspaceObject, files: Files, shown: Digests | None
) -> None:
    """Makes the folder look as the commit: what is not in it goes, others are served between one part and the next.

    Raises ApiError where an object cannot be placed; 409 where the folder is no longer as it was `shown`.
    """
    await workspace.change(partial(_remove_others, workspace, folder, files, shown))
    overwriting = replace(call, target=Spelling(folder.path), parameters={"overwrite": True})
    waiting = await workspace.read(partial(_different, files))
    for first, after in parts([len(body) for _, body in waiting]):
        await workspace.change(partial(_place, workspace, overwriting, waiting[first:after]))


def _remove_others(workspace: LocalWorkspace, folder: WorkspaceObject, files: Files, shown: Digests | None) -> None:
    below = workspace.store.below(folder.path)
    if shown is not None and shown != {entry.path: entry.sha256 for entry in below if entry.object_type not in FOLDERS}:
        text = f"{folder.path} has uncommitted changes. Commit or discard them before the update."
        raise ApiError(409, "GIT_CONFLICT", text)
    kept = {above for path in files for above in (path, *ancestors(path))}
    with workspace.store.changes():
        for entry in below:
            spec = files[entry.path][0] if entry.path in files else None
            is_other = spec is not None and spec.object_type != entry.object_type
            if entry.path not in kept or is_other or (spec is None and entry.object_type not in FOLDERS):
                workspace.store.remove(entry)


def _different(files: Files, workspace: LocalWorkspace) -> list[tuple[ObjectSpec, bytes]]:
    return [(spec, body) for spec, body in files.values() if not _is_same(workspace, spec, body)]


def _is_same(workspace: LocalWorkspace, spec: ObjectSpec, body: bytes) -> bool:
    entry = workspace.store.get(spec.path)
    return entry is not None and entry.sha256 == digest(body) and entry.language == spec.language


def _place(workspace: LocalWorkspace, call: Call, part: Sequence[tuple[ObjectSpec, bytes]]) -> None:
    with workspace.store.changes():
        for spec, body in part:
            folders.make(workspace, Spelling(parent(spec.path)))
            place(workspace, call, spec, body, errors.exists)
