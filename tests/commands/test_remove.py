"""`--remove`: what goes with the folder of a branch that is over, what stays, and whose folders they are."""

from __future__ import annotations

import sys

import pytest
from support.project import DELETE, HOME, LIST, Person, Project, edits, notebook, rule

from .test_interrupts import interrupted
from .test_valves import another

REMOVE = ("--remove", "--branch", "main")
NOTE = "main.json"


def notes(person: Person) -> set[str]:
    return person.at(f"{HOME}/.databricks_sync").names()


def stands(person: Person, folder: str) -> bool:
    status, _ = person.workspace.ask("GET", f"/api/2.0/workspace/get-status?path={folder}")
    return status == 200


def records(project: Project) -> list[str]:
    return [name for name in project.state() if name.endswith("state.db")]


def test_everything_of_a_folder_goes(pushed: Project, person: Person) -> None:
    """Objects, folders, the note and the record go; a backup and the files here stay; a second run writes nothing."""
    before, files = person.names(), pushed.carried()
    ran = pushed.push(*REMOVE)
    assert "8 deleted, the folder is gone" in ran.out and "http" not in ran.out.splitlines()[-1]
    assert not stands(person, person.folder) and NOTE not in notes(person) and records(pushed) == []
    assert pushed.carried() == files and len(pushed.backups()) == 8
    again = pushed.push(*REMOVE)
    assert "There is no folder" in again.err and "nothing to do" in again.out
    assert not again.writes and records(pushed) == []
    (listed,) = pushed.push("--restore", "--json").all("backup")
    pushed.push("--restore", listed["run"])
    assert person.names() == before
    pushed.at_rest()


def test_the_folder_is_pushed_anew(pushed: Project, person: Person) -> None:
    """A branch whose folder was removed can be pushed like one that never was, and a pull finds nothing."""
    before = person.names()
    pushed.push(*REMOVE)
    assert "There is no folder" in pushed.pull(code=2).err
    pushed.push()
    assert person.names() == before and NOTE in notes(person)


def test_what_others_have_there_stays(pushed: Project, person: Person) -> None:
    """What somebody edited or added stays, and with it folder, note and record; the rest goes, with exit code 1."""
    person.edit("a", "theirs")
    person.edit("etl/new", "theirs")
    person.put("sales", "{}", object_type="DASHBOARD")
    person.put("lib/__pycache__/util.pyc", "litter")
    ran = pushed.push(*REMOVE, code=1)
    assert "edited in the workspace" in ran.out and "not pushed from this clone" in ran.out and "stays" in ran.out
    assert person.names() == {"a", "etl/new", "sales", "lib/__pycache__/util.pyc"} and b"theirs" in person.read("a")
    assert NOTE in notes(person) and records(pushed) and "etl/deep" not in person.tree()
    pushed.push(*REMOVE, "--overwrite", code=1)
    assert person.names() == {"etl/new", "sales", "lib/__pycache__/util.pyc"}
    pushed.push(*REMOVE, "--mirror", "--max-delete", "100%", code=1)
    assert person.names() == {"sales"}  # no program can bring a dashboard back
    person.delete("sales")
    assert "nothing to do, the folder is gone" in pushed.push(*REMOVE).out
    assert not stands(person, person.folder) and NOTE not in notes(person) and records(pushed) == []
    assert sum(b"theirs" in raw for raw in pushed.backups()) == 2


def test_a_look_changes_nothing(pushed: Project, person: Person) -> None:
    """--dry-run and --check show what would go, and --check tells it by its exit code."""
    before, state = person.names(), pushed.state()
    for option, code in (("--dry-run", 0), ("--check", 1)):
        ran = pushed.push(*REMOVE, option, code=code)
        assert "8 to delete, the folder would go" in ran.out and not ran.writes
    person.edit("new", "theirs")
    assert "the folder would stay" in pushed.push(*REMOVE, "--dry-run", code=1).out
    assert person.names() == {*before, "new"} and pushed.state() == state


