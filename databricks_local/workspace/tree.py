"""The tree with its rights: looking objects up, telling about them, folders. Every operation starts here."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from databricks_local.core import errors
from databricks_local.core.clock import WorkspaceClock
from databricks_local.core.model import DIRECTORY, FOLDERS, GIT_FOLDER, WorkspaceObject
from databricks_local.core.paths import Spelling, ancestors
from databricks_local.core.settings import ServerSettings
from databricks_local.core.threads import finished

from .store import Store

T = TypeVar("T")
# Reads that are answered at once; the next one waits.
READERS = 16

# What a person may be kept from: changing; reading (yet it is listed); knowing of.
ACCESS = ("read-only", "unreadable", "hidden")


class Races:
    """Who came first: a creation that finished after another request arrived was concurrent with it."""

    def __init__(self) -> None:
        self._created: OrderedDict[str, float] = OrderedDict()

    def created(self, path: str, at: float) -> None:
        """An object was made; `at` in seconds of the monotonic clock."""
        self._created[path] = at
        if len(self._created) > 10_000:
            self._created.popitem(last=False)

    def overlapped(self, path: str, arrived: float) -> bool:
        """Whether the object at `path` was made after a request had `arrived`."""
        return self._created.get(path, arrived) > arrived


class LocalWorkspace:
    """One workspace: what it holds, how it behaves, what time it is."""

    def __init__(self, store: Store, settings: ServerSettings, monotonic: Callable[[], float]) -> None:
        self.store = store
        self.settings = settings
        self.clock = WorkspaceClock()
        self.races = Races()
        self.monotonic = monotonic
        self._restricted = store.restrictions()
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._writer = ThreadPoolExecutor(1, "writer")

    def create_standard_folders(self) -> None:
        """What a workspace has from the start: homes, the shared folder, the folder of Git folders."""
        with self.store.changes():
            for path in ("/", "/Users", "/Shared", "/Repos", f"/Users/{self.settings.user}"):
                if self.store.get(path) is None:
                    self.store.add(WorkspaceObject(0, path, DIRECTORY))

    def as_of(self, past: Store) -> LocalWorkspace:
        """The same workspace with its objects as they were."""
        stale = copy.copy(self)
        stale.store = past
        return stale

    async def read(self, work: Callable[[LocalWorkspace], T]) -> T:
        """What `work` gives of the workspace as it is at one moment, beside all other requests.

        Raises what `work` raises.
        """
        return await finished(self._readers, partial(self._read, work))

    def _read(self, work: Callable[[LocalWorkspace], T]) -> T:
        with self.store.reading() as seen:
            return work(self.as_of(seen))

    async def change(self, work: Callable[[], T]) -> T:
        """What `work` gives, beside those who read and after all other changes: nobody else changes anything meanwhile.

        Raises what `work` raises.
        """
        return await finished(self._writer, work)

    async def apart(self, work: Callable[[], T]) -> T:
        """What `work` gives, which is about no object of the workspace, beside all other requests.

        Raises what `work` raises.
        """
        return await finished(self._readers, work)

    def close(self) -> None:
        """Waits for what is being read and changed; nothing else is from now on."""
        for pool in (self._readers, self._writer):
            pool.shutdown(cancel_futures=True)

    def reset(self) -> None:
        """Empties it, but for what each workspace has from the start."""
        self.store.clear()
        self._restricted = {}
        self.create_standard_folders()

    def restrict(self, path: str, access: str | None) -> None:
        """One of ACCESS for a path and all below it; None lifts it."""
        self.store.restrict(path, access)
        self._restricted = self.store.restrictions()

    def access(self, path: str) -> str | None:
        """The restriction of the nearest folder that has one."""
        if not self._restricted:
            return None
        for above in (path, *reversed(ancestors(path)), "/"):
            if above in self._restricted:
                return self._restricted[above]
        return None

    def readable(self, target: Spelling) -> WorkspaceObject:
        """The object, or 404; 403 when it may not be read."""
        entry = self.store.get(target.path)
        access = self.access(target.path)
        if entry is None or access == "hidden":
            raise errors.missing(target.echo())
        if access == "unreadable":
            raise errors.denied(self.settings.user, target.echo(), "View")
        return entry

    def check_writable(self, target: Spelling) -> None:
        """Raises ApiError (403) where the user may not write."""
        if self.access(target.path) is not None:
            raise errors.denied(self.settings.user, target.echo())

    def info(
        self, entry: WorkspaceObject, spelling: Spelling, hashes: bool = False, export: bool = False
    ) -> dict[str, Any]:
        """What the API tells of an object: directories have no times, nothing has a size [PROBED].

        Of a directory, whether it is a Git folder with Git CLI access; a classic one is a REPO, without it [DOCS].
        """
        body: dict[str, Any] = {"object_type": entry.api_type, "path": spelling.echo(entry.path)}
        if entry.api_type == DIRECTORY:
            body["directory_info"] = {"is_git_folder": entry.object_type == GIT_FOLDER}
        if entry.language is not None:
            body["language"] = entry.language
        if entry.created_at is not None and self.clock.mode != "absent":
            body["created_at"] = entry.created_at
            body["modified_at"] = entry.modified_at
        body["object_id"] = entry.object_id
        if entry.object_type not in FOLDERS:
            body["resource_id"] = str(entry.object_id)
        if export and entry.export_format is not None:
            body["repos_export_format"] = entry.export_format
        if hashes and entry.sha256 is not None:
            body["content_sha256_hex"] = entry.sha256
            body["has_wsfs_metadata"] = True
        return body
