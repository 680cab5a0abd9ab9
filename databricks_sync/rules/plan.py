"""The action table: what a run does with one object, given base, local and remote. Pure.

Theory of operation. For each key there are three values: `base`, what both sides held when they last agreed,
`local` and `remote`. Each is a digest or absent. What matters is only which of them are equal, so the three
collapse into a *shape* of three letters, one each for base, local and remote:

    -  absent            b  equal to base
    x  another value     y  yet another value

A Jupyter notebook has *extras* beside its content: outputs, metadata, attachments. They are compared only where the
content is equal, and then there is a fourth letter:

    o  the content is that of the base (locally) or of the file (in the workspace), but the extras are others

Twenty-one shapes are possible; the table below has one row for each, and one column for each way to run. The
destination is the workspace for a push and the local folder for a pull. A run never touches its source. A pull only
looks at the extras of the workspace when it was asked to bring outputs, so in its columns a last `o` means that.

What the table calls a merge is only tried: it takes the three texts to see whether the edits are of different
cells. Where they are not, the step is a conflict again, or is written with markers where that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from sys import intern
from types import MappingProxyType
from typing import NamedTuple

from databricks_sync.errors import Again, printable
from databricks_sync.model import JUPYTER, BaseEntry, Direction, Kind, LocalObject, Mode, Problem, RemoteObject
from databricks_sync.notebook.merge import Merge

from .journal import Saved
from .layout import Moves


class Action(str, Enum):
    """What a run does with one key. The values are those of the JSON output."""

    NOTHING = "nothing"  # both sides agree, and the base knows it
    ADOPT = "adopt"  # both sides agree: write it into the base
    FORGET = "forget"  # both sides lack it: take it out of the base
    AHEAD = "ahead"  # only the destination has changed: leave it
    CONFLICT = "conflict"  # both have changed: leave it, and say so
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"  # both have changed different cells of a notebook: write it with both
    MARK = "mark"  # both have changed the same cells: write it with both versions, between markers


NOTHING, ADOPT, FORGET, AHEAD = Action.NOTHING, Action.ADOPT, Action.FORGET, Action.AHEAD
CONFLICT, CREATE, UPDATE, DELETE = Action.CONFLICT, Action.CREATE, Action.UPDATE, Action.DELETE
MERGE, MARK = Action.MERGE, Action.MARK

REPLACES = frozenset({UPDATE, MERGE, MARK})
WRITES = REPLACES | {CREATE, DELETE}


# fmt: off
TABLE: dict[str, tuple[Action, Action, Action, Action, Action, Action]] = {
    # shape   push      pull      push -o   pull -o   mirror    pull -m
    "--x": (  AHEAD,    CREATE,   AHEAD,    CREATE,   DELETE,   CREATE   ),  # only the workspace has it
    "-x-": (  CREATE,   AHEAD,    CREATE,   AHEAD,    CREATE,   AHEAD    ),  # only the folder has it
    "-xx": (  ADOPT,    ADOPT,    ADOPT,    ADOPT,    ADOPT,    ADOPT    ),  # the same, made on both sides
    "-xo": (  ADOPT,    UPDATE,   UPDATE,   UPDATE,   UPDATE,   UPDATE   ),  # the same but for extras
    "-xy": (  CONFLICT, CONFLICT, UPDATE,   UPDATE,   UPDATE,   CONFLICT ),  # two of one name
    "bbb": (  NOTHING,  NOTHING,  NOTHING,  NOTHING,  NOTHING,  NOTHING  ),
    "bbo": (  NOTHING,  UPDATE,   UPDATE,   UPDATE,   UPDATE,   UPDATE   ),  # other extras in the workspace
    "bob": (  UPDATE,   AHEAD,    UPDATE,   AHEAD,    UPDATE,   AHEAD    ),  # only extras edited here
    "boo": (  UPDATE,   UPDATE,   UPDATE,   UPDATE,   UPDATE,   UPDATE   ),  # and others in the workspace
    "boy": (  CONFLICT, UPDATE,   UPDATE,   UPDATE,   UPDATE,   UPDATE   ),  # and edited in the workspace: a pull
    "bo-": (  CONFLICT, CONFLICT, CREATE,   CONFLICT, CREATE,   CONFLICT ),  # keeps them; and deleted there
    "bby": (  AHEAD,    UPDATE,   UPDATE,   UPDATE,   UPDATE,   UPDATE   ),  # edited in the workspace
    "bb-": (  AHEAD,    DELETE,   CREATE,   DELETE,   CREATE,   DELETE   ),  # deleted in the workspace
    "bxb": (  UPDATE,   AHEAD,    UPDATE,   UPDATE,   UPDATE,   AHEAD    ),  # edited here
    "b-b": (  DELETE,   AHEAD,    DELETE,   CREATE,   DELETE,   AHEAD    ),  # deleted here
    "bxx": (  ADOPT,    ADOPT,    ADOPT,    ADOPT,    ADOPT,    ADOPT    ),  # the same edit on both sides
    "bxo": (  ADOPT,    UPDATE,   UPDATE,   UPDATE,   UPDATE,   UPDATE   ),  # the same edit but for extras
    "bxy": (  CONFLICT, CONFLICT, UPDATE,   UPDATE,   UPDATE,   MERGE    ),  # two edits
    "bx-": (  CONFLICT, CONFLICT, CREATE,   CONFLICT, CREATE,   CONFLICT ),  # edited here, deleted there
    "b-y": (  CONFLICT, CONFLICT, CONFLICT, CREATE,   DELETE,   CONFLICT ),  # deleted here, edited there
    "b--": (  FORGET,   FORGET,   FORGET,   FORGET,   FORGET,   FORGET   ),  # deleted on both sides
}
# fmt: on


def shape(
    base: str | None, local: str | None, remote: str | None, *, edited: bool = False, others: bool = False
) -> str:
    """The shape of three digests (None: absent), at least one of which is present.

    `edited`: whether the extras of the file were, if its content was not. `others`: whether the workspace has other
    extras than the file, if it has the same content.
    """
    if base is None:
        if local is None:
            return "--x"
        if remote is None:
            return "-x-"
        return "-xy" if local != remote else "-xo" if others else "-xx"
    ours = "-" if local is None else "x" if local != base else "o" if edited else "b"
    if remote is None:
        theirs = "-"
    elif remote == local:
        theirs = "o" if others else "b" if remote == base else "x"
    else:
        theirs = "b" if remote == base else "y"
    return intern(f"b{ours}{theirs}")


def extras_edited(base: BaseEntry, local: LocalObject) -> bool:
    """Whether a file with the content of the base has other extras than it had at the last sync.

    Where nobody noted those, it is whether the file has other bytes.
    """
    if local.format != JUPYTER:
        return False
    if base.extras:
        return local.extras != base.extras
    return bool(base.local_sha) and local.sha != base.local_sha


def decide(shape: str, mode: Mode, *, delete: bool = True) -> Action:
    """The table's action; with `delete` off, what would have been deleted is left as it is."""
    action = TABLE[shape][mode]
    return AHEAD if action is DELETE and not delete else action


