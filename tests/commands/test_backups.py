"""Overwriting and mirroring keep what they take, and --restore brings it back."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
from support.project import (
    DELETE,
    HOME,
    IMPORT,
    RESET,
    Person,
    Project,
    Ran,
    Workspace,
    answer,
    edits,
    jupyter,
    notebook,
    rule,
    sources,
    until,
)

from databricks_sync.state.backups import Backups
from databricks_sync.state.lock import held

SHARED = "/Shared/master"


def saved_run(said: str) -> str:
    """The name of the backup that a run says it made."""
    found = re.search(r"--restore (\S+)", said)
    assert found, said
    return found[1]


def test_overwriting_the_workspace_keeps_a_backup(one: Project, person: Person) -> None:
    """A push with --overwrite wins over an edit in the workspace, and --restore brings that edit back."""
    person.edit("a", "precious")
    one.notebook("notebooks/a.py", "mine")
    name = saved_run(one.push("--overwrite").out)
    assert person.read("a").decode() == notebook("mine")
    ran = one.push("--restore", name)
    assert "1 restored, 0 unchanged" in ran.out
    assert "precious" in person.read("a").decode() and one.text("notebooks/a.py") == notebook("mine")


def test_overwriting_the_folder_keeps_a_backup(one: Project, person: Person) -> None:
    """A pull with --overwrite wins over an edit here, and --restore brings that edit back, byte for byte."""
    precious = notebook("precious").replace("\n", "\r\n")
    one.write("notebooks/a.py", precious)
    name = saved_run(one.pull("--overwrite").out)
    assert one.text("notebooks/a.py") == notebook("print(1)").replace("\n", "\r\n")
    one.pull("--restore", name)
    assert one.read("notebooks/a.py") == precious.encode()


def test_the_next_run_sees_a_restore_as_an_edit(one: Project, person: Person) -> None:
    """What was restored is carried by the next run of the other command, as if it had been typed there."""
    one.notebook("notebooks/a.py", "precious")
    name = saved_run(one.pull("--overwrite").out)
    one.pull("--restore", name)
    pushed = one.push("--json").summary
    assert pushed["update"] == 1 and b"precious" in person.read("a")
    one.push("--restore", pushed["backup"])
    assert one.push("--json").summary["ahead"] == 1
    assert "1 updated" in one.pull().out and one.text("notebooks/a.py") == notebook("print(1)")


def test_a_restore_is_itself_backed_up(one: Project, person: Person) -> None:
    """Restoring replaces nothing for good: what stood there can be restored in turn."""
    person.edit("a", "first")
    first = saved_run(one.push("--overwrite").out)
    second = saved_run(one.push("--restore", first).out)
    assert b"first" in person.read("a")
    one.push("--restore", second)
    assert b"print(1)" in person.read("a")


def test_restore_lists_what_there_is(one: Project, person: Person) -> None:
    """Without a name, --restore lists the runs with what each took, and changes nothing."""
    assert "no backups" in one.push("--restore").out
    person.edit("a", "precious")
    name = saved_run(one.push("--overwrite").out)
    before = one.everything()
    ran = one.push("--restore")
    assert name in ran.out and "notebooks/a.py" in ran.out and "replaced by a push" in ran.out
    assert one.everything() == before and not ran.writes
    assert "no backups" in one.pull("--restore").out


def test_one_path_is_restored(pushed: Project, person: Person) -> None:
    """With PATHS, --restore brings back these and leaves the others."""
    for name in ("a", "b", "etl/load"):
        person.edit(name, "precious")
    backup = saved_run(pushed.push("--overwrite").out)
    pushed.push("--restore", backup, "notebooks/b.py")
    assert [b"precious" in person.read(name) for name in ("a", "b", "etl/load")] == [False, True, False]
    pushed.push("--restore", backup)
    assert [b"precious" in person.read(name) for name in ("a", "b", "etl/load")] == [True, True, True]


def test_a_deleted_object_is_restored_with_its_folder(pushed: Project, person: Person) -> None:
    """What a push deleted comes back, also when its folder went with it."""
    pushed.remove("notebooks/etl/deep/save.py", "notebooks/data.csv")
    name = pushed.push("--max-delete=2", "--json").summary["backup"]
    pushed.push("--restore", name)
    assert {"etl/deep/save", "data.csv"} < person.names()
    assert person.file("data.csv") == b"a,b\n1,2\n"


def test_a_file_deleted_here_is_restored_with_its_folder(pushed: Project, person: Person) -> None:
    """What a pull deleted comes back, also when its folder went with it."""
    before = pushed.read("notebooks/etl/deep/save.py")
    person.delete("etl/deep/save")
    name = pushed.pull("--json").summary["backup"]
    pushed.pull("--restore", name)
    assert pushed.read("notebooks/etl/deep/save.py") == before


def test_a_jupyter_backup_is_restored_as_one(project: Project, person: Person) -> None:
    """The backup of an .ipynb brings back a Jupyter notebook with the cells it had."""
    project.write("notebooks/n.ipynb", jupyter("x = 1"))
    project.push()
    person.edit("n", "precious", export_format="JUPYTER")
    name = saved_run(project.push("--overwrite").out)
    project.push("--restore", name)
    assert sources(person.read("n", "JUPYTER")) == ["precious"]


def test_a_backup_nobody_made_is_a_mistake(one: Project) -> None:
    """An unknown name, a path it does not hold or a name that looks like a path end with exit 2."""
    for arguments in (["20200101T000000"], ["../../.."], ["nonsense", "notebooks/a.py"]):
        ran = one.push("--restore", *arguments, code=2)
        assert "--restore" in ran.err and not ran.writes


def test_a_restore_into_another_target_is_refused(one: Project, person: Person) -> None:
    """A backup of one workspace folder is never written into another by accident."""
    person.edit("a", "precious")
    name = saved_run(one.push("--overwrite").out)
    ran = one.push("--restore", name, "--target", SHARED, code=2)
    assert not ran.writes and f"`to_databricks --target {HOME}/main --restore {name}`" in ran.err


def test_a_backup_of_the_other_side_names_its_command(one: Project, person: Person) -> None:
    """Who wants a backup of the one side from the other side's command is told which command has it."""
    there = overwritten(one, person)
    one.notebook("notebooks/a.py", "precious here")
    here = saved_run(one.pull("--overwrite").out)
    for command, other, name in (("to", "from", here), ("from", "to", there)):
        ran = one.quick(f"{command}_databricks", "--restore", name, "--branch", "main", code=2)
        assert f"`{other}_databricks --branch main --restore {name}`" in ran.err and not ran.writes
    assert "with that name" in one.quick("to_databricks", "--restore", there, "notebooks/b.py", code=2).err


