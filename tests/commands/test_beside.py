"""Folders beside the project, in the same repository, which are synced with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.project import HOME, Person, Project


@pytest.fixture
def inner(project: Project) -> Project:
    """A project in a folder of its repository, and one with what it shares beside it."""
    project.write("common/lib.py", "ONE = 1\n")
    project.notebook("common/setup.py", "print('setup')")
    made = Project(project.root / "germany", project.home, project.workspace)
    made.notebook("notebooks/a.py", "print(1)")
    made.env["NOTEBOOK_FOLDER"] = "notebooks,../common"
    return made


def test_a_folder_beside_the_project(inner: Project, person: Person) -> None:
    """It is synced under its name in both directions: edits, deletions, new files, restores, and PATHS as typed."""
    inner.push()
    assert person.names() == {"notebooks/a", "common/lib.py", "common/setup"}
    person.put("common/lib.py", "ONE = 2\n")
    person.put("common/deep/new.txt", "new")
    person.delete("common/setup")
    ran = inner.pull()
    assert "../common/lib.py" in ran.out and "../common/deep/new.txt" in ran.out
    common = inner.root.parent / "common"
    assert (common / "lib.py").read_text() == "ONE = 2\n" and (common / "deep/new.txt").read_text() == "new"
    assert not (common / "setup.py").exists()
    inner.at_rest()
    [run] = [event["run"] for event in inner.pull("--restore", "--json").all("backup")]
    inner.pull("--restore", run)
    assert (common / "lib.py").read_text() == "ONE = 1\n" and (common / "setup.py").exists()
    (common / "deep/new.txt").unlink()
    for cwd, path in ((inner.root, "../common/lib.py"), (inner.root / "notebooks", "../../common/lib.py")):
        assert "Would update in the workspace (1)" in inner.quick("to_databricks", "-n", path, cwd=cwd).out
    inner.push()
    assert person.names() == {"notebooks/a", "common/lib.py", "common/setup"}
    inner.at_rest()


def test_the_last_file_beside_the_project(inner: Project, person: Person) -> None:
    """A folder in it that becomes empty goes, and the folder itself stays, as with those of the project."""
    inner.write("../common/deep/x.txt", "x")
    inner.push()
    for name in ("common/deep/x.txt", "common/lib.py", "common/setup"):
        person.delete(name)
    inner.pull("--max-delete", "3")
    assert [*(inner.root.parent / "common").rglob("*")] == []


def test_two_projects_share_a_folder(inner: Project, person: Person) -> None:
    """An edit of what is shared comes down from one project's target and goes up to the other's."""
    france = Project(inner.root.parent / "france", inner.home, inner.workspace)
    france.notebook("notebooks/b.py", "print(2)")
    france.env = inner.env
    inner.push()
    assert "belongs to the project germany of this repository" in france.push(code=3).err
    theirs = ("--target", f"{HOME}/france-main")
    france.push(*theirs)
    person.put("common/lib.py", "ONE = 3\n")
    inner.pull()
    assert "1 updated" in france.push(*theirs).out
    assert person.at(f"{HOME}/france-main").file("common/lib.py") == b"ONE = 3\n"


def test_all_from_the_top(inner: Project, person: Person) -> None:
    """The same repository is one project at its top, whose target another project of it does not take."""
    top = Project(inner.root.parent, inner.home, inner.workspace)
    top.env["NOTEBOOK_FOLDER"] = "germany,common"
    top.push()
    assert person.names() == {"germany/notebooks/a", "common/lib.py", "common/setup"}
    assert "belongs to the project in the top folder of this repository" in inner.push(code=3).err


def test_a_link_beside_the_project(inner: Project, person: Person, tmp_path: Path) -> None:
    """What is behind a link is neither read nor written, also where the link was made after the settings."""
    inner.push()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    common = inner.root.parent / "common"
    common.rename(tmp_path / "moved")
    common.symlink_to(outside)
    person.put("common/lib.py", "ONE = 2\n")
    for run in (inner.push, inner.pull):
        assert "or behind a link" in run(code=2).err
    assert [path.name for path in outside.iterdir()] == ["secret.txt"]


def test_files_that_tools_run_are_withheld_there_too(inner: Project, person: Person) -> None:
    """New hidden files from the workspace come into a folder beside the project only where they are named."""
    inner.push()
    person.put("common/.envrc", "boom")
    person.put("common/plain.txt", "plain")
    inner.pull()
    common = inner.root.parent / "common"
    assert (common / "plain.txt").exists() and not (common / ".envrc").exists()


def test_a_folder_that_is_beside_it_no_more(inner: Project, person: Person) -> None:
    """A backup of it is not restored into a folder that is no longer one of those that are synced."""
    inner.push()
    person.put("common/lib.py", "ONE = 2\n")
    inner.pull()
    [run] = [event["run"] for event in inner.pull("--restore", "--json").all("backup")]
    inner.env["NOTEBOOK_FOLDER"] = "notebooks,x"
    ran = inner.pull("--restore", run, code=1)
    assert "is not restored" in ran.out and (inner.root.parent / "common/lib.py").read_text() == "ONE = 2\n"


def test_events(inner: Project) -> None:
    """Programs are told the folders as they are named, and paths relative to the project."""
    ran = inner.push("--json")
    [start] = ran.all("start")
    assert start["folders"] == ["notebooks", "../common"] and start["target"] == f"{HOME}/main"
    assert {event["path"] for event in ran.all("plan")} == {"notebooks/a.py", "../common/lib.py", "../common/setup.py"}
