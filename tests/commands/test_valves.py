"""What stops a run before its first write, and the one flag that lets it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from support.project import GIT_FOLDERS, HOME, IMPORT, Person, Project, Workspace, answer, edits, notebook, rule

LIST_REPO = "*/workspace/list-repo"


def ten(project: Project) -> Project:
    for number in range(10):
        project.notebook(f"notebooks/n{number}.py", f"print({number})")
    project.commit()
    project.push()
    return project


def test_many_deletions_stop_a_push(project: Project, person: Person) -> None:
    """More than a quarter deleted here stops the push before any write, and --max-delete N lets it."""
    ten(project).remove(*(f"notebooks/n{number}.py" for number in range(5)))
    ran = project.push(code=3)
    assert not ran.writes and "delete 5 of 10" in ran.err and "--max-delete 5" in ran.err
    assert not project.push("--max-delete", "4", code=3).writes
    project.push("--max-delete", "5")
    assert len(person.names()) == 5


def test_many_deletions_stop_a_pull(project: Project, person: Person) -> None:
    """More than a quarter deleted in the workspace stops the pull, and --max-delete P% lets it."""
    ten(project)
    for number in range(5):
        person.delete(f"n{number}")
    before = project.files()
    project.pull(code=3)
    project.pull("--max-delete", "40%", code=3)
    assert project.files() == before
    project.pull("--max-delete", "50%")
    assert len(project.names()) == 5


def test_a_few_deletions_need_no_flag(project: Project, person: Person) -> None:
    """Deleting two of ten notebooks is an ordinary day."""
    ten(project).remove("notebooks/n0.py", "notebooks/n1.py")
    project.push()
    assert len(person.names()) == 8


def test_max_delete_lowers_the_valve_too(project: Project) -> None:
    """--max-delete 0 stops a run that would delete a single notebook."""
    ten(project).remove("notebooks/n0.py")
    assert not project.push("--max-delete", "0", code=3).writes


@pytest.mark.parametrize("share", ["many", "-3", "5 %%", "", "1e3"])
def test_a_share_that_is_none_is_a_mistake(one: Project, share: str) -> None:
    """--max-delete takes a number or a percentage, and says so."""
    ran = one.quick("to_databricks", f"--max-delete={share}", code=2)
    assert "--max-delete" in ran.err and not ran.writes


def test_no_delete_leaves_everything(project: Project, person: Person) -> None:
    """With --no-delete a push carries the edits and deletes nothing, however much went here."""
    ten(project).remove(*(f"notebooks/n{number}.py" for number in range(1, 10)))
    project.notebook("notebooks/n0.py", "edited")
    ran = project.push("--no-delete")
    assert len(person.names()) == 10 and b"edited" in person.read("n0")
    assert "not deleted, because of --no-delete (9)" in ran.out and "9 skipped" in ran.out


def test_no_delete_holds_for_a_pull(project: Project, person: Person) -> None:
    """With --no-delete a pull deletes nothing here."""
    ten(project)
    person.delete("n0")
    project.pull("--no-delete")
    assert "n0.py" in project.names()


def test_a_missing_folder_deletes_nothing(pushed: Project, person: Person) -> None:
    """When the folder is gone, as on another branch, the push stops, also with --mirror and --overwrite."""
    names = person.names()
    shutil.rmtree(pushed.root / "notebooks")
    for option in ("--overwrite", "--mirror", "--no-delete"):
        assert not pushed.push(option, code=3).writes
    assert person.names() == names
    pushed.push("--allow-empty")
    assert person.names() == set()


def test_an_empty_folder_mirrors_nothing(pushed: Project, person: Person) -> None:
    """A CI machine whose checkout went wrong does not empty the shared folder."""
    target = "/Shared/master"
    pushed.push("--target", target, "--mirror")
    clone = pushed.clone()
    shutil.rmtree(clone.root / "notebooks")
    (clone.root / "notebooks").mkdir()
    ran = clone.push("--target", target, "--mirror", code=3)
    assert not ran.writes and len(person.at(target).names()) == 8


def test_a_pull_brings_a_missing_folder_back(pushed: Project) -> None:
    """A pull with --overwrite fills the folder again after it was lost."""
    before = pushed.files()
    shutil.rmtree(pushed.root / "notebooks")
    pushed.pull()
    assert not (pushed.root / "notebooks/a.py").exists()
    pushed.pull("--overwrite")
    assert pushed.files() == before


def test_one_missing_folder_of_two_deletes_nothing(project: Project, person: Person) -> None:
    """With several folders, one that is gone stops the push."""
    project.env["NOTEBOOK_FOLDER"] = "one,two"
    project.notebook("one/a.py", "print(1)")
    project.notebook("two/b.py", "print(1)")
    project.push()
    shutil.rmtree(project.root / "two")
    assert not project.push(code=3).writes
    assert person.names() == {"one/a", "two/b"}


def test_a_hidden_workspace_folder_deletes_nothing(pushed: Project, person: Person, workspace: Workspace) -> None:
    """A folder that one may no longer see looks like a deleted one, and stops both commands."""
    before = pushed.files()
    workspace.forbid(person.folder, "hidden")
    pushed.push(code=3)
    pushed.pull(code=3)
    assert pushed.files() == before


@pytest.mark.parametrize("command", ["to_databricks", "from_databricks"])
def test_a_subfolder_that_cannot_be_listed_stops_the_run(
    pushed: Project, person: Person, workspace: Workspace, command: str
) -> None:
    """What is in an unreadable folder is unknown and not gone: the run stops before any write."""
    workspace.set(hashes=False)
    pushed.notebook("notebooks/a.py", "edited")
    person.edit("b", "edited")
    before = pushed.files()
    workspace.forbid(f"{person.folder}/etl", "unreadable")
    ran = pushed.quick(command, code=3)
    assert f"{person.folder}/etl" in ran.err and not ran.writes
    assert pushed.files() == before


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_a_subfolder_without_permission_deletes_nothing_here(
    pushed: Project, person: Person, workspace: Workspace, hashes: bool
) -> None:
    """When the permission on a folder with three notebooks is taken away, a pull deletes none of them."""
    workspace.set(hashes=hashes)
    before = pushed.files()
    workspace.forbid(f"{person.folder}/etl", "unreadable")
    pushed.pull(code=(0, 1, 3, 4))
    assert pushed.files() == before


def test_a_whole_listing_that_fails_stops_the_run(pushed: Project, workspace: Workspace) -> None:
    """When the workspace refuses to list the folder, nothing counts as deleted."""
    before = pushed.files()
    workspace.faults(rule("*/workspace/list*", answer(403, "PERMISSION_DENIED", "no")))
    for command in ("to_databricks", "from_databricks"):
        ran = pushed.quick(command, code=4)
        assert not ran.writes and "permission" in ran.err.lower()
    assert pushed.files() == before


PROTECTED = [
    "/", "//", "/Users", "/Users/", HOME, f"{HOME}/", "/Shared", "/Repos", f"/Repos/{HOME[7:]}/x", "/Workspace",
    "/Workspace/Shared", f"/Workspace{HOME}", "/Shared/../Users", "/Shared/./", "/foo", "relative/path", "/Shared/a\nb",
    "/users/boss@example.com/main", f"/users/{HOME[7:]}/main", f"{HOME}/.databricks_sync", "/Shared/.databricks_sync/x",
]  # fmt: skip


@pytest.mark.parametrize("target", PROTECTED)
def test_protected_targets_are_refused(project: Project, target: str) -> None:
    """No run takes a folder for its own that belongs to the workspace or to somebody's whole life."""
    project.notebook("notebooks/a.py", "print(1)")
    ran = project.quick("to_databricks", "--target", target, "--mirror", "--user", HOME[7:], code=2)
    assert not ran.writes and "target" in ran.err


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("below", ["", "/sub", "/sub/new"])
@pytest.mark.parametrize("kind", GIT_FOLDERS)
def test_a_git_folder_in_a_home_is_refused(
    project: Project, person: Person, workspace: Workspace, kind: str, hashes: bool, below: str
) -> None:
    """A Git folder outside /Repos, or a folder in one, is neither written to nor pulled from."""
    workspace.set(hashes=hashes)
    project.notebook("notebooks/a.py", "print(1)")
    home = person.at(HOME)
    home.put("main", object_type=kind)
    home.edit("main/sub/theirs", "theirs")
    before = home.names()
    for command in ("to_databricks", "from_databricks"):
        ran = project.quick(command, "--target", f"{HOME}/main{below}", code=2)
        assert "Git folder" in ran.err and not ran.writes
    assert home.names() == before


