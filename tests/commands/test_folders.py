"""Another choice of folders moves what was carried, and tells whoever still has the old one."""

from __future__ import annotations

import json

import pytest
from support.project import HOME, IMPORT, Person, Project, Workspace, answer, notebook, rule


def grown(project: Project, folders: str = "notebooks,src") -> Project:
    """The project from now on carried from other folders."""
    project.write("src/lib.py", "def lib():\n    return 1\n")
    project.env["NOTEBOOK_FOLDER"] = folders
    return project


def test_growing_moves_what_was_carried(pushed: Project, person: Person) -> None:
    """With one folder more, each object moves below its folder: shown as moves, nothing doubled, nothing stopped."""
    before = person.names()
    grown(pushed)
    dry = pushed.push("--dry-run")
    assert "Would move in the workspace (8)" in dry.out and "> notebooks/a.py" in dry.out, dry.said
    assert "from etl/load" in dry.out and "elete" not in dry.out and not dry.writes
    assert person.names() == before
    ran = pushed.push()
    assert "8 moved, 1 created, 9 in sync" in ran.out
    assert person.names() == {*(f"notebooks/{name}" for name in before), "src/lib.py"}
    assert "etl" not in person.tree() and len(pushed.backups()) == 8
    pushed.at_rest()


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_what_was_edited_here_moves_with_its_edit(
    pushed: Project, person: Person, workspace: Workspace, hashes: bool
) -> None:
    """All edited and moved at once is no deletion and no change of everything, so that no valve stops it."""
    workspace.set(hashes=hashes)
    for name in ("a", "b", "c", "etl/load", "etl/clean", "etl/deep/save"):
        pushed.notebook(f"notebooks/{name}.py", "print('edited')")
    grown(pushed)
    assert "8 moved, 1 created" in pushed.push().out
    assert person.read("notebooks/etl/load") == notebook("print('edited')").encode()
    pushed.at_rest()


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        ("notebooks", {"a", "b/c"}),
        ("src,notebooks", {"notebooks/a", "notebooks/b/c", "src/x"}),
        ("src", {"x", "notebooks/a", "notebooks/b/c"}),
    ],
    ids=["one less", "another order", "the other one"],
)
def test_shrinking_and_reordering(project: Project, person: Person, folders: str, names: set[str]) -> None:
    """What is in a folder that is no longer named stays in the workspace; another order is the same choice."""
    project.env["NOTEBOOK_FOLDER"] = "notebooks,src"
    for path in ("notebooks/a.py", "notebooks/b/c.py", "src/x.py"):
        project.notebook(path, "print(1)")
    project.push()
    project.push(env={"NOTEBOOK_FOLDER": folders})
    assert person.names() == names | ({"src/x"} if folders == "notebooks" else set())
    assert not project.push(env={"NOTEBOOK_FOLDER": folders}).writes
    project.push()
    assert person.names() >= {"notebooks/a", "notebooks/b/c", "src/x"}


def test_a_renamed_folder(project: Project, person: Person) -> None:
    """A single folder that was renamed is the branch folder still; of several, what is in the renamed one moves."""
    project.notebook("notebooks/a.py", "print(1)")
    project.push()
    (project.root / "notebooks").rename(project.root / "jobs")
    project.env["NOTEBOOK_FOLDER"] = "jobs"
    assert not project.push().writes and person.names() == {"a"}
    grown(project, "jobs,src").push()
    (project.root / "jobs").rename(project.root / "etl")
    project.env["NOTEBOOK_FOLDER"] = "etl,src"
    project.push()
    assert person.names() == {"etl/a", "src/lib.py"}
    project.at_rest()


# --- edits in the workspace --------------------------------------------------------------------------------------


def test_an_edit_there_comes_down_before_its_object_moves(pushed: Project, person: Person) -> None:
    """An object edited in the workspace stays at its old place; a pull brings the edit, and then it moves."""
    person.edit("a", "print('theirs')")
    grown(pushed)
    ran = pushed.push(code=1)
    assert (
        "7 moved" in ran.out
        and "1 conflict" in ran.out
        and "edited in the workspace, and moved locally to notebooks/a" in ran.out
    )
    assert "from_databricks --overwrite notebooks/a.py" in ran.out
    assert b"theirs" in person.read("a") and "notebooks/a" not in person.names()
    pushed.pull("--overwrite", "notebooks/a.py")
    assert pushed.text("notebooks/a.py") == notebook("print('theirs')")
    assert "1 moved" in pushed.push().out
    assert b"theirs" in person.read("notebooks/a") and "a" not in person.names()
    pushed.at_rest()