def test_programs_are_told(pushed: Project, person: Person) -> None:
    """The summary says whether the folder is gone, and then has no address."""
    person.edit("new", "theirs")
    ran = pushed.push(*REMOVE, "--json", code=1)
    assert ran.summary["removed"] is False and ran.summary["delete"] == 8 and ran.summary["ahead"] == 1
    assert {one["action"] for one in ran.all("plan")} == {"delete", "ahead"} and ran.summary["address"]
    person.delete("new")
    ran = pushed.push(*REMOVE, "--json")
    assert ran.summary["removed"] is True and ran.summary["address"] is None


def test_the_files_here_have_no_say(pushed: Project, person: Person) -> None:
    """Neither an edit here, nor a missing folder, nor another branch or choice of folders keeps anything there."""
    pushed.notebook("notebooks/a.py", "mine")
    pushed.git("switch", "-q", "-c", "other")
    (pushed.root / "notebooks").rename(pushed.root / "elsewhere")
    pushed.push(*REMOVE, env={"NOTEBOOK_FOLDER": "x,y"})
    assert not stands(person, person.folder) and "mine" in pushed.text("elsewhere/a.py")


def test_what_a_colleague_has_moved_stays(pushed: Project, person: Person) -> None:
    """Where another clone has chosen other folders by now, its objects are its own, though they hold the same."""
    colleague = pushed.clone()
    colleague.push()
    colleague.write("src/x.py", "x = 1\n")
    colleague.push(env={"NOTEBOOK_FOLDER": "notebooks,src"})
    before = person.names()
    ran = pushed.push(*REMOVE, code=1)
    assert "notebooks/a" in before and person.names() == before and not ran.carried and NOTE in notes(person)


def test_without_a_record_nothing_is_known_to_be_ours(pushed: Project, person: Person) -> None:
    """Another clone deletes nothing, and with --mirror only as much as --max-delete allows."""
    clone, before = pushed.clone(), person.names()
    assert not clone.push(*REMOVE, code=1).carried
    assert not clone.push(*REMOVE, "--mirror", code=3).carried and person.names() == before
    clone.push(*REMOVE, "--mirror", "--max-delete", "100%")
    assert not stands(person, person.folder) and NOTE not in notes(person) and len(clone.backups()) == 8


def test_max_delete_holds(pushed: Project, person: Person) -> None:
    """A limit that was typed holds for what this clone has pushed, too; without one, that is what a removal is for."""
    assert not pushed.push(*REMOVE, "--max-delete", "7", code=3).carried
    for name in ("a", "b", "c", "etl/load", "etl/clean"):
        person.edit(name, "theirs")
    ran = pushed.push(*REMOVE, "--overwrite", code=3)
    assert not ran.carried and "--max-delete 8" in ran.err and "--no-delete" not in ran.err
    pushed.push(*REMOVE, "--overwrite", "--max-delete", "8")
    assert not stands(person, person.folder)


def test_the_folder_of_another_repository(pushed: Project, person: Person) -> None:
    """Nobody removes the folder of another repository, unless they take it over."""
    other = another(pushed)
    ran = other.push(*REMOVE, "--mirror", "--max-delete", "100%", code=3)
    assert "belongs to another repository" in ran.err and "Remove it from there" in ran.err and not ran.carried
    other.push(*REMOVE, "--mirror", "--max-delete", "100%", "--take-over")
    assert not stands(person, person.folder)


@pytest.mark.parametrize("target", ["/Shared/etl", f"{HOME}/demo"])
def test_a_folder_of_choice(pushed: Project, person: Person, target: str) -> None:
    """With --target any folder goes, a shared one under its lock."""
    pushed.push("--target", target)
    pushed.push("--remove", "--target", target)
    assert not stands(person, target) and person.names()


