"""A plan -> go, or stop before the first write, with the reason and the one option that allows it. Pure.

No valve can be switched off for good: each has its own flag, and a flag is for one run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from databricks_sync.errors import Again, Foreign, NotOurs, ValveError, printable, quantity
from databricks_sync.model import Allowed, Direction, Mode

from .plan import REPLACES, Action, Step

FEW_DELETES = 5
DELETE_SHARE = 0.25
FEW_CHANGES = 5


class Situation(NamedTuple):
    """What the safety checks judge: the plan, and what is known of both sides, of git and of the target."""

    mode: Mode
    steps: Sequence[Step]  # of the paths the run is about
    tracked: int  # objects the base knows, of all paths
    local_exists: bool
    remote_exists: bool
    local_empty: bool
    remote_empty: bool
    operation: str | None  # of git, in progress
    insisted: bool  # a target or a branch was named
    target: str
    again: str = ""  # the options that name this workspace and target
    other: tuple[str, str] | None = None  # what to say of another repository that the target belongs to
    newer: str = ""  # the commit of which the target is, where that is newer than the one checked out here
    laid_out: tuple[str, str] | None = None  # what to say of the other folders that it is carried from by now
    nested: Mapping[str, str] = MappingProxyType({})  # branch folders inside the target, or around it -> their notes
    noted: bool = True  # whether it could be read whose the target is
    strange: NotOurs | None = None  # what stands in the place of the note on the target
    removing: bool = False  # the target itself is to go, so nothing is asked of the local side
    unasked: bool = False  # a mirror that only the project's settings ask for, of a target that nobody noted


def check(situation: Situation, allowed: Allowed) -> None:
    """Raises ValveError when the run must not go on as things are."""
    for valve in _OF_A_REMOVAL if situation.removing else _VALVES:
        valve(situation, allowed, situation.tracked)


def unfinished(operation: str) -> ValveError:
    """What to say while git is in the middle of an operation."""
    return ValveError(
        f"Git is in the middle of {operation}, so the local files are not those of one branch.",
        "Finish it first, or choose the target with --branch or --target.",
        option="--branch",
    )


def _operation(s: Situation, allowed: Allowed, tracked: int) -> None:
    if s.operation and not s.insisted:
        raise unfinished(s.operation)


def _other_repository(s: Situation, allowed: Allowed, tracked: int) -> None:
    owned(s.other, allowed)


def _other_folders(s: Situation, allowed: Allowed, tracked: int) -> None:
    # A mirror without a record is CI's, and its checkout says how the target is to be.
    if s.laid_out and not allowed.take_over and not (s.mode is Mode.PUSH_MIRROR and not tracked):
        raise ValveError(*s.laid_out, option="--take-over")


def owned(other: tuple[str, str] | None, allowed: Allowed) -> None:
    """Raises Foreign when the target is another repository's, of which `other` is to be said."""
    if other and not allowed.take_over:
        raise Foreign(*other, option="--take-over")


def _strange_note(s: Situation, allowed: Allowed, tracked: int) -> None:
    # Not as where the notes may not be read: whoever sees this can ask, or remove it.
    if s.mode.direction is Direction.PUSH and any(step.writes for step in s.steps):
        understood(s.strange, s.target, allowed)


def understood(strange: NotOurs | None, target: str, allowed: Allowed) -> None:
    """Raises NotOurs when what stands in the place of the note does not tell whose the target is."""
    if strange and not allowed.take_over:
        hint = Again(f"; if only this repository uses {target}, add --take-over.", before=f"{strange.hint} Then ")
        raise NotOurs(strange.message, hint, option="--take-over")


def _unknown_owner(s: Situation, allowed: Allowed, tracked: int) -> None:
    # Any other push leaves alone what this clone did not carry there, whoever did.
    if s.mode is Mode.PUSH_MIRROR and not s.noted and not allowed.take_over and any(step.writes for step in s.steps):
        raise ValveError(
            f"It is unknown whether another repository uses {s.target}, and --mirror deletes what it did not push.",
            "Ask for permission to read the marker files beside it; if only this repository uses it, add --take-over.",
            option="--take-over",
        )


def _unasked(s: Situation, allowed: Allowed, tracked: int) -> None:
    # Whoever can commit chose the folder, and that it is a mirror: that may fill a folder, not destroy what is there.
    if s.unasked and any(step.writes and step.remote for step in s.steps):
        raise ValveError(
            f"Nobody has pushed to {s.target} from here yet, and only the settings of the project make it a mirror.",
            "See with --dry-run what would be overwritten and deleted there; to do that, add --mirror once.",
            option="--mirror",
        )


def _older(s: Situation, allowed: Allowed, tracked: int) -> None:
    # What a run of CI does that waited, or is run again, when a later one has ended.
    if s.newer and s.mode is Mode.PUSH_MIRROR and not allowed.older and any(step.writes for step in s.steps):
        raise ValveError(
            f"{s.target} was last pushed from the commit {s.newer[:10]}, which is newer than the one checked out here.",
            "Check out the newer one, for example with `git pull`; to go back to the older one, add --allow-older.",
            option="--allow-older",
        )