def test_a_pull_after_the_folders_grew(pushed: Project, person: Person) -> None:
    """A pull knows the objects where they still stand: edits, merges and deletions come to the same files."""
    grown(pushed)
    person.edit("b", "print('theirs')")
    person.edit("etl/load", "print('etl/load')", "print(3)")
    pushed.notebook("notebooks/etl/load.py", "print('mine')", "print(2)")
    person.delete("c")
    ran = pushed.pull("--merge")
    assert pushed.text("notebooks/b.py") == notebook("print('theirs')"), ran.said
    assert pushed.text("notebooks/etl/load.py") == notebook("print('mine')", "print(3)"), ran.said
    assert not (pushed.root / "notebooks/c.py").exists() and not (pushed.root / "notebooks/notebooks").exists()
    assert "7 moved" in pushed.push().out
    pushed.at_rest()


def test_overwrite_moves_over_an_edit_and_keeps_it(pushed: Project, person: Person) -> None:
    """`--overwrite`, typed as the conflict says, moves the object; the edit is in a backup, which can be restored."""
    person.edit("a", "print('theirs')")
    grown(pushed).push(code=1)
    pushed.push("--overwrite", "notebooks/a.py")
    assert "a" not in person.names() and person.read("notebooks/a") == pushed.read("notebooks/a.py")
    assert any(b"theirs" in raw for raw in pushed.backups())
    pushed.at_rest()
    (run, *_) = [one["run"] for one in pushed.push("--restore", "--json").all("backup")]
    pushed.push("--restore", run)
    assert b"theirs" in person.read("notebooks/a") and "a" not in person.names()


def test_an_edit_at_the_old_place_after_the_move(pushed: Project, person: Person) -> None:
    """Who edits what a run without deletions left at the old place loses nothing, and is told the way out."""
    grown(pushed).push("--no-delete")
    assert {"a", "notebooks/a"} <= person.names()
    person.edit("a", "print('late')")
    for _ in range(2):
        ran = pushed.push(code=1)
        assert "was edited at its old location, a, after it had moved to notebooks/a" in ran.out
        pushed.pull("--overwrite", code=1)
        assert b"late" in person.read("a")
    assert {name for name in person.names() if "/" not in name} == {"a"}
    person.delete("a")
    pushed.push()
    pushed.at_rest()


def test_deletions_on_either_side_while_the_folders_grow(pushed: Project, person: Person) -> None:
    """What was deleted here goes from its old place; what was deleted there is not put back by a move."""
    grown(pushed).remove("notebooks/a.py")
    person.delete("b")
    ran = pushed.push()
    assert "6 moved" in ran.out and "1 deleted" in ran.out and "deleted in the workspace" in ran.out
    assert not {"a", "b", "notebooks/a", "notebooks/b"} & person.names()
    pushed.pull()
    assert not (pushed.root / "notebooks/b.py").exists()
    pushed.at_rest()


def test_only_some_paths(pushed: Project, person: Person) -> None:
    """With PATHS only those move, each from its old place; the next run moves the others."""
    grown(pushed)
    assert "1 moved" in pushed.push("notebooks/a.py").out
    assert {"notebooks/a", "b"} <= person.names() and "a" not in person.names()
    assert "1 moved" in pushed.push("b").out  # by the key it had
    assert "6 moved" in pushed.push().out
    pushed.at_rest()


def test_what_cannot_be_read_here_stays_there(pushed: Project, person: Person) -> None:
    """A file that cannot be judged is not taken for deleted at its old place."""
    grown(pushed)
    pushed.write("notebooks/a.py", "")
    (pushed.root / "notebooks/etl").rename(pushed.root / "elsewhere")
    (pushed.root / "notebooks/etl").symlink_to(pushed.root / "nowhere")
    pushed.push(code=1)
    assert {"a", "etl/load", "etl/clean", "etl/deep/save"} <= person.names()


def test_an_object_in_the_way_moves_first(project: Project, person: Person) -> None:
    """Where the new place is another object's old one, nothing is replaced: the one moves, and then the other."""
    project.notebook("notebooks/a.py", "print('outer')")
    project.notebook("notebooks/notebooks/a.py", "print('inner')")
    project.push()
    grown(project)
    assert "Run the command again" in project.push(code=1).out
    project.push()
    assert person.read("notebooks/a") == notebook("print('outer')").encode()
    assert person.read("notebooks/notebooks/a") == notebook("print('inner')").encode()
    assert person.names() == {"notebooks/a", "notebooks/notebooks/a", "src/lib.py"}
    project.at_rest()


