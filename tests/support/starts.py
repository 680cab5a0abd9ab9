"""Projects in sync, as tests begin with them: each is made once by a worker, and copied for all others.

To make one takes ten starts of git and forty requests. The copy is what was made: the files of the project with git's
and the tool's, the objects of the workspace with their identifiers and times.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from .contents import Contents, Rows
from .project import Project


class Starts:
    """Those of one worker. `contents`: of its workspace, which is empty when a project begins."""

    def __init__(self, folder: Path, contents: Contents) -> None:
        self._folder, self._contents = folder, contents
        self._kept: dict[str, Rows] = {}

    def begin(self, name: str, project: Project, make: Callable[[Project], object]) -> Project:
        """The project as `make` leaves it, whose start has this name."""
        if rows := self._kept.get(name):
            shutil.copytree(self._folder / name, project.root, dirs_exist_ok=True)
            self._contents.lay(rows)
        else:
            make(project)
            shutil.copytree(project.root, self._folder / name)
            self._kept[name] = self._contents.held()
        project.workspace.forget()
        return project
