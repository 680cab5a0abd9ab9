"""Notebooks that are read many at once: the archives of whole folders, instead of an export for each.

What an archive certainly holds of what was listed (rules/archives.py) is parsed as an export of it would be. No name in
it is taken for a path. What it does not hold so is read by itself: a notebook that has changed since, one of another
form, and what is no notebook of source, as in a DBC. Where there are no hashes, the workspace is asked in which form it
keeps what is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import NamedTuple

from databricks_sync.errors import SyncError, WorkspaceError
from databricks_sync.model import JUPYTER, SOURCES, Form, Format, Kind, RemoteObject
from databricks_sync.remote import archive
from databricks_sync.remote.exports import Export, KnownObject, parse_export
from databricks_sync.remote.folder import Workspace
from databricks_sync.rules.archives import exports, identified
from databricks_sync.rules.names import parents


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
        self._any_form: set[str] = set()  # the keys of what comes in the form it is kept in, which no hash tells

    def begin(self, reads: Iterable[Read], objects: Iterable[RemoteObject]) -> None:
        """Begins to read the folders of which most is to be read; `objects`: all that stand there."""
        wanted = {read.remote.key: read for read in reads if _may_come(read)}
        if not wanted:
            return
        notebooks = [item for item in objects if item.kind is Kind.NOTEBOOK]
        folders = exports(wanted, (item.key for item in notebooks), self.few)
        inside: dict[str, list[RemoteObject]] = {folder: [] for folder in folders}
        for item in notebooks:
            for folder in folders.keys() & ("", *parents(item.key)):  # one at most: none lies in another
                inside[folder].append(item)
        for folder, keys in folders.items():
            self._reading |= dict.fromkeys(keys, self.pool.submit(self._read, folder, inside[folder]))
        self._any_form |= {key for key, read in wanted.items() if not (any(read.formats) or read.remote.version.sha)}

    def export(self, remote: RemoteObject) -> Export | None:
        """What an object holds, where an archive had it; waits for that."""
        reading = self._reading.get(remote.key)
        raw = reading.result().get(remote.key) if reading else None
        if raw is None:
            return None
        try:
            if remote.key in self._any_form and self.workspace.chosen_format(remote.key) == JUPYTER:
                return None
            export = parse_export(raw, remote.kind, SOURCES[remote.language], remote.path)
        except WorkspaceError:
            return None
        return export._replace(version=remote.version)

    def _read(self, folder: str, notebooks: Sequence[RemoteObject]) -> Mapping[str, bytes]:
        try:
            return identified(folder, notebooks, archive.notebooks(self.workspace, folder))
        except SyncError:
            return {}  # whatever it is: a read of each of them says so, or succeeds


def _may_come(read: Read) -> bool:
    """Whether it is a notebook, and to be read as source as far as is known."""
    if read.remote.kind is not Kind.NOTEBOOK:
        return False
    return all(format is None or format.form is Form.SOURCE for format in read.formats)
