"""A project that was copied begins as the one that was made."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

from support.project import Person, Project, jupyter
from support.starts import Starts


def test_a_copy_is_what_was_made(project: Project, person: Person, starts: Starts, dot_git: Path) -> None:
    """The same files here, the same objects, contents and times there, and the same records of the sync."""
    name = uuid4().hex

    def begin(root: str) -> tuple[Project, object]:
        person.workspace.control("reset")
        begun = Project(project.home / root, project.home, project.workspace)
        shutil.copytree(dot_git, begun.root / ".git")
        starts.begin(name, begun, push)
        there = {key: person.file(key) for key in person.names()}
        return begun, (begun.carried(), begun.state(), person.details(), there)

    def push(begun: Project) -> None:
        begun.write("notebooks/etl/a.ipynb", jupyter("x = 1"))
        begun.write("notebooks/data.csv", "1\n")
        begun.commit()
        begun.push()

    _, made = begin("made")
    begun, copied = begin("copied")
    assert copied == made
    assert "nothing to do" in begun.push().out
