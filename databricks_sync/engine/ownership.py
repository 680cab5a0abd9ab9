"""Whose a target is: what its note says of another repository, project or choice of folders, and taking it over."""

from __future__ import annotations

import json

from databricks_sync.local.git import Repository
from databricks_sync.local.identity import RepositoryIdentity, nameless
from databricks_sync.model import Direction
from databricks_sync.remote.marker import Marker, MarkerView, another, other_folders
from databricks_sync.remote.pushed import Pushed
from databricks_sync.rules.layout import Layout
from databricks_sync.state.base import Base

from .look import Snapshot
from .request import Request

_REMOVING = "Remove it from there; to remove it from here, add --take-over."


class Ownership:
    """What one project may say of targets: that they are its own."""

    def __init__(self, repository: Repository, project: str, folders: tuple[str, ...]) -> None:
        """`project`: its folder in the repository, "" where a target is of all projects; `folders`: what it syncs."""
        self.repository = repository
        self.identity = RepositoryIdentity(repository)
        self.project = project
        self.folders = folders

    def owner(self, request: Request, view: MarkerView, base: Base) -> tuple[str, str] | None:
        """What to say of the target's owner, where that is another repository, or another project of this one.

        A pull takes nothing away there: it may be done by and from what has no name yet, and once allowed it stays so.
        """
        marker = view.marker
        if marker is None:
            return None
        push = request.mode.direction is Direction.PUSH
        if not push and _pulled_from(marker, base):
            return None
        names = self.repository.origin()
        if not marker.repository & names:  # the first commits take a walk
            names = self.identity.to_be() if push else self.identity.names()
            if not push and nameless(marker.repository) and not marker.repository & names:
                return None
        other = another(marker, Marker(request.target, names, project=self.project, called=self.repository.top.name))
        return (other[0], _REMOVING) if other and request.removing else other

    def laid_out(self, view: MarkerView, base: Base) -> tuple[str, str] | None:
        """What to say where the target is carried from other folders by now, and it was not this clone that chose anew.

        What this clone has carried with the folders of the note, it may carry with others from now on.
        """
        marker = view.marker
        if marker is None or marker.layout is None or not marker.layout.apart(Layout.of(self.folders)):
            return None
        return None if marker.layout.made(base.entries.values()) else other_folders(marker, self.folders)

    def claim(self, request: Request, snapshot: Snapshot, base: Base, pushed: Pushed | None = None) -> str:
        """Notes beside the target whose it is; with the first commits, where the note does not name us yet.

        `pushed`: what all of it will be; None: what was noted of that stays.
        """
        noted = snapshot.view.marker.repository if snapshot.view.marker else frozenset()
        origin = self.repository.origin()
        names = origin if origin & noted else self.identity.kept()
        ours = Marker(
            request.target,
            names,
            request.branch,
            project=self.project,
            folders=self.folders,
            called=self.repository.top.name,
            pushed=pushed,
        )
        return snapshot.markers.write(ours, snapshot.view, base, take_over=request.allowed.take_over)

    def takes(self, request: Request, view: MarkerView, base: Base) -> bool:
        """Whether --take-over means something for the note on the target: it is another's, or is not understood."""
        return bool(view.strange or self.owner(request, view, base))

    def remembered(self, request: Request, view: MarkerView) -> dict[str, str]:
        """What --take-over has allowed for good: these folders inside one another, this pull from another's folder.

        A push needs no memory: its note says whose the target is from now on.
        """
        memory = dict.fromkeys(map(beside, view.nested), "allowed")
        if request.mode.direction is Direction.PULL and view.marker:
            memory["pulled_from"] = json.dumps([view.marker.project, *sorted(view.marker.repository)])
        return memory


def _pulled_from(marker: Marker, base: Base) -> bool:
    """Whether a pull from this owner's folder was allowed once."""
    project, *names = json.loads(base.meta("pulled_from") or '[""]')
    return project == marker.project and not marker.repository.isdisjoint(names)


def beside(other: str) -> str:
    """The name under which the record remembers that a branch folder may be inside another one."""
    return f"beside {other}"