@pytest.mark.parametrize("kind", GIT_FOLDERS)
def test_a_target_that_became_a_git_folder_is_refused(pushed: Project, person: Person, kind: str) -> None:
    """A Git folder in the place of a target that was carried to is noticed by every command that would use it."""
    pushed.notebook("notebooks/a.py", "print('mine')")
    pushed.quick("to_databricks")
    backup = next((pushed.root / ".git/databricks_sync/backups").iterdir()).name
    person.delete()
    person.at(HOME).put("main", object_type=kind)
    person.edit("a", "theirs")
    before = pushed.files()
    for typed in (["to_databricks"], ["to_databricks", "--overwrite"], ["to_databricks", "--mirror"],
                  ["from_databricks"], ["to_databricks", "--restore", backup]):  # fmt: skip
        ran = pushed.quick(*typed, code=2)
        assert "is a Git folder" in ran.err and not ran.carried
    assert person.read("a") == notebook("theirs").rstrip("\n").encode() and pushed.files() == before


@pytest.mark.parametrize("kind", GIT_FOLDERS)
def test_a_folder_that_became_a_git_folder_is_left(pushed: Project, person: Person, kind: str) -> None:
    """What was carried into a folder that is a Git folder by now is refused one by one, and deleted on neither side."""
    person.delete("etl")
    person.do("etl", object_type=kind)
    person.edit("etl/load", "theirs")
    before = pushed.files()
    for typed in (["to_databricks", "--mirror"], ["from_databricks"], ["from_databricks", "--overwrite"]):
        ran = pushed.quick(*typed, code=1)
        assert "would be inside etl, a Git folder of the workspace" in ran.out and not ran.carried
    assert person.at(f"{person.folder}/etl").names() == {"load"} and pushed.files() == before


