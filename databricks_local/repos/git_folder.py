"""A clone on this disk and the folder of the workspace that shows it: what is in it, and what was changed there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from databricks_local.core import errors
from databricks_local.core.errors import ApiError
from databricks_local.core.model import FILE, FOLDERS, Call, WorkspaceObject
from databricks_local.core.paths import Spelling, ancestors, parent
from databricks_local.core.settings import MIB
from databricks_local.jobs.checkout import tracked
from databricks_local.workspace import folders
from databricks_local.workspace.archive import PART
from databricks_local.workspace.classify import ObjectSpec, by_name
from databricks_local.workspace.placing import digest, place
from databricks_local.workspace.tree import LocalWorkspace

# Of the working branch of a Git folder [DOCS].
MAX_FILES = 10_000
MAX_BYTES = 500 * MIB

Files = Mapping[str, tuple[ObjectSpec, bytes]]


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


def is_changed(workspace: LocalWorkspace, folder: WorkspaceObject, files: Files) -> bool:
    """Whether somebody has changed in the workspace what was committed."""
    return {path: digest(body) for path, (_, body) in files.items()} != {
        entry.path: entry.sha256 for entry in workspace.store.below(folder.path) if entry.object_type not in FOLDERS
    }


async def show(workspace: LocalWorkspace, call: Call, folder: WorkspaceObject, files: Files) -> None:
    """Makes the folder look as the commit: what is not in it goes, others are served between one part and the next.

    Raises ApiError where an object cannot be placed.
    """
    with workspace.store.changes():
        kept = {above for path in files for above in (path, *ancestors(path))}
        for entry in workspace.store.below(folder.path):
            spec = files[entry.path][0] if entry.path in files else None
            is_other = spec is not None and spec.object_type != entry.object_type
            if entry.path not in kept or is_other or (spec is None and entry.object_type not in FOLDERS):
                workspace.store.remove(entry)
    overwriting = replace(call, target=Spelling(folder.path), parameters={"overwrite": True})
    waiting = [(spec, body) for spec, body in files.values() if not _is_same(workspace, spec, body)]
    for first in range(0, len(waiting), PART):
        with workspace.store.changes():
            for spec, body in waiting[first : first + PART]:
                folders.make(workspace, Spelling(parent(spec.path)))
                place(workspace, overwriting, spec, body, errors.exists)
        await asyncio.sleep(0)


def _is_same(workspace: LocalWorkspace, spec: ObjectSpec, body: bytes) -> bool:
    entry = workspace.store.get(spec.path)
    return entry is not None and entry.sha256 == digest(body) and entry.language == spec.language