def test_an_edit_at_the_last_moment_stays(pushed: Project, person: Person) -> None:
    """What somebody saves after the folder was looked at stays, and the folder with it."""
    edit = person.change("b", source=notebook("theirs"))
    pushed.workspace.faults(rule(LIST, edits(edit), object=f"{person.folder}/b", nth=1))
    ran = pushed.push(*REMOVE, code=1)
    assert person.names() == {"b"} and b"theirs" in person.read("b") and NOTE in notes(person)
    assert "b.py was changed in the workspace during the run" in ran.out and "the folder stays" in ran.out


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_folder_that_fills_again(pushed: Project, person: Person, phase: str) -> None:
    """What somebody adds as the folder is about to go keeps it; a push of somebody's after that keeps its note."""
    new = person.change("new", source=notebook("theirs"))
    note = {"path": f"{HOME}/.databricks_sync/{NOTE}", "text": '{"repository": ["origin x"], "clones": {}}'}
    pushed.workspace.faults(rule(DELETE, edits(new, note), object=person.folder, nth=1, phase=phase))
    ran = pushed.push(*REMOVE, code=1)
    assert "is not empty, or cannot be deleted" in ran.err and "the folder stays" in ran.out
    assert person.names() == {"new"} and NOTE in notes(person)


def test_a_note_that_is_written_again_stays(pushed: Project, person: Person) -> None:
    """A note that somebody has written since it was looked at is theirs."""
    note = {"path": f"{HOME}/.databricks_sync/{NOTE}", "text": '{"repository": ["origin x"], "clones": {}}'}
    pushed.workspace.faults(rule(DELETE, edits(note), object=person.folder, nth=1))
    pushed.push(*REMOVE)
    assert not stands(person, person.folder) and NOTE in notes(person) and records(pushed) == []


# --- --merged -------------------------------------------------------------------------------------------------------


def branch(project: Project, name: str, *options: str) -> None:
    """A branch with a commit of its own, pushed with these options; afterwards, main is checked out again."""
    project.git("switch", "-q", "-c", name, "main")
    project.notebook(f"notebooks/of_{name}.py", name)
    project.commit(name)
    project.push(*options)
    project.git("switch", "-q", "main")


def test_all_branches_that_are_over(pushed: Project, person: Person) -> None:
    """Branches that are merged, gone at the remote or gone here lose their folders; no others do."""
    pushed.git("init", "-q", "--bare", str(pushed.home / "origin.git"))
    pushed.set_origin(str(pushed.home / "origin.git"))
    for name in ("merged", "squashed", "deleted", "going", "squashed-and-deleted", "elsewhere"):
        branch(pushed, name)
    branch(pushed, "chosen", "--target", f"{HOME}/demo")
    branch(pushed, "shared", "--target", "/Shared/current")
    pushed.git("push", "-q", "-u", "origin", "main", "going")
    pushed.git("remote", "set-head", "origin", "main")
    pushed.git("push", "-q", "origin", ":going")
    pushed.git("fetch", "-q", "--prune")
    pushed.git("merge", "-q", "--no-ff", "-m", "merge", "merged")
    pushed.git("merge", "-q", "--no-ff", "-m", "merge", "elsewhere")
    for name in ("squashed", "squashed-and-deleted"):
        pushed.git("merge", "-q", "--squash", name)
        pushed.commit(name)
    pushed.git("branch", "-q", "-D", "deleted", "squashed-and-deleted", "chosen", "shared")
    pushed.git("worktree", "add", "-q", str(pushed.home / "elsewhere"), "elsewhere")
    pushed.git("switch", "-q", "-c", "current")
    pushed.push()
    ran = pushed.push("--remove", "--merged")
    assert ran.out.count("Remove /") == ran.out.count("the folder is gone") == 4
    for name, reason in (
        ("merged", "merged into main"),
        ("going", "its branch at the remote is gone"),
        ("deleted", "there is no such branch any more"),
        ("squashed-and-deleted", "there is no such branch any more"),
    ):
        assert f"Remove {HOME}/{name}  " in ran.out and reason in ran.out
        assert not stands(person, f"{HOME}/{name}") and f"{name}.json" not in notes(person)
    for folder in (f"{HOME}/main", f"{HOME}/squashed", f"{HOME}/elsewhere", f"{HOME}/current", f"{HOME}/demo"):
        assert stands(person, folder)
    assert stands(person, "/Shared/current")
    assert "know" in ran.err and ": squashed. Git cannot tell a squash merge" in ran.err
    assert not pushed.push("--remove", "--merged").writes


