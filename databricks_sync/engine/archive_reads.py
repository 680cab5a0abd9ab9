"""Notebooks that are read many at once: the archives of whole folders, instead of an export for each.

What an archive certainly holds of what was listed (rules/archives.py) is parsed as an export of it would be. No name in
it is taken for a path. What it does not hold so is read by itself: a notebook that has changed since, one of another
form, and what is no notebook of source, as in a DBC. Where there are no hashes, the workspace is asked in which form it
keeps what is not known here.

So many archives are read ahead as there are connections, and another one whenever all that was wanted of one is taken:
a large tree is never in memory as a whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Executor, Future
from typing import NamedTuple

from databricks_sync.errors import SyncError, WorkspaceError
from databricks_sync.model import JUPYTER, SOURCES, Form, Format, Kind, RemoteObject
from databricks_sync.remote import archive
from databricks_sync.remote.exports import Export, KnownObject, parse_export
from databricks_sync.remote.folder import Workspace
from databricks_sync.rules.archives import exports, identified
from databricks_sync.rules.names import parents
from databricks_sync.system import CONNECTIONS


class Read(NamedTuple):
    """An object to be read, and the formats in which its sides have it; none where any will do."""

    remote: RemoteObject
    formats: tuple[Format | None, ...]

    @classmethod
    def of(cls, remote: RemoteObject, *sides: KnownObject | None) -> Read:
        """An object that is to be compared with these sides."""
        return cls(remote, tuple(side.format for side in sides if side))


class _Reading(NamedTuple):
    """A folder that is read as a whole, with what is wanted of it and all notebooks that stand there."""

    folder: str
    keys: Collection[str]
    notebooks: Sequence[RemoteObject]
    held: Future[dict[str, bytes]]  # by key, what was not taken yet


class ArchiveReads:
    """Reads folders of the workspace as archives, on other threads."""

    def __init__(self, workspace: Workspace, pool: Executor) -> None:
        self.workspace = workspace
        self.pool = pool
        self._held: dict[str, Future[dict[str, bytes]]] = {}  # by the keys of what is wanted
        self._waiting: deque[_Reading] = deque()
        self._any_form: set[str] = set()  # the keys of what comes in the form it is kept in, which no hash tells

    def begin(self, reads: Iterable[Read], objects: Iterable[RemoteObject]) -> None:
        """Begins to read the folders of which most is to be read; `objects`: all that stand there."""
        wanted = {read.remote.key: read for read in reads if _may_come(read)}
        if not wanted:
            return
        notebooks = [item for item in objects if item.kind is Kind.NOTEBOOK]
        folders = exports(wanted, (item.key for item in notebooks), self.workspace.http.limits.few)
        inside: dict[str, list[RemoteObject]] = {folder: [] for folder in folders}
        for item in notebooks:
            for folder in folders.keys() & ("", *parents(item.key)):  # one at most: none lies in another
                inside[folder].append(item)
        for folder, keys in sorted(folders.items()):
            reading = _Reading(folder, keys, inside[folder], Future())
            self._held |= dict.fromkeys(keys, reading.held)
            self._waiting.append(reading)
        for _ in range(min(len(folders), CONNECTIONS)):
            self.pool.submit(self._read_next)
        self._any_form |= {key for key, read in wanted.items() if not (any(read.formats) or read.remote.version.sha)}

    def export(self, remote: RemoteObject) -> Export | None:
        """What an object holds, where an archive had it; waits for that, and tells it once."""
        raw = self._take(remote.key)
        if raw is None:
            return None
        try:
            if remote.key in self._any_form and self.workspace.chosen_format(remote.key) == JUPYTER:
                return None
            export = parse_export(raw, remote.kind, SOURCES[remote.language], remote.path)
        except WorkspaceError:
            return None
        return export._replace(version=remote.version)

    def _take(self, key: str) -> bytes | None:
        reading = self._held.get(key)
        if reading is None:
            return None
        while self._waiting and not (reading.running() or reading.done()):
            self._read_next()  # in this thread, for all others may be waiting here
        held = reading.result()
        raw = held.pop(key, None)
        if raw is not None and not held:
            self._read_next()
        return raw

    def _read_next(self) -> None:
        """Reads those that wait up to one that holds something."""
        held: dict[str, bytes] = {}
        while self._waiting and not held:
            try:
                reading = self._waiting.popleft()
            except IndexError:
                return  # somebody else was quicker
            reading.held.set_running_or_notify_cancel()
            try:
                held = self._read(reading)
            except BaseException as error:  # whoever waits for it gets it
                return reading.held.set_exception(error)
            reading.held.set_result(held)

    def _read(self, reading: _Reading) -> dict[str, bytes]:
        try:
            members = archive.notebooks(self.workspace, reading.folder)
        except SyncError:
            return {}  # whatever it is: a read of each of them says so, or succeeds
        held = identified(reading.folder, reading.notebooks, members)
        return {key: held[key] for key in reading.keys if key in held}


def _may_come(read: Read) -> bool:
    """Whether it is a notebook, and to be read as source as far as is known."""
    if read.remote.kind is not Kind.NOTEBOOK:
        return False
    return all(format is None or format.form is Form.SOURCE for format in read.formats)
