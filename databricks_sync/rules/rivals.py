"""A notebook and a workspace file that both want one local file: the notebook `a` and the file `a.py`. Pure.

Somebody turned the one into the other, on one side, or another tool judged it differently. The workspace refuses to
make the one beside the other, or has both of them and the disk has not. Where a run deletes what is in the way, it is
a change of type like any other change. Where it does not, neither side is written, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os.path import splitext

from databricks_sync.errors import printable
from databricks_sync.model import Direction, Kind, LocalObject, RemoteObject
from databricks_sync.notebook.format import SUFFIXES

from .plan import Action, Step, types_differ

_EVERY_SUFFIX = (*SUFFIXES.values(), ".R")


def rivals(local: Mapping[str, LocalObject], remote: Mapping[str, RemoteObject]) -> dict[str, str]:
    """Keys of workspace files -> those of their notebooks, where the one is here and the other in the workspace alone.

    A notebook there counts as one of source, which only its status tells.
    """
    pairs: dict[str, str] = {}
    for key in remote.keys() - local.keys():
        if remote[key].kind is Kind.FILE:
            stem, suffix = splitext(key)
            mine = local.get(stem)
            if mine and mine.kind is Kind.NOTEBOOK and suffix and mine.path.endswith(suffix):
                pairs[key] = stem
            continue
        language = remote[key].language
        for suffix in _EVERY_SUFFIX:
            mine = local.get(key + suffix)
            if mine and mine.kind is Kind.FILE and (language is None or suffix.lower() == SUFFIXES[language]):
                pairs[key + suffix] = key
    return pairs


def apart(steps: Iterable[Step], pairs: Mapping[str, str], direction: Direction) -> list[Step]:
    """The steps, less those that would make one of a pair while the other one stays."""
    by_key = {step.key: step for step in steps}
    for local_side, remote_side in _facing(by_key, pairs):
        making, staying = (local_side, remote_side) if direction is Direction.PUSH else (remote_side, local_side)
        if (
            making.action is Action.CREATE
            and staying.action is not Action.DELETE
            and local_side.local
            and remote_side.remote
        ):
            problem = types_differ(local_side.local, remote_side.remote)
            by_key[making.key] = making._replace(action=Action.CONFLICT, problem=problem)
    return list(by_key.values())


def replacements(steps: Sequence[Step], pairs: Mapping[str, str]) -> list[str]:
    """What to tell of objects that a mirror deletes to make one of the other type, and that this clone never pushed."""
    by_key = {step.key: step for step in steps}
    return [
        f"{printable(local_side.path)} {types_differ(local_side.local, remote_side.remote).what}: this mirror deletes "
        f"{printable(remote_side.remote.path)}, with a backup, and creates what is local."
        for local_side, remote_side in _facing(by_key, pairs)
        if local_side.local and remote_side.remote and not remote_side.base
        if local_side.action is Action.CREATE and remote_side.action is Action.DELETE
    ]


def _facing(by_key: Mapping[str, Step], pairs: Mapping[str, str]) -> Iterator[tuple[Step, Step]]:
    """The two steps of each pair, first that of the object which is here; none where one of them is left alone."""
    for keys in pairs.items():
        both = [by_key[key] for key in keys if key in by_key and not by_key[key].problem]
        if len(both) == len(keys):
            local_side, remote_side = both if both[0].local else reversed(both)
            yield local_side, remote_side