def test_what_is_listed_can_be_restored(pushed: Project, person: Person) -> None:
    """A list holds the backups of its own target, and says how those of others are listed."""
    names = {}
    for target in (f"{HOME}/main", SHARED):
        pushed.quick("to_databricks", "--target", target)
        person.at(target).edit("a", "precious")
        names[target] = saved_run(pushed.quick("to_databricks", "--overwrite", "--target", target).out)
    for target, other in ((f"{HOME}/main", SHARED), (SHARED, f"{HOME}/main")):
        ran = pushed.quick("to_databricks", "--target", target, "--restore")
        assert names[target] in ran.out.split() and names[other] not in ran.out.split()
        assert f"1 more of {other}: to_databricks --target {other} --restore" in ran.out
    told = pushed.quick("to_databricks", "--branch", "new", "--restore")
    assert f"no backups of {HOME}/new." in told.out and told.out.count("1 more of") == 2
    pushed.quick("to_databricks", "--target", SHARED, "--restore", names[SHARED])


def overwritten(one: Project, person: Person) -> str:
    """The backup of an edit in the workspace that a push has overwritten."""
    person.edit("a", "precious")
    return saved_run(one.push("--overwrite").out)


def test_a_restore_into_what_became_another_s_is_refused(one: Project, person: Person) -> None:
    """Once another repository took a folder over, nothing is restored into it but with --take-over."""
    name = overwritten(one, person)
    other = Project(one.home / "another", one.home, one.workspace)
    other.git("init", "-q", "-b", "main")
    other.notebook("notebooks/a.py", "print('of another')")
    other.commit("another beginning")
    other.quick("to_databricks", "--overwrite", "--take-over")
    for options in ([], ["--dry-run"]):
        ran = one.quick("to_databricks", "--restore", name, *options, code=3)
        assert "belongs to another repository" in ran.err and not ran.writes
    assert b"of another" in person.read("a")
    one.quick("to_databricks", "--restore", name, "--take-over")
    assert b"precious" in person.read("a")