@pytest.mark.parametrize("kind", GIT_FOLDERS)
def test_a_git_folder_made_in_the_middle_of_a_push_loses_nothing(project: Project, person: Person, kind: str) -> None:
    """What a Git folder that appears during a push holds stays, and the next run says what is in the way."""
    project.notebook("notebooks/etl/load.py", "print(1)")
    theirs = [person.change("etl", object_type=kind), person.change("etl/load", source=notebook("theirs"))]
    project.workspace.faults(rule(IMPORT, edits(*theirs), object=f"{person.folder}/etl/load", nth=1))
    assert "etl/load.py was changed in the workspace" in project.quick("to_databricks", code=1).out
    ran = project.quick("to_databricks", "--overwrite", code=1)
    assert "would be inside etl, a Git folder" in ran.out and not ran.carried
    assert person.read("etl/load") == notebook("theirs").rstrip("\n").encode()


def test_a_run_with_nothing_to_do_asks_for_no_type(one: Project) -> None:
    """Whether a target is a Git folder is asked until it was carried to, and costs nothing ever after."""
    assert [ran for ran in one.quick("to_databricks").requests if "get-status" in ran["endpoint"]] == []
    one.notebook("notebooks/b.py", "print(1)")
    assert [ran for ran in one.quick("to_databricks").requests if "get-status" in ran["endpoint"]] == []


def test_an_empty_target_is_refused(one: Project) -> None:
    """An empty --target, as a missing CI variable gives, is a mistake and not the branch folder."""
    one.notebook("notebooks/b.py", "print(1)")
    assert not one.push("--target", "", "--mirror", code=2).writes


