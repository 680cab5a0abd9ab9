"""The commands that a run prints, typed as they are printed: they do what is said, to that path and to no other."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from support.project import HOME, Person, Project, notebook

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
ROOT = {"NOTEBOOK_FOLDER": "."}
NAMES = ["--mirror", "-n", "--", "~x", "$(touch x)", "it's", "--mirror -n"]
MORE = ["-", "@file", "=ls", "a b", "*", "#x", "!x"]  # tests/unit/test_shell.py quotes them all


def typed(command: str) -> list[str]:
    """The words that a shell makes of a command."""
    ran = subprocess.run(["sh", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True)
    return [word.decode() for word in ran.stdout.split(b"\0")[:-1]]


def advised(said: str, what: str) -> list[str]:
    """The words of the command after `what`, or of that in backticks."""
    found = re.search(rf"{what}:? +(.+)", said)
    assert found, said
    return typed(found[1].split("`")[1] if "`" in found[1] else found[1])


@pytest.mark.parametrize("name", [*NAMES, *(pytest.param(name, marks=pytest.mark.long) for name in MORE)])
def test_a_file_that_looks_like_an_option_is_a_file(project: Project, person: Person, name: str) -> None:
    """The advice on a conflict settles that file alone: nothing of a colleague's is deleted or replaced."""
    for file in (name, "other"):
        project.write(file, "1")
    project.push(env=ROOT)
    for file in (name, "other"):
        project.write(file, "mine")
        person.put(file, "theirs")
    person.put("never carried", "theirs")
    out = project.push(f"./{name}", env=ROOT, code=1).out
    command, *words = advised(out, "to keep the local version")
    ran = project.quick(command, *words, env=ROOT)
    assert ran.carried == [("import", f"{HOME}/main/{name}")] and person.file(name) == b"mine"
    assert person.names() == {name, "other", "never carried"} and person.file("other") == b"theirs"
    person.put(name, "theirs again")
    project.write(name, "mine again")
    command, *words = advised(project.pull(f"./{name}", env=ROOT, code=1).out, "to keep the workspace version")
    project.quick(command, *words, env=ROOT)
    assert project.text(name) == "theirs again" and project.text("other") == "mine" and "x" not in project.names()


def test_a_script_does_not_stand_for_a_notebook_of_its_name(project: Project, person: Person) -> None:
    """The advice on a script `a.py` does not settle the notebook `a` beside it."""
    project.write("notebooks/a.py", "print(1)\n")
    project.notebook("notebooks/a.sql", "select 1", language="sql")
    for env in ({}, {"NOTEBOOK_FOLDER": "notebooks,more"}):
        project.write("more/x.py", "print(1)\n")
        place = person.at(f"{HOME}/main-{len(env)}")
        project.push("--branch", f"main-{len(env)}", env=env)
        above = "notebooks/" if env else ""
        place.put(f"{above}a.py", "theirs")
        place.edit(f"{above}a", "theirs", language="sql")
        project.write("notebooks/a.py", "print(2)\n")
        project.notebook("notebooks/a.sql", "select 2", language="sql")
        project.push("--branch", f"main-{len(env)}", "--overwrite", "notebooks/a.py", env=env)
        assert place.file(f"{above}a.py") == b"print(2)\n" and b"theirs" in place.read(f"{above}a")
        project.write("notebooks/a.py", "print(1)\n")
        project.notebook("notebooks/a.sql", "select 1", language="sql")


def test_the_path_of_one_object_is_not_the_key_of_another(project: Project, person: Person) -> None:
    """What is named by its path, or else by its key, takes nothing along that other folders have by that name."""
    project.write("notebooks/x.csv", "1")
    project.write("notebooks/notebooks/x.csv", "1")  # whose key is the path of the first
    project.write("notebooks/lib/scatter.R", "1")
    project.notebook("notebooks/lib/scatter.sql", "select 1", language="sql")
    project.push()
    for key in ("x.csv", "notebooks/x.csv", "lib/scatter.R"):
        person.put(key, "theirs")
    person.edit("lib/scatter", "theirs", language="sql")
    for typed, key in (("notebooks/x.csv", "x.csv"), ("lib/scatter.R", "lib/scatter.R")):
        assert project.push("--overwrite", typed).carried == [("import", f"{HOME}/main/{key}")]


def test_a_target_is_put_back_where_it_was(pushed: Project, person: Person) -> None:
    """What is advised when a target is gone is about that target, and not about the folder of the branch."""
    target = "/Shared/my team"
    pushed.push("--target", target)
    person.edit("a", "theirs")
    pushed.notebook("notebooks/a.py", "mine")
    person.at(target).delete()
    for command in ("to_databricks", "from_databricks"):
        ran = pushed.quick(command, "--target", target, code=3)
        assert advised(ran.err, "To push everything again, type") == [
            "to_databricks",
            "--target",
            target,
            "--overwrite",
        ]
    command, *words = advised(ran.err, "To push everything again, type")
    pushed.quick(command, *words)
    assert "a" in person.at(target).names() and b"theirs" in person.read("a")