def test_a_dry_run_of_a_restore_changes_nothing(one: Project, person: Person) -> None:
    """With --dry-run, --restore shows what it would do, and with --diff how; neither side is touched."""
    there = overwritten(one, person)
    one.notebook("notebooks/a.py", "precious here")
    here = saved_run(one.pull("--overwrite").out)
    before, held = one.everything(), person.read("a")
    for run, name, was in ((one.push, there, "precious"), (one.pull, here, "precious here")):
        ran = run("--restore", name, "--dry-run", "--diff")
        assert not ran.writes and "1 to restore" in ran.out and f"+{was}" in ran.out and "-print(1)" in ran.out
    assert one.everything() == before and person.read("a") == held


@pytest.mark.parametrize("command", ["to_databricks", "from_databricks"])
def test_a_restore_holds_the_lock(one: Project, person: Person, command: str) -> None:
    """While another run is at work on the target, --restore writes nothing and ends with exit 3, or waits."""
    there = overwritten(one, person)
    one.notebook("notebooks/a.py", "precious")
    name = {"to_databricks": there, "from_databricks": saved_run(one.pull("--overwrite").out)}[command]
    (state,) = one.root.glob(".git/databricks_sync/*/state.db")
    with held(state.parent):
        ran = one.quick(command, "--restore", name, code=3)
        assert not ran.writes and "--wait" in ran.err
        assert "a.py" in one.quick(command, "--restore").out
        waiting = one.start(command, "--restore", name, "--wait", "300")
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
    assert "1 restored" in one.finish(waiting).out
    assert (
        "precious"
        in {"to_databricks": person.read("a").decode(), "from_databricks": one.text("notebooks/a.py")}[command]
    )


def test_a_restore_into_a_shared_folder_respects_its_lock(pushed: Project, person: Person) -> None:
    """Nothing is restored into a shared folder while another machine is writing to it."""
    pushed.push("--target", SHARED)
    there, notes = person.at(SHARED), person.at("/Shared/.databricks_sync")
    there.edit("a", "precious")
    name = saved_run(pushed.push("--target", SHARED, "--overwrite").out)
    notes.put("master.lock", '{"id": "x", "user": "ann", "host": "build-7", "pid": 1, "since": "09:00"}')
    ran = pushed.push("--target", SHARED, "--restore", name, code=3)
    assert "ann on build-7" in ran.err and b"precious" not in there.read("a")
    notes.delete("master.lock")
    pushed.push("--target", SHARED, "--restore", name)
    assert b"precious" in there.read("a") and "master.lock" not in notes.names()


