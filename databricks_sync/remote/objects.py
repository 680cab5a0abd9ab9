"""What an answer of the workspace says of one object. Pure.

Anything may stand there: what is no path is no object, and what is no number, hash or language proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from databricks_sync.errors import printable
from databricks_sync.model import Kind, Language, RemoteObject, RemoteVersion
from databricks_sync.rules.names import SURROGATE
from databricks_sync.rules.target import GIT_FOLDER

# An object changed this shortly before we looked may change again within the same tick of the server's clock.
_RACY_MS = 2000
_NUMBERS = 2**63  # what is not below is no number that a workspace, or our own state, can hold
_SHA = 64  # letters
DIRECTORY, FILE, NOTEBOOK = "DIRECTORY", "FILE", "NOTEBOOK"
_KINDS = {NOTEBOOK: Kind.NOTEBOOK, FILE: Kind.FILE}
_LANGUAGES = dict(Language.__members__)  # which the enum makes anew each time it is asked


class Other(NamedTuple):
    """What a listing shows besides notebooks and workspace files: a folder, a dashboard, something outside."""

    path: str
    type: str


Shown = RemoteObject | Other


def shown(item: Mapping[str, Any], now: int, root: str, longest: int) -> Shown:
    """What a listing of something in the folder `root` shows, at that moment of the server's clock (milliseconds).

    Raises ValueError for what is no object, or has a path of more than `longest` letters.
    """
    path, kind = item.get("path"), object_type(item)
    if not isinstance(path, str) or not kind or not _is_path(path, longest):
        raise ValueError("not an object of a workspace")
    key = key_in(root, path)
    if key is None or kind not in _KINDS:
        return Other(path, kind)
    number, modified = _number(item.get("object_id")), _number(item.get("modified_at"))
    racy = not now or not modified or abs(now - modified) <= _RACY_MS
    version = RemoteVersion(number, modified, _sha(item.get("content_sha256_hex")), racy)
    return RemoteObject(key, root, _KINDS[kind], version, language(item))


def _is_path(path: str, longest: int) -> bool:
    return len(path) <= longest and (path.isascii() or not SURROGATE.search(path))


def key_in(root: str, path: str) -> str | None:
    """The key of an absolute path in the folder `root`; None for that itself and for what is not below it."""
    path = plain(path)
    return path[len(root) + 1 :] if path.startswith(f"{root}/") and path != f"{root}/" else None


def object_type(item: Mapping[str, Any]) -> str:
    """The type of what an answer tells of, the same for both kinds of Git folder.

    SERVER: the classic kind is a REPO; one with Git CLI access is a DIRECTORY with `directory_info.is_git_folder`
    (API reference, Beta; databricks/cli 1.11). Other directories say false, or nothing. What is no text is "".
    """
    kind = text(item, "object_type")
    if kind == DIRECTORY:
        about = item.get("directory_info")
        return GIT_FOLDER if isinstance(about, dict) and about.get("is_git_folder") is True else DIRECTORY
    return kind


def type_name(kind: str) -> str:
    """An object's type as people read it."""
    names = {GIT_FOLDER: "Git folder", DIRECTORY: "folder", "": "object without a type"}
    return names.get(kind) or printable(kind).lower().replace("_", " ")


def age(item: Mapping[str, Any], now: int) -> float | None:
    """Seconds since the object was written, at that moment of the server's clock; None when that is unknown."""
    modified = _number(item.get("modified_at"))
    return (now - modified) / 1000 if now and modified else None


def _number(value: object) -> int:
    """A number as an id or a time is one; 0, which proves nothing, for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _NUMBERS else 0


def _sha(value: object) -> str:
    return value if isinstance(value, str) and len(value) == _SHA else ""


def text(document: Mapping[str, Any], name: str) -> str:
    """A text of an answer; "" for anything else."""
    value = document.get(name)
    return value if isinstance(value, str) else ""


def plain(path: str) -> str:
    """A path without the alias of the workspace's root."""
    return path.removeprefix("/Workspace") if path.startswith("/Workspace/") else path


def language(item: Mapping[str, Any]) -> Language | None:
    """The language of a notebook, where it is one we know."""
    name = item.get("language")
    return _LANGUAGES.get(name) if isinstance(name, str) else None
