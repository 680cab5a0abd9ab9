"""What git keeps elsewhere: a pointer of git-lfs or git-annex never takes the place of the file it stands for."""

from __future__ import annotations

import pytest
from support.project import Person, Project, Workspace

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 12345\n"
ANNEX = "/annex/objects/SHA256E-s12345--4d7a.csv\n"
DATA = b"a,b\n1,2\n" * 100


@pytest.fixture
def data(project: Project) -> Project:
    """A project with a data file and a notebook, in sync with the workspace."""
    project.notebook("notebooks/a.py", "print(1)")
    project.notebook("notebooks/b.py", "print(1)")
    project.write("notebooks/data.csv", DATA)
    project.commit()
    project.push()
    return project


@pytest.mark.parametrize("hashes", [True, pytest.param(False, marks=pytest.mark.long)], ids=["hashes", "no hashes"])
@pytest.mark.parametrize(
    ("text", "command"), [(POINTER, "git lfs pull"), (ANNEX, "git annex get notebooks/data.csv")], ids=["lfs", "annex"]
)
def test_a_clone_without_the_files(
    data: Project, person: Person, workspace: Workspace, text: str, command: str, hashes: bool
) -> None:
    """No push of a clone that has but the pointers replaces or deletes the files, and each says how to get them."""
    workspace.set(hashes=hashes)
    for name in ("data.csv", "b.py"):  # whatever is kept elsewhere; a notebook's pointer looks like no notebook
        data.write(f"notebooks/{name}", text)
    data.write("notebooks/new.ipynb", text)
    clone = data.clone()
    for place in (data, clone):
        for options in ((), ("--overwrite",), ("--mirror",), ("--mirror", "--dry-run")):
            ran = place.push(*options, code=1)
            assert "notebooks/data.csv is a pointer of git-" in ran.out and command in ran.out and not ran.carried
    assert person.file("data.csv") == DATA and person.names() == {"a", "b", "data.csv"}
    assert not data.backups()
    data.write("notebooks/data.csv", DATA)  # as `git lfs pull` would
    data.remove("notebooks/new.ipynb", "notebooks/b.py")
    data.notebook("notebooks/b.py", "print(1)")
    data.at_rest()


def test_a_pull_leaves_pointers(data: Project, person: Person) -> None:
    """A pull neither replaces nor deletes a pointer here: git would commit that as a change of the file."""
    data.write("notebooks/data.csv", POINTER)
    person.put("data.csv", b"edited")
    for options in ((), ("--overwrite",)):
        assert "is a pointer of git-lfs" in data.pull(*options, code=1).out
    person.delete("data.csv")
    data.pull("--overwrite", code=1)
    assert data.text("notebooks/data.csv") == POINTER


def test_a_pointer_in_the_workspace(data: Project, person: Person) -> None:
    """A pointer that somebody pushed takes no file's place here, and the command of the message puts that right."""
    person.put("data.csv", POINTER)
    person.put("other.csv", POINTER)
    for options in (("--dry-run",), (), ("--overwrite",), ("--merge",)):
        ran = data.pull(*options, code=(0, 1) if options == ("--dry-run",) else 1)
        assert "notebooks/data.csv is only a pointer of git-lfs in the workspace, so it is not pulled" in ran.out
        assert "`to_databricks --target /Users/me@example.com/main --overwrite notebooks/data.csv`" in ran.out
    assert "notebooks/other.csv is only a pointer" in ran.out and not (data.root / "notebooks/other.csv").exists()
    assert data.read("notebooks/data.csv") == DATA
    data.push("--overwrite", "notebooks/data.csv")
    assert person.file("data.csv") == DATA and POINTER.encode() in data.backups()
