"""Files under one folder of ours, named by absolute paths of the API. Never reaches outside that folder.

Used for DBFS and for MLflow's artifacts. What runs here may put links into the folder: they are followed only as
long as they stay inside.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

# Folders are made and removed by functions that call themselves.
MAX_DEPTH = 200


class OutsideError(Exception):
    """A path that is none of this folder's."""


@dataclass(frozen=True, slots=True)
class Node:
    """A file or a folder as it is this moment."""

    path: str
    is_dir: bool
    size: int
    modified_ms: int


def parts_of(path: str) -> list[str]:
    """The names in a path; OutsideError when one of them would not stay a name, or there are too many."""
    parts = [part for part in path.split("/") if part]
    forbidden = '\0\\:*?"<>|' if sys.platform == "win32" else "\0"
    if len(parts) > MAX_DEPTH or any(part in (".", "..") or any(sign in part for sign in forbidden) for part in parts):
        raise OutsideError(path)
    return parts


UNFINISHED = ".databricks_local-"


class Tree:
    """The files below `root`, which need not exist yet. Any path may raise OutsideError."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if root.parent.is_dir():
            # What a killed server was just writing.
            for left in root.parent.glob(f"{UNFINISHED}*"):
                left.unlink(missing_ok=True)

    def file(self, path: str) -> Path:
        """Where `path` lies on this machine, whether it exists or not. Raises OutsideError."""
        self.root.mkdir(parents=True, exist_ok=True)
        location = self.root.joinpath(*parts_of(path))
        try:
            real = location.resolve()
            if real != self.root.resolve() and self.root.resolve() not in real.parents:
                raise OutsideError(path)
        except (OSError, ValueError, RuntimeError):
            raise OutsideError(path) from None
        return location

    def node(self, path: str) -> Node | None:
        """What lies at `path`; None for nothing."""
        try:
            file = self.file(path)
            status = file.stat()
        except OSError:  # also for a name longer than the file system takes
            return None
        clean = "/" + "/".join(parts_of(path))
        is_dir = file.is_dir()
        return Node(clean, is_dir, 0 if is_dir else status.st_size, int(status.st_mtime * 1000))

    def children(self, path: str) -> list[Node]:
        """What lies in a folder, by name; without links that lead outside. Raises OSError for what is no folder."""
        above = "/" + "".join(f"{part}/" for part in parts_of(path))
        nodes = [self._child(above + name) for name in sorted(os.listdir(self.file(path)))]  # noqa: PTH208
        return [node for node in nodes if node is not None]

    def _child(self, path: str) -> Node | None:
        try:
            return self.node(path)
        except OutsideError:
            return None

    def write(self, path: str, content: bytes) -> None:
        """A whole file, there at once or not at all; folders above are made. Raises OSError."""
        target = self.file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=UNFINISHED, dir=self.root.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def remove(self, path: str) -> None:
        """A file, or a folder with all that is in it; a link itself, not where it leads."""
        file = self.file(path)
        if file.is_symlink() or not file.is_dir():
            file.unlink(missing_ok=True)
        else:
            shutil.rmtree(file)

    def clear(self) -> None:
        """Deletes all of it."""
        shutil.rmtree(self.root, ignore_errors=True)
