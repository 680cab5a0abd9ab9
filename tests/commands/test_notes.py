"""The notes beside the branch folders, where anybody may write: what is none of ours, and what was allowed once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.project import HOME, IMPORT, Person, Project, edits, notebook, rule
from support.variants import thinned

from .test_valves import another

NOTES = f"{HOME}/.databricks_sync"
NOTE = f"{NOTES}/main.json"
SHARED = "/Shared/.databricks_sync"
STRANGE: dict[str, tuple[dict[str, Any], str]] = {
    "a folder": ({"object_type": "DIRECTORY"}, "is a folder, not a marker file"),
    "a Git folder": ({"object_type": "GIT_FOLDER"}, "is a Git folder, not a marker file"),
    "a notebook": ({"source": "print(1)"}, "is a notebook, not a marker file"),
    "a dashboard": ({"object_type": "DASHBOARD", "text": "{}"}, "is a dashboard, not a marker file"),
    "a shopping list": ({"text": "milk"}, "is not a marker file of this tool"),
    "a list": ({"text": "[1]"}, "is not a marker file of this tool"),
    "nothing": ({"text": ""}, "is not a marker file of this tool"),
    "large": ({"text": "x" * 2**21}, "is too large to be a file of this tool"),
}


def put(project: Project, path: str, **what: Any) -> None:
    """Somebody writes something there, in the place of what there is."""
    project.workspace.control("edit", [{"path": path, "delete": True}, {"path": path, **what}])


@pytest.mark.parametrize("hashes", [True, pytest.param(False, marks=pytest.mark.long)], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("name", thinned(STRANGE))
def test_what_is_no_note_stops_a_push(pushed: Project, person: Person, name: str, hashes: bool) -> None:
    """Where something else is in the place of the note, no target counts as nobody's, and what is told leads out."""
    pushed.workspace.set(hashes=hashes)
    edit, what = STRANGE[name]
    put(pushed, NOTE, **edit)
    other, names = another(pushed), person.names()
    for options in ([], ["--overwrite"], ["--mirror", "--max-delete=99"], ["--dry-run"]):
        ran = other.push(*options, code=3)
        assert f"{NOTE} {what}" in ran.err and "Delete or rename it in the workspace" in ran.err and not ran.writes
    ran = other.pull()
    assert f"note: {NOTE} {what}" in ran.err and "a.py" in other.names()
    assert "nothing to do" in pushed.push().out  # nothing to write is nobody's harm
    assert person.names() == names
    pushed.workspace.control("edit", {"path": NOTE, "delete": True})
    pushed.notebook("notebooks/new.py", "print(1)")
    pushed.push()
    assert "belongs to another repository" in other.push(code=3).err


# --- where a mirror comes from --------------------------------------------------------------------------------------

MIRROR = ("--target", "/Shared/master", "--mirror")


def test_a_mirror_of_what_is_not_committed(pushed: Project) -> None:
    """A mirror into a folder of choice says which files are in no commit, the first three and how many more."""
    pushed.commit()
    pushed.notebook("notebooks/a.py", "mine")
    assert "note: This mirror includes changes that are not committed: notebooks/a.py.\n" in pushed.push(*MIRROR).err
    pushed.commit()
    for name in ("v.csv", "w.csv", "x.csv", "y.csv"):
        pushed.write(f"notebooks/new/{name}", name)
    pushed.write("elsewhere.txt", "1")
    for options in (("--dry-run",), ()):
        assert (
            ": notebooks/new/v.csv, notebooks/new/w.csv, notebooks/new/x.csv and 1 more.\n"
            in pushed.push(*MIRROR, *options).err
        )
    for ran in (pushed.push(*MIRROR), pushed.push("--mirror"), pushed.push("--target", "/Shared/b")):
        assert "not committed" not in ran.said


def test_a_mirror_from_another_branch(pushed: Project) -> None:
    """A mirror from another branch than the last one names both, and is done; the next one is of the same branch."""
    pushed.commit()
    assert "last pushed from" not in pushed.push(*MIRROR).said
    pushed.git("checkout", "-q", "-b", "feature/x")
    pushed.notebook("notebooks/a.py", "mine")
    pushed.commit()
    note = "note: /Shared/master was last pushed from the branch main, and this is the branch feature/x.\n"
    for options in (("--dry-run",), ()):
        assert pushed.push(*MIRROR, *options).err.count(note) == 1
    pushed.notebook("notebooks/a.py", "mine too")
    pushed.commit()
    ran = pushed.push(*MIRROR)
    assert ran.carried and "last pushed from" not in ran.said


@pytest.mark.parametrize("name", ["a shopping list", "large", "nothing"])
def test_a_target_is_taken_over_from_a_file_that_is_no_note(pushed: Project, name: str) -> None:
    """With --take-over our note replaces the file, also when nothing else is to be written; the next run is plain."""
    put(pushed, NOTE, **STRANGE[name][0])
    assert "nothing to do" in pushed.push("--take-over").out
    assert json.loads(Person(pushed.workspace, NOTES).file("main.json"))["branch"] == "main"
    pushed.notebook("notebooks/new.py", "print(1)")
    pushed.push()


def test_a_target_is_used_beside_a_folder_that_is_no_note(pushed: Project, person: Person) -> None:
    """With --take-over a push goes on where no note can be written, says so, and leaves what is there."""
    put(pushed, NOTE, object_type="DIRECTORY")
    pushed.notebook("notebooks/new.py", "print(1)")
    ran = pushed.push("--take-over")
    assert f"The marker file of {HOME}/main could not be written" in ran.err and "new" in person.names()
    assert Person(pushed.workspace, NOTES).tree() == {"main.json": "DIRECTORY"}