def test_a_restore_tells_programs_in_lines_of_json(one: Project, person: Person) -> None:
    """With --json, the list and a restore are one object per line: each backup, each object, and a summary."""
    empty = one.push("--restore", "--json")
    assert [event["event"] for event in empty.events] == ["summary"] and empty.summary["backups"] == 0
    name = overwritten(one, person)
    listed = one.push("--restore", "--json")
    (backup,) = listed.all("backup")
    assert backup["run"] == name and listed.summary["backups"] == 1
    assert [(saved["path"], saved["reason"]) for saved in backup["objects"]] == [
        ("notebooks/a.py", "replaced by a push")
    ]
    dry = one.push("--restore", name, "--json", "--dry-run")
    assert dry.actions == {"a": "update"} and dry.summary["restore"] == 1 and not dry.all("result")
    ran = one.push("--restore", name, "--json")
    assert ran.actions == {"a": "update"} and [done["result"] for done in ran.all("result")] == ["done"]
    assert ran.summary["restore"] == 1 and ran.summary["backup"] and ran.summary["exit_code"] == 0
    again = one.push("--restore", name, "--json")
    assert again.summary["unchanged"] == 1 and again.summary["backup"] is None and not again.writes


def test_restoring_what_is_there_writes_nothing(one: Project, person: Person) -> None:
    """A restore given again finds everything as it was then, and replaces nothing."""
    there = overwritten(one, person)
    one.notebook("notebooks/a.py", "precious")
    here = saved_run(one.pull("--overwrite").out)
    for run, name in ((one.push, there), (one.pull, here)):
        run("--restore", name)
        before = one.carried(), one.backups()
        ran = run("--restore", name)
        assert "nothing to do, 1 unchanged" in ran.out and not ran.writes
        assert (one.carried(), one.backups()) == before


def test_a_damaged_backup_hinders_no_other(pushed: Project, person: Person) -> None:
    """What cannot be read of a backup is named, and the rest of it is restored."""
    for name in ("a", "b"):
        person.edit(name, "precious")
    backup = saved_run(pushed.push("--overwrite").out)
    folder = pushed.root / ".git/databricks_sync/backups" / backup
    harmed = next(one for one in folder.glob("0*") if one.read_bytes() == (folder / "00001").read_bytes())
    manifest = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    broken = next(line["key"] for line in manifest if line["file"] == harmed.name)
    harmed.write_bytes(b"torn")
    ran = pushed.push("--restore", backup, code=4)
    assert f"notebooks/{broken}.py has a backup that is damaged" in ran.out and "1 restored" in ran.out
    assert b"precious" in person.read({"a": "b", "b": "a"}[broken])


def test_a_restore_leaves_an_object_of_another_type(one: Project, person: Person) -> None:
    """A notebook is not restored over a file that has its name by now."""
    name = overwritten(one, person)
    person.delete("a")
    person.put("a", "a file")
    ran = one.push("--restore", name, code=1)
    assert "is now a file in the workspace" in ran.out and not ran.writes and person.file("a") == b"a file"


def test_a_restore_mends_a_broken_file(project: Project, person: Person) -> None:
    """What stands here may be no notebook any more: it is kept, and what was there comes back byte for byte."""
    project.write("notebooks/n.ipynb", jupyter("x = 1"))
    project.push()
    person.edit("n", "x = 2", export_format="JUPYTER")
    before = project.read("notebooks/n.ipynb")
    name = project.pull("--json").summary["backup"]
    project.write("notebooks/n.ipynb", "{ half save")
    project.pull("--restore", name)
    assert project.read("notebooks/n.ipynb") == before and b"{ half save" in project.backups()


