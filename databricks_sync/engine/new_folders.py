"""Makes the folders that a push needs and the workspace lacks, while other things go on; and removes empty ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import Executor, Future, wait

from databricks_sync.errors import SyncError, Unreachable
from databricks_sync.remote.folder import Workspace
from databricks_sync.rules.names import parents

PAUSES = (0.1, 0.4, 1.0)  # seconds to wait before looking at what an unclear answer left behind


class NewFolders:
    """The folders of one push, by their keys; "" is the target itself."""

    def __init__(self, workspace: Workspace, pool: Executor) -> None:
        self.workspace = workspace
        self.pool = pool
        self._making: dict[str, Future[None]] = {}

    def begin(self, needed: Collection[str], standing: Collection[str]) -> None:
        """Begins to make what is needed and not among the `standing`.

        Only the innermost ones, for the workspace makes those above them.
        """
        missing = set(needed) - set(standing)
        above = {folder: ("", *parents(folder)) for folder in missing if folder}
        innermost = missing.difference(*above.values())
        for folder in sorted(innermost):
            made = self.pool.submit(self.make, f"{self.workspace.root}/{folder}".rstrip("/"))
            self._making |= {name: made for name in (folder, *above.get(folder, ())) if name not in standing}

    def make(self, path: str) -> None:
        """Makes the folder at the absolute `path`. Raises SyncError."""
        for pause in PAUSES:
            try:
                return self.workspace.make_folder(path)
            except Unreachable:  # making a folder twice harms nobody
                self.workspace.clock.sleep(pause)
        return self.workspace.make_folder(path)

    def ready(self) -> None:
        """Waits for the target where nothing else is to be made. Raises SyncError when it cannot be."""
        if self._making.keys() == {""}:
            self._making[""].result()

    def wait_for(self, folder: str) -> None:
        """Waits until `folder` is made, or could not be: whatever needs it will say so."""
        if (making := self._making.get(folder)) is not None:
            wait([making])

    def finish(self) -> None:
        """Waits for all of them."""
        wait(self._making.values())

    def undo(self) -> None:
        """Removes again what was made, as far as it is empty."""
        self.finish()
        self.remove(self._making)

    def remove(self, folders: Iterable[str]) -> None:
        """Removes folders, those in others first; one that is not empty stays, is in nobody's way and harms nobody."""
        for folder in sorted(folders, reverse=True):
            try:
                self.workspace.delete(folder)
            except SyncError:
                pass
