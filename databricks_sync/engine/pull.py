"""The guarded write into the local folder, one object at a time.

The mirror image of a push: read what the workspace holds, save what stands here, make sure that nobody wrote
to it meanwhile, then put a finished file in its place in one step. A new file never replaces an old one. The
version that goes into the base is the one seen before the content was read, so that an edit in between shows
in the next run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from databricks_sync.errors import Again, BrokenNotebook, NotFound, SyncError, printable
from databricks_sync.local.files import Changing, as_scanned, settled
from databricks_sync.local.folder import LocalFolder, describe
from databricks_sync.model import BaseEntry, Direction, Kind, LocalObject, RemoteObject, Stat, same_form
from databricks_sync.notebook.format import BOM, sha256, wire
from databricks_sync.notebook.merge import Merge
from databricks_sync.notebook.rewrite import materialise
from databricks_sync.remote.exports import Export, read
from databricks_sync.remote.folder import Workspace
from databricks_sync.rules.journal import Advance, Content, Intent, Saved
from databricks_sync.rules.never_synced import asset
from databricks_sync.rules.outcome import Outcome, Result, changed_locally, done, failed, left, postponed
from databricks_sync.rules.plan import Action, Step, extras_edited

from .archive_reads import ArchiveReads, Read
from .compare import Comparison, ignored, pointer_there
from .context import RunContext

_UNNOTED = "unnoted"  # no file's extras: what the workspace has is not known, but that it is not what is here


class PullWriter:
    """Writes the objects of one plan into the local folder; a `Writer` of engine/transfer.py."""

    def __init__(
        self,
        run: RunContext,
        local: LocalFolder,
        workspace: Workspace,
        comparison: Comparison,
        *,
        notice: Callable[[str], None] = lambda _: None,
        outputs: bool = False,
    ) -> None:
        """`notice` is called with what is worth knowing. `outputs`: whether those of cells nobody edited come, too."""
        self.local = local
        self.workspace = workspace
        self.backups = run.backups
        self.comparison = comparison
        self.notice = notice
        self.outputs = outputs
        self._archives = ArchiveReads(workspace, run.pool)
        self._converted: list[str] = []  # the paths of notebooks that were of a format before 4
        self._paths = {item.path: item.key for item in comparison.scan.claims}

    def intent(self, step: Step) -> Intent:
        """What the local side will hold; only for what is known before the workspace is read again."""
        if step.action is Action.DELETE or step.remote is None:
            assert step.local
            return Intent(step.key, Direction.PULL, step.path, step.local.kind, None)
        if step.merge is not None:
            return self._merge_intent(step, step.remote, step.merge)
        side = step.local or step.base
        return Intent(
            key=step.key,
            direction=Direction.PULL,
            path=step.path,
            kind=step.remote.kind,
            after=step.remote_digest or "unread",
            version=step.remote.version,
            format=side.format if side else None,
            extras=_unpushed(step),
        )

    def _merge_intent(self, step: Step, remote: RemoteObject, merge: Merge) -> Intent:
        export = self.comparison.exports[step.key]
        return Intent(
            key=step.key,
            direction=Direction.PULL,
            path=step.path,
            kind=remote.kind,
            after=merge.digest,
            version=export.version,
            format=export.format,
            extras=step.base.extras if step.base else "",
            agreed=export.digest,
            content=_kept(remote, export, export.raw),
        )

    def prepare(self, steps: Sequence[Step]) -> None:
        """Makes the folders to carry, where they are missing; begins to read what comes at once. Raises OSError."""
        for folder in self.local.folders:
            folder.path.mkdir(parents=True, exist_ok=True)
        unread = [
            Read.of(step.remote, step.local, step.base)
            for step in steps
            if step.remote and step.action is not Action.DELETE and step.key not in self.comparison.exports
        ]
        self._archives.begin(unread, self.comparison.listing.objects.values())

    def ready(self) -> None:
        """There is nothing to wait for."""

    def write_folders(self, steps: Sequence[Step], due: Callable[[], object]) -> Iterator[list[Outcome]]:
        """A pull writes file by file."""
        return iter(())

    # --- the three writes -----------------------------------------------------------------------------------

    def create(self, step: Step) -> Outcome:
        """Makes a new file. Raises SyncError, OSError."""
        try:
            export = self.source(step)
        except NotFound:
            return left(step, "was deleted in the workspace during the run", Again())
        path = step.base.path if step.base and same_form(step.base.format, export.format) else self._place(step, export)
        if (holder := self._paths.get(path)) and holder != step.key:
            # The file of another key, which this same run may be about to delete: a script that became a notebook.
            return postponed(step, f"cannot be stored: {path} is in the way", "Rename it locally or in the workspace.")
        if path in self.comparison.ignored:
            return Outcome(step, Result.LEFT, ignored(path, self.local))
        data = materialise(export.raw, export.format, None)
        return self._write(step, export, path, data, None)

    def update(self, step: Step) -> Outcome:
        """Replaces a file, or merges into it, after its backup. Raises SyncError, OSError."""
        assert step.local
        try:
            export = self.source(step)
            raw, _ = self.local.read(step.local.path)
        except NotFound:
            return left(step, "was deleted in the workspace during the run", Again())
        except FileNotFoundError:
            return changed_locally(step)
        sent = as_scanned(raw, step.local)
        if sent is None:
            return changed_locally(step)
        outcome = self._update(step, step.local, export, raw)
        if outcome.result is Result.DONE and _is_converted(step, raw, sent):
            self._converted.append(step.local.path)
        return outcome

    def _update(self, step: Step, item: LocalObject, export: Export, raw: bytes) -> Outcome:
        """Raises SyncError, OSError."""
        if step.remote and step.merge is not None:
            return self._merge(step, item, step.remote, raw, step.merge)
        self._save(step, item, raw, f"replaced by a {'restore' if step.saved else 'pull'}")
        data = materialise(export.raw, export.format, raw, outputs=self.outputs)
        if len({format.language for format in (item.format, export.format) if format} - {None}) > 1:
            return self._move(step, export, data)
        return self._write(step, export, item.path, data, item)

    def delete(self, step: Step) -> Outcome:
        """Deletes a file after its backup, if its object is still gone. Raises SyncError, OSError."""
        assert step.local
        if self.workspace.look(step.key) is not None:
            return left(step, "exists in the workspace again", Again())
        try:
            raw, _ = self.local.read(step.local.path)
            if as_scanned(raw, step.local) is None:
                return changed_locally(step)
            self._save(step, step.local, raw, "deleted by a pull")
            self.local.remove(step.local)
        except FileNotFoundError:
            pass  # somebody was quicker
        except Changing:
            return changed_locally(step)
        self._paths.pop(step.local.path, None)
        return done(step, Advance(step.key, None))

    # --- before a write -------------------------------------------------------------------------------------

    def source(self, step: Step) -> Export:
        """What to write: what the workspace holds, or a copy from a backup, byte for byte. Raises SyncError."""
        if step.saved:
            return Export(self.backups.read(step.saved), "")
        assert step.remote
        if export := self.comparison.exports.get(step.key) or self._archives.export(step.remote):
            return export
        return read(self.workspace, step.remote, step.local, step.base)

    def _place(self, step: Step, export: Export) -> str:
        if step.remote is None:
            return step.place
        key = self.comparison.sides.moves.belongs(step.remote.key)
        return self.local.place(key, export.format)

    def _save(self, step: Step, item: LocalObject, raw: bytes, reason: str) -> None:
        saved = Saved(
            key=step.key,
            path=item.path,
            direction=Direction.PULL,
            kind=item.kind,
            reason=reason,
            format=item.format,
        )
        self.backups.save(saved, raw)

    # --- the write ------------------------------------------------------------------------------------------

    def _write(
        self,
        step: Step,
        export: Export,
        path: str,
        data: bytes,
        replaces: LocalObject | None,
    ) -> Outcome:
        """Puts `data` at `path`, if a scan would take it there for exactly what the workspace holds.

        What comes from a backup is written as it is, and agreed on with nobody.
        """
        remote = step.remote
        item = self._fitting(step, remote, export, path, data) if remote else None
        if isinstance(item, Outcome):
            return item
        try:
            stamp = self.local.replace(replaces, data) if replaces else self.local.create(path, data)
        except FileExistsError:
            # It may be a folder that this run is about to empty.
            return postponed(
                step,
                f"is not stored: another {printable(path)} is in the way",
                f"Rename or remove {path}.",
            )
        except (Changing, FileNotFoundError):
            return changed_locally(step)
        if remote is None or item is None:
            return done(step)
        entry = BaseEntry.of(item, export.version, settled(stamp, time.time_ns()))
        if extras := _unpushed(step):  # the file is read again, without its stat, until they are pushed
            entry = entry._replace(extras=extras, stat=None)
        elif step.local and not (step.base and step.base.extras):
            entry = entry._replace(extras="")  # nobody noted those of before, and the file keeps them
        return done(step, Advance(step.key, entry, _kept(remote, export, data)))

    def _fitting(
        self, step: Step, remote: RemoteObject, export: Export, path: str, data: bytes
    ) -> LocalObject | Outcome:
        """What a scan would take `data` at `path` for; where that is not what was found, why it is not stored."""
        if problem := pointer_there(path, data, self.workspace.root):
            return Outcome(step, Result.LEFT, problem)
        try:
            item = describe(step.key, path, data, Stat(0, 0, 0, 0))
        except BrokenNotebook as error:
            return failed(step, f"cannot be stored as {path}: {error}")
        if mistaken := asset(path) or ("" if item.kind is remote.kind else f"a {item.kind.value}"):
            kind = "workspace file" if remote.kind is Kind.FILE else "notebook"
            return left(
                step,
                f"is a {kind} in the workspace, but a local file {path} with that content would be {mistaken}",
                "Rename it in the workspace.",
            )
        if item.digest != export.digest:
            return failed(step, f"cannot be stored as {path} without changing it", "Please report this notebook.")
        return item

    def _move(self, step: Step, export: Export, data: bytes) -> Outcome:
        """The notebook speaks another language now, so that its file gets another extension."""
        assert step.local
        path = self._place(step, export)
        if self.local.ignored([path]):
            return Outcome(step, Result.LEFT, ignored(path, self.local))
        written = self._write(step, export, path, data, None)
        if written.result is Result.DONE:
            try:
                self.local.remove(step.local)
            except (Changing, FileNotFoundError) as error:
                hint = f"Remove {step.local.path} or the new file; both have the same name in the workspace."
                return failed(step, str(error) or "could not be renamed", hint)
        return written

    def _merge(self, step: Step, item: LocalObject, remote: RemoteObject, raw: bytes, merge: Merge) -> Outcome:
        """Writes what was merged. The base becomes what is in the workspace, so that the rest is an edit made here."""
        assert merge.raw is not None
        export = self.comparison.exports[step.key]
        if merge.raw != raw:
            fitting = self._fitting(step, remote, export._replace(digest=merge.digest), item.path, merge.raw)
            if isinstance(fitting, Outcome):
                return fitting
            self._save(step, item, raw, "merged by a pull")
            try:
                self.local.replace(item, merge.raw)
            except (Changing, FileNotFoundError):
                return changed_locally(step)
        extras = step.base.extras if step.base else ""
        there = item._replace(digest=export.digest, sha=sha256(export.raw), format=export.format, extras=extras)
        entry = BaseEntry.of(there, export.version, None)
        return done(step, Advance(step.key, entry, _kept(remote, export, export.raw)))

    # --- afterwards -----------------------------------------------------------------------------------------

    def verify(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """A local file is read back by writing it whole; here its name is made durable."""
        paths = [o.advance.entry.path if o.advance and o.advance.entry else o.step.path for o in outcomes]
        try:
            self.local.settle(paths)
        except (OSError, SyncError):
            pass
        return list(outcomes)

    def tidy(self, outcomes: Sequence[Outcome]) -> None:
        """Says which notebooks were converted; a folder that becomes empty goes with its last file."""
        for path in sorted(self._converted):
            self.notice(
                f"{printable(path)} had an old notebook format, and now has format 4; the backup has the old file."
            )


def _kept(remote: RemoteObject, export: Export, held: bytes) -> Content | None:
    """The text to merge from one day: what the workspace holds or, where it has no hash of it, what is `held` here."""
    if remote.kind is not Kind.NOTEBOOK:
        return None
    return Content.named(export.raw, export.version.sha) or Content.of(wire(held, export.format))


def _is_converted(step: Step, raw: bytes, sent: bytes) -> bool:
    """Whether a pull wrote in format 4 what was `raw` before: not what is `sent` for it, if of an older format."""
    return sent != raw.removeprefix(BOM) and not step.saved and (step.merge is None or step.merge.raw != raw)


def _unpushed(step: Step) -> str:
    """The extras that the workspace has, where those of the file were edited since, and it keeps them; else "".

    So they are still an edit that a push carries, after the content of the workspace has been pulled.
    """
    base, local = step.base, step.local
    if base is None or local is None:
        return ""
    if base.extras:
        return base.extras if local.extras != base.extras else ""
    return _UNNOTED if local.digest == base.digest and extras_edited(base, local) else ""
