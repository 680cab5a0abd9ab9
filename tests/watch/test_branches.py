"""Git at work while a watch runs: nothing of one branch ever reaches another one's folder."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import HOME, IMPORT, Person, Project, Workspace, notebook, rule, until

from .world import Watching

Start = Callable[..., Watching]


def branches(project: Project, count: int, *names: str) -> None:
    """On each branch `count` notebooks that say its name, and one more that only this branch has."""
    project.notebook("notebooks/same.py", "the same on every branch")
    project.commit()
    for name in names:
        project.git("switch", "-q", "-C", name, "main")
        for number in range(count):
            project.notebook(f"notebooks/n{number:03}.py", f"print('{name}')")
        project.notebook(f"notebooks/only_{name}.py", f"print('{name}')")
        project.commit(name)


def in_step(person: Person, name: str, count: int) -> Callable[[], bool]:
    """The folder of the branch holds what the branch holds."""
    folder = person.at(f"{HOME}/{name}")
    wanted = {f"n{number:03}" for number in range(count)} | {f"only_{name}", "same"}
    return lambda: folder.names() == wanted


def strangers(project: Project, *names: str) -> list[str]:
    """What was ever written into a branch folder, or stood there, that is of another branch."""
    found = []
    for name in names:
        folder = Person(project.workspace, f"{HOME}/{name}")
        others = [f"print('{other}')".encode() for other in names if other != name]
        held = {one: folder.read(one) for one in folder.names()}
        found += [f"{name}/{one}" for one, raw in held.items() if any(other in raw for other in others)]
        for one in project.workspace.requests():
            if one["method"] == "POST" and one["object"].startswith(f"{folder.folder}/only_"):
                found += [str(one)] if one["object"] != f"{folder.folder}/only_{name}" else []
                found += [str(one)] if one["endpoint"].endswith("/delete") else []
    return found


def test_a_switch_is_followed(project: Project, person: Person, watching: Start) -> None:
    """After a switch the watch says so, shows the plan of the new branch's folder, and goes on there."""
    branches(project, 3, "one", "two")
    watch = watching()
    project.git("switch", "-q", "one")
    watch.until(in_step(person, "one", 3))
    watch.until_state("watching")
    assert any("The branch is now one:" in note["message"] for note in watch.all("note"))
    planned = watch.events[watch.events.index(watch.all("start", target=f"{HOME}/one")[0]) :]
    assert {one["path"] for one in planned if one["event"] == "plan"} >= {"notebooks/only_one.py", "notebooks/n000.py"}
    project.notebook("notebooks/n000.py", "an edit on one")
    watch.until(lambda: person.at(f"{HOME}/one").read("n000") == notebook("an edit on one").encode())
    assert person.at(f"{HOME}/two").read("n000") == notebook("print('two')").encode()
    assert strangers(project, "one", "two") == []


@pytest.mark.long
def test_many_switches(project: Project, person: Person, workspace: Workspace, watching: Start) -> None:
    """However often and fast the branch is switched, each folder only ever receives its own branch's files."""
    branches(project, 60, "one", "two")
    workspace.set(latency_ms=15)
    watch = watching()
    chance = random.Random(7)
    for turn in range(10):
        project.git("switch", "-q", ("one", "two")[turn % 2])
        time.sleep(chance.choice((0, 0.05, 0.15, 0.3, 0.4)))
    watch.until(in_step(person, "two", 60))
    assert strangers(project, "one", "two") == []
    assert not any(b"print('one')" in raw or b"print('two')" in raw for raw in project.backups())


def test_a_switch_in_the_middle_of_a_run(
    project: Project, person: Person, workspace: Workspace, watching: Start
) -> None:
    """A switch while objects are carried ends that run; the rest of it is never taken from the new branch."""
    branches(project, 120, "one", "two")
    watch = watching()
    project.git("switch", "-q", "one")
    watch.until(in_step(person, "one", 120))
    watch.until_state("watching")
    workspace.faults(rule(IMPORT, {"kind": "latency", "ms": 150}))
    for number in range(110):
        project.notebook(f"notebooks/n{number:03}.py", f"print('one')  # {number}")
    watch.until(lambda: workspace.struck()[0] > 0)
    project.git("switch", "-q", "-f", "two")
    workspace.faults()
    watch.until(in_step(person, "two", 120))
    assert strangers(project, "one", "two") == []