def test_an_object_with_the_name_of_the_new_folder(project: Project, person: Person) -> None:
    """A notebook that has the name of its folder moves into the folder of that name."""
    project.notebook("notebooks/notebooks.py", "print(1)")
    project.notebook("notebooks/b.py", "print(2)")
    project.push()
    grown(project)
    project.push(code=(0, 1))
    project.push()
    assert person.names() == {"notebooks/notebooks", "notebooks/b", "src/lib.py"}
    project.at_rest()


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_what_cannot_be_created_at_its_new_place_stays(
    project: Project, person: Person, workspace: Workspace, hashes: bool
) -> None:
    """An object whose new place is refused stays at the old one, also when the file was edited, and moves later."""
    workspace.set(hashes=hashes)
    for name in ("a", "b"):
        project.notebook(f"notebooks/{name}.py", f"print({name!r})")
    project.push()
    grown(project).notebook("notebooks/a.py", "print('edited')")
    workspace.faults(rule(IMPORT, answer(400, "BAD_REQUEST", "no"), object="*/notebooks/a"))
    project.push(code=4)
    assert {"a", "notebooks/b"} <= person.names() and "notebooks/a" not in person.names()
    workspace.faults()
    project.push()
    assert person.names() == {"notebooks/a", "notebooks/b", "src/lib.py"}
    project.at_rest()


def test_the_differences_of_a_move(pushed: Project) -> None:
    """--diff shows of a moved object what was edited, and nothing of what was not."""
    grown(pushed).notebook("notebooks/a.py", "print('a')", "print(3)")
    said = pushed.push("--dry-run", "--diff").out
    assert "-print(2)" in said and "+print(3)" in said and "+print('b')" not in said and "-print('a')" not in said


def test_a_program_is_told_of_moves(pushed: Project) -> None:
    """With --json each of the two steps of a move names the other one's key, and the summary counts moves."""
    grown(pushed)
    ran = pushed.push("--json")
    moved = {one["key"]: one["moved"] for one in ran.all("plan") if "moved" in one}
    assert moved["a"] == "notebooks/a" and moved["notebooks/a"] == "a" and len(moved) == 16
    assert (ran.summary["move"], ran.summary["create"], ran.summary["delete"]) == (8, 1, 0)


def test_another_file_of_the_same_key(project: Project, person: Person) -> None:
    """A file of another folder does not replace what a folder that is no longer named has left under its key."""
    project.notebook("notebooks/a.py", "print('one')")
    project.push()
    project.notebook("other/a.py", "print('two')")
    project.push(env={"NOTEBOOK_FOLDER": "other"}, code=1)
    assert person.read("a") == notebook("print('one')").encode()


# --- others ------------------------------------------------------------------------------------------------------


def test_a_colleague_with_the_old_folders_is_told(pushed: Project, person: Person) -> None:
    """Whoever has the old folders is stopped, in both directions, and goes on with what they are told to set."""
    colleague = pushed.clone()
    colleague.push()
    grown(pushed).push()
    names, files = person.names(), colleague.files()
    for run, *options in ((colleague.push,), (colleague.pull,), (colleague.push, "--mirror")):
        ran = run(*options, code=3)
        assert "is now synced from notebooks and src" in ran.err and not ran.writes
        assert "Set NOTEBOOK_FOLDER=notebooks,src here too" in ran.err
    assert (person.names(), colleague.files()) == (names, files)
    colleague.env["NOTEBOOK_FOLDER"] = "notebooks,src"
    person.edit("notebooks/a", "print('theirs')")
    colleague.pull()
    assert colleague.text("notebooks/a.py") == notebook("print('theirs')")
    colleague.write("src/lib.py", "def lib():\n    return 1\n")
    colleague.notebook("notebooks/b.py", "print('mine')")
    colleague.push()
    assert person.read("notebooks/b") == notebook("print('mine')").encode()
    colleague.at_rest()
    pushed.pull()
    assert pushed.text("notebooks/b.py") == notebook("print('mine')")


@pytest.mark.parametrize("how", ["ignored", "a link"])
def test_what_a_colleague_does_not_carry_is_not_deleted_where_it_went(
    pushed: Project, person: Person, how: str
) -> None:
    """A file that is not carried here, or cannot be judged, takes nothing from where somebody else has moved it."""
    colleague = pushed.clone()
    colleague.push()
    grown(pushed).push()
    names = person.names()
    colleague.env["NOTEBOOK_FOLDER"] = "notebooks,src"
    colleague.write("src/lib.py", "def lib():\n    return 1\n")
    if how == "ignored":
        colleague.git("rm", "-q", "--cached", "notebooks/b.py")
        colleague.write(".gitignore", "/notebooks/b.py\n")
    else:
        colleague.remove("notebooks/b.py")
        (colleague.root / "notebooks/b.py").symlink_to("a.py")
    colleague.push(code=(0, 1))
    assert person.names() == names


