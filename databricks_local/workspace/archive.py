"""Folders as one file: DBC archives and zips of sources.

A DBC is a zip with one JSON document per notebook, in folders as the workspace has them (dbc.py).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from databricks_local.core import errors
from databricks_local.core.model import DIRECTORY, FILE, LANGUAGES, NOTEBOOK, ApiAnswer, Call, WorkspaceObject, answer
from databricks_local.core.paths import Spelling, parent, spelled
from databricks_local.core.settings import MIB, ServerSettings
from databricks_local.core.threads import beside
from databricks_local.formats import dbc, notebook, source

from . import folders
from .classify import ObjectSpec, by_name
from .placing import check_parent, place
from .tree import LocalWorkspace

# What a zip may hold: it says so itself, so that one which holds more is refused unread. How much the service takes is
# unknown; a folder of it has at most 10,000 objects, and no text becomes that much smaller than a hundredth.
MAX_MEMBERS = 10_000
MAX_RATIO = 100
# So much is unpacked and put into the tree at once; other requests are served between one part and the next.
PART = 100
PART_BYTES = MIB

Members = Sequence[zipfile.ZipInfo]
Unpacked = Sequence[tuple[ObjectSpec, bytes]]
Unpack = Callable[[int, Members], Unpacked]


def is_zip(content: bytes) -> bool:
    """Whether it is an archive, by its content."""
    return content.startswith(b"PK") and zipfile.is_zipfile(io.BytesIO(content))


async def import_folder(workspace: LocalWorkspace, call: Call, form: str, content: bytes) -> ApiAnswer:
    """DBC, a zip of sources, or (AUTO) of files of any kind, as a new folder; `overwrite` is not supported [DOCS].

    Whether the service's is there whole or not at all is unknown. Here nothing of a refused one stays. Raises ApiError.
    """
    target, settings = call.target, workspace.settings
    if not is_zip(content):
        raise errors.not_a_zip()
    if form == "SOURCE" and not settings.source_archives:
        raise errors.only_dbc()
    if form == "SOURCE" and not (call.json_body or settings.posted_archives):
        raise errors.not_posted()
    if len(content) > settings.max_archive_bytes:
        raise errors.too_large(len(content), settings.max_archive_bytes)
    with await beside(len(content), partial(_opened, content)) as packed, _refusing():
        unpack = partial(_unpack, settings, packed, target.path, form)
        members = [member for member in packed.infolist() if not member.is_dir()]
        if len(members) <= PART and sum(member.file_size for member in members) <= PART_BYTES:
            made = await workspace.change(partial(_place_at_once, workspace, call, unpack, members, len(content)))
        else:
            made = await _place_all(workspace, call, unpack, members, len(content))
    return answer({"object_id": made.object_id})


def _begun(workspace: LocalWorkspace, call: Call, members: Members, packed: int) -> WorkspaceObject:
    """The new folder. Raises ApiError."""
    target = call.target
    if workspace.store.get(target.path) is not None:
        raise errors.exists(target.echo())
    check_parent(workspace, target)
    _check_members(members, packed, workspace.settings.max_unpacked_bytes)
    folders.make(workspace, target)
    made = workspace.store.get(target.path)
    assert made
    return made


def _check_members(members: Members, packed: int, most: int) -> None:
    if not members:
        raise errors.not_a_zip()
    if len(members) > MAX_MEMBERS:
        raise errors.invalid(f"The archive has {len(members)} items, more than {MAX_MEMBERS}.")
    unpacked, most = sum(member.file_size for member in members), min(most, 10 * MIB + MAX_RATIO * packed)
    if unpacked > most:
        raise errors.too_large(unpacked, most)


def _place_at_once(
    workspace: LocalWorkspace, call: Call, unpack: Unpack, members: Members, packed: int
) -> WorkspaceObject:
    with workspace.store.changes():
        made = _begun(workspace, call, members, packed)
        _place(workspace, call, unpack(0, members))
    return made


async def _place_all(
    workspace: LocalWorkspace, call: Call, unpack: Unpack, members: Members, packed: int
) -> WorkspaceObject:
    """Every member, a part of them at a time; none when one is refused, or nobody waits for the answer any more."""
    made = await workspace.change(partial(_begun, workspace, call, members, packed))
    try:
        for first, after in parts([member.file_size for member in members]):
            unpacked = await beside(PART_BYTES, partial(unpack, first, members[first:after]))
            await workspace.change(partial(_place, workspace, call, unpacked))
    except BaseException:
        await workspace.change(partial(_remove, workspace, made))
        raise
    return made


def _remove(workspace: LocalWorkspace, made: WorkspaceObject) -> None:
    if workspace.store.get(made.path) == made:
        workspace.store.remove(made)


def parts(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Things of so many bytes, in order, as many at once as a part may have: the first, and the one after the last."""
    first, room = 0, PART_BYTES
    for number, size in enumerate(sizes):
        if number > first and (number - first == PART or size > room):
            yield first, number
            first, room = number, PART_BYTES
        room -= size
    yield first, len(sizes)


