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

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial

from .backups import Backups, Saved
from .base import Advance, Base, Intent
from .carry import Outcome, Result, done, failed, left
from .errors import (
    AlreadyExists,
    NotEmpty,
    NotFound,
    SyncError,
    Throttled,
    TypeMismatch,
    Unreachable,
    WorkspaceError,
)
from .local import LocalFolder, settled
from .model import BaseEntry, Direction, Kind, LocalObject, RemoteObject
from .notebook import sha256, wire
from .plan import Action, Step
from .survey import Export, Survey, read_as, weigh
from .workspace import Workspace, keys_by_nfc

_ATTEMPTS = 3
_THROTTLED = 300.0  # seconds
_FEW = 8  # up to so many objects are read back one by one, more by one listing
_STALE = (0.1, 0.4, 1.0)  # seconds to wait for a workspace that still shows an old state


class PushCarrier:
    def __init__(
        self,
        local: LocalFolder,
        workspace: Workspace,
        base: Base,
        backups: Backups,
        survey: Survey,
        pool: Executor,
        *,
        mirror: bool = False,
    ) -> None:
        self.local = local
        self.workspace = workspace
        self.base = base
        self.backups = backups
        self.survey = survey
        self.pool = pool
        self.mirror = mirror
        self._kept: dict[str, bytes] = {}

    def intent(self, step: Step) -> Intent:
        if step.action is Action.DELETE or step.local is None:
            assert step.remote
            return Intent(step.key, Direction.PUSH, step.path, step.remote.kind, None)
        item = step.local
        return Intent(
            *(step.key, Direction.PUSH, item.path, item.kind, item.digest, item.sha),
            form=item.form,
            language=item.language,
        )

    # --- folders ------------------------------------------------------------------------------------------

    def prepare(self, steps: Sequence[Step]) -> None:
        """Makes the missing folders, parents first, so that no two requests ever make the same one."""
        for step in steps:
            if step.base and step.remote and (kept := self.base.content(step.remote.token.sha)) is not None:
                self._kept[step.key] = kept
        wanted: set[str] = set()
        for step in steps:
            parent = step.key.rpartition("/")[0]
            while step.action is Action.CREATE and parent and parent not in wanted:
                wanted.add(parent)
                parent = parent.rpartition("/")[0]
        missing = wanted - self.survey.listing.folders
        if not self.survey.listing.exists and any(step.action is Action.CREATE for step in steps):
            self._make(self.workspace.root)
        for depth in sorted({path.count("/") for path in missing}):
            level = sorted(path for path in missing if path.count("/") == depth)
            for future in [self.pool.submit(self._make, f"{self.workspace.root}/{path}") for path in level]:
                _quietly(future.result)

    def _make(self, path: str) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._patiently(lambda: self.workspace.make_folder(path))
            except Unreachable:  # making a folder twice harms nobody
                if attempt == _ATTEMPTS:
                    raise

    # --- the three writes -----------------------------------------------------------------------------------

    def create(self, step: Step) -> Outcome:
        raw = self._local_bytes(step)
        if raw is None:
            return left(step, "was changed here while the run was under way", "Run the command again.")
        for attempt in range(_ATTEMPTS):
            try:
                self._patiently(lambda: self._put(step, raw, overwrite=False))
                return done(step)
            except AlreadyExists:
                return self._taken(step)
            except TypeMismatch as error:
                return Outcome(step, Result.POSTPONED, failed(step, error.message, error.hint).problem)
            except NotFound:
                self._make(f"{self.workspace.root}/{step.key}".rpartition("/")[0])
            except Unreachable:
                time.sleep(_STALE[attempt])
                if (verdict := self._after_doubt(step, None)) is not None:
                    return verdict
        return failed(step, "could not be created: the workspace gave no answer", "Run the command again.")

    def update(self, step: Step) -> Outcome:
        raw = self._local_bytes(step)
        if raw is None:
            return left(step, "was changed here while the run was under way", "Run the command again.")
        before = self._save(step, "replaced by a push")
        if before is None:
            return self._gone_or_changed(step)
        for attempt in range(_ATTEMPTS):
            try:
                if not self._as_planned(step, before):
                    return self._gone_or_changed(step)
                self._put(step, raw, overwrite=True)
                return done(step)
            except (Throttled, AlreadyExists):
                # Refused, so not applied. SERVER: "already exists" is answered now and then in spite of overwrite.
                time.sleep(_STALE[attempt])
            except Unreachable:
                time.sleep(_STALE[attempt])
                if (verdict := self._after_doubt(step, before)) is not None:
                    return verdict
        return failed(step, "could not be updated: the workspace refused or gave no answer", "Run the command again.")

    def delete(self, step: Step) -> Outcome:
        reason = "removed by a mirror" if step.base is None else "deleted by a push"
        before = self._save(step, reason)
        if before is None:
            return self._gone_or_changed(step)
        assert step.remote
        for attempt in range(_ATTEMPTS):
            try:
                if not self._as_planned(step, before):
                    return self._gone_or_changed(step)
                self.workspace.delete(step.remote.key)
                return done(step)
            except NotFound:
                return done(step)
            except NotEmpty:
                return left(step, "became a folder in the workspace", "Run the command again.")
            except Throttled:
                time.sleep(_STALE[attempt])
            except Unreachable:
                time.sleep(_STALE[attempt])
                if self.workspace.look(step.remote.key) is None:
                    return done(step)
        return failed(step, "could not be deleted: the workspace gave no answer", "Run the command again.")

    # --- before a write -------------------------------------------------------------------------------------

    def _local_bytes(self, step: Step) -> bytes | None:
        """The bytes to send; None when they are no longer those that were planned with."""
        assert step.local
        try:
            raw, _ = self.local.read(step.local.path)
        except FileNotFoundError:
            return None
        sent = wire(raw, step.local.kind)
        return sent if sha256(sent) == step.local.sha else None

    def _put(self, step: Step, data: bytes, *, overwrite: bool) -> None:
        assert step.local
        item = step.local
        self.workspace.put(_key(step), data, item.kind, item.form, item.language, overwrite=overwrite)

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
            *(
                step.key,
                step.path,
                Direction.PUSH,
                step.remote.kind,
                reason,
                sha256(before.raw),
                len(before.raw),
            ),
            *(before.form, before.language),
        )
        self.backups.save(saved, before.raw)
        return before

    def _preimage(self, step: Step, remote: RemoteObject) -> Export:
        if (known := self.survey.exports.get(step.key)) is not None:
            return known
        side = next((s for s in (step.base, step.local) if s and s.kind is remote.kind), None)
        kept = self._kept.get(step.key)
        if step.base and side is step.base and kept is not None:
            # The workspace says it holds the very bytes that were kept when both sides last agreed.
            return weigh(kept, remote.kind, step.base.form, step.base.language, remote.path)
        if side is None and remote.kind is Kind.NOTEBOOK:
            return read_as(self.workspace, remote, *self.workspace.chosen_form(remote.key))
        return read_as(self.workspace, remote, side.form if side else None, side.language if side else None)

    def _as_planned(self, step: Step, before: Export) -> bool:
        """The last look: whether the workspace still holds what was planned with and saved."""
        assert step.remote
        now = self.workspace.look(step.remote.key)
        if now is None or now.kind is not step.remote.kind:
            return False
        if now.token.proves(step.remote.token):
            return True
        return read_as(self.workspace, now, before.form, before.language).digest == before.digest

    # --- after a write --------------------------------------------------------------------------------------

    def _patiently(self, request: Callable[[], None]) -> None:
        """Repeats a request that was refused for coming too fast: refused is not applied."""
        deadline = time.monotonic() + _THROTTLED
        while True:
            try:
                return request()
            except Throttled:
                if time.monotonic() > deadline:
                    raise

    def _after_doubt(self, step: Step, before: Export | None) -> Outcome | None:
        """Reads what a write without an answer left behind; None when it was not applied."""
        assert step.local
        now = self.workspace.look(_key(step))
        if now is None:
            return None if before is None else self._gone_or_changed(step)
        held = self._held(now, step.local)
        if held is not None and held.digest == step.local.digest:
            return done(step)
        if before is not None and now.kind is step.local.kind:
            if read_as(self.workspace, now, before.form, before.language).digest == before.digest:
                return None
        return self._gone_or_changed(step)

    def _taken(self, step: Step) -> Outcome:
        """A create found the name taken: by our own lost answer, by an equal twin, or by something else."""
        assert step.local
        try:
            now = self.workspace.look(_key(step))
        except WorkspaceError as error:
            return left(step, error.message, "Rename it here or there.")
        if now is None:
            return failed(step, "could not be created: the workspace says it exists and shows nothing", "Run again.")
        held = self._held(now, step.local)
        if held is not None and held.digest == step.local.digest:
            return done(step)
        return self._gone_or_changed(step)

    def _held(self, now: RemoteObject, local: LocalObject) -> Export | None:
        """What the workspace holds, in the local form; None when it is of another kind."""
        if now.kind is not local.kind:
            return None
        return read_as(self.workspace, now, local.form, local.language)

    def _gone_or_changed(self, step: Step) -> Outcome:
        return left(step, "was changed in the workspace while the run was under way", "Run the command again.")

    # --- reading back ---------------------------------------------------------------------------------------

    def verify(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The same outcomes, each done one with what the workspace holds now; without that it is not done."""
        written = [o.step for o in outcomes if o.result is Result.DONE]
        seen: dict[str, RemoteObject | None] = {}
        if len(written) > _FEW and self.workspace.hashed:
            try:
                now = keys_by_nfc(self.workspace.listing(self.pool))
                seen = {step.key: now.get(step.key) for step in written}
            except SyncError:
                pass  # each object is then read back by itself, and says what went wrong
        futures = {
            step.key: self.pool.submit(self._confirm, step, seen.get(step.key), step.key in seen) for step in written
        }
        return [futures[o.step.key].result() if o.step.key in futures else o for o in outcomes]

    def _confirm(self, step: Step, seen: RemoteObject | None, looked: bool) -> Outcome:
        try:
            for pause in (0.0, *_STALE):
                time.sleep(pause)
                now = seen if looked else self.workspace.look(_key(step))
                looked = False
                outcome = self._weighed(step, now)
                if outcome is not None:
                    return outcome
        except SyncError as error:
            return failed(step, f"was written, but could not be read back: {error.message}", "Run the command again.")
        return failed(
            step,
            "was written, but the workspace does not show what was sent",
            "Compare with `from_databricks --dry-run --diff`; the base was left as it was.",
        )

    def _weighed(self, step: Step, now: RemoteObject | None) -> Outcome | None:
        """Done, when the workspace shows what was meant; None when it does not (yet)."""
        if step.action is Action.DELETE:
            return done(step, Advance(step.key, None)) if now is None else None
        assert step.local
        item = step.local
        if now is None or now.kind is not item.kind:
            return None
        if now.token.sha != item.sha or not item.sha:
            held = read_as(self.workspace, now, item.form, item.language)
            if held.digest != item.digest:
                return None
            content = held.raw
        else:
            raw = self._local_bytes(step)
            content = raw if raw is not None else b""
        keep = content if item.kind is Kind.NOTEBOOK and sha256(content) == now.token.sha else None
        entry = BaseEntry(
            *(
                step.key,
                item.path,
                item.kind,
                item.digest,
                now.token,
                item.sha,
                settled(item.stat, time.time_ns()),
            ),
            *(item.form, item.language),
        )
        return done(step, Advance(step.key, entry, keep))

    # --- afterwards -----------------------------------------------------------------------------------------

    def tidy(self, outcomes: Sequence[Outcome]) -> None:
        """Removes the folders that our deletes emptied, leaf first; one that is not empty stays."""
        emptied = set(self.survey.listing.folders) if self.mirror else set()
        for outcome in outcomes:
            if outcome.result is Result.DONE and outcome.step.action is Action.DELETE:
                parent = outcome.step.key.rpartition("/")[0]
                while parent:
                    emptied.add(parent)
                    parent = parent.rpartition("/")[0]
        in_use = {p for key in self.survey.sides.local for p in _parents(key)}
        for path in sorted(emptied - in_use, key=lambda p: -p.count("/")):
            _quietly(partial(self.workspace.delete, path))


def _key(step: Step) -> str:
    """The key as the workspace spells it, which need not be NFC."""
    return step.remote.key if step.remote else step.key


def _parents(key: str) -> list[str]:
    parts = key.split("/")[:-1]
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def _quietly(act: Callable[[], None]) -> None:
    try:
        act()
    except SyncError:
        pass  # whatever needs the folder will say so; one that is left behind is empty and harms nobody
