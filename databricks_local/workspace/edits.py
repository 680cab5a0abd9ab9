"""What another person does in the browser or elsewhere, without the API's rules in the way.

An edit is a JSON object with a `path` and one of

    source (and language, export_format)   the notebook's text, saved as the web editor does: LF, no newline
                                           at the end [INFERRED]; a notebook that is not there is created
    text or content (base64), object_type  any object with any content: FILE, NOTEBOOK, MLFLOW_EXPERIMENT, ...
                                           REPO is a classic Git folder, GIT_FOLDER one with Git CLI access,
                                           which the API tells as a DIRECTORY [DOCS]; an empty folder becomes one
    delete: true                           the object and what is below it
    move_to                                another path

Missing folders are made.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from databricks_local.core.model import FILE, FOLDERS, LANGUAGES, NOTEBOOK, WorkspaceObject
from databricks_local.core.paths import Spelling, parent, spelled
from databricks_local.formats import jupyter, source

from .classify import ObjectSpec
from .folders import make
from .placing import digest
from .tree import LocalWorkspace

EXPORT_FORMATS = ("SOURCE", "JUPYTER")
OBJECT_TYPE = re.compile(r"[A-Z_]{1,100}")


def edit(workspace: LocalWorkspace, change: Mapping[str, Any]) -> None:
    """Carries one edit out; ValueError says what is wrong with it."""
    if not isinstance(change, Mapping) or not isinstance(change.get("path"), str):
        raise ValueError("an edit needs a path")
    path = spelled(change["path"]).path
    if path == "/":
        raise ValueError("the root is not edited")
    with workspace.store.changes():
        existing = workspace.store.get(path)
        if change.get("delete"):
            if existing is not None:
                workspace.store.remove(existing)
        elif "move_to" in change:
            _move(workspace, existing, spelled(str(change["move_to"])).path)
        elif "source" in change:
            _save(workspace, path, existing, change)
        else:
            _put(workspace, path, existing, change)


def replace_content(workspace: LocalWorkspace, entry: WorkspaceObject, body: bytes) -> None:
    """Another content for an object that is there; whoever gives it has made it fit for what the object is."""
    spec = ObjectSpec(entry.path, entry.object_type, entry.language, entry.export_format)
    with workspace.store.changes():
        _write(workspace, entry, spec, body)


def _save(workspace: LocalWorkspace, path: str, existing: WorkspaceObject | None, change: Mapping[str, Any]) -> None:
    language = str(change.get("language") or (existing and existing.language) or "PYTHON")
    form = str(change.get("export_format") or (existing and existing.export_format) or "SOURCE")
    _check_kind(NOTEBOOK, language, form)
    text = str(change["source"]).replace("\r\n", "\n").rstrip("\n")
    body = source.with_header(text.encode(), language)
    if form == "JUPYTER":
        name, number = path.rpartition("/")[2], existing.object_id if existing else 0
        body = jupyter.render(source.parse(text, language), language, name, number)
    _write(workspace, existing, ObjectSpec(path, NOTEBOOK, language, form), body)


def _put(workspace: LocalWorkspace, path: str, existing: WorkspaceObject | None, change: Mapping[str, Any]) -> None:
    object_type = str(change.get("object_type") or (existing and existing.object_type) or FILE)
    if object_type in FOLDERS:
        make(workspace, Spelling(parent(path)))
        if existing is not None and object_type != existing.object_type and not workspace.store.children(path):
            workspace.store.remove(existing)
            existing = None
        if existing is None:
            workspace.store.add(WorkspaceObject(0, path, object_type))
        return
    content = change.get("content")
    body = base64.b64decode(content) if isinstance(content, str) else str(change.get("text", "")).encode()
    language = change.get("language") or (existing and existing.language) or None
    form = change.get("export_format") or (existing and existing.export_format) or None
    if object_type == NOTEBOOK:
        language, form = language or "PYTHON", form or "SOURCE"
    _check_kind(object_type, language, form)
    if object_type == NOTEBOOK and form == "JUPYTER":
        jupyter.load(body)
    _write(workspace, existing, ObjectSpec(path, object_type, language, form), body)


def _check_kind(object_type: str, language: object, form: object) -> None:
    """What would be kept could not be exported: neither it, nor any folder above it."""
    if not OBJECT_TYPE.fullmatch(object_type):
        raise ValueError(f"object_type is a name like FILE, not {object_type!r}")
    if language not in (None, *LANGUAGES):
        raise ValueError(f"language is one of {', '.join(LANGUAGES)}, not {language!r}")
    if form not in (None, *EXPORT_FORMATS):
        raise ValueError(f"export_format is one of {', '.join(EXPORT_FORMATS)}, not {form!r}")


def _write(workspace: LocalWorkspace, existing: WorkspaceObject | None, spec: ObjectSpec, body: bytes) -> None:
    make(workspace, Spelling(parent(spec.path)))
    now = workspace.clock.stamp()
    if existing is not None and existing.object_type != spec.object_type:
        workspace.store.remove(existing)
        existing = None
    entry = existing or WorkspaceObject(0, spec.path, spec.object_type, created_at=now)
    entry = replace(
        entry,
        language=spec.language,
        export_format=spec.export_format,
        modified_at=now,
        sha256=digest(body),
    )
    if existing is None:
        workspace.store.note_made_here(workspace.store.add(entry, body))
    else:
        workspace.store.keep_import(existing)
        workspace.store.update(entry, body)


def _move(workspace: LocalWorkspace, existing: WorkspaceObject | None, path: str) -> None:
    """Contents follow; identifiers of what moves are kept."""
    if existing is None:
        raise ValueError("there is nothing to move")
    if workspace.store.get(path) is not None:
        raise ValueError(f"{path} exists")
    if path.startswith(existing.path + "/"):
        raise ValueError(f"{existing.path} cannot move into itself")
    make(workspace, Spelling(parent(path)))
    workspace.store.move(existing, path)