def test_a_restore_never_leaves_the_folder(one: Project, person: Person) -> None:
    """A list of backups that somebody tampered with makes no file outside of the project."""
    one.notebook("notebooks/a.py", "precious")
    name = saved_run(one.pull("--overwrite").out)
    manifest = one.root / f".git/databricks_sync/backups/{name}/manifest.jsonl"
    manifest.write_text(manifest.read_text().replace("notebooks/a.py", "../evil.py"))
    assert "is not restored" in one.pull("--restore", name, code=1).out
    assert not (one.root.parent / "evil.py").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c_finishes_what_a_restore_has_in_hand(pushed: Project, person: Person, workspace: Workspace) -> None:
    """An interrupted restore tears nothing, says so with exit 130, and is finished by typing it again."""
    for name in ("a", "b", "etl/load"):
        person.edit(name, "precious")
    backup = saved_run(pushed.push("--overwrite").out)
    workspace.faults(rule(IMPORT, {"kind": "latency", "ms": 500}, nth=1))
    restoring = pushed.start("to_databricks", "--restore", backup)
    until(lambda: workspace.struck()[0])
    restoring.send_signal(signal.SIGINT)
    ran = pushed.finish(restoring)
    assert ran.code == 130 and "Interrupted" in ran.err
    workspace.faults()
    pushed.push("--restore", backup)
    assert all(b"precious" in person.read(name) for name in ("a", "b", "etl/load"))


# --- pruning --------------------------------------------------------------------------------------------------


def aged(one: Project, days: int) -> None:
    """Lets runs see the backups on so many days before today."""
    for day in range(days, 0, -1):
        then = time.time() - day * 86400
        assert Backups(one.root / ".git/databricks_sync/backups", "", lambda: then).prune(99_999) == 0  # noqa: B023


def kept(one: Project) -> set[str]:
    return {path.name for path in (one.root / ".git/databricks_sync/backups").iterdir()}


def carried(one: Project, text: str, **how: Any) -> Ran:
    one.notebook("notebooks/a.py", text)
    return one.push("--json", **how)


def test_a_clean_run_prunes_what_is_too_old(one: Project) -> None:
    """After a run that wrote and had no failure, backups seen on more than 30 days are gone; BACKUP_DAYS says else."""
    first = carried(one, "print(2)").summary["backup"]
    aged(one, 31)
    second = carried(one, "print(3)", env={"BACKUP_DAYS": "40"}).summary["backup"]
    assert kept(one) == {first, second}
    third = carried(one, "print(4)").summary["backup"]
    assert kept(one) == {second, third}
    one.write(".env", "BACKUP_DAYS=5\n")
    aged(one, 6)
    last = carried(one, "print(5)").summary["backup"]
    assert kept(one) == {last}


def test_a_failed_run_prunes_nothing(one: Project, workspace: Workspace) -> None:
    """When something failed, the past is kept, however old it is."""
    old = carried(one, "print(2)").summary["backup"]
    aged(one, 31)
    workspace.faults(rule(IMPORT, answer(403, "PERMISSION_DENIED", "no"), object=f"{HOME}/main/a"))
    carried(one, "print(3)", code=4)
    assert old in kept(one)


CLOCK = """
import time
ahead, real = {days} * 86400, time.time
time.time, time.time_ns = lambda: real() + ahead, lambda: int((real() + ahead) * 1e9)
"""


@pytest.mark.parametrize("days", [366, -366])
def test_a_run_with_a_wrong_clock_removes_no_backup(one: Project, days: int) -> None:
    """A machine whose clock is a year ahead or behind for one run loses no backup, nor does that run's own go later."""
    names = [carried(one, f"print({number})").summary["backup"] for number in (2, 3)]
    one.write("clock/sitecustomize.py", CLOCK.format(days=days))
    one.notebook("notebooks/a.py", "print(4)")
    ran = one.run("to_databricks", "--json", env={"BACKUP_DAYS": "1", "PYTHONPATH": str(one.root / "clock")})
    wrong = ran.summary["backup"]
    assert abs(int(wrong[:4]) - int(names[0][:4])) == 1 and kept(one) == {*names, wrong}
    last = carried(one, "print(5)", env={"BACKUP_DAYS": "1"}).summary["backup"]
    assert kept(one) == {*names, wrong, last}


# --- worktrees ------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(one: Project) -> Project:
    """A linked worktree of `one` on its branch `other`, in sync with a folder of its own."""
    one.commit()
    one.git("worktree", "add", "-q", "-b", "other", str(one.home / "tree"))
    made = Project(one.home / "tree", one.home, one.workspace)
    made.push()
    return made