def test_a_switch_in_the_middle_of_a_pull(project: Project, person: Person, workspace: Workspace) -> None:
    """A switch while files are brought here ends that too: the rest does not fall into the new branch's tree."""
    project.notebook("notebooks/a.py", "one")
    project.commit()
    project.git("branch", "other")
    project.quick("to_databricks")
    for number in range(120):
        person.edit(f"n{number:03}", f"print({number})")
    workspace.faults(rule("*/workspace/export", {"kind": "latency", "ms": 500}))
    process = project.start("from_databricks")
    until(lambda: workspace.struck()[0] > 0)
    project.git("switch", "-q", "other")
    ran = project.finish(process)
    assert ran.code == 4 and "main is no longer checked out" in ran.err
    assert len(project.names()) < 121
    workspace.faults()
    project.git("switch", "-q", "main")
    project.pull()
    assert len(project.names()) == 121


def held(project: Project, name: str) -> Path:
    """Git waits when it checks out files of this name, for as long as the file is there that this gives."""
    here = project.write("../held", "")
    script = f"echo >> '{here}.begun'; while [ -e '{here}' ]; do sleep 0.05; done; cat"
    project.git("config", "filter.held.smudge", script)
    project.git("config", "filter.held.clean", "cat")
    project.write(".git/info/attributes", f"{name} filter=held\n")
    return here


@pytest.mark.parametrize("watched", [True, False], ids=["watch", "single run"])
def test_a_slow_checkout(project: Project, person: Person, watching: Start, watched: bool) -> None:
    """While git takes its time for a checkout nothing is carried, however long that is."""
    branches(project, 8, "one", "two")
    watch = watching() if watched else None
    here = held(project, "n003.py")
    project.workspace.forget()
    checkout = subprocess.Popen(["git", "switch", "-q", "one"], cwd=project.root, env=project.env)
    until(here.with_suffix(".begun").exists)
    if watch is None:
        ran = project.push(code=3)
        assert "Git is changing the files" in ran.err and not ran.writes
    else:
        project.notebook("notebooks/n000.py", "print('saved meanwhile')")
        watch.until_state("paused")
    assert checkout.poll() is None
    assert not [one for one in project.workspace.requests() if one["method"] == "POST"]
    here.unlink()
    assert checkout.wait() == 0
    if watch is not None:
        watch.until(in_step(person, "one", 8))
        assert strangers(project, "one", "two") == []


def test_a_killed_git(project: Project, person: Person, watching: Start) -> None:
    """An index.lock that stays is told, with where it is; once it is removed, the watch goes on."""
    project.notebook("notebooks/a.py", "one")
    watch = watching()
    lock = project.write(".git/index.lock", "")
    project.notebook("notebooks/a.py", "two")
    watch.until_state("paused")
    assert str(lock) in watch.said
    assert person.read("a") == notebook("one").encode()
    lock.unlink()
    watch.until(lambda: person.read("a") == notebook("two").encode())
    watch.until_state("watching")


@pytest.mark.long
def test_a_switch_with_a_named_target(project: Project, person: Person, watching: Start) -> None:
    """With --target a switch pauses the watch; back on the branch it began with, it goes on."""
    branches(project, 2, "one", "two")
    named = person.at("/Shared/named")
    watch = watching("to_databricks", "--target", "/Shared/named")
    watch.until(lambda: "only_two" in named.names())
    project.git("switch", "-q", "one")
    watch.until_state("paused")
    assert "one is checked out" in watch.said and "two" in watch.said
    project.notebook("notebooks/n000.py", "print('one')  # not for there")
    time.sleep(0.3)
    assert named.read("n000") == notebook("print('two')").encode() and "only_one" not in named.names()
    project.git("checkout", "-q", "-f", "two")
    watch.until_state("watching")
    project.notebook("notebooks/n001.py", "back")
    watch.until(lambda: named.read("n001") == notebook("back").encode())


def test_a_detached_head_pauses(project: Project, person: Person, watching: Start) -> None:
    """While no branch is checked out the watch pauses."""
    branches(project, 2, "one", "two")
    watch = watching()
    project.git("checkout", "-q", "--detach", "one")
    watch.until_state("paused")
    assert "no branch" in watch.said
    project.git("switch", "-q", "two")
    watch.until_state("watching")
    assert strangers(project, "one", "two") == [] and not person.at(f"{HOME}/one").names()


