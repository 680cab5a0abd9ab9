"""What one run is asked to do: made of the options, given to each part of the run."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from databricks_sync.model import Allowed, Mode, Scope
from databricks_sync.rules.address import Pages


class Request(NamedTuple):
    """What one run is asked to do."""

    mode: Mode
    target: str
    scope: Scope = Scope()
    dry_run: bool = False
    check: bool = False  # of a dry run: what it would write is told by its exit code too
    diff: bool = False
    removing: bool = False  # the target itself is to go
    because: str = ""  # why it is, where no person has named it
    restore: str = ""  # the name of the backup to bring back, where the run is about one
    markers: bool = False  # of a merge: what cannot be merged is written with markers
    outputs: bool = False  # of a pull: the outputs of notebooks come, too, where nobody edited the cells
    delete: bool = True
    insisted: bool = False  # the target or the branch was named
    unasked: bool = False  # of a mirror: only the project's settings say that it is one
    allowed: Allowed = Allowed()
    lock: bool = False
    wait: float = 0.0
    branch: str = ""
    head: str | None = None  # the branch that was checked out when the target was chosen, if any was
    again: str = ""  # the options that name this workspace and target, to be typed in the next command
    login: str = ""  # those of them that name the workspace
    ci_run: str = ""  # the address of the CI's run, if this is one
    pages: Pages = Pages()  # of the workspace, where somebody will find them
    way: str = ""  # from the current folder to the project, where that is another one

    def typed(self, path: str) -> str:
        """A path that the plan shows, as it is typed in the current folder."""
        return posixpath.normpath(f"{self.way}/{path}") if self.way else path

    def address(self, key: str = "") -> str:
        """Where an object, or the target itself, is in the browser; "" where it is not to be seen."""
        return self.pages.object(f"{self.target}/{key}" if key else self.target)