def test_a_colleague_may_take_it_back(pushed: Project, person: Person) -> None:
    """With --take-over the target is laid out as it is set here: all moves back, and the other one is told."""
    colleague = pushed.clone()
    colleague.push()
    before = person.names()
    grown(pushed).push()
    assert "8 moved" in colleague.push("--take-over").out
    assert person.names() == {*before, "src/lib.py"}
    assert not colleague.push().writes
    assert "Set NOTEBOOK_FOLDER=notebooks here too" in pushed.push(code=3).err


def test_a_fresh_clone_doubles_nothing(pushed: Project, person: Person) -> None:
    """A clone without a record and with other folders is stopped; a mirror moves what stands elsewhere."""
    for options, names in (([], "notebooks/a"), (["--mirror"], "notebooks/a")):
        fresh = grown(pushed.clone(f"clone{len(options)}"))
        if not options:
            for run in (fresh.push, fresh.pull):
                ran = run(code=3)
                assert not ran.writes and "is now synced from notebooks" in ran.err
                assert "Set NOTEBOOK_FOLDER=notebooks here too" in ran.err
            assert fresh.push("--take-over", "--dry-run").out.count("from ") == 8
            continue
        assert "8 moved" in fresh.push(*options).out
        assert names in person.names() and "a" not in person.names()
        fresh.at_rest()


def test_a_note_of_yesterday_says_nothing(pushed: Project, person: Person, workspace: Workspace) -> None:
    """Where a machine with an older version wrote the note, nothing is stopped, doubled or deleted."""
    at = Person(workspace, f"{HOME}/.databricks_sync")
    grown(pushed).push()
    names = person.names()
    note = json.loads(at.file("main.json"))
    assert note["project"] == "." and note["folders"] == ["notebooks", "src"]
    at.put("main.json", json.dumps({name: told for name, told in note.items() if name not in ("project", "folders")}))
    pushed.at_rest()
    pushed.notebook("notebooks/a.py", "print('more')")
    pushed.push()
    assert person.names() == names and json.loads(at.file("main.json"))["project"] == "."


# --- two projects of one repository -------------------------------------------------------------------------------


@pytest.fixture
def both(project: Project) -> tuple[Project, Project]:
    """Two projects in folders of one repository."""
    made = tuple(Project(project.root / name, project.home, project.workspace) for name in ("projA", "projB"))
    for name, one in zip("AB", made, strict=True):
        one.notebook(f"notebooks/only{name}.py", "print(1)")
        one.notebook("notebooks/shared.py", f"print({name!r})")
    return made  # type: ignore[return-value]


def test_two_projects_of_one_repository(both: tuple[Project, Project], person: Person) -> None:
    """The other project of a repository is refused in both directions, by name, and each way out leads out."""
    one, two = both
    one.push()
    names = person.names()
    for run, *options in ((two.push,), (two.pull,), (two.push, "--mirror", "--dry-run")):
        ran = run(*options, code=3)
        assert "belongs to the project projA of this repository, and this is the project projB" in ran.err
        assert "--branch" in ran.err and "--target" in ran.err and "--take-over" in ran.err and not ran.writes
    assert person.names() == names == {"onlyA", "shared"}
    two.push("--branch", "b")
    two.push("--target", f"{HOME}/other")
    assert person.at(f"{HOME}/b").names() == person.at(f"{HOME}/other").names() == {"onlyB", "shared"}
    ran = two.push("--take-over", code=1)
    assert person.names() == {"onlyA", "onlyB", "shared"} and person.read("shared") == notebook("print('A')").encode()
    assert "belongs to the project projB of this repository, and this is the project projA" in one.push(code=3).err


def test_the_project_at_the_top_is_one_too(both: tuple[Project, Project], project: Project, person: Person) -> None:
    """The project at the top of a repository and one in a folder of it are two."""
    project.notebook("notebooks/top.py", "print(1)")
    project.commit()
    project.push()
    assert "the project in the top folder of this repository, and this is the project projA" in both[0].push(code=3).err
    clone = Project(project.clone().root / "projA", project.home, project.workspace)
    assert "the project in the top folder of this repository" in clone.pull(code=3).err
    assert person.names() == {"top"}