def test_a_backup_of_another_target_is_found_with_the_same_login(pushed: Project) -> None:
    """The advice on a backup of another target keeps the workspace, and names the target as it is."""
    target, user = "/Shared/it's", ("--user", HOME[7:])
    pushed.push("--target", target)
    pushed.notebook("notebooks/a.py", "mine")
    pushed.push("--target", target)
    backup = next((pushed.root / ".git/databricks_sync/backups").iterdir()).name
    ran = pushed.push(*user, "--restore", backup, code=2)
    command, *words = advised(ran.err, "Type")
    assert words == [*user, "--target", target, "--restore", backup]
    pushed.quick(command, *words)
    assert Person(pushed.workspace, target).read("a") != notebook("mine").rstrip("\n").encode()
    command, *words = advised(pushed.push(*user, "--restore").out, "more of /Shared/it's")
    assert backup in pushed.quick(command, *words).out


def deleted_here(project: Project, person: Person) -> None:
    project.remove("notebooks/a.py")
    person.edit("a", "theirs")


def test_only_a_named_deletion_wins(pushed: Project, person: Person) -> None:
    """Without its very path, --overwrite leaves a deletion that meets an edit as it is, on either side."""
    deleted_here(pushed, person)
    pushed.notebook("notebooks/b.py", "mine")
    person.delete("b")
    pushed.push("--overwrite", "notebooks/a.py", "--no-delete")
    for typed in ((), ("notebooks",)):
        pushed.push("--overwrite", "--dry-run", *typed, code=1)
        pushed.pull("--overwrite", "--dry-run", *typed, code=1)
    pushed.push("--overwrite", code=1)
    assert b"theirs" in person.read("a") and "b.py" in pushed.names()


def test_a_work_tree_is_trusted_where_nothing_can_be_written(pushed: Project) -> None:
    """Without a home folder, the variables that are printed make git read a work tree of another user."""
    pushed.env["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"
    ran = pushed.push(code=2)
    words = advised(ran.err, "set")
    pushed.push(env=dict(word.removesuffix(".").split("=", 1) for word in words))


def test_an_empty_target_is_an_unset_variable(project: Project) -> None:
    """An empty --target gets no proposal of a folder that nobody meant."""
    assert "--target is empty" in project.push("--target", "", code=2).err


@pytest.mark.parametrize("typed", [(), ("--target", "/Shared/etl")], ids=["a branch folder", "a target"])
def test_a_second_repository_finds_a_folder_of_its_own(
    project: Project, person: Person, typed: tuple[str, ...]
) -> None:
    """Two repositories with a branch of one name: the other is called by its name, and the option leads elsewhere."""
    project.set_origin()  # which would be its name
    project.notebook("notebooks/a.py", "1")
    project.commit()
    project.push(*typed)
    second = Project(project.home / "my second", project.home, project.workspace)
    second.git("init", "-q", "-b", "main")
    second.notebook("notebooks/z.py", "1")
    second.commit()
    ran = second.push(*typed, code=3)
    assert "belongs to another repository (project, branch main)" in ran.err
    option, target = advised(ran.err, "Add")[:2]
    second.push(option, target)
    assert person.at(target).names() == {"z"} and "z" not in person.names()
    assert "nothing to do" in second.push(option, target).out


def test_what_no_pull_would_bring_is_not_told_to_be_pulled(pushed: Project, person: Person) -> None:
    """A push says of what git ignores here that it is ignored, and advises no pull; a mirror removes it as before."""
    pushed.write(".gitignore", "out*\n")
    person.put("out.csv", "1")
    person.edit("outline", "1")
    ran = pushed.push()
    assert "from_databricks" not in ran.out and ran.out.count("is ignored by git") == 2
    person.edit("new", "1")
    assert "from_databricks" in pushed.push().out
    pushed.push("--mirror")
    assert not {"out.csv", "outline", "new"} & person.names()


def test_a_name_that_only_windows_refuses_is_synced_elsewhere(project: Project, person: Person) -> None:
    """Elsewhere a file may be called as a device of Windows: it goes and comes, and is noted once."""
    project.write("notebooks/nul.dat", "1")
    project.notebook("notebooks/aux.py", "1")
    assert "Windows takes these names for devices" in (ran := project.push()).said and "aux.py" in ran.said
    person.edit("con", "select 1", language="sql")
    assert "notebooks/con" in project.pull().err and {"nul.dat", "aux"} < person.names()
    assert "con.sql" in project.names()
    project.at_rest()


def test_a_file_that_became_a_folder_is_pushed(pushed: Project, person: Person) -> None:
    """Nothing has to be typed where a tracked file is a folder by now: git lists what is in it, and it is pushed."""
    pushed.remove("notebooks/data.csv")
    pushed.write("notebooks/data.csv/part-0", "1")
    pushed.push()
    assert "data.csv/part-0" in person.names()
    pushed.at_rest()