class Step(NamedTuple):
    """What a run will do with one key, and why. With a `problem`, it leaves the key alone and says so."""

    key: str
    action: Action
    shape: str
    base: BaseEntry | None = None
    local: LocalObject | None = None
    remote: RemoteObject | None = None
    remote_digest: str | None = None
    problem: Problem | None = None
    place: str = ""  # where the object would be here, as far as that is known before it is read
    merge: Merge | None = None  # what came of trying to merge
    older: tuple[str, ...] = ()  # "here", "there": which side is back to what both had agreed on before
    moved: str = ""  # of a file that is carried under another key by now: the other one of its two keys
    saved: Saved | None = None  # of a restore: the copy that is brought back, in place of what the source holds

    @property
    def path(self) -> str:
        """The name a person knows the object by: the local path where there is or was one."""
        if self.local:
            return self.local.path
        if self.problem:
            return self.problem.path
        return self.base.path if self.base else self.place or self.key

    @property
    def writes(self) -> bool:
        """Whether the step changes its destination."""
        return self.problem is None and self.action in WRITES

    @property
    def is_move(self) -> bool:
        """Whether this is that of two which says of a move where to; the other one deletes at the old place."""
        return self.action is Action.CREATE and bool(self.moved)


class Sides(NamedTuple):
    """What is known of base, local and remote. `digests` holds a remote object's digest where one is needed."""

    base: Mapping[str, BaseEntry]
    local: Mapping[str, LocalObject]
    remote: Mapping[str, RemoteObject]
    digests: Mapping[str, str]
    problems: Mapping[str, Problem]  # keys to leave alone, whatever the three say
    outside: frozenset[str]  # keys that are no longer carried, though they still exist here
    places: Mapping[str, str] = MappingProxyType({})  # of keys that only the workspace has
    older: frozenset[tuple[str, str]] = frozenset()  # keys and digests that both sides agreed on before the base
    others: frozenset[str] = frozenset()  # keys of the same content on both sides, but with other extras there
    moves: Moves = Moves()  # of files that other folders carry by now: `local` has them where their objects stand


def steps(sides: Sides, mode: Mode, *, delete: bool = True) -> list[Step]:
    """One step for every key that any side knows, sorted by key; two for an object that a push moves."""
    keys = sorted({*sides.base, *sides.local, *sides.remote, *sides.problems})
    plan = [_step(key, sides, mode, delete) for key in keys]
    if sides.moves.moving or sides.moves.left:
        plan = sorted(_moved(plan, sides.moves, mode, delete), key=lambda step: step.key)
    return plan


def resolved(step: Step, mode: Mode, *, delete: bool = True) -> Step:
    """The step of an object whose very path was named: with --overwrite the source wins even where it has nothing.

    A run of everything leaves a deletion that meets an edit a conflict; here a person has looked at this one.
    """
    if step.action is not CONFLICT or step.problem or step.moved or not mode.source_wins:
        return step
    return step._replace(action=DELETE if delete else AHEAD)