@pytest.mark.parametrize("operation", ["rebase", pytest.param("merge", marks=pytest.mark.long)])
def test_an_operation_pauses(project: Project, person: Person, watching: Start, operation: str) -> None:
    """A rebase or a merge that stops at a conflict pauses the watch; when it is finished, the result is carried."""
    branches(project, 1, "one", "two")
    watch = watching()
    project.workspace.forget()
    project.git(operation, "one", check=False)
    watch.until_state("paused")
    assert f"a {operation}" in watch.said
    project.notebook("notebooks/n000.py", "print('settled')")
    time.sleep(0.3)
    assert not [one for one in project.workspace.requests() if one["method"] == "POST"]
    project.git("add", "-A")
    project.git("-c", "core.editor=true", operation, "--continue")
    watch.until(lambda: person.at(f"{HOME}/two").read("n000") == notebook("print('settled')").encode())
    watch.until_state("watching")
    assert "only_one" in person.at(f"{HOME}/two").names()


@pytest.mark.long
def test_worktrees(project: Project, person: Person, watching: Start) -> None:
    """Two work trees of one repository are watched side by side, each for its own branch."""
    branches(project, 2, "one", "two")
    tree = project.home / "tree"
    project.git("worktree", "add", "-q", str(tree), "one")
    here, there = watching(), watching("to_databricks", root=tree)
    (tree / "notebooks/n000.py").write_text(notebook("print('one') # in the tree"))
    project.notebook("notebooks/n001.py", "print('two') # here")
    one, two = person.at(f"{HOME}/one"), person.at(f"{HOME}/two")
    there.until(lambda: one.read("n000") == notebook("print('one') # in the tree").encode())
    here.until(lambda: two.read("n001") == notebook("print('two') # here").encode())
    subprocess.run(["git", "switch", "-q", "-c", "three"], cwd=tree, env=project.env, check=True)
    there.until(lambda: person.at(f"{HOME}/three").names() == {"n000", "n001", "only_one", "same"})
    assert here.all("start")[-1]["target"] == f"{HOME}/two"


@pytest.mark.long
def test_a_branch_gets_another_name(project: Project, person: Person, watching: Start) -> None:
    """A branch that is renamed is followed into the folder of its new name."""
    project.notebook("notebooks/a.py", "one")
    project.commit()
    watch = watching()
    project.git("branch", "-m", "renamed")
    watch.until(lambda: person.at(f"{HOME}/renamed").names() == {"a"})


@pytest.mark.long
def test_pull_side_by_side_with_switches(project: Project, person: Person, watching: Start) -> None:
    """What is edited in the folder of a branch that is not checked out stays there until it is."""
    branches(project, 2, "one", "two")
    watch = watching("to_databricks", "--pull")
    project.git("switch", "-q", "one")
    watch.until(lambda: len(watch.all("summary", target=f"{HOME}/one")) == 2)
    person.at(f"{HOME}/two").edit("n000", "edited for two")
    person.at(f"{HOME}/one").edit("n001", "edited for one")
    watch.look()
    watch.until(lambda: "edited for one" in project.text("notebooks/n001.py"))
    assert project.text("notebooks/n000.py") == notebook("print('one')")
    project.git("commit", "-qam", "work")
    project.git("switch", "-q", "two")
    watch.until(lambda: "edited for two" in project.text("notebooks/n000.py"))
    assert project.text("notebooks/n001.py") == notebook("print('two')")


def test_git_commands_cause_no_writes(pushed: Project, watching: Start) -> None:
    """Committing, staging and looking around change nothing in the workspace."""
    pushed.notebook("notebooks/a.py", "to be committed")
    watch = watching()
    pushed.workspace.forget()
    pushed.git("add", "-A")
    pushed.git("commit", "-qm", "work")
    pushed.git("status")
    pushed.git("stash", "list")
    watch.until(lambda: any("/list" in one["endpoint"] for one in pushed.workspace.requests()))
    watch.until_state("watching")
    assert not [one for one in pushed.workspace.requests() if one["method"] == "POST"]


@pytest.mark.long
def test_a_stash_is_an_edit(pushed: Project, person: Person, watching: Start) -> None:
    """A stash takes an edit back in the workspace too, and its return brings it there again."""
    watch = watching()
    before = person.read("a")
    pushed.notebook("notebooks/a.py", "half done")
    watch.until(lambda: person.read("a") == notebook("half done").encode())
    pushed.git("stash")
    watch.until(lambda: person.read("a") == before)
    pushed.git("stash", "pop")
    watch.until(lambda: person.read("a") == notebook("half done").encode())
