from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.project import Person, Project, Workspace, notebook
from support.starts import Starts

from databricks_local.embedded import Running

# As nearly every repository has: in one without, each run has git walk through the history for its first commit.
ORIGIN = '[remote "origin"]\n\turl = https://git.example.com/team/project.git\n'


@pytest.fixture
def workspace(embedded: Running) -> Workspace:
    """A workspace that is empty and well-behaved, its records empty."""
    workspace = Workspace(embedded.host, embedded.token)
    workspace.renew()
    return workspace


@pytest.fixture
def person(workspace: Workspace) -> Person:
    """Somebody at work in the branch folder of `main`."""
    return Person(workspace)


@pytest.fixture
def project(tmp_path: Path, workspace: Workspace, dot_git: Path) -> Iterator[Project]:
    """An empty project on `main`, with an origin; afterwards, no token and no report of a crash lies anywhere."""
    made = Project(tmp_path / "project", tmp_path / "home", workspace)
    shutil.copytree(dot_git, made.root / ".git")
    with (made.root / ".git/config").open("a") as config:
        config.write(ORIGIN)
    yield made
    assert made.secrets() == []
    assert list((made.home / "tmp").glob("databricks_sync-*")) == []


@pytest.fixture
def pushed(project: Project, starts: Starts) -> Project:
    """A project of six notebooks and two files, in sync with the workspace."""
    return starts.begin("pushed", project, _push_eight)


def _push_eight(project: Project) -> None:
    for name in ("a", "b", "c", "etl/load", "etl/clean", "etl/deep/save"):
        project.notebook(f"notebooks/{name}.py", f"print({name!r})", "print(2)")
    project.write("notebooks/lib/util.py", "def util():\n    return 1\n")
    project.write("notebooks/data.csv", "a,b\n1,2\n")
    project.commit()
    project.quick("to_databricks")


@pytest.fixture
def one(project: Project, starts: Starts) -> Project:
    """A project of a single notebook, `notebooks/a.py`, in sync with the workspace."""
    return starts.begin("one", project, _push_one)


def _push_one(project: Project) -> None:
    project.write("notebooks/a.py", notebook("print(1)"))
    project.quick("to_databricks")


def mix(project: Project, person: Person) -> None:
    """Something of everything: new, edited, deleted, ahead, a conflict, a refusal."""
    project.notebook("notebooks/new.py", "new")
    project.notebook("notebooks/a.py", "edited here")
    project.remove("notebooks/b.py")
    project.notebook("notebooks/c.py", "mine")
    person.edit("c", "theirs")
    person.edit("etl/load", "edited there")
    person.put("sales", "{}", object_type="DASHBOARD")
    project.notebook("notebooks/etl/clean.sql", "select 1", language="sql")