# --- moves ----------------------------------------------------------------------------------------------------


def _moved(steps: Iterable[Step], moves: Moves, mode: Mode, delete: bool) -> Iterator[Step]:
    """The steps, where files are carried under other keys by now.

    An object that still stands at its old place is the file's object, for the table and for a pull. A push then moves
    it: it creates the one at the new place, and deletes the old one. What it would leave as it is, it does not move.
    """
    by_key = {step.key: step for step in steps}
    for step in by_key.values():
        if to := moves.moving.get(step.key):
            yield from _moving(step, to, moves, mode, delete)
        elif to := moves.left.get(step.key):
            yield _left_over(step, to, by_key.get(to), mode, delete)
        else:
            yield step


def _moving(step: Step, to: str, moves: Moves, mode: Mode, delete: bool) -> list[Step]:
    item = step.local
    if mode.direction is Direction.PULL or step.problem or item is None or step.action is FORGET:
        return [step]
    if step.action in (AHEAD, CONFLICT):
        return [step._replace(action=CONFLICT if step.remote else step.action, moved=to)]
    if to in moves.moving or to in moves.left:
        what = f"cannot move to {printable(to)} before another object has moved away from there"
        return [step._replace(action=NOTHING, problem=Problem(item.path, what, Again()))]
    if item.unresolved:
        return [step._replace(action=NOTHING, problem=_unresolved(item))]
    created = Step(to, CREATE, "-x-", local=item._replace(key=to), moved=step.key)
    if step.remote is None:
        return [created, step._replace(action=FORGET, shape="b--", local=None, moved=to)]
    old = shape(step.base.digest if step.base else None, None, step.remote_digest)
    action = DELETE if delete else AHEAD
    return [created, step._replace(action=action, shape=old, local=None, moved=to, older=())]


def _left_over(step: Step, to: str, other: Step | None, mode: Mode, delete: bool) -> Step:
    """The step of an old place, where the file's object stands at the new one: `other` is what becomes of that."""
    step = step._replace(moved=to)
    if step.action is CONFLICT and not step.problem and mode is Mode.PUSH_OVERWRITE:
        step = step._replace(action=DELETE if delete else AHEAD)
    if step.action in (CONFLICT, CREATE) and not step.problem and step.shape == "b-y":
        what = f"was edited at its old location, {printable(step.key)}, after it had moved to {printable(to)}"
        hint = "In the workspace, copy what you want to keep from the old one to the new one, and delete the old one."
        return step._replace(action=NOTHING, problem=Problem(step.path, what, hint))
    if step.action is CREATE or (other and (other.problem or other.action is CONFLICT) and step.action is DELETE):
        return step._replace(action=AHEAD)
    return step


# --- the table, applied to a key --------------------------------------------------------------------------------


def _step(key: str, sides: Sides, mode: Mode, delete: bool) -> Step:
    base, local, remote = sides.base.get(key), sides.local.get(key), sides.remote.get(key)
    digest, problem = sides.digests.get(key), sides.problems.get(key)
    action, seen_shape = Action.NOTHING, ""
    if problem is None and key in sides.outside:
        action = FORGET if base else NOTHING
    elif problem is None:
        seen = None if remote is None else digest or f"unread:{remote.version}"
        seen_shape = shape(
            base.digest if base else None,
            local.digest if local else None,
            seen,
            edited=base is not None and local is not None and extras_edited(base, local),
            others=key in sides.others,
        )
        action = decide(seen_shape, mode, delete=delete)
        if local and remote and local.kind is not remote.kind:
            action, problem = CONFLICT, types_differ(local, remote)
        elif action is MERGE and local and local.kind is Kind.FILE:
            action = CONFLICT
        elif local and local.unresolved and mode.direction is Direction.PUSH and action in (CREATE, UPDATE):
            action, problem = NOTHING, _unresolved(local)
    older: tuple[str, ...] = ()
    if sides.older:
        held = {"here": local.digest if local else "", "there": digest or ""}
        older = tuple(where for where, now in held.items() if (key, now) in sides.older)
    return Step(key, action, seen_shape, base, local, remote, digest, problem, sides.places.get(key, ""), older=older)


def types_differ(local: LocalObject, remote: RemoteObject) -> Problem:
    """What to say where the one is a notebook and the other a workspace file."""
    return Problem(
        local.path,
        f"is a {_spoken(local.kind.value)} locally and a {_spoken(remote.kind.value)} in the workspace",
        f"Rename or remove {local.path} locally, or {remote.path} in the workspace.",
    )


def _unresolved(local: LocalObject) -> Problem:
    return Problem(
        local.path,
        f"still contains conflict markers (cell {local.unresolved})",
        Again(before="Choose what to keep, remove the markers, and "),
    )


def _spoken(kind: str) -> str:
    return "workspace file" if kind == "file" else kind
