"""The small files that this tool keeps beside the branch folders: notes and locks, in a folder where anybody may write.

Whatever stands in the place of one and is none of ours is named with what to do about it: it is neither obeyed nor
replaced, and never taken for nothing.
"""

from __future__ import annotations

from databricks_sync.errors import NotFound, NotOurs, printable
from databricks_sync.rules.target import GIT_FOLDER

from .folder import Workspace
from .objects import DIRECTORY, type_name

_MOST = 2**20  # bytes; ours have some hundreds
_REMOVE = "Delete or rename it in the workspace, or ask its owner to do so."


def read(notes: Workspace, name: str) -> bytes | None:
    """The bytes of the file `name` in the folder `notes`; None when there is none. Raises NotOurs when it is huge."""
    try:
        raw = notes.small_file(name, _MOST)
    except NotFound:
        return None
    if raw is None:
        raise not_ours(f"{notes.root}/{name}", "is too large to be a file of this tool")
    return raw


def write(notes: Workspace, name: str, raw: bytes, *, overwrite: bool) -> None:
    """Writes the file `name`, and makes the folder `notes` where it is missing. Raises WorkspaceError."""
    try:
        notes.put(name, raw, None, overwrite=overwrite)
    except NotFound:
        notes.make_folder(notes.root)
        notes.put(name, raw, None, overwrite=False)


def check_folder(notes: Workspace) -> None:
    """Raises NotOurs when something else than a folder stands where the notes belong."""
    kind = notes.type_of(notes.root)
    if kind not in ("", DIRECTORY, GIT_FOLDER):
        raise not_ours(notes.root, f"is a {type_name(kind)}, but this tool needs a folder there")


def not_ours(path: str, what: str) -> NotOurs:
    """The error that names what stands in the place of a note or a lock; `what` is a sentence without its subject."""
    return NotOurs(f"{printable(path)} {what}.", _REMOVE)