def replaced_from(tree: Project, person: Person) -> str:
    """The backup of a colleague's text that a push from a worktree replaced."""
    person.at(f"{HOME}/other").edit("a", "precious")
    tree.notebook("notebooks/a.py", "mine")
    return saved_run(tree.push("--overwrite").out)


def test_a_worktree_that_is_removed_takes_no_backup_with_it(one: Project, tree: Project, person: Person) -> None:
    """What was replaced from a linked worktree is found, and restored, from another one when that is gone."""
    name = replaced_from(tree, person)
    one.git("worktree", "remove", "--force", str(tree.root))
    assert f"1 more of {HOME}/other: to_databricks --target {HOME}/other --restore" in one.push("--restore").out
    assert name in one.push("--target", f"{HOME}/other", "--restore").out
    one.push("--target", f"{HOME}/other", "--restore", name)
    assert b"precious" in person.at(f"{HOME}/other").read("a")


@pytest.mark.parametrize("days", ["-1", "thirty", "1e9", "3.5"])
def test_a_strange_number_of_days_is_a_mistake(one: Project, days: str) -> None:
    """BACKUP_DAYS that is no number of days stops the run before anything is done."""
    ran = carried(one, "print(2)", env={"BACKUP_DAYS": days}, code=2)
    assert not ran.writes


def test_nothing_is_backed_up_when_nothing_is_replaced(one: Project) -> None:
    """Runs that create or find everything in sync make no backup."""
    one.notebook("notebooks/new.py", "print(1)")
    one.push()
    one.push("--overwrite")
    assert one.backups() == []


def test_without_room_for_a_backup_nothing_is_replaced(one: Project, person: Person) -> None:
    """When the backup cannot be written, the object stays as it is and the run says so."""
    one.write(".git/databricks_sync/backups", "a file where the backups go")
    one.notebook("notebooks/a.py", "edited")
    ran = one.push(code=4)
    assert b"print(1)" in person.read("a") and not ran.carried


# --- mirror ---------------------------------------------------------------------------------------------------


def test_a_mirror_is_exact(pushed: Project, person: Person) -> None:
    """--mirror leaves the workspace with what the folder has and nothing else, folders included."""
    person.edit("a", "edited there")
    person.delete("b")
    person.put("foreign/deep/file.csv", "foreign")
    person.do("foreign/empty", object_type="DIRECTORY")
    pushed.push("--mirror")
    assert {name for name, kind in person.tree().items() if kind == "DIRECTORY"} == {"etl", "etl/deep", "lib"}
    assert person.names() == {"a", "b", "c", "etl/load", "etl/clean", "etl/deep/save", "lib/util.py", "data.csv"}
    assert b"edited" not in person.read("a")
    pushed.at_rest()


def test_a_mirror_keeps_what_it_removes(one: Project, person: Person) -> None:
    """A foreign notebook and a foreign file that --mirror removed come back with --restore."""
    person.edit("mine", "precious")
    person.put("mine.csv", b"precious\x00")
    name = saved_run(one.push("--mirror", "--max-delete=2").out)
    assert person.names() == {"a"}
    one.push("--restore", name)
    assert b"precious" in person.read("mine") and person.file("mine.csv") == b"precious\x00"


def test_a_mirror_never_deletes_recursively(pushed: Project, person: Person, workspace: Workspace) -> None:
    """What somebody saves into a folder at the moment it is being removed survives."""
    person.put("old/a.csv", "foreign")
    new = person.change("old/saved.csv", text="just now")
    workspace.faults(rule(DELETE, edits(new), object=f"{person.folder}/old", nth=1))
    pushed.push("--mirror")
    assert person.file("old/saved.csv") == b"just now"


