"""What a run leaves out of its plan although both sides would have it so: what must not come unasked.

A credential is carried, and a file that tools run by themselves is taken from the workspace, only where a person names
its PATH; afterwards both sides know it, and it is carried like any other. A repository that git would take up is never
made at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from databricks_sync import shell
from databricks_sync.errors import enumerated, printable
from databricks_sync.local.folder import LocalFolder
from databricks_sync.model import Direction, Kind, Mode, Problem, Severity
from databricks_sync.rules.names import is_device
from databricks_sync.rules.never_synced import credential_file, repository_parts, runs_by_itself
from databricks_sync.rules.plan import Action, Step

from .compare import ignored_here, outside
from .request import Request

_MOST_NOTES = 20


def withheld(steps: Sequence[Step], request: Request, local: LocalFolder) -> list[Step]:
    """The steps, those that are left out with the problem that says why."""
    left = [_unless_named(step, request, local) for step in steps]
    if request.mode.direction is Direction.PUSH:
        return left if request.mode is Mode.PUSH_MIRROR else _unless_pulled(left, local)
    writing = {_path(step): step for step in left if step.writes and step.action is not Action.DELETE}
    traps = repository_parts(writing, local.names_in) if writing else {}
    refused = {writing[path].key: _trap(folder) for path, folder in traps.items()}
    return [step._replace(problem=refused[step.key]) if step.key in refused else step for step in left]


def exposed(steps: Iterable[Step]) -> list[str]:
    """What to tell of files that a push takes to the workspace, and that hold what looks like a credential."""
    holding = [(step.path, step.local.credentials) for step in steps if step.writes and step.local]
    exposing = [(path, kinds) for path, kinds in holding if kinds]
    notes = [
        f"{printable(path)} contains what looks like {' and '.join(kinds)}, and everybody who can read it in "
        "the workspace could use that. Remove it, and read it with dbutils.secrets.get; if it was real, revoke it."
        for path, kinds in exposing[:_MOST_NOTES]
    ]
    if len(exposing) > _MOST_NOTES:
        notes.append(
            f"{len(exposing) - _MOST_NOTES:,} more files contain what looks like a credential (--json lists them all)."
        )
    return notes


def unportable(steps: Iterable[Step]) -> list[str]:
    """What to tell of new objects that a colleague on Windows will not get."""
    devices = [step.path for step in steps if step.writes and step.action is Action.CREATE and is_device(step.key)]
    named = enumerated(devices, most=_MOST_NOTES)
    return [f"Windows takes these names for devices, and cannot sync them: {named}."] if devices else []


def _unless_pulled(steps: list[Step], local: LocalFolder) -> list[Step]:
    """The steps; what only the workspace has, and no pull would bring, is not told to be pulled."""
    ahead = {step.key: step.remote for step in steps if step.shape == "--x" and step.remote and not step.problem}
    problems = {key: outside(key) for key in ahead if not local.holds(key)}
    problems |= ignored_here(local, {key: (key, item) for key, item in ahead.items() if key not in problems})[0]
    return [step._replace(problem=problems.get(step.key, step.problem)) for step in steps] if problems else steps


def _unless_named(step: Step, request: Request, local: LocalFolder) -> Step:
    if step.problem or step.base or step.action in (Action.NOTHING, Action.AHEAD, Action.FORGET):
        return step
    direction = request.mode.direction
    start, prefix = local.outer(step.path)
    inside = step.path[len(start) :]
    if part := credential_file(inside):
        what = "may contain a credential, so it is synced only if you name its path"
    elif direction is Direction.PULL and step.action is Action.CREATE and (part := runs_by_itself(inside)):
        what = "is new, and tools may run it automatically, so it is pulled only if you name its path"
    elif direction is Direction.PUSH and step.local and step.local.credentials and local.is_included(step.path):
        part = inside  # a person has git ignore it, and somebody else may have written the pattern
        what = "is ignored by git and contains what looks like a credential, so it is synced only if you name its path"
    else:
        return step
    if request.scope.names(start + part) or request.scope.names(prefix + part):
        return step
    command = f"{direction.command}{request.again} {shell.path(request.typed(step.path))}"
    unlisting = local.unlisting(step.path, tracked=None if step.local else False)
    hint = f"Type `{command}` to sync it, or {unlisting}."
    return step._replace(problem=Problem(step.path, what, hint, Severity.NOTE))


def _path(step: Step) -> str:
    """Where a step writes; a notebook's file has an extension, which is not known of all of them yet."""
    file = step.remote is None or step.remote.kind is Kind.FILE
    return step.path if file else f"{step.path}.ipynb"


def _trap(folder: str) -> Problem:
    return Problem(
        folder or ".",
        "would look like a git repository with these files, and git would run their config, so none is written",
        "Rename or remove HEAD, objects or refs in the workspace.",
    )