def _unpack(
    settings: ServerSettings, packed: zipfile.ZipFile, folder: str, form: str, first: int, members: Members
) -> Unpacked:
    """What the members from the `first` on become. Raises ApiError where one is refused."""
    unpacked = []
    for number, member in enumerate(members, first):
        path, body = spelled(f"{folder}/{member.filename}").path, packed.read(member)
        kept = (by_name(path, body), body) if form == "AUTO" else _unpacked(settings, number, path, body)
        if kept is not None:
            unpacked.append(kept)
    return unpacked


def _place(workspace: LocalWorkspace, call: Call, unpacked: Unpacked) -> None:
    with workspace.store.changes():
        for spec, body in unpacked:
            folders.make(workspace, Spelling(parent(spec.path), call.target.prefix))
            place(workspace, call, spec, body, errors.exists)


def _opened(content: bytes) -> zipfile.ZipFile:
    with _refusing():
        return zipfile.ZipFile(io.BytesIO(content))


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        raise errors.invalid("The archive cannot be read.") from None


def _unpacked(settings: ServerSettings, number: int, path: str, body: bytes) -> tuple[ObjectSpec, bytes] | None:
    """What the so-manieth member becomes; None where it is dropped. Raises ApiError where it is refused."""
    stem, _, extension = path.rpartition(".")
    if extension.upper() in LANGUAGES and body.lstrip().startswith(b"{"):
        if len(body) > settings.max_source_bytes:
            raise errors.too_large(len(body), settings.max_source_bytes)
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


Contents = Sequence[tuple[WorkspaceObject, bytes]]


def export_folder(settings: ServerSettings, folder: WorkspaceObject, below: Contents, form: str) -> tuple[bytes, str]:
    """DBC: everything as commands; SOURCE: a zip of notebooks; AUTO: a zip of notebooks and files [DOCS].

    `below` is all that lies in the folder. The settings may say otherwise. Raises ApiError (400) for another format.
    """
    if form not in ("DBC", "SOURCE", "AUTO"):
        raise errors.invalid(f"Directories cannot be exported in {form} format.")
    layout = settings.folder_exports
    form = "DBC" if layout == "dbc" else form
    around = f"{folder.name}/" if layout == "around" else ""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name, body in _members(settings, folder, below, form):
            out.writestr(around + name, body)
    return packed.getvalue(), "dbc" if form == "DBC" else "zip"


def _members(
    settings: ServerSettings, folder: WorkspaceObject, below: Contents, form: str
) -> Iterator[tuple[str, bytes]]:
    for entry, content in below:
        name = entry.path.removeprefix(folder.path).lstrip("/")
        if entry.api_type == DIRECTORY:
            yield name + "/", b""
        elif entry.object_type == FILE and form == "AUTO":
            yield name, content
        elif entry.object_type == NOTEBOOK and form == "DBC":
            yield f"{name}.{(entry.language or '').lower()}", dbc.document(entry, notebook.cells(entry, content))
        elif entry.object_type == NOTEBOOK:
            extension = source.EXTENSIONS[entry.language or "PYTHON"]
            yield name + extension, notebook.as_source(entry, content, settings.newlines)
