"""The content of an object, read and proved: it is that of the object as it was listed.

An export is not believed by itself. It may be of an older state than the listing, cut off, packed by something on the
way, or a login page. Where a listing gave a hash, the bytes must have it; where they do not, the object is looked at
and read again, a few times, and then not read at all.

SERVER: the hash is that of the bytes that were uploaded (databricks/cli PR 5166). So an export has it

    of a workspace file              always
    of a notebook kept as source     but for a header that was not uploaded, and for the newlines of before 2025-12
    of a notebook kept as .ipynb     hardly ever: it is written anew for each export
    in another form than it is kept  never: there the form it is kept in is read as well, and has to have it

A notebook that cannot have it is taken as one of a workspace without hashes. So is one kept as source that does not
have it for a reason nobody knows, once it is so old that its export cannot lag behind any more.
"""

from __future__ import annotations

from typing import NamedTuple

from databricks_sync.errors import Again, BrokenNotebook, NotFound, TypeMismatch, Unproved, WorkspaceError, printable
from databricks_sync.model import (
    JUPYTER,
    SOURCES,
    UNKNOWN,
    BaseEntry,
    Form,
    Format,
    Kind,
    LocalObject,
    RemoteObject,
    RemoteVersion,
    same_form,
)
from databricks_sync.notebook.equality import digest, file_digest
from databricks_sync.notebook.format import has_header, sha256, source_language, uploads
from databricks_sync.rules.journal import Intent

from .folder import Workspace

_PAUSES = (0.0, 0.1, 0.4, 1.0)  # seconds before each look at an object whose export is not what the listing tells of
_LAG = 30.0  # seconds by which an export may lag behind a listing: never seen to be so many


class Export(NamedTuple):
    """What the workspace holds at a key, as read once. `version` has no hash but that of these bytes."""

    raw: bytes
    digest: str
    format: Format | None = None
    version: RemoteVersion = UNKNOWN


KnownObject = LocalObject | BaseEntry | Intent  # what says how an object is written down here, or was


def read(workspace: Workspace, remote: RemoteObject, *sides: KnownObject | None) -> Export:
    """The content of an object in the form of the first of `sides` that is of its kind, else in the form it is kept in.

    Raises WorkspaceError: Unproved when what comes is not what was listed.
    """
    side = next((candidate for candidate in sides if candidate and candidate.kind is remote.kind), None)
    return read_as(workspace, remote, side.format if side else None)


def read_as(workspace: Workspace, remote: RemoteObject, format: Format | None) -> Export:
    """The same, a notebook's in the form of `format`, or (None) in the form it is kept in. Raises WorkspaceError."""
    now, doubt = remote, Unproved("")
    for pause in _PAUSES:
        if pause:
            workspace.clock.sleep(pause)
            now = _again(workspace, remote)
        try:
            return _proved(workspace, now, format)
        except Unproved as error:
            doubt = error
    raise doubt


def parse_export(raw: bytes, kind: Kind, format: Format | None, path: str) -> Export:
    """An export with its digest; a notebook of which no format is known is source. Raises WorkspaceError."""
    if kind is Kind.FILE:
        return Export(raw, file_digest(sha256(raw)))
    format = format or SOURCES[None]
    if format.form is Form.SOURCE and not (format.language and has_header(raw[:64], format.language)):
        format = SOURCES[source_language(raw[:64].decode("utf-8", "replace").split("\n", 1)[0])]
    try:
        return Export(raw, digest(raw, format), format)
    except BrokenNotebook as error:
        raise WorkspaceError(f"What the workspace exports as {printable(path)} is not a notebook: {error}.") from None


def _again(workspace: Workspace, remote: RemoteObject) -> RemoteObject:
    now = workspace.look(remote.key)
    if now is None:
        raise NotFound(f"{printable(remote.path)} was deleted in the workspace.")
    if now.kind is not remote.kind:
        raise TypeMismatch(f"{printable(remote.path)} became a {now.kind.value} in the workspace.")
    return now


def _proved(workspace: Workspace, now: RemoteObject, format: Format | None) -> Export:
    """One export of `now` that is as good as it can be. Raises Unproved where another look may tell more."""
    if now.kind is Kind.NOTEBOOK and format is None and not now.version.sha:
        format = workspace.chosen_format(now.key)
    export = _export(workspace, now, format)
    if export.version.sha or not now.version.sha:
        return export
    if now.kind is Kind.FILE:
        raise _unproved(now)
    return _without_hash(workspace, now, format, export)


def _without_hash(workspace: Workspace, now: RemoteObject, format: Format | None, export: Export) -> Export:
    """A notebook whose bytes do not have the hash: proved by the form it is kept in, or as good as without hashes.

    Raises Unproved where neither is so.
    """
    kept = workspace.chosen_format(now.key)
    if not same_form(kept, export.format):
        as_kept = _export(workspace, now, kept)
        if format is None:
            export = as_kept
        elif as_kept.version.sha:
            return _steady(workspace, now, export)._replace(version=now.version)
    if export.version.sha or kept == JUPYTER:
        return export
    age = workspace.age(now.key)
    if age is not None and abs(age) < _LAG:
        raise _unproved(now)
    return _steady(workspace, now, export)


def _steady(workspace: Workspace, now: RemoteObject, export: Export) -> Export:
    """What was `export`, where it comes a second time. Raises Unproved."""
    if _export(workspace, now, export.format).digest != export.digest:
        raise _unproved(now)
    return export


def _export(workspace: Workspace, now: RemoteObject, format: Format | None) -> Export:
    """An export, with the hash in its version only where the content has it. Raises WorkspaceError, also Unproved."""
    if now.kind is Kind.NOTEBOOK and (format is None or format.form is Form.SOURCE):
        format = SOURCES[now.language or (format and format.language)]
    raw = workspace.export(now.key, format and format.form)
    proved = not now.version.sha or _has(raw, now, format)
    try:
        export = parse_export(raw, now.kind, format, now.path)
    except WorkspaceError:
        if proved:
            raise
        raise _unproved(now) from None
    return export._replace(version=now.version if proved else now.version._replace(sha=""))


def _has(raw: bytes, now: RemoteObject, format: Format | None) -> bool:
    """Whether these bytes, or what must have been uploaded for them to be exported, have the hash."""
    if sha256(raw) == now.version.sha:
        return True
    if format is None or format.form is Form.JUPYTER:
        return False
    return any(sha256(upload) == now.version.sha for upload in uploads(raw, format.language))


def _unproved(now: RemoteObject) -> Unproved:
    return Unproved(
        f"The content that the workspace sent for {printable(now.path)} does not match its listing.",
        Again(" in a minute; if this stays, something on the way, such as a proxy, changes the content."),
    )
