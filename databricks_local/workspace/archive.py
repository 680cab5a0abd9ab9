"""Folders as one file: DBC archives and zips of sources.

A DBC is a zip with one JSON document per notebook, in folders as the workspace has them (dbc.py).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from databricks_local.core import errors
from databricks_local.core.model import DIRECTORY, FILE, LANGUAGES, NOTEBOOK, ApiAnswer, Call, WorkspaceObject, answer
from databricks_local.core.paths import Spelling, parent, spelled
from databricks_local.core.settings import ServerSettings
from databricks_local.formats import dbc, notebook, source

from . import folders
from .classify import ObjectSpec, by_name
from .placing import check_parent, place
from .tree import LocalWorkspace

# A zip says how large its members are; one that promises more than any import may hold is refused unread.
MAX_UNPACKED = 500 * 1024 * 1024


def is_zip(content: bytes) -> bool:
    """Whether it is an archive, by its content."""
    return content.startswith(b"PK") and zipfile.is_zipfile(io.BytesIO(content))


def import_folder(workspace: LocalWorkspace, call: Call, form: str, content: bytes) -> ApiAnswer:
    """DBC, or a zip of sources, as a new folder; `overwrite` is not supported [DOCS]. Raises ApiError."""
    target, settings = call.target, workspace.settings
    if not is_zip(content):
        raise errors.not_a_zip()
    if form == "SOURCE" and not settings.source_archives:
        raise errors.only_dbc()
    if len(content) > settings.max_archive_bytes:
        raise errors.too_large(len(content), settings.max_archive_bytes)
    if workspace.store.get(target.path) is not None:
        raise errors.exists(target.echo())
    check_parent(workspace, target)
    with _opened(content) as packed, workspace.store.changes():
        members = [member for member in packed.infolist() if not member.is_dir()]
        if not members:
            raise errors.not_a_zip()
        if sum(member.file_size for member in members) > MAX_UNPACKED:
            raise errors.too_large(sum(member.file_size for member in members), MAX_UNPACKED)
        folders.make(workspace, target)
        for number, member in enumerate(members):
            path = spelled(f"{target.path}/{member.filename}").path
            if (unpacked := _unpacked(settings, number, path, packed.read(member))) is None:
                continue
            if parent(path) != target.path:
                folders.make(workspace, Spelling(parent(path), target.prefix))
            place(workspace, call, *unpacked, errors.exists)
    made = workspace.store.get(target.path)
    return answer({"object_id": made.object_id if made else 0})


@contextmanager
def _opened(content: bytes) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            yield packed
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        raise errors.invalid("The archive cannot be read.") from None


def _unpacked(settings: ServerSettings, number: int, path: str, body: bytes) -> tuple[ObjectSpec, bytes] | None:
    """What the so-manieth member becomes; None where it is dropped. Raises ApiError where it is refused."""
    stem, _, extension = path.rpartition(".")
    if extension.upper() in LANGUAGES and body.lstrip().startswith(b"{"):
        language = extension.upper()
        text = source.render(dbc.parse(body), language)
        return ObjectSpec(stem, NOTEBOOK, language, "SOURCE"), source.encoded(text)
    languages = (language for language, suffix in source.EXTENSIONS.items() if path.lower().endswith(suffix))
    if language := next(languages, ""):
        spec = ObjectSpec(path[: -len(source.EXTENSIONS[language])], NOTEBOOK, language, "SOURCE")
        altered = settings.archive_sources == "altered" and number % 2 == 1
        return _kept(settings.archive_sources, number, path, spec, body + b"\naltered" if altered else body)
    spec = by_name(path, body)
    if spec.export_format == "JUPYTER":
        return _kept(settings.archive_jupyter, number, path, spec, body)
    if settings.archive_files == "refused":
        raise errors.not_in_archives(path)
    return _kept(settings.archive_files, number, path, spec, body)


def _kept(what: str, number: int, path: str, spec: ObjectSpec, body: bytes) -> tuple[ObjectSpec, bytes] | None:
    if what == "dropped" and number % 2 == 1:
        return None
    return (ObjectSpec(path, FILE) if what == "files" else spec), body


def export_folder(workspace: LocalWorkspace, folder: WorkspaceObject, form: str) -> tuple[bytes, str]:
    """DBC: everything as commands; SOURCE: a zip of notebooks; AUTO: a zip of notebooks and files [DOCS].

    The settings may say otherwise. Raises ApiError (400) for another format.
    """
    if form not in ("DBC", "SOURCE", "AUTO"):
        raise errors.invalid(f"Directories cannot be exported in {form} format.")
    layout = workspace.settings.folder_exports
    form = "DBC" if layout == "dbc" else form
    around = f"{folder.name}/" if layout == "around" else ""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name, body in _members(workspace, folder, form):
            out.writestr(around + name, body)
    return packed.getvalue(), "dbc" if form == "DBC" else "zip"


def _members(workspace: LocalWorkspace, folder: WorkspaceObject, form: str) -> Iterator[tuple[str, bytes]]:
    for entry in workspace.store.below(folder.path):
        name = entry.path.removeprefix(folder.path).lstrip("/")
        content = workspace.store.content(entry)
        if entry.api_type == DIRECTORY:
            yield name + "/", b""
        elif entry.object_type == FILE and form == "AUTO":
            yield name, content
        elif entry.object_type == NOTEBOOK and form == "DBC":
            yield f"{name}.{(entry.language or '').lower()}", dbc.document(entry, notebook.cells(entry, content))
        elif entry.object_type == NOTEBOOK:
            extension = source.EXTENSIONS[entry.language or "PYTHON"]
            yield name + extension, notebook.as_source(entry, content, workspace.settings.newlines)