def test_an_empty_branch_is_refused(one: Project) -> None:
    """An empty --branch, as a missing CI variable gives, is a mistake and not the branch checked out."""
    one.notebook("notebooks/b.py", "print(1)")
    assert not one.push("--branch", "", code=2).writes


def test_a_target_that_is_a_file_is_refused(project: Project, person: Person, workspace: Workspace) -> None:
    """A target that is a file or a notebook ends the run with exit 2 and stays as it is."""
    project.notebook("notebooks/a.py", "print(1)")
    there = person.at("/Shared")
    there.put("file", "mine")
    there.edit("book", "mine")
    for hashes in (True, False):
        workspace.set(hashes=hashes)
        for name in ("file", "book"):
            ran = project.push("--target", f"/Shared/{name}", "--mirror", code=2)
            assert "not a folder" in ran.err and not ran.writes
    assert there.file("file") == b"mine"


def test_a_target_below_a_file_is_refused(project: Project, person: Person) -> None:
    """A target below a file cannot be made, and the run says so in a sentence."""
    project.notebook("notebooks/a.py", "print(1)")
    person.at("/Shared").put("file", "mine")
    ran = project.push("--target", "/Shared/file/below", code=(2, 4))
    assert "/Shared/file" in ran.err


def another(project: Project) -> Project:
    """A repository of its own, with a notebook and a first commit that nobody else has."""
    made = Project(project.home / "another", project.home, project.workspace)
    made.git("init", "-q", "-b", "main")
    made.notebook("notebooks/z.py", "print('z')")
    made.commit("another beginning")
    return made


@pytest.fixture
def young(project: Project) -> Project:
    """It has pushed `a`, and has neither a commit nor an origin."""
    project.set_origin()
    project.notebook("notebooks/a.py", "print(1)")
    project.push()
    return project


def test_a_repository_without_a_commit_is_one_too(young: Project, person: Person) -> None:
    """What a repository has pushed before its first commit is its own: another is refused, also one like itself."""
    other = another(young)
    assert "belongs to another repository" in other.quick("to_databricks", "--mirror", code=3).err
    nameless = Project(young.home / "nameless", young.home, young.workspace)
    nameless.git("init", "-q", "-b", "main")
    nameless.notebook("notebooks/y.py", "print('y')")
    for options in (["--mirror", "--dry-run"], []):
        assert "belongs to another repository" in nameless.quick("to_databricks", *options, code=3).err
    assert person.names() == {"a"}
    for puller in (other, nameless):  # which takes nothing from anybody
        puller.quick("from_databricks")
        assert "a.py" in puller.names()
    assert "belongs to another repository" in nameless.quick("to_databricks", code=3).err


def test_a_repository_stays_the_same_with_its_first_commit(young: Project, person: Person) -> None:
    """A repository that pushed before its first commit is known afterwards, with lost records and other folders too."""
    young.commit()
    young.notebook("notebooks/b.py", "print(1)")
    young.quick("to_databricks")
    shutil.rmtree(young.root / ".git/databricks_sync")
    young.notebook("other/c.py", "print(1)")
    young.quick("to_databricks", env={"NOTEBOOK_FOLDER": "other"})
    assert person.names() == {"a", "b", "c"}
    clone = young.clone()
    clone.notebook("notebooks/d.py", "print(1)")
    clone.quick("to_databricks")
    assert "d" in person.names()


def test_a_repository_without_a_commit_may_carry_another_folder(young: Project, person: Person) -> None:
    """The name of a repository without a commit is not that of one record among several."""
    young.notebook("other/c.py", "print(1)")
    young.quick("to_databricks", env={"NOTEBOOK_FOLDER": "other"})
    assert person.names() == {"a", "c"}


