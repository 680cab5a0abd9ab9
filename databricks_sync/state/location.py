"""Where the record of a target lies: by its workspace, the target and the project, below the state of the repository.

Another choice of folders is the same record, for the files are the same: what has other keys by then has moved
(layout.py). Version 0.1 kept a record for each choice of folders, and did not know which project of a repository it
was of. Such a record is taken over where that is certain, and left where it is not: then the sides are compared anew.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from databricks_sync.errors import Again, SyncError
from databricks_sync.failpoints import reached
from databricks_sync.model import TOP, BaseEntry
from databricks_sync.system import fsync_directory

from .base import Base
from .lock import held

_FILE = "state.db"


class Record(NamedTuple):
    """The folder of a record. `former`: that of one of version 0.1 which is to be believed, while there is no other."""

    folder: Path
    former: Path | None = None

    @property
    def stands(self) -> Path:
        """Where the record is to be read."""
        return self.former or self.folder

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return (self.stands / _FILE).exists()

    def remove(self) -> None:
        """Removes it, for good. Only while holding the lock of `folder`, whose file stays: others may wait for it.

        Raises SyncError.
        """
        reached("before forgetting")
        try:
            (self.folder / _FILE).unlink(missing_ok=True)
        except OSError as error:  # on Windows while another program reads it
            message = f"{self.folder / _FILE} cannot be deleted ({error.strerror})."
            raise SyncError(message, Again(before="Close the programs that use it, and ")) from None
        fsync_directory(self.folder)
        reached("after forgetting")

    def taken_over(self, wait: float) -> None:
        """Brings the record to where it is to be. Only while holding the lock of `folder`. Raises SyncError."""
        if self.former is None:
            return
        with held(self.former, wait):
            Base(self.former, create=False).close()  # SQLite ends what a killed run had begun there
            reached("before record")
            try:
                os.replace(self.former / _FILE, self.folder / _FILE)
            except OSError as error:  # on Windows also while another program reads it
                message = f"{self.former / _FILE} cannot be moved to {self.folder} ({error.strerror})."
                raise SyncError(message, Again(before="Close the programs that use it, and ")) from None
            reached("after record")
            fsync_directory(self.folder)
            fsync_directory(self.former)


def folders_of_records(state: Path) -> list[Path]:
    """The folders of all records below the state of a repository."""
    return sorted(file.parent for file in state.glob(f"*/{_FILE}"))


def record(state: Path, host: str, target: str, project: str, folders: Sequence[str], here: Path) -> Record:
    """The record of `target` for the project folder `here`, which is `project` below the top of the repository."""
    folder = folder_for(state, host, target, project)
    if (folder / _FILE).exists():
        return Record(folder)
    for choice in (folders, *([name] for name in folders)):
        former = former_folder(state, host, target, choice)
        if (former / _FILE).exists() and (project == TOP or _of(here, former)):
            return Record(folder, former)
    return Record(folder)


def folder_for(state: Path, host: str, target: str, project: str) -> Path:
    """Where the state of one target lives, for one project of the repository."""
    return _named(state, target, [host, target, "project", project])


def former_folder(state: Path, host: str, target: str, folders: Iterable[str]) -> Path:
    """Where version 0.1 kept it, for one choice of folders."""
    return _named(state, target, [host, target, *sorted(folders)])


def _named(state: Path, target: str, marks: Sequence[str]) -> Path:
    mark = hashlib.sha256("\0".join(marks).encode("utf-8", "surrogateescape"))
    name = re.sub(r"[^\w\-]+", "-", target.rpartition("/")[2])[:40]
    return state / f"{name}-{mark.hexdigest()[:12]}"


def _of(here: Path, former: Path) -> bool:
    """Whether a record is certainly of the project folder `here`: of all projects of a repository there was one."""
    base = Base(former, create=False)
    try:
        entries = base.entries().values()
        return all((here / entry.path).exists() for entry in entries) and any(_seen(here, entry) for entry in entries)
    finally:
        base.close()


def _seen(here: Path, entry: BaseEntry) -> bool:
    """Whether it is this very file that was recorded, and not one of the same name."""
    try:
        status = (here / entry.path).stat()
    except OSError:
        return False
    return entry.stat is not None and (entry.stat.inode, entry.stat.mtime_ns) == (status.st_ino, status.st_mtime_ns)
