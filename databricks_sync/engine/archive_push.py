"""New folders of a push as archives: each sent once, several at a time, and what arrived is never believed.

An archive can replace nothing, for the workspace refuses one whose folder exists. What it makes of the members, or made
of them before an answer was lost, is not known: so a listing says what stands there. What it shows as it was meant is
done. All the rest is left to single writes: they create what is missing, and look at what has its name by then.

The first few are looked at before others are sent, for the workspace may not be up to archives. Then a look is not
worth it after each few: it is at the whole target, which grows.

An archive is large when what is in it could be more than JSON may hold. How much of it a workspace takes is not
documented, so what becomes of a large one says nothing about others.

Without hashes one export of each folder is compared with what was sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from databricks_sync.errors import Again, BrokenNotebook, LoginError, SyncError, TooLarge, Unreachable, WorkspaceError
from databricks_sync.model import Kind, LocalObject, RemoteObject
from databricks_sync.notebook.archive import packed
from databricks_sync.notebook.equality import digest
from databricks_sync.remote.archive import make_folder, notebooks
from databricks_sync.remote.folder import Workspace, keys_by_nfc
from databricks_sync.rules.archives import Archive, batches, member
from databricks_sync.rules.journal import Content
from databricks_sync.rules.outcome import Outcome, done, failed
from databricks_sync.rules.plan import Step
from databricks_sync.system import CONNECTIONS

from .load import Load
from .verify import STALE, agreed, next_look


class Sent(NamedTuple):
    """An archive that the workspace took, or may have taken (`answered` says which), with what was in it."""

    archive: Archive
    contents: Mapping[str, Content | None]
    answered: bool


class ArchivePush:
    """Writes archives into the workspace.

    `refused`: it takes none, or makes something else of them; `large_refused`: of large ones. `trouble`: it does not
    accept who we say we are. `standing`: the folders that were seen at last.
    """

    def __init__(self, workspace: Workspace, pool: Executor, load: Callable[[Step], Load | None]) -> None:
        """`load` gives what to send of a step, or None where the file is no longer what was planned with."""
        self.workspace = workspace
        self.pool = pool
        self.load = load
        self.refused = self.large_refused = False
        self.trouble: LoginError | None = None
        self.standing: frozenset[str] = frozenset()

    def is_large(self, archive: Archive) -> bool:
        """Whether it may be more than a workspace is known to take."""
        return archive.size > self.workspace.http.limits.in_json

    def write(self, archives: Sequence[Archive], due: Callable[[], object]) -> Iterator[list[Outcome]]:
        """What became of each object that was sent: done, or failed where it is not seen there as it was meant.

        What lies in folders that were refused has no outcome. `due` says whether to send no more.
        """
        sent: list[Sent] = []
        look_at = 0.0
        at_once = list(batches(archives, CONNECTIONS, 2 * self.workspace.http.limits.archive))
        for batch in at_once:
            sending = [self.pool.submit(self._send, archive, due) for archive in batch]
            sent += [archive for future in sending if (archive := future.result())]
            stopped = self.trouble or self.refused
            if stopped or time.monotonic() > look_at or batch is at_once[-1]:
                began = time.monotonic()
                yield self._seen(sent)
                sent, look_at = [], next_look(began)
            if stopped or self.refused:
                return

    def _seen(self, sent: Sequence[Sent]) -> list[Outcome]:
        """What became of what was in these archives, once it is seen, or was not for long enough."""
        outcomes: dict[str, Outcome] = {}
        lacking, looked = sent, False
        for pause in STALE:
            if not lacking:
                break
            self.workspace.clock.sleep(pause)
            try:
                outcomes |= {outcome.step.key: outcome for outcome in self._arrived(lacking)}
            except SyncError:
                continue
            looked = True
            lacking = [archive for archive in sent if not outcomes.keys() >= archive.contents.keys()]
        for archive in lacking:
            if looked and archive.answered:
                self._refuse(archive.archive)
        every = [step for archive in sent for step in archive.archive.steps if step.key in archive.contents]
        return [outcomes.get(step.key) or failed(step, "did not arrive in an archive", Again()) for step in every]

    def _send(self, archive: Archive, due: Callable[[], object]) -> Sent | None:
        """None where nothing was sent, or certainly nothing was made."""
        if due() or self.trouble or (self.large_refused and self.is_large(archive)):
            return None
        contents: dict[str, Content | None] = {}
        packed_members = packed(self._members(archive, contents))
        if not contents:
            return None
        try:
            make_folder(self.workspace, archive.folder, packed_members)
        except Unreachable:
            return Sent(archive, contents, answered=False)
        except WorkspaceError as error:
            about_size = self.is_large(archive) and type(error) in (WorkspaceError, TooLarge)
            # Older workspaces: no other error but this one is about archives as such.
            if about_size or (type(error) is WorkspaceError and error.status == 400):
                self._refuse(archive)
            return None
        except LoginError as error:
            self.trouble = error
            return None
        return Sent(archive, contents, answered=True)

    def _refuse(self, archive: Archive) -> None:
        if self.is_large(archive):
            self.large_refused = True
        else:
            self.refused = True

    def _members(self, archive: Archive, contents: dict[str, Content | None]) -> Iterator[tuple[str, bytes]]:
        """Those of the zip, one read after the other: only their `contents`, packed, are kept until they arrived."""
        for step in archive.steps:
            try:
                load = self.load(step)
            except (OSError, SyncError):
                continue  # the single write says why
            if load:
                contents[step.key] = load.content
                yield member(archive.folder, step), load.raw

    def _arrived(self, sent: Sequence[Sent]) -> Iterable[Outcome]:
        """The objects that stand there as they were meant. Raises SyncError."""
        listing = self.workspace.listing(self.pool)
        objects = keys_by_nfc(listing)
        self.standing = listing.folders | {""} if listing.exists else frozenset()
        if self.workspace.hashed:
            return [outcome for archive in sent for outcome in _arrivals(archive, objects, _has_hash)]
        comparing = [self.pool.submit(self._compared, archive, objects) for archive in sent]
        return [outcome for future in comparing for outcome in future.result()]

    def _compared(self, sent: Sent, objects: Mapping[str, RemoteObject]) -> list[Outcome]:
        """By what an export of the folder holds. It is newer than the listing, so its version is not younger."""
        folder = sent.archive.folder
        try:
            texts = notebooks(self.workspace, folder)
        except SyncError:
            return []
        return _arrivals(sent, objects, lambda step, _: _says(texts.get(member(folder, step), b""), step.local))


def _arrivals(
    sent: Sent, objects: Mapping[str, RemoteObject], is_equal: Callable[[Step, RemoteObject], bool]
) -> list[Outcome]:
    """What of an archive stands there as a notebook of its language, and holds what was sent."""
    outcomes = []
    for step in sent.archive.steps:
        item, now = step.local, objects.get(step.key)
        if step.key not in sent.contents or not (item and item.format and now and now.kind is Kind.NOTEBOOK):
            continue
        if is_equal(step, now) and now.language in (None, item.format.language):
            outcomes.append(done(step, agreed(item, now.version, sent.contents[step.key])))
    return outcomes


def _has_hash(step: Step, now: RemoteObject) -> bool:
    return step.local is not None and step.local.sha == now.version.sha


def _says(text: bytes, item: LocalObject | None) -> bool:
    try:
        return item is not None and item.format is not None and digest(text, item.format) == item.digest
    except BrokenNotebook:
        return False