def test_of_two_first_pushes_that_meet_one_leaves_nothing(project: Project, person: Person) -> None:
    """Whose note comes second writes no notebook, has none in mind any more, and takes its folders away again."""
    project.notebook("notebooks/etl/a.py", "print(1)")
    project.notebook("notebooks/report/daily/b.py", "print(1)")
    note = json.dumps({"target": person.folder, "repository": ["another"], "branch": "main", "clones": {"x": 1}})
    meanwhile = edits(
        {"path": f"{HOME}/.databricks_sync/main.json", "text": note}, person.change("etl/theirs", source=notebook("1"))
    )
    project.workspace.faults(rule(IMPORT, meanwhile, nth=1))
    assert "belongs to another repository (another, branch main)" in project.push(code=3).err
    assert set(person.tree()) == {"etl", "etl/theirs"}
    with closing(sqlite3.connect(next((project.root / ".git" / "databricks_sync").glob("*/state.db")))) as state:
        assert not state.execute("SELECT * FROM intent").fetchall()


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_notes_that_cannot_be_read(pushed: Project, person: Person, workspace: Workspace, hashes: bool) -> None:
    """Where nobody can tell whose a folder is, a push says so, and a mirror stops before it deletes anything."""
    workspace.set(hashes=hashes)
    other, names = another(pushed), person.names()
    workspace.forbid(f"{HOME}/.databricks_sync", "unreadable")
    for options in (["--mirror", "--dry-run"], ["--mirror"]):
        ran = other.quick("to_databricks", "--max-delete", "100%", *options, code=3)
        assert not ran.writes and "is unknown" in ran.err and "--take-over" in ran.err
    assert person.names() == names
    ran = other.quick("to_databricks")
    assert "cannot be read, so it is unknown whether another repository uses" in ran.said and person.names() == {
        *names,
        "z",
    }
    assert "cannot be read" not in other.quick("to_databricks").said
    other.quick("to_databricks", "--mirror", "--take-over", "--max-delete", "100%")
    assert person.names() == {"z"}


def in_a_merge(project: Project) -> None:
    project.git("checkout", "-q", "-b", "other")
    project.notebook("notebooks/a.py", "other")
    project.commit()
    project.git("checkout", "-q", "main")
    project.notebook("notebooks/a.py", "ours")
    project.commit()
    project.git("merge", "other", check=False)


def in_a_rebase(project: Project) -> None:
    project.git("checkout", "-q", "-b", "other")
    project.notebook("notebooks/a.py", "other")
    project.commit()
    project.git("checkout", "-q", "main")
    project.notebook("notebooks/a.py", "ours")
    project.commit()
    project.git("rebase", "other", check=False)


@pytest.mark.parametrize(("begin", "name"), [(in_a_merge, "a merge"), (in_a_rebase, "a rebase")])
def test_git_in_the_middle_of_something_stops_a_run(pushed: Project, person: Person, begin: object, name: str) -> None:
    """In a merge or a rebase neither command runs; to a named target or branch goes what is not in conflict."""
    assert callable(begin)
    begin(pushed)
    before = pushed.files()
    for command in ("to_databricks", "from_databricks"):
        ran = pushed.quick(command, code=3)
        assert name in ran.err and not ran.writes
    assert pushed.files() == before
    ran = pushed.push("--branch", "conflict", code=1)
    assert "notebooks/a.py has an unresolved merge conflict" in ran.out
    assert "a" not in person.at(f"{HOME}/conflict").names() and "b" in person.at(f"{HOME}/conflict").names()


def test_a_sparse_checkout_deletes_nothing(pushed: Project, person: Person) -> None:
    """Files that git keeps off the disk are left alone in the workspace."""
    pushed.git("sparse-checkout", "set", "--no-cone", "/notebooks/a.py")
    names = person.names()
    pushed.push()
    assert person.names() == names


def test_an_option_nobody_has_is_a_mistake(one: Project) -> None:
    """A misspelled option ends with exit 2 and a sentence."""
    ran = one.push("--overwite", code=2)
    assert "--overwite" in ran.err and not ran.writes


def test_a_notebook_that_changed_while_others_are_carried_is_safe(one: Project) -> None:
    """An unresolved conflict exits with 1 again and again, and stays as it is."""
    one.notebook("notebooks/a.py", "mine")
    Person(one.workspace).edit("a", "theirs")
    for _ in range(2):
        assert "1 conflict" in one.push(code=1).out
    assert one.text("notebooks/a.py") == notebook("mine")