def test_one_that_stops_does_not_stop_the_others(pushed: Project, person: Person) -> None:
    """Where one folder belongs to another repository by now, the others go all the same, and the exit code is 4."""
    for name in ("one", "other"):
        branch(pushed, name)
        pushed.git("branch", "-q", "-D", name)
    another(pushed).push("--branch", "one", "--take-over")
    ran = pushed.push("--remove", "--merged", code=4)
    assert "belongs to another repository" in ran.err
    assert stands(person, f"{HOME}/one") and not stands(person, f"{HOME}/other")
    assert not pushed.push("--remove", "--merged", code=3).carried


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to another process")
def test_ctrl_c_ends_what_the_next_run_finishes(pushed: Project, person: Person) -> None:
    """After Ctrl-C what is in hand is finished, and no further folder is begun; typed again, it ends."""
    for name in ("one", "other"):
        branch(pushed, name)
        pushed.git("branch", "-q", "-D", name)
    pushed.workspace.faults(rule(DELETE, {"kind": "latency", "ms": 500}, object=f"{HOME}/o*"))
    ran = interrupted(pushed, "to_databricks", "--remove", "--merged")
    assert ran.code == 130 and "Interrupted" in ran.said
    left = [name for name in ("one", "other") if stands(person, f"{HOME}/{name}")]
    assert left and ran.out.count("Remove /") == 1
    pushed.workspace.faults()
    pushed.push("--remove", "--merged")
    assert not any(stands(person, f"{HOME}/{name}") for name in ("one", "other")) and len(records(pushed)) == 1


def test_a_folder_that_was_deleted_by_hand(pushed: Project, person: Person) -> None:
    """Where somebody has deleted the folder, what is known of it goes, and that is all that is written."""
    branch(pushed, "gone")
    pushed.git("branch", "-q", "-D", "gone")
    person.at(f"{HOME}/gone").delete()
    ran = pushed.push("--remove", "--merged")
    assert "nothing to do, the folder is gone" in ran.out and "gone.json" not in notes(person)
    assert len(records(pushed)) == 1 and len(ran.carried) == 1  # the folder is asked to go once more
    assert not pushed.push("--remove", "--merged").writes


def test_a_push_without_a_branch(pushed: Project, person: Person) -> None:
    """A record of no branch, pushed from a detached HEAD, is nothing that --merged is about."""
    pushed.git("checkout", "-q", "--detach")
    pushed.push("--target", f"{HOME}/demo")
    pushed.git("checkout", "-q", "main")
    assert "nothing to do: no folder" in pushed.push("--remove", "--merged").out
    assert stands(person, f"{HOME}/demo")


def test_one_that_is_no_folder_any_more(pushed: Project, person: Person) -> None:
    """What cannot be a target any more is named, and does not keep the others."""
    for name in ("one", "other"):
        branch(pushed, name)
        pushed.git("branch", "-q", "-D", name)
    person.at(f"{HOME}/one").delete()
    person.at(HOME).edit("one", "a notebook")
    ran = pushed.push("--remove", "--merged", "--json", code=4)
    assert f"{HOME}/one is a notebook" in ran.all("error")[0]["message"]
    assert [event["because"] for event in ran.all("start")] == ["there is no such branch any more"] * 2
    assert stands(person, f"{HOME}/one")
    assert not stands(person, f"{HOME}/other")


def test_no_merged_branch(pushed: Project) -> None:
    """Where no folder is to go that is said, to a program too, and the folder of an unborn branch is one's own."""
    assert "nothing to do: no folder" in pushed.push("--remove", "--merged").out
    assert pushed.push("--remove", "--merged", "--json").summary["exit_code"] == 0
    pushed.git("switch", "-q", "--orphan", "new")
    pushed.notebook("notebooks/x.py", "1")
    pushed.push()
    assert "nothing to do: no folder" in pushed.push("--remove", "--merged").out


def test_in_the_middle_of_a_merge(pushed: Project) -> None:
    """While git is in the middle of something, it does not say which branch one is on."""
    (pushed.root / ".git/MERGE_HEAD").write_text("x")
    assert "Git is in the middle of a merge" in pushed.push("--remove", "--merged", code=3).err