def test_what_is_no_note_stops_a_restore(pushed: Project, person: Person) -> None:
    """A restore into the workspace writes nothing while it is unknown whose the target is."""
    pushed.notebook("notebooks/a.py", "mine")
    pushed.push()
    backup = next((pushed.root / ".git/databricks_sync/backups").iterdir()).name
    put(pushed, NOTE, text="milk")
    ran = pushed.push("--restore", backup, code=3)
    assert f"{NOTE} is not a marker file of this tool" in ran.err and not ran.writes
    pushed.push("--restore", backup, "--take-over")
    assert person.read("a") != notebook("mine").rstrip("\n").encode()


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize(("home", "target"), [(NOTES, f"{HOME}/main"), (SHARED, "/Shared/main")])
@pytest.mark.parametrize(("edit", "kind"), [({"text": "mine"}, "file"), ({"source": "mine"}, "notebook")])
def test_a_file_where_the_notes_belong_is_named(
    project: Project, person: Person, home: str, target: str, edit: dict[str, Any], kind: str, hashes: bool
) -> None:
    """What has the name of the folder for notes is named, and another target, which does not help, is not advised."""
    project.workspace.set(hashes=hashes)
    put(project, home, **edit)
    project.notebook("notebooks/a.py", "print(1)")
    for options in ([], ["--mirror"]):
        ran = project.push("--target", target, *options, code=3)
        assert f"{home} is a {kind}, but this tool needs a folder there" in ran.err
        assert "Delete or rename it in the workspace" in ran.err and "--target" not in ran.err and not ran.writes
    project.workspace.control("edit", {"path": home, "delete": True})
    project.push("--target", target)
    assert person.at(target).names() == {"a"}


def test_a_note_that_was_broken_in_the_middle_of_a_push_stops_it(project: Project, person: Person) -> None:
    """Who finds something else where it is about to write its first note writes no notebook."""
    project.notebook("notebooks/a.py", "print(1)")
    late = edits({"path": NOTE, "text": "milk"})
    project.workspace.faults(rule(IMPORT, late, object=NOTE, nth=1))
    assert f"{NOTE} is not a marker file of this tool" in project.push(code=3).err
    assert person.names() == set()


# --- what was allowed once --------------------------------------------------------------------------------------


def two(project: Project) -> Project:
    """A project that pushes to /Shared/a, and has a new notebook."""
    project.notebook("notebooks/n.py", "print(1)")
    project.push("--target", "/Shared/a")
    project.notebook("notebooks/new.py", "print(1)")
    return project


def test_a_folder_in_a_folder_is_allowed_once(project: Project) -> None:
    """The note of the other folder is named, --take-over is remembered for it, and for no third one."""
    two(project)
    ran = project.push("--target", "/Shared/a/b", code=3)
    assert "delete its marker file /Shared/.databricks_sync/a.json in the workspace" in ran.err and not ran.writes
    project.push("--target", "/Shared/a/b", "--take-over", "--dry-run")
    assert "one is inside the other" in project.push("--target", "/Shared/a/b", code=3).err
    project.push("--target", "/Shared/a/b", "--take-over")
    for number in range(2):
        project.notebook("notebooks/new.py", f"print({number})")
        project.push("--target", "/Shared/a/b")
        project.pull("--target", "/Shared/a/b")
    third = Person(project.workspace, SHARED).file("a.json")
    put(project, f"{SHARED}/a%2Fb%2F%1B[c.json".replace("[", "%5B"), text=third.decode())
    ran = project.push("--target", "/Shared/a/b", code=3)
    assert f"/Shared/a/b/\\x1b[c is no longer used, delete its marker file {SHARED}/a%2Fb%2F%1B%5Bc.json" in ran.err


def test_deleting_the_note_leads_out(project: Project) -> None:
    """Where nothing is remembered, as in CI, deleting the note that is named is enough."""
    two(project)
    clone = project.clone()
    clone.push("--target", "/Shared/a/b", code=3)
    clone.workspace.control("edit", {"path": f"{SHARED}/a.json", "delete": True})
    clone.push("--target", "/Shared/a/b")


def test_a_target_without_a_change_is_taken_over(pushed: Project) -> None:
    """A stale note of another repository is replaced by --take-over also when there is nothing to push."""
    twin = another(pushed)
    for name, raw in pushed.files().items():
        twin.write(f"notebooks/{name}", raw)
    twin.remove("notebooks/z.py")
    assert "belongs to another repository" in twin.push(code=3).err
    assert "nothing to do" in twin.push("--take-over").out
    assert "nothing to do" in twin.push().out
    assert "belongs to another repository" in pushed.push(code=3).err


def test_a_pull_from_another_s_folder_is_allowed_once(pushed: Project, person: Person) -> None:
    """A pull with --take-over makes nobody's folder ours: later pulls are plain, and a push is still refused."""
    pushed.commit()
    pushed.notebook("notebooks/new.py", "print(1)")
    pushed.push()
    other = another(pushed)
    assert "belongs to another repository" in other.pull(code=3).err
    other.pull("--take-over")
    person.edit("a", "later")
    other.pull()
    assert "later" in other.text("notebooks/a.py")
    assert "belongs to another repository" in other.push(code=3).err
