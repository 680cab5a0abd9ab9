"""Lists the backups, and brings one back to the side it was taken from.

A restore is an edit like a person's: what it replaces is itself backed up, and the base does not move, so that
the next push or pull sees it and carries it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .backups import Backups, Saved, SavedRun
from .errors import AlreadyExists, NotFound, SettingsError, SyncError
from .local import LocalFolder
from .model import Direction
from .names import printable
from .notebook import sha256
from .survey import Scope, read_as
from .workspace import Workspace

if TYPE_CHECKING:
    from .report import JsonReport, TextReport
    from .sync import Sync

_SIDES = {Direction.PUSH: "the workspace", Direction.PULL: "the folder"}


def run(
    sync: Sync,
    direction: Direction,
    target: str,
    name: str,
    paths: tuple[str, ...],
    report: TextReport | JsonReport,
) -> int:
    """Lists the backups (empty `name`) or restores those of one run; returns the exit code. Raises SyncError."""
    backups = sync.backups(target)
    command = "to_databricks" if direction is Direction.PUSH else "from_databricks"
    if not name:
        report.lines(_listed(backups.runs(), direction, command))
        return 0
    found = next((one for one in backups.runs() if one.name == name), None)
    if found is None:
        raise SettingsError(f"There is no backup {printable(name)}.", f"Type `{command} --restore` to list them.")
    scope = Scope(paths)
    chosen = [
        saved
        for saved in found.objects
        if saved.direction is direction and (scope.holds(saved.path) or scope.holds(saved.key))
    ]
    if not chosen:
        raise SettingsError(
            f"The backup {name} holds nothing of {_SIDES[direction]} with that name.",
            f"Type `{command} --restore` to see what it holds.",
        )
    if direction is Direction.PUSH and found.target != target:
        raise SettingsError(
            f"The backup {name} is of {printable(found.target)}, not of {target}.",
            f"Add --target {printable(found.target)}.",
        )
    trouble = list(_restore(sync, backups, found, chosen, target))
    report.lines([f"{len(chosen) - len(trouble):,} restored in {_SIDES[direction]} from {name}", *trouble])
    if backups.run:
        report.lines([f"What was replaced is kept: {command} --restore {backups.run}"])
    return 4 if trouble else 0


def _listed(runs: list[SavedRun], direction: Direction, command: str) -> Iterator[str]:
    some = False
    for run in runs:
        here = [saved for saved in run.objects if saved.direction is direction]
        if not here:
            continue
        some = True
        yield f"{run.name}  {_when(run.name)}, {len(here):,} from {_SIDES[direction]}  ({printable(run.target)})"
        for saved in sorted(here, key=lambda saved: saved.path)[:10]:
            yield f"    {printable(saved.path)}  {saved.reason}, {saved.size:,} bytes"
        if len(here) > 10:
            yield f"    … and {len(here) - 10:,} more"
    yield f"Bring one back with: {command} --restore RUN [PATHS]" if some else "There are no backups."


def _when(name: str) -> str:
    return f"{name[:4]}-{name[4:6]}-{name[6:8]} {name[9:11]}:{name[11:13]} UTC"


def _restore(sync: Sync, backups: Backups, run: SavedRun, chosen: list[Saved], target: str) -> Iterator[str]:
    """Restores each object; yields a sentence for each that could not be."""
    workspace = Workspace(sync.http, target)
    for saved in chosen:
        try:
            raw = backups.read(run, saved)
            if saved.direction is Direction.PUSH:
                _into_workspace(workspace, backups, saved, raw)
            else:
                _into_folder(sync.local, backups, saved, raw)
        except SyncError as error:
            yield f"{printable(saved.path)}: {error.message} {error.hint}".rstrip()
        except (OSError, ValueError) as error:
            yield f"{printable(saved.path)}: {error}"


def _into_workspace(workspace: Workspace, backups: Backups, saved: Saved, raw: bytes) -> None:
    now = workspace.look(saved.key)
    if now is None:
        parent = f"{workspace.root}/{saved.key}".rpartition("/")[0]
        workspace.make_folder(parent)
    elif now.kind is not saved.kind:
        raise SyncError("something of another type stands there now.", "Rename it in the workspace.")
    else:
        held = read_as(workspace, now, saved.form, saved.language)
        backups.save(_as(saved, held.raw), held.raw)
    try:
        workspace.put(saved.key, raw, saved.kind, saved.form, saved.language, overwrite=now is not None)
    except (AlreadyExists, NotFound):
        raise SyncError("it was changed in the workspace meanwhile.", "Run the command again.") from None


def _into_folder(local: LocalFolder, backups: Backups, saved: Saved, raw: bytes) -> None:
    from .local import describe

    try:
        current, stamp = local.read(saved.path)
    except FileNotFoundError:
        local.create(saved.path, raw)
        return
    backups.save(_as(saved, current), current)
    local.replace(describe(saved.key, saved.path, current, stamp), raw)


def _as(saved: Saved, raw: bytes) -> Saved:
    return Saved(
        *(saved.key, saved.path, saved.direction, saved.kind, "replaced by a restore", sha256(raw), len(raw)),
        *(saved.form, saved.language),
    )
