"""Notebooks that are read many at once: the archives of whole folders, instead of an export for each.

A notebook is known by its hash alone. Whatever an archive calls its members, and whatever else is in it: bytes that
have the hash of a listed notebook are what that notebook holds, and all others are nothing. So no name in it has to be
trusted. A notebook of another form, or one that has changed since, is not among them and is read by itself; so are all
of them where the workspace has no hashes, for then an export may as well be of another form than the one it is kept in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, Future
from typing import NamedTuple

from databricks_sync.errors import SyncError, WorkspaceError
from databricks_sync.model import SOURCES, Form, Format, Kind, RemoteObject
from databricks_sync.notebook.format import sha256
from databricks_sync.remote.archive import notebooks
from databricks_sync.remote.exports import Export, KnownObject, parse_export
from databricks_sync.remote.folder import Workspace
from databricks_sync.rules.archives import exports


class Read(NamedTuple):
    """An object to be read, and the formats in which its sides have it; none where any will do."""

    remote: RemoteObject
    formats: tuple[Format | None, ...]

    @classmethod
    def of(cls, remote: RemoteObject, *sides: KnownObject | None) -> Read:
        """An object that is to be compared with these sides."""
        return cls(remote, tuple(side.format for side in sides if side))


class ArchiveReads:
    """Reads folders of the workspace as archives, on other threads."""

    def __init__(self, workspace: Workspace, pool: Executor, few: int) -> None:
        """Up to `few` notebooks are not worth an archive."""
        self.workspace = workspace
        self.pool = pool
        self.few = few
        self._reading: dict[str, Future[Mapping[str, bytes]]] = {}  # by the keys of what is wanted of it

    def begin(self, reads: Iterable[Read], objects: Iterable[RemoteObject]) -> None:
        """Begins to read the folders of which most is to be read; `objects`: all that stand there."""
        wanted = [read.remote.key for read in reads if _may_come(read)]
        standing = (item.key for item in objects if item.kind is Kind.NOTEBOOK)
        for folder, keys in exports(wanted, standing, self.few).items():
            self._reading |= dict.fromkeys(keys, self.pool.submit(self._by_hash, folder))

    def export(self, remote: RemoteObject) -> Export | None:
        """What an object holds, where an archive had it; waits for that."""
        reading = self._reading.get(remote.key)
        raw = reading.result().get(remote.version.sha) if reading else None
        if raw is None:
            return None
        try:
            export = parse_export(raw, remote.kind, SOURCES[remote.language], remote.path)
        except WorkspaceError:
            return None
        return export._replace(version=remote.version)

    def _by_hash(self, folder: str) -> Mapping[str, bytes]:
        try:
            return {sha256(body): body for body in notebooks(self.workspace, folder).values()}
        except SyncError:
            return {}  # whatever it is: a read of each of them says so, or succeeds


def _may_come(read: Read) -> bool:
    """Whether it is read as source, and would be believed."""
    if read.remote.kind is not Kind.NOTEBOOK or not read.remote.version.sha:
        return False
    return all(format is None or format.form is Form.SOURCE for format in read.formats)
