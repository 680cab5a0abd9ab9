"""The work that is measured: a git repository with notebooks in folders, the same for everybody."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

HEADER = "# Databricks notebook source\n"
# A file or an object changed this shortly ago may change again unseen, so that careful tools read it once more.
SETTLED_S = 3.1  # two seconds, and one more because the Date of an answer is a whole number of seconds


@dataclass(frozen=True, slots=True)
class Tree:
    """So many notebooks of so many bytes, spread evenly over so many folders."""

    notebooks: int
    folders: int
    size: int = 4096

    def make(self, project: Path) -> None:
        """Writes and commits the tree in a new repository at `project`; the notebooks are in `notebooks`."""
        self.make_notebooks(project / "notebooks")
        repository(project)
        git(project, "add", "--all")
        git(project, "commit", "--quiet", "--message", "one")

    def make_notebooks(self, folder: Path) -> None:
        for number in range(self.notebooks):
            where = folder / f"area_{number % self.folders:03}" / f"notebook_{number:06}.py"
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(self._text(number), encoding="utf-8")

    def _text(self, number: int) -> str:
        cells = [f"# Cell {cell} of notebook {number}\nvalue_{cell} = {number} + {cell}\n" for cell in range(200)]
        text = HEADER + "\n# COMMAND ----------\n\n".join(cells)
        return text[: self.size - 1] + "\n"


def repository(project: Path) -> None:
    project.mkdir(parents=True, exist_ok=True)
    git(project, "init", "--quiet", "--initial-branch", "main")


def git(project: Path, *arguments: str) -> None:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=project, check=True, capture_output=True)


def change_one(folder: Path) -> None:
    """One more line in the first notebook below `folder`."""
    first = min(folder.rglob("notebook_*.py"))
    with first.open("a", encoding="utf-8") as file:
        file.write(f"# changed at {time.time_ns()}\n")


def settle() -> None:
    """Waits until nothing counts as just changed any more, as it is in everyday use."""
    time.sleep(SETTLED_S)
