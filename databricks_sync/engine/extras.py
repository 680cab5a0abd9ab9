"""Which Jupyter notebooks have other extras in the workspace than here: outputs, metadata, attachments.

They are asked for only where the content is equal. A push wants to know what it would put in place of what; the
workspace's own rewriting of metadata must not count, so it goes by what was uploaded: by the hash of the object, or,
where there is none, by the one thing that shows in any export: outputs there, and none here. What this clone has synced
itself needs neither, as the base knows it. A pull wants to know which outputs it would bring, where it was asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from databricks_sync import shell
from databricks_sync.errors import BrokenNotebook, SyncError, enumerated, quantity
from databricks_sync.local.folder import LocalFolder
from databricks_sync.model import JUPYTER, Direction, LocalObject, RemoteObject, Scope
from databricks_sync.notebook.equality import cleared
from databricks_sync.notebook.rewrite import materialise
from databricks_sync.remote.exports import Export
from databricks_sync.rules.plan import Sides, Step

from .request import Request

Objects = Mapping[str, RemoteObject]  # by key
Exports = Mapping[str, Export]


def others(sides: Sides, listed: Objects, exports: Exports, local: LocalFolder, direction: Direction) -> frozenset[str]:
    """The keys of what has the same content on both sides, but other extras in the workspace, as far as is known.

    `listed`: all objects as a listing showed them; `exports`: the content of those that were read.
    """
    push = direction is Direction.PUSH

    def differ(key: str, item: LocalObject) -> bool:
        if push and (sha := listed[key].version.sha):
            return sha != item.sha
        return _compared(exports.get(key), item, local, cleared if push else _brings)

    return frozenset(key for key, item in _equal(sides, direction) if differ(key, item))


def unread_extras(sides: Sides, listed: Objects, exports: Exports, direction: Direction, scope: Scope) -> list[str]:
    """The keys within `scope` of what has to be read for `others` to know."""
    push = direction is Direction.PUSH
    return [
        key
        for key, item in _equal(sides, direction)
        if key not in exports and scope.holds(item.path, key) and not (push and listed[key].version.sha)
    ]


def _equal(sides: Sides, direction: Direction) -> Iterator[tuple[str, LocalObject]]:
    """The Jupyter notebooks of equal content, for a push those of which the base does not know the extras."""
    for key, item in sides.local.items():
        if item.format != JUPYTER or sides.digests.get(key) != item.digest or key in sides.problems:
            continue
        base = sides.base.get(key)
        if direction is Direction.PULL or not (base and base.extras and base.digest == item.digest):
            yield key, item


def _brings(raw: bytes, exported: bytes) -> bool:
    return materialise(exported, JUPYTER, raw, outputs=True) != raw


def _compared(
    export: Export | None, item: LocalObject, local: LocalFolder, differ: Callable[[bytes, bytes], bool]
) -> bool:
    if export is None:
        return False
    try:
        return differ(local.read(item.path)[0], export.raw)
    except (BrokenNotebook, OSError, SyncError):
        return False  # it has changed since: the next run will see


def differing(steps: Iterable[Step], request: Request) -> str:
    """What to tell of notebooks that a push takes for equal though their extras differ; "" where there are none."""
    paths = [step.path for step in steps if step.shape in ("-xo", "bxo") and not step.problem and not step.writes]
    if not paths:
        return ""
    have = "has" if len(paths) == 1 else "have"
    named = shell.path(request.typed(paths[0])) if len(paths) == 1 else "PATHS"
    return (
        f"{quantity(len(paths), 'notebook')} {have} other outputs or metadata in the workspace: {enumerated(paths)}. "
        f"To replace them by yours, type `to_databricks{request.again} --overwrite {named}`."
    )