def _nested(s: Situation, allowed: Allowed, tracked: int) -> None:
    if s.nested and not allowed.take_over:
        other, note = map(printable, next(iter(s.nested.items())))
        raise ValveError(
            f"{s.target} and {other} are both branch folders, and one is inside the other.",
            f"Give another --target; if {other} is no longer used, delete its marker file {note} in the workspace,"
            " or add --take-over once.",
            option="--take-over",
        )


def _source_gone(s: Situation, allowed: Allowed, tracked: int) -> None:
    if s.mode.direction is Direction.PUSH and not s.local_exists and tracked and not allowed.empty:
        raise ValveError(
            f"The notebooks folder is missing, but {_were(tracked)} synced with it.",
            "Check out the branch that has it; if you deleted everything on purpose, add --allow-empty.",
            option="--allow-empty",
        )


def _source_empty(s: Situation, allowed: Allowed, tracked: int) -> None:
    if allowed.empty or tracked < 2:
        return
    if s.mode.direction is Direction.PUSH and s.local_empty:
        raise ValveError(
            f"The notebooks folder is empty, but {_were(tracked)} synced with it.",
            "If you deleted everything on purpose, add --allow-empty.",
            option="--allow-empty",
        )
    if s.mode.direction is Direction.PULL and s.remote_exists and s.remote_empty:
        raise ValveError(
            f"{s.target} is empty, but {_were(tracked)} synced with it.",
            f"To push everything again, type {_pushing_again(s)}; if it was emptied on purpose, add --allow-empty.",
            option="--allow-empty",
        )


def _target_gone(s: Situation, allowed: Allowed, tracked: int) -> None:
    if s.remote_exists or not tracked or allowed.empty or (s.mode.source_wins and s.mode.direction is Direction.PUSH):
        return
    raise ValveError(
        f"The folder {s.target} is missing in the workspace, but {_were(tracked)} synced with it.",
        f"To push everything again, type {_pushing_again(s)}; if it was deleted on purpose, add --allow-empty.",
        option="--allow-empty",
    )


def _pushing_again(s: Situation) -> str:
    return f"`to_databricks{s.again} --overwrite`"


def _deletes(s: Situation, allowed: Allowed, tracked: int) -> None:
    push = s.mode.direction is Direction.PUSH
    source, destination = (_local_marks, _remote_marks) if push else (_remote_marks, _local_marks)
    # A move is a create and a delete of the same content: it takes nothing away.
    created = {mark for step in s.steps if step.action is Action.CREATE and step.writes for mark in source(step)}
    deletes = [step for step in s.steps if step.action is Action.DELETE and step.writes and not step.moved]
    lost = [step for step in deletes if created.isdisjoint(destination(step))]
    # That all goes which was carried, and which nobody edited, is what a removal is for.
    unasked = [step for step in lost if not s.removing or step.shape != "b-b"]
    count = len(lost)
    total = max(tracked, sum(1 for step in s.steps if (step.remote if push else step.local)))
    limit = allowed.deletes_of(total)
    if limit is None:
        everything = len(unasked) >= total or sum(1 for step in unasked if step.base) >= tracked > 0
        few = len(unasked) < FEW_DELETES or len(unasked) <= total * DELETE_SHARE
        if len(unasked) < 2 or (few and not everything) or (allowed.empty and _emptied(s)):
            return
    elif count <= limit:
        return
    hint = f"See them with --dry-run; to delete them, add --max-delete {count}"
    raise ValveError(
        f"This run would delete {count} of {quantity(total, 'object')} {'in the workspace' if push else 'locally'}.",
        f"{hint}." if s.removing else f"{hint}; to delete nothing, add --no-delete.",
        option="--max-delete",
    )


def _emptied(s: Situation) -> bool:
    """Whether the source is what --allow-empty is about: empty, or gone."""
    if s.mode.direction is Direction.PUSH:
        return s.local_empty or not s.local_exists
    return s.remote_empty or not s.remote_exists


def _local_marks(step: Step) -> set[str]:
    """What content can be told by when it turns up elsewhere: its digest and the hash of its bytes."""
    return {step.local.digest, step.local.sha} if step.local else set()


def _remote_marks(step: Step) -> set[str]:
    marks = {step.remote_digest, step.remote.version.sha if step.remote else None}
    return {mark for mark in marks if mark}


def _all_changed(s: Situation, allowed: Allowed, tracked: int) -> None:
    if allowed.all_changed or tracked < FEW_CHANGES:
        return
    changed = sum(1 for step in s.steps if step.base and step.action in REPLACES and step.writes)
    if changed >= tracked:
        raise ValveError(
            f"All {tracked:,} objects would change in this run, which is unusual.",
            "See the changes with --dry-run --diff; to make them, add --allow-all-changed.",
            option="--allow-all-changed",
        )


def _were(count: int) -> str:
    return f"{quantity(count, 'object')} {'was' if count == 1 else 'were'}"


_VALVES = (
    _operation,
    _other_repository,
    _strange_note,
    _other_folders,
    _unknown_owner,
    _unasked,
    _older,
    _nested,
    _source_gone,
    _source_empty,
    _target_gone,
    _deletes,
    _all_changed,
)
_OF_A_REMOVAL = (_other_repository, _strange_note, _unknown_owner, _nested, _deletes)