def test_a_mirror_never_takes_the_folder_away(pushed: Project, person: Person) -> None:
    """No request of a mirror deletes the target or anything it holds anew: jobs find their notebooks throughout."""
    pushed.notebook("notebooks/a.py", "edited")
    person.edit("b", "edited there")
    person.put("foreign.csv", "foreign")
    ran = pushed.push("--mirror")
    assert [path for verb, path in ran.carried if verb == "delete"] == [f"{person.folder}/foreign.csv"]


def test_a_mirror_of_a_shared_folder(pushed: Project, person: Person) -> None:
    """CI mirrors a branch into /Shared/master, whatever is checked out, and a second run writes nothing."""
    pushed.git("checkout", "-q", "--detach")
    there = person.at(SHARED)
    pushed.push("--target", SHARED, "--mirror")
    assert there.names() == person.names()
    assert pushed.push("--target", SHARED, "--mirror").writes == []


def test_a_mirror_of_a_fresh_checkout_writes_only_what_differs(pushed: Project, person: Person) -> None:
    """A CI machine without any memory updates the one notebook that differs and no other."""
    clone = pushed.clone()
    clone.notebook("notebooks/a.py", "merged")
    ran = clone.push("--mirror")
    assert ran.carried == [("import", f"{person.folder}/a")]


def test_a_mirror_with_no_delete_removes_nothing(one: Project, person: Person) -> None:
    """--no-delete holds for --mirror too."""
    person.put("foreign/file.csv", "foreign")
    one.push("--mirror", "--no-delete")
    assert person.names() == {"a", "foreign/file.csv"}


def test_a_mirror_leaves_dashboards(one: Project, person: Person) -> None:
    """What is neither notebook nor file is reported and stays, and its folder with it."""
    person.put("reports/sales.lvdash.json", "{}", object_type="DASHBOARD")
    ran = one.push("--mirror")
    assert "dashboard" in ran.out and "reports/sales.lvdash.json" in person.names()


def test_a_mirror_of_many_foreign_objects_stops_first(one: Project, person: Person) -> None:
    """A mirror that would remove most of a folder stops before any write, and --max-delete lets it."""
    for number in range(6):
        person.put(f"f{number}.csv", "foreign")
    ran = one.push("--mirror", code=3)
    assert not ran.writes and "--max-delete 6" in ran.err
    one.push("--mirror", "--max-delete", "6")
    assert person.names() == {"a"}


def test_a_mirror_takes_no_paths(one: Project) -> None:
    """--mirror is about the whole folder: with PATHS it is a mistake of usage."""
    assert "PATHS" in one.push("--mirror", "notebooks/a.py", code=2).err


def test_a_target_has_a_memory_of_its_own(pushed: Project, person: Person) -> None:
    """Deleting here what was carried to one target deletes nothing in a target that never got it."""
    there = person.at("/Shared/team")
    there.edit("a", "theirs")
    pushed.remove("notebooks/a.py")
    ran = pushed.push("--target", "/Shared/team")
    assert b"theirs" in there.read("a")
    assert "delete" not in [verb for verb, _ in ran.carried]


def test_two_spellings_of_a_target_are_one(one: Project, person: Person) -> None:
    """/Workspace/Users/… and /Users/… are the same folder with the same memory."""
    ran = one.push("--target", f"/Workspace{HOME}//main/")
    assert "nothing to do" in ran.out and not ran.writes
    one.remove("notebooks/a.py")
    one.notebook("notebooks/b.py", "print(1)")
    one.push("--target", f"/Workspace{HOME}/main")
    assert person.names() == {"b"}


def test_another_user_needs_to_be_named(one: Project, person: Person) -> None:
    """A target in somebody else's home is refused before anything is written, unless --user names them."""
    target = "/Users/other@example.com/main"
    for more in ((), ("--watch",), ("--restore",)):
        refused = one.quick("to_databricks", "--target", target, *more, code=2)
        assert "--user other@example.com" in refused.err and not refused.writes
    one.push("--target", target, "--user", "other@example.com")
    assert person.at(target).names() == {"a"}


