"""Reads back what was written to the workspace: only what it shows then counts as done.

Where there are hashes, one listing is enough for any number of objects; without them each object is looked at,
then read, so that the recorded version is never younger than the content it stands for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from os.path import splitext

from databricks_sync.errors import Again, SyncError, TypeMismatch
from databricks_sync.local.files import settled
from databricks_sync.model import BaseEntry, Kind, LocalObject, Problem, RemoteObject, RemoteVersion
from databricks_sync.remote.exports import read
from databricks_sync.remote.folder import Workspace, keys_by_nfc
from databricks_sync.rules.journal import Advance, Content
from databricks_sync.rules.outcome import Outcome, Result, done, failed
from databricks_sync.rules.plan import Action, Step, types_differ

_FEW = 8  # up to so many objects are looked at one by one, more by one listing
STALE = (0.0, 0.1, 0.4, 1.0)  # seconds to wait for a workspace that still shows an old state
_BETWEEN = 2.0  # seconds between two times that what was written is read back


def next_look(began: float) -> float:
    """When to read back again, after it was done from `began` until now: it is to take a tenth of the time at most.

    A large tree takes long to list. The times are those of `time.monotonic`.
    """
    now = time.monotonic()
    return now + max(_BETWEEN, 10 * (now - began))


def verify(workspace: Workspace, pool: Executor, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of steps of a push, each done one with what the workspace holds now; without that it has failed."""
    written = {o.step.key: o for o in outcomes if o.result is Result.DONE}
    listed: Mapping[str, RemoteObject] | None = None
    if len(written) > _FEW and workspace.hashed:
        try:
            listed = keys_by_nfc(workspace.listing(pool))
        except SyncError:
            pass  # each object is then looked at by itself, and says what went wrong
    confirmed: dict[str, Outcome] = {}
    pending: dict[str, Future[Outcome]] = {}
    for key, outcome in written.items():
        if listed is not None and _shows(listed.get(key), outcome.step):
            # Here and not in the pool, where it would wait for everything that is still to be written.
            confirmed[key] = _confirm(workspace, outcome, listed)
        else:
            pending[key] = pool.submit(_confirm, workspace, outcome, listed)
    confirmed |= {key: future.result() for key, future in pending.items()}
    return [confirmed.get(outcome.step.key, outcome) for outcome in outcomes]


def _confirm(workspace: Workspace, outcome: Outcome, listed: Mapping[str, RemoteObject] | None) -> Outcome:
    step = outcome.step
    try:
        for pause in STALE:
            if pause:
                workspace.clock.sleep(pause)
            now = look_back(workspace, step) if listed is None or pause else listed.get(step.key)
            if (confirmed := _compared(workspace, step, now, outcome.sent)) is not None:
                return confirmed
    except SyncError as error:
        return failed(step, f"was written, but could not be read back: {error.message}", Again())
    if problem := _of_another_type(workspace, step):
        return failed(step, f"was written, but {problem.what}", problem.hint)
    return failed(
        step,
        "was written, but the workspace does not show what was sent",
        "Compare both sides with the options --dry-run --diff.",
    )


def _of_another_type(workspace: Workspace, step: Step) -> Problem | None:
    """What to say where the workspace made a notebook of a file, or a file of a notebook."""
    key = key_there(step)
    for candidate in dict.fromkeys((key, splitext(key)[0])):  # a notebook may have lost its extension
        try:
            now = workspace.look(candidate)
        except SyncError:
            continue
        if step.local and now and now.kind is not step.local.kind:
            return types_differ(step.local, now)
    return None


def _compared(workspace: Workspace, step: Step, now: RemoteObject | None, sent: Content | None) -> Outcome | None:
    """Done, when the workspace shows what was meant; None when it does not (yet)."""
    if step.action is Action.DELETE:
        return done(step, Advance(step.key, None)) if now is None else None
    item = step.local
    if item is None or now is None or now.kind is not item.kind:
        return None
    content, version = sent, now.version
    if now.version.sha != item.sha:
        if step.remote and step.remote_digest == item.digest and now.version.sha == step.remote.version.sha != "":
            return None  # only extras were written, and it still shows the old ones
        export = read(workspace, now, item)
        if export.digest != item.digest:
            return None
        version = export.version
        content = Content.of(export.raw) if version.sha else sent
    return done(step, agreed(item, version, content))


def agreed(item: LocalObject, version: RemoteVersion, content: Content | None) -> Advance:
    """That the workspace holds what `item` is, at `version`; `content` is kept if it is what has the hash of it."""
    keep = content if content and content.sha == (version.sha or item.sha) else None
    entry = BaseEntry.of(item, version, settled(item.stat, time.time_ns()))
    return Advance(item.key, entry, keep if item.kind is Kind.NOTEBOOK else None)


def _shows(now: RemoteObject | None, step: Step) -> bool:
    """Whether a listing alone proves that the step was carried out: nothing more has to be asked."""
    if step.action is Action.DELETE or step.local is None:
        return now is None
    return now is not None and now.version.sha == step.local.sha


def look_back(workspace: Workspace, step: Step) -> RemoteObject | None:
    """What became of the object; where a folder took the place of a deleted one, the object is gone.

    Raises SyncError.
    """
    try:
        return workspace.look(key_there(step))
    except TypeMismatch:
        if step.action is Action.DELETE:
            return None
        raise


def key_there(step: Step) -> str:
    """The key as the workspace spells it, which need not be NFC."""
    return step.remote.key if step.remote else step.key
