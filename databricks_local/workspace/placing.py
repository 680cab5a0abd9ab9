"""One object is put into the tree, or refused: the rules that every way of importing shares.

Of several refusals that fit, the service's choice is unknown; here it is the first of: size, parent, rights, type,
existence, room in the folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from databricks_local.core import errors
from databricks_local.core.errors import ApiError
from databricks_local.core.model import FILE, FOLDERS, NOTEBOOK, Call, WorkspaceObject
from databricks_local.core.paths import Spelling, parent
from databricks_local.formats.source import legacy_newlines

from .classify import ObjectSpec, view_name
from .folders import check_room
from .tree import LocalWorkspace


def place(
    workspace: LocalWorkspace, call: Call, spec: ObjectSpec, content: bytes, conflict: Callable[[str], ApiError]
) -> WorkspaceObject:
    """Creates or overwrites one object; `call` says whether it may be overwritten, `conflict` what to answer if not.

    Raises ApiError: `too_large`, `parent_missing`, `denied`, `type_mismatch`, `folder_full` and others.
    """
    _check_size(workspace, spec, content)
    target = Spelling(spec.path, call.target.prefix)
    with workspace.store.changes():
        existing = workspace.store.get(spec.path)
        check_parent(workspace, target)
        workspace.check_writable(target)
        overwrite = call.flag("overwrite")
        _check_type(workspace, call, spec, existing, overwrite, conflict)
        if existing is None:
            check_room(workspace, target)
            entry = workspace.store.add(*_new_object(workspace, spec, content))
        elif not overwrite:
            raced = workspace.races.overlapped(spec.path, call.arrived)
            raise errors.exists_by_race(target.echo()) if raced else conflict(target.echo())
        else:
            entry = _overwritten(workspace, existing, spec, content)
    if existing is None:
        workspace.races.created(spec.path, workspace.monotonic())
    return entry


def _check_size(workspace: LocalWorkspace, spec: ObjectSpec, content: bytes) -> None:
    """Source notebooks 10 MB by every way in, `.ipynb` 100 MB, files 500 MB [DOCS].

    Reports of 10 MB for multipart AUTO files (June 2026) conflict with a verified 450 MB: the latter holds here.
    """
    limits = workspace.settings
    limit = limits.max_file_bytes
    if spec.object_type == NOTEBOOK:
        limit = limits.max_ipynb_bytes if spec.export_format == "JUPYTER" else limits.max_source_bytes
    if len(content) > limit:
        raise errors.too_large(len(content), limit)


def check_parent(workspace: LocalWorkspace, target: Spelling) -> None:
    """An import makes no folders [REAL]. What a parent that is a notebook or file gives is unknown.

    Raises ApiError (404).
    """
    folder = parent(target.path)
    holder = workspace.store.get(folder)
    if holder is None or holder.object_type not in FOLDERS:
        raise errors.parent_missing(target.echo(folder))


def _check_type(
    workspace: LocalWorkspace,
    call: Call,
    spec: ObjectSpec,
    existing: WorkspaceObject | None,
    overwrite: bool,
    conflict: Callable[[str], ApiError],
) -> None:
    """An overwrite never changes an object's type [PROBED].

    Nor that of what `/foo.py` means while `/foo` is a notebook [PROBED], nor the reverse [INFERRED].
    """
    spelling, requested = call.target, spec.object_type
    if existing is not None and existing.object_type != requested:
        text = spelling.echo(existing.path)
        raise errors.type_mismatch(text, requested, existing.api_type) if overwrite else conflict(text)
    if existing is not None:
        return
    if spec.as_view and requested == NOTEBOOK:
        file = workspace.store.get(call.target.path)
        if file is not None and file.object_type == FILE:
            text = spelling.echo()
            raise errors.type_mismatch(text, requested, FILE) if overwrite else conflict(text)
    if requested == FILE and notebook_seen_as(workspace, spec.path) is not None:
        raise errors.source_view_mismatch(requested, NOTEBOOK) if overwrite else conflict(spelling.echo())


def notebook_seen_as(workspace: LocalWorkspace, path: str) -> WorkspaceObject | None:
    """The notebook `/foo` when `path` is `/foo.py` and that is how the notebook looks as a file."""
    folder, _, name = path.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    notebook = workspace.store.get(f"{folder}/{stem}") if stem else None
    if notebook is None or notebook.object_type != NOTEBOOK:
        return None
    view = view_name(notebook.language, notebook.export_format)
    return notebook if view == (dot + extension).lower() else None


def stored(workspace: LocalWorkspace, spec: ObjectSpec, content: bytes) -> bytes:
    """What the service keeps of an upload: all of it since December 2025 [REAL]."""
    source = spec.object_type == NOTEBOOK and spec.export_format != "JUPYTER"
    return legacy_newlines(content) if source and workspace.settings.newlines == "legacy" else content


def digest(content: bytes) -> str:
    """The hash is of the bytes uploaded, also for notebooks [PROBED]; in the legacy era: unknown."""
    return hashlib.sha256(content).hexdigest()


def _new_object(workspace: LocalWorkspace, spec: ObjectSpec, content: bytes) -> tuple[WorkspaceObject, bytes]:
    """Right after an upload both times are equal [PROBED]."""
    now = workspace.clock.stamp()
    entry = WorkspaceObject(
        object_id=0,
        path=spec.path,
        object_type=spec.object_type,
        language=spec.language,
        export_format=spec.export_format,
        created_at=now,
        modified_at=now,
        sha256=digest(content),
    )
    return entry, stored(workspace, spec, content)


def _overwritten(
    workspace: LocalWorkspace, existing: WorkspaceObject, spec: ObjectSpec, content: bytes
) -> WorkspaceObject:
    """The identifier stays [INFERRED]; another language is taken [INFERRED, untested]."""
    workspace.store.forget_import(existing)
    hashed = digest(content)
    same = existing.sha256 == hashed and existing.language == spec.language
    if same and existing.export_format == spec.export_format and not workspace.settings.bump_on_equal:
        return existing
    entry = replace(
        existing,
        language=spec.language,
        export_format=spec.export_format,
        modified_at=workspace.clock.stamp(),
        sha256=hashed,
    )
    workspace.store.update(entry, stored(workspace, spec, content))
    return entry