def other_project(one: Project) -> Project:
    """Another repository with the same branch name and a notebook of the same name."""
    other = replace(one, root=one.home / "other")
    other.git("init", "-q", "-b", "main")
    other.notebook("notebooks/a.py", "theirs")
    other.notebook("notebooks/b.py", "theirs")
    return other


def test_a_folder_belongs_to_one_repository(one: Project, person: Person) -> None:
    """Another repository with the same branch name is stopped before any write, unless it says --take-over."""
    one.commit()
    one.notebook("notebooks/a.py", "print(2)")
    one.push()
    other = other_project(one)
    other.commit("another beginning")
    ran = other.push(code=3)
    assert "--take-over" in ran.err and not ran.writes
    other.push("--take-over", code=1)
    assert person.names() == {"a", "b"} and b"print(2)" in person.read("a")


def test_a_folder_inside_another_is_refused(pushed: Project, person: Person) -> None:
    """A target inside a carried one, or around it, is stopped before any write."""
    for target in (f"{HOME}/main/inside", f"{HOME}/main/etl"):
        assert not pushed.push("--target", target, code=3).writes
    pushed.push("--target", "/Shared/team/master")
    assert not pushed.push("--target", "/Shared/team", code=3).writes


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_restore_survives_a_lost_answer(one: Project, person: Person, workspace: Workspace, phase: str) -> None:
    """A restore whose answer gets lost says so or succeeds, and typing it again ends well."""
    person.edit("a", "precious")
    name = saved_run(one.push("--overwrite").out)
    workspace.faults(rule(IMPORT, RESET, nth=1, phase=phase))
    one.push("--restore", name, code=(0, 4))
    one.push("--restore", name)
    assert b"precious" in person.read("a")


# --- several machines ------------------------------------------------------------------------------------------


def test_a_shared_folder_has_one_writer_at_a_time(pushed: Project, person: Person) -> None:
    """A push into a shared folder that another machine is writing to says who that is, and writes nothing."""
    notes = person.at("/Shared/.databricks_sync")
    pushed.push("--target", SHARED)
    assert [name for name in notes.names() if name.endswith(".lock")] == []
    notes.put("master.lock", '{"id": "x", "user": "ann", "host": "build-7", "pid": 1, "since": "09:00"}')
    pushed.notebook("notebooks/a.py", "edited")
    ran = pushed.push("--target", SHARED, code=(3, 4))
    assert "ann on build-7" in ran.err and "--wait" in ran.err and b"edited" not in person.at(SHARED).read("a")
    notes.delete("master.lock")
    pushed.push("--target", SHARED)
    assert b"edited" in person.at(SHARED).read("a")


def test_a_lock_nobody_renews_is_taken_over(pushed: Project, person: Person, workspace: Workspace) -> None:
    """The lock of a machine that died is stale after a while by the clock of the workspace, and stops nobody."""
    notes = person.at("/Shared/.databricks_sync")
    notes.put("master.lock", '{"id": "x", "user": "ann", "host": "build-7", "pid": 1, "since": "09:00"}')
    workspace.clock(mode="real", offset_ms=600_000)
    pushed.push("--target", SHARED)
    assert person.at(SHARED).names() == person.names() and "master.lock" not in notes.names()


def test_an_old_copy_of_the_state_takes_no_revert_for_unchanged(one: Project, person: Person) -> None:
    """A state brought back from an old disk is noticed: what somebody reverted in the meantime is not pushed over."""
    state = next(one.root.glob(".git/databricks_sync/*/state.db"))
    old = state.read_bytes()
    one.notebook("notebooks/a.py", "second")
    one.push()
    person.edit("a", "print(1)")
    state.write_bytes(old)
    ran = one.push(code=1)
    assert "1 conflict" in ran.out and b"print(1)" in person.read("a")
