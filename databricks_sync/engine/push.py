"""The guarded write into the workspace, one object at a time.

The workspace has no conditional write. So each write is the last of a sequence: read the local bytes, save
what is to be replaced, look once more, write, read back. A create needs no last look, because the workspace
itself refuses to create what exists.

RACE: between the answer to the last look and the write, one round trip, somebody may save in the browser;
that edit is replaced unseen. The backup then holds what stood there at the last look.

A write is never sent again blindly. When its outcome is unknown, the object is read: it holds what we sent
(done), what stood there before (try again from the last look), or something else (a conflict).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Literal

from databricks_sync.errors import (
    Again,
    AlreadyExists,
    NotEmpty,
    NotFound,
    SyncError,
    Throttled,
    TypeMismatch,
    Unreachable,
    enumerated,
)
from databricks_sync.local.files import Changing, as_scanned
from databricks_sync.local.folder import LocalFolder
from databricks_sync.model import JUPYTER, UNKNOWN, Direction, Kind, RemoteObject
from databricks_sync.notebook.equality import is_unkept
from databricks_sync.remote.exports import Export, parse_export, read, read_as
from databricks_sync.remote.folder import Workspace
from databricks_sync.remote.rate_limit import Permit
from databricks_sync.rules.archives import Archive, archives
from databricks_sync.rules.journal import Advance, Content, Intent, Saved
from databricks_sync.rules.names import above, lies_in, parents
from databricks_sync.rules.outcome import Outcome, Result, changed_locally, done, failed, left, postponed
from databricks_sync.rules.plan import Action, Step

from .archive_push import ArchivePush
from .compare import Comparison
from .content import content_by_version
from .context import RunContext
from .load import Load
from .new_folders import PAUSES, NewFolders
from .verify import key_there, look_back, verify


class PushWriter:
    """Writes the objects of one plan into the workspace; a `Writer` of engine/transfer.py."""

    def __init__(
        self,
        run: RunContext,
        local: LocalFolder,
        workspace: Workspace,
        comparison: Comparison,
        *,
        notice: Callable[[str], None] = lambda _: None,
        write_marker: Callable[[], None] = lambda: None,
        mirror: bool = False,
    ) -> None:
        """`notice` is called with what is worth knowing. `write_marker` notes whose the target is.

        `mirror`: whether folders go that are empty for any other reason than our deletes.
        """
        self.local = local
        self.workspace = workspace
        self.base = run.base
        self.backups = run.backups
        self.comparison = comparison
        self.pool = run.pool
        self.notice = notice
        self.write_marker = write_marker
        self.mirror = mirror
        self._marking: Future[None] = Future()
        self._folders = NewFolders(workspace, run.pool)
        self._archives: list[Archive] = []
        self._unkept: list[str] = []  # the paths of new notebooks with what the workspace may not keep

    def intent(self, step: Step) -> Intent:
        """What the workspace will hold."""
        if step.action is Action.DELETE or step.local is None:
            assert step.remote
            return Intent(step.key, Direction.PUSH, step.path, step.remote.kind, None)
        item = step.local
        return Intent(
            key=step.key,
            direction=Direction.PUSH,
            path=item.path,
            kind=item.kind,
            after=item.digest,
            sha=item.sha,
            format=item.format,
            extras=item.extras,
        )

    # --- before all writes ----------------------------------------------------------------------------------

    def prepare(self, steps: Sequence[Step]) -> None:
        """Begins to claim the target, and to make the missing folders."""
        self._marking = self.pool.submit(self.write_marker)
        creates = [step for step in steps if step.action is Action.CREATE]
        most = self.workspace.http.limits.archive if self.base.large_archives else 0
        self._begin_folders(creates, creates if self.base.archives else (), most)

    def _begin_folders(
        self, creates: Sequence[Step], archivable: Sequence[Step], most: int = 0, seen: frozenset[str] = frozenset()
    ) -> None:
        """Chooses archives, large ones of at most so many bytes, and begins to make the folders that none will make.

        `seen`: folders that were seen to stand since the listing.
        """
        listing = self.comparison.listing
        standing = seen | listing.folders | {""} if listing.exists else seen
        taken = {*standing, *listing.objects, *listing.others}
        limits = self.workspace.http.limits
        self._archives = archives(archivable, taken, limits.few, limits.in_json, most)
        new = {archive.folder for archive in self._archives}
        # What lies in a folder that an archive makes comes after it: made before, it would be in the way.
        early = {folder for step in creates if not lies_in(folder := above(step.key), new)}
        self._folders.begin(early | {above(folder) for folder in new if folder}, standing)

    def ready(self) -> None:
        """Waits until the target is claimed, and stands. Raises SyncError when nothing may be written."""
        try:
            self._marking.result()
            self._folders.ready()
        except SyncError:
            self._folders.undo()
            raise

    def write_folders(self, steps: Sequence[Step], due: Callable[[], object]) -> Iterator[list[Outcome]]:
        """Sends new folders as archives, so many at once as there are connections, and looks at what has arrived.

        What did not arrive of large ones is sent in smaller ones, as far as there are folders in it. Raises LoginError.
        """
        push = ArchivePush(self.workspace, self.pool, self._load)
        arrived: set[str] = set()
        while self._archives:
            for archive in self._archives:
                self._folders.wait_for(above(archive.folder))
            for outcomes in push.write(self._archives, due):
                arrived |= {outcome.step.key for outcome in outcomes if outcome.result is Result.DONE}
                yield outcomes
            if push.trouble:
                raise push.trouble
            if push.refused or push.large_refused:
                self.base.note(archives="no" if push.refused else "small")
            if due():
                return
            new = {archive.folder for archive in self._archives}
            missing = [step for step in steps if step.action is Action.CREATE and step.key not in arrived]
            large = () if push.refused else tuple(filter(push.is_large, self._archives))
            again = [step for archive in large for step in archive.steps if step.key not in arrived]
            inside = [step for step in missing if lies_in(above(step.key), new)]
            self._begin_folders(inside, again, seen=push.standing)

    # --- the three writes -----------------------------------------------------------------------------------

    def create(self, step: Step) -> Outcome:
        """Sends an object to where there is none. Raises SyncError."""
        # Folders were given to the pool before what goes into them, so none waits for us.
        self._folders.wait_for(above(step.key))
        load = self._load(step)
        if load is None:
            return changed_locally(step)
        if step.local and step.local.format == JUPYTER and not step.saved and is_unkept(load.raw):
            self._unkept.append(step.local.path)
        return load.on(self._create(step, load.raw))

    def _create(self, step: Step, raw: bytes) -> Outcome:
        for pause in PAUSES:
            try:
                self._put(step, raw, overwrite=False)
                return done(step)
            except AlreadyExists:
                return self._taken(step)
            except TypeMismatch as error:
                return postponed(step, error.message, error.hint)
            except NotFound:
                try:
                    self._folders.make(f"{self.workspace.root}/{step.key}".rpartition("/")[0])
                except (AlreadyExists, TypeMismatch) as error:
                    return postponed(step, error.message, "Rename it locally or in the workspace.")
            except Unreachable:
                if (verdict := self._after_doubt(step, None, pause)) is not None:
                    return verdict
        return failed(step, "could not be created: the workspace gave no answer", Again())

    def update(self, step: Step) -> Outcome:
        """Replaces an object by what is here, or in a backup, after the backup of what is there. Raises SyncError."""
        load = self._load(step)
        if load is None:
            return changed_locally(step)

        def write(permit: Permit) -> None:
            self._put(step, load.raw, overwrite=True, permit=permit)

        reason = f"replaced by a {'restore' if step.saved else 'push'}"
        return load.on(self._guarded(step, reason, "import", write))

    def delete(self, step: Step) -> Outcome:
        """Deletes an object after its backup. Raises SyncError."""
        try:
            return self._guarded(
                step, self.reason(step), "delete", lambda permit: self.workspace.delete(key_there(step), permit=permit)
            )
        except NotFound:
            return done(step)
        except NotEmpty:
            return left(step, "became a folder in the workspace", Again())

    def reason(self, step: Step) -> str:
        """Why an object is deleted, as the list of backups says it."""
        if step.moved:
            return f"moved to {step.moved} by a push"
        return "removed by a mirror" if step.base is None else "deleted by a push"

    def _guarded(
        self, step: Step, reason: str, call: Literal["import", "delete"], write: Callable[[Permit], None]
    ) -> Outcome:
        """Saves what stands there, looks once more, writes; after an unclear answer reads before trying again."""
        before = self._save(step, reason)
        if before is None:
            return _changed_there(step)
        pauses = list(PAUSES)
        while pauses:
            with self.workspace.permit(call) as permit:
                if not self._as_planned(step, before):
                    return _changed_there(step)
                try:
                    write(permit)
                    return done(step)
                except Throttled:
                    pass  # not applied; the next permit comes when the workspace takes more, after another look
                except AlreadyExists:
                    # SERVER: answered now and then in spite of overwrite=true (databricks/cli issue 3386); not applied.
                    self.workspace.clock.sleep(pauses.pop(0))
                except Unreachable:
                    if (verdict := self._after_doubt(step, before, pauses.pop(0))) is not None:
                        return verdict
        return failed(step, "could not be written: the workspace gave no clear answer", Again())

    # --- before a write -------------------------------------------------------------------------------------

    def _load(self, step: Step) -> Load | None:
        assert step.local
        raw = self.source(step)
        if raw is None:
            return None
        return Load(raw, Content.of(raw, step.local.sha) if step.local.kind is Kind.NOTEBOOK else None)

    def source(self, step: Step) -> bytes | None:
        """The bytes to send: of a backup, or of a file; None when that no longer has the sha256 it was planned with."""
        assert step.local
        if step.saved:
            return self.backups.read(step.saved)
        try:
            raw, _ = self.local.read(step.local.path)
        except (FileNotFoundError, NotADirectoryError, Changing):
            return None
        return as_scanned(raw, step.local)

    def _put(self, step: Step, data: bytes, *, overwrite: bool, permit: Permit | None = None) -> None:
        assert step.local
        self.workspace.put(key_there(step), data, step.local.format, overwrite=overwrite, permit=permit)

    def _save(self, step: Step, reason: str) -> Export | None:
        """Saves what is about to be replaced; None when it is not what was planned with."""
        assert step.remote
        try:
            before = self._preimage(step, step.remote)
        except NotFound:
            return None
        if step.remote_digest is not None and before.digest != step.remote_digest:
            return None
        saved = Saved(
            key=step.key,
            path=step.path,
            direction=Direction.PUSH,
            kind=step.remote.kind,
            reason=reason,
            format=before.format,
        )
        self.backups.save(saved, before.raw)
        return before

    def _preimage(self, step: Step, remote: RemoteObject) -> Export:
        if (export := self.comparison.exports.get(step.key)) is not None:
            return export
        base = step.base
        kept = self.base.content(remote.version.sha) if base and base.kind is remote.kind else None
        if base and kept is not None:
            # The workspace says it holds the very bytes that were kept when both sides last agreed.
            return parse_export(kept, remote.kind, base.format, remote.path)._replace(version=remote.version)
        return read(self.workspace, remote, base, step.local)

    def _as_planned(self, step: Step, before: Export) -> bool:
        """The last look: whether the workspace still holds what was planned with and saved."""
        assert step.remote
        now = self.workspace.look(step.remote.key)
        # The version of what was read, not of what was listed: it has the hash of the very bytes that were saved.
        return now is not None and (now.version.same_as(before.version) or self._holds(now, before, step))

    # --- after a write --------------------------------------------------------------------------------------

    def _after_doubt(self, step: Step, before: Export | None, pause: float) -> Outcome | None:
        """Reads what a write without an answer left behind; None when it was not applied.

        Twice, for a request that timed out may still be on its way.
        """
        for _ in range(2):
            self.workspace.clock.sleep(pause)
            now = look_back(self.workspace, step)
            if step.action is Action.DELETE and now is None:
                return done(step)
            if now is not None and self._holds_ours(now, step):
                return done(step)
            if not (now is None if before is None else now is not None and self._holds(now, before, step)):
                return _changed_there(step)
        return None

    def _taken(self, step: Step) -> Outcome:
        """A create found the name taken: by our own lost answer, by an equal twin, or by something else."""
        try:
            now = self.workspace.look(key_there(step))
        except TypeMismatch as error:  # perhaps a folder that this run is about to empty
            return postponed(step, error.message, "Rename it locally or in the workspace.")
        if now is None:
            # A notebook `a` answers to `a.py` too; perhaps this run is about to delete it.
            return postponed(step, "could not be created: an object of another type has its name", "Rename it.")
        return done(step) if self._holds_ours(now, step) else _changed_there(step)

    def _holds_ours(self, now: RemoteObject, step: Step) -> bool:
        item = step.local
        if step.action is Action.DELETE or item is None or now.kind is not item.kind:
            return False
        content = content_by_version(now, None, item)
        if content is None and step.remote_digest == item.digest:
            return False  # the content was so before, and only the hash could tell our bytes
        return (content or read(self.workspace, now, item)).digest == item.digest

    def _holds(self, now: RemoteObject, before: Export, step: Step) -> bool:
        if step.remote is None or now.kind is not step.remote.kind:
            return False
        return read_as(self.workspace, now, before.format).digest == before.digest

    def verify(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes, each that is done with what the workspace holds now; without that it has failed."""
        return verify(self.workspace, self.pool, outcomes)

    # --- afterwards -----------------------------------------------------------------------------------------

    def tidy(self, outcomes: Sequence[Outcome]) -> None:
        """Removes the folders that our deletes emptied; says what may have stayed here only."""
        if self._unkept:
            self.notice(
                "Raw cells and attachments stay in your files, but the workspace may not keep them: "
                f"{enumerated(sorted(self._unkept))}."
            )
        self._folders.finish()  # after an interruption nobody did, and the lock is about to be given back
        emptied = set(self.comparison.listing.folders) if self.mirror else set()
        for outcome in outcomes:
            if outcome.result is Result.DONE and outcome.step.action is Action.DELETE:
                emptied.update(parents(outcome.step.key))
        moves = self.comparison.sides.moves
        in_use = {p for key in self.comparison.sides.local for p in parents(moves.belongs(key))}
        self._folders.remove(emptied - in_use)


def _changed_there(step: Step) -> Outcome:
    """The next run reads the object anew, whatever its version: perhaps what was recorded of it is not true."""
    outcome = left(step, "was changed in the workspace during the run", Again())
    return outcome._replace(advance=Advance(step.key, step.base._replace(version=UNKNOWN))) if step.base else outcome
