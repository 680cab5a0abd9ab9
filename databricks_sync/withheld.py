"""What a run leaves out of its plan: a repository that git would take up is never made. Pure, but for the disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import bare_repository
from .local import LocalFolder
from .model import Direction, Kind, Problem
from .plan import Action, Step

if TYPE_CHECKING:
    from .run import Request


def withheld(steps: Sequence[Step], request: Request, local: LocalFolder) -> list[Step]:
    """The steps, those that are left out with the problem that says why."""
    if request.mode.direction is Direction.PUSH:
        return list(steps)
    writing = {_path(step): step for step in steps if step.writes and step.action is not Action.DELETE}
    traps = bare_repository.made_by(writing, local.standing) if writing else {}
    refused = {writing[path].key: _trap(folder) for path, folder in traps.items()}
    return [step._replace(problem=refused[step.key]) if step.key in refused else step for step in steps]


def _path(step: Step) -> str:
    """Where a step writes; a notebook's file has an extension, which is not known of all of them yet."""
    file = step.remote is None or step.remote.kind is Kind.FILE
    return step.path if file else f"{step.path}.ipynb"


def _trap(folder: str) -> Problem:
    return Problem(
        folder or ".",
        "would look like a git repository with these files, and git runs what their config says, so none is written",
        "Rename or remove HEAD, objects or refs in the workspace.",
    )
