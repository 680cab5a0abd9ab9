"""Brings back what a backup holds of one side: a plan whose bytes come from the backup, carried out like any other.

A restore is an edit like a person's. What it replaces is itself backed up and looked at once more before it goes, and
an edit in between is left. The base does not move, so that the next push or pull sees what was restored and carries
it; for the same reason nothing is noted before a write: there would be nothing to recover.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from databricks_sync import shell
from databricks_sync.errors import SettingsError, SyncError, printable
from databricks_sync.local.folder import LocalFolder, Scan, check_project
from databricks_sync.model import JUPYTER, Direction, Kind, LocalObject, Problem, Severity, Stat
from databricks_sync.notebook.equality import same_outputs
from databricks_sync.notebook.format import sha256
from databricks_sync.remote.exports import parse_export, read
from databricks_sync.remote.folder import Listing, Workspace, asked_types, keys_by_nfc
from databricks_sync.remote.marker import Markers, unread
from databricks_sync.rules.journal import Saved
from databricks_sync.rules.names import flaw
from databricks_sync.rules.plan import Action, Sides, Step
from databricks_sync.rules.valves import owned, understood
from databricks_sync.state.backups import Backups, SavedRun

from .compare import Comparison
from .context import RunContext
from .pull import PullWriter
from .push import PushWriter
from .report import Report
from .request import Request
from .run import Sync
from .versions import Versions

_UNSEEN = Stat(0, 0, 0, 0)


def run(sync: Sync, request: Request) -> Report:
    """Brings back the backup that the request names, or the paths of it; of the side that its mode writes to.

    Raises SyncError when that cannot be done at all; then nothing was changed.
    """
    copies = _chosen(_backups(sync, request), request)
    if request.mode.direction is Direction.PULL:
        check_project(sync.local)
    return sync.under_lock(request, partial(_restored, sync, copies), keep=False)


def listed(sync: Sync, request: Request) -> tuple[list[SavedRun], Counter[str]]:
    """What can be restored to that side of this target, the latest first; and how many backups other targets have.

    Raises SyncError.
    """
    direction = request.mode.direction
    runs, elsewhere = [], Counter[str]()
    for saved_run in _backups(sync, request).runs():
        objects = sorted((saved for saved in saved_run.objects if saved.direction is direction), key=_by_path)
        if objects and direction is Direction.PUSH and saved_run.target != request.target:
            elsewhere[saved_run.target] += 1
        elif objects:
            runs.append(saved_run._replace(objects=tuple(objects)))
    return runs, elsewhere


def _backups(sync: Sync, request: Request) -> Backups:
    sync.permitted()
    return sync.backups(request.target)


def _by_path(saved: Saved) -> tuple[str, str]:
    return saved.path, saved.key


def _chosen(backups: Backups, request: Request) -> list[Saved]:
    """The copies that are to be brought back. Raises SettingsError where there are none."""
    direction, name = request.mode.direction, request.restore
    command = f"{direction.command}{request.again}"
    saved_run = next((candidate for candidate in backups.runs() if candidate.name == name), None)
    if saved_run is None:
        raise SettingsError(f"There is no backup {printable(name)}.", f"Type `{command} --restore` to list them.")
    scope = request.scope
    copies = {
        (saved.key, saved.path): saved
        for saved in saved_run.objects
        if saved.direction is direction and scope.holds(saved.path, saved.key)
    }
    if not copies:
        _check_side(saved_run, request)
        raise SettingsError(
            f"The backup {name} contains nothing from {direction.side} with that name.",
            f"Type `{command} --restore` to see what it contains.",
        )
    if direction is Direction.PUSH and saved_run.target != request.target:
        command = f"{direction.command}{request.login}{shell.option('target', saved_run.target)}"
        raise SettingsError(
            f"The backup {name} belongs to {printable(saved_run.target)}, not to {request.target}.",
            f"Type `{command} {_restoring(request)}`.",
        )
    return sorted(copies.values(), key=_by_path)


def _restoring(request: Request) -> str:
    """The option and the PATHS that ask for the same restore of another target, or of the other side."""
    return " ".join(
        ["--restore", shell.word(request.restore), *map(shell.path, map(request.typed, request.scope.paths))]
    )


def _check_side(saved_run: SavedRun, request: Request) -> None:
    """Raises SettingsError when the backup is all of the side that the other command restores."""
    direction = request.mode.direction
    if direction in (saved.direction for saved in saved_run.objects) or not saved_run.objects:
        return
    other = Direction.PULL if direction is Direction.PUSH else Direction.PUSH
    raise SettingsError(
        f"The backup {saved_run.name} is from {other.side}, not from {direction.side}.",
        f"Type `{other.command}{request.again} {_restoring(request)}` to restore it there.",
    )


def _restored(sync: Sync, copies: list[Saved], run: RunContext) -> Report:
    request, base, backups, pool = run.request, run.base, run.backups, run.pool
    push = request.mode.direction is Direction.PUSH
    workspace = Workspace(sync.http, request.target, whole_trees=base.whole_trees)
    if push:
        asked_types(workspace, pool)()
    markers = Markers(sync.http, request.target, whole_trees=base.whole_trees)
    viewing = pool.submit(markers.look, base, pool) if push else None
    listing = workspace.listing(pool) if push else Listing()
    sides = Sides({}, {}, keys_by_nfc(listing), {}, {}, frozenset())
    comparison = Comparison(sides, Scan(), listing, {})
    plan = partial(_there, sync.local, workspace, comparison, backups) if push else partial(_here, sync.local, backups)
    steps = list(pool.map(partial(_planned, plan, sync.local), copies))
    versions = Versions(run, sync.local, workspace, comparison)
    sync.listener.plan(request, steps, versions.differences(steps) if request.diff else {})
    writes = any(step.writes for step in steps)
    if viewing and writes:
        owned(sync.ownership.owner(request, viewing.result(), base), request.allowed)
        understood(viewing.result().strange, request.target, request.allowed)
        sync.tell(unread(viewing.result(), request.target))
    if request.dry_run or not writes:
        return Report(request, tuple(steps))
    sync.sweep(request.target)
    writer = (PushWriter if push else PullWriter)(run, sync.local, workspace, comparison)
    return sync.carry(run, steps, writer, recorded=False)


# --- the plan -------------------------------------------------------------------------------------------------


def _planned(plan: Callable[[Saved], Step], local: LocalFolder, saved: Saved) -> Step:
    """What there is to do for one object; why nothing can be, as a problem."""
    if reason := _flaw(saved, local):
        return _refused(saved, f"is not restored: {reason}")
    try:
        return plan(saved)
    except SyncError as error:
        return _refused(saved, error.message, error.hint, Severity.FAILED)
    except OSError as error:
        return _refused(saved, f"cannot be accessed ({error.strerror})", "", Severity.FAILED)


def _flaw(saved: Saved, local: LocalFolder) -> str:
    """A folder beside the project is only written to while it is one of those that are synced."""
    here = shell.ON_WINDOWS and saved.direction is Direction.PULL
    start, _ = local.outer(saved.path)
    return flaw(saved.key, windows=False) or flaw(saved.path[len(start) :], windows=here)


def _refused(saved: Saved, what: str, hint: str = "", severity: Severity = Severity.REFUSED) -> Step:
    return Step(saved.key, Action.NOTHING, "", problem=Problem(printable(saved.path), what, hint, severity))


def _there(local: LocalFolder, workspace: Workspace, comparison: Comparison, backups: Backups, saved: Saved) -> Step:
    """Where nothing has its key by now, it gets the key that its file has with the folders of today."""
    copy = parse_export(backups.read(saved), saved.kind, saved.format, saved.path)
    standing = comparison.sides.remote
    key = saved.key if saved.key in standing else local.layout.key(saved.path, saved.key) or saved.key
    item = LocalObject(
        key=key,
        path=saved.path,
        kind=saved.kind,
        digest=copy.digest,
        sha=saved.sha,
        stat=_UNSEEN,
        format=copy.format,
    )
    now = standing.get(key)
    if now is None:
        return Step(key, Action.CREATE, "", local=item, saved=saved)
    if now.kind is not saved.kind:
        return _refused(saved, f"is now a {now.kind.value} in the workspace", f"Rename {printable(now.path)}.")
    export = comparison.exports[key] = read(workspace, now, item)
    same = export.digest == copy.digest and (copy.format != JUPYTER or same_outputs(export.raw, copy.raw))
    action = Action.NOTHING if same else Action.UPDATE
    return Step(key, action, "", local=item, remote=now, remote_digest=export.digest, saved=saved)


def _here(local: LocalFolder, backups: Backups, saved: Saved) -> Step:
    raw = backups.read(saved)
    try:
        current, stat = local.read(saved.path)
    except FileNotFoundError:
        return Step(saved.key, Action.CREATE, "", place=saved.path, saved=saved)
    item = LocalObject(
        key=saved.key,
        path=saved.path,
        kind=Kind.FILE,  # whatever it holds: what stands in the way may be no notebook any more
        digest="",
        sha=sha256(current),
        stat=stat,
        format=saved.format,
    )
    return Step(saved.key, Action.NOTHING if current == raw else Action.UPDATE, "", local=item, saved=saved)
