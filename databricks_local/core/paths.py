"""Paths of the workspace: one tree, two spellings. Pure.

A request path is never a path of the machine: it is only ever compared with, and stored in, the database.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ApiError

ALIAS = "/Workspace"
# Whatever the service's own limits are, which nobody has written down.
MAX_PATH = 4096
MAX_DEPTH = 200


@dataclass(frozen=True, slots=True)
class Spelling:
    """A path as the tree knows it, and the prefix the caller used: answers echo his spelling [PROBED]."""

    path: str
    prefix: str = ""

    def echo(self, path: str | None = None) -> str:
        """`path`, or this one's own, as the caller spells paths."""
        path = self.path if path is None else path
        return (self.prefix or "/") if path == "/" else self.prefix + path


def spelled(raw: str) -> Spelling:
    """Collapses slashes, drops a trailing one and sees through the alias.

    `//Workspace/x` is answered as `/x` while `/Workspace/x` keeps its prefix [PROBED, CLI fake's comment].
    Whether `.` and `..` are resolved, which characters are refused, whether names are normalised (NFC) or
    compared without case: unknown. Here every name is kept verbatim and compared byte for byte.
    """
    if not raw.startswith("/"):
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Path ({raw}) doesn't start with '/'")
    if len(raw) > MAX_PATH:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"The path is longer than {MAX_PATH} characters.")
    parts = [part for part in raw.split("/") if part]
    if len(parts) > MAX_DEPTH:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"The path has more than {MAX_DEPTH} names.")
    path = "/" + "/".join(parts)
    if path != ALIAS and not path.startswith(ALIAS + "/"):
        return Spelling(path)
    return Spelling(path[len(ALIAS) :] or "/", "" if raw.startswith("//") else ALIAS)


def parent(path: str) -> str:
    """The folder above `path`; that of the root is the root."""
    return path.rsplit("/", 1)[0] or "/"


def ancestors(path: str) -> list[str]:
    """The folders above `path`, outermost first, without the root."""
    parts = path.split("/")[1:-1]
    return ["/" + "/".join(parts[: depth + 1]) for depth in range(len(parts))]


def is_protected(path: str) -> bool:
    """The root, its standing folders and homes cannot be deleted [DOCS: the error code exists, no more]."""
    return path in ("/", "/Users", "/Shared", "/Repos") or (path.startswith("/Users/") and path.count("/") == 2)
