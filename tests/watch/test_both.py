"""The way back: from the browser into the files, alone and beside a watch of the files."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from support.project import EXPORT, HOME, Person, Project, Workspace, jupyter, notebook, rule, sources

from .world import Watching

Start = Callable[..., Watching]


def asked(workspace: Workspace, seconds: float) -> list[dict[str, object]]:
    """What the workspace is asked for within so many seconds."""
    workspace.forget()
    time.sleep(seconds)
    return workspace.requests()


def test_edits_in_the_browser_come_here(pushed: Project, person: Person, watching: Start) -> None:
    """What is saved, made and deleted in the browser is here a few seconds later, and nothing is written there."""
    watch = watching("from_databricks")
    pushed.workspace.forget()
    person.edit("a", "edited there")
    person.edit("new/one", "made there")
    person.delete("b")
    watch.until(lambda: pushed.text("notebooks/a.py") == notebook("edited there"))
    watch.until(lambda: "new/one.py" in pushed.names() and "b.py" not in pushed.names())
    assert not [one for one in pushed.workspace.requests() if one["method"] == "POST"]


def test_quiet_following_is_one_listing(pushed: Project, watching: Start) -> None:
    """While nothing changes the workspace is asked for one listing every few seconds, and for nothing else."""
    watch = watching("from_databricks")
    pushed.workspace.forget()
    began = time.monotonic()
    watch.until(pushed.workspace.requests)
    seen = [one["endpoint"].rpartition("/")[2] for one in pushed.workspace.requests()]
    assert set(seen) == {"list-repo"} and len(seen) <= (time.monotonic() - began) / 2 + 1


def test_a_pull_never_takes_local_edits(pushed: Project, person: Person, watching: Start) -> None:
    """A file that was changed here stays, parked when it was changed there too; settled here, it is no longer."""
    watch = watching("from_databricks")
    pushed.notebook("notebooks/a.py", "edited here")
    pushed.notebook("notebooks/c.py", "only here")
    person.edit("a", "edited there")
    watch.look()
    watch.until(lambda: watch.parked() == {"notebooks/a.py"})
    assert pushed.text("notebooks/a.py") == notebook("edited here")
    pushed.notebook("notebooks/a.py", "edited there")
    watch.until(lambda: not watch.parked())
    assert pushed.text("notebooks/c.py") == notebook("only here")


@pytest.mark.long  # tests/safety/test_exports.py has such exports
def test_an_older_export_is_waited_for(pushed: Project, person: Person, watching: Start) -> None:
    """While the workspace sends less than it lists, a watch says so, and it stores what is listed once that comes."""
    watch = watching("from_databricks")
    pushed.workspace.faults(rule(EXPORT, {"kind": "stale"}))
    person.edit("a", "edited there")
    watch.look()
    watch.until(lambda: watch.parked() == {"notebooks/a.py"})
    assert "does not match its listing" in watch.all("parked")[0]["problem"]
    pushed.workspace.faults()
    watch.look()
    watch.until(lambda: pushed.text("notebooks/a.py") == notebook("edited there"))


def test_outputs_stay(pushed: Project, person: Person, watching: Start) -> None:
    """An .ipynb gets the cell that was edited there and keeps the outputs of the others."""
    pushed.write("notebooks/j.ipynb", jupyter("one", "two"))
    pushed.quick("to_databricks")
    watch = watching("from_databricks")
    person.edit("j", "one", "two, edited there")
    watch.look()
    watch.until(lambda: sources(pushed.read("notebooks/j.ipynb")) == ["one", "two, edited there"])
    assert b'"ran\\n"' in pushed.read("notebooks/j.ipynb")


def test_what_is_no_longer_ignored_comes_here(pushed: Project, person: Person, watching: Start) -> None:
    """What git ignored, and the workspace held all along, comes here as soon as git no longer ignores it."""
    pushed.write(".gitignore", "draft.py\n")
    person.edit("draft", "made there")
    watch = watching("from_databricks")
    assert "draft.py" not in pushed.names()
    pushed.write(".gitignore", "")
    watch.until(lambda: "draft.py" in pushed.names())


def test_a_log_here_does_not_hide_the_workspace(pushed: Project, person: Person, watching: Start) -> None:
    """Files that change here without a pause keep nobody from seeing what is edited in the browser."""
    pushed.write(".gitignore", "*.log\n")
    watch = watching("from_databricks")
    person.edit("a", "edited there")
    deadline = time.monotonic() + 300
    while pushed.text("notebooks/a.py") != notebook("edited there"):
        assert time.monotonic() < deadline
        pushed.write("notebooks/run.log", str(time.monotonic()))
        time.sleep(0.05)
    watch.until_state("watching")


def test_an_edit_there_before_a_save_here(pushed: Project, person: Person, watching: Start) -> None:
    """A save here that is carried in the moment after an edit there does not hide that edit."""
    watch = watching("to_databricks", "--pull")
    person.edit("b", "edited there")
    pushed.notebook("notebooks/a.py", "edited here")
    watch.until(lambda: pushed.text("notebooks/b.py") == notebook("edited there"))


@pytest.mark.long
def test_a_busy_person_sees_the_workspace(pushed: Project, person: Person, watching: Start) -> None:
    """Saving here again and again puts off nothing that is edited there."""
    watch = watching("to_databricks", "--pull")
    person.edit("b", "edited there")
    deadline = time.monotonic() + 300
    while pushed.text("notebooks/b.py") != notebook("edited there"):
        assert time.monotonic() < deadline
        pushed.notebook("notebooks/a.py", f"print({time.monotonic()})")
        time.sleep(0.6)
    watch.until_state("watching")


@pytest.mark.parametrize("terminals", [1, pytest.param(2, marks=pytest.mark.long)])
def test_both_directions(
    pushed: Project, person: Person, workspace: Workspace, watching: Start, terminals: int
) -> None:
    """Both directions at once bring every edit to the other side, and then there is peace: nothing is written."""
    if terminals == 1:
        every = [watching("to_databricks", "--pull")]
    else:
        every = [watching("to_databricks"), watching("from_databricks")]
    pushed.notebook("notebooks/a.py", "edited here")
    person.edit("b", "edited there")
    pushed.notebook("notebooks/made_here.py", "made here")
    person.edit("made_there", "made there")
    watch = every[0]
    watch.until(lambda: person.read("a").decode() == notebook("edited here") and "made_here" in person.names())
    watch.until(lambda: pushed.text("notebooks/b.py") == notebook("edited there"))
    watch.until(lambda: "made_there.py" in pushed.names())
    files = pushed.files()
    watch.look()
    seen = asked(workspace, 0.7)
    assert not [one for one in seen if one["method"] == "POST"] and pushed.files() == files
    assert len(seen) <= 20  # a last run or two of each that find nothing
    for one in every:
        assert not one.parked()
        one.stop()
    pushed.at_rest()


def test_a_tab_that_saves_again(pushed: Project, person: Person, watching: Start) -> None:
    """A browser tab that saves over our push is an edit like any other: it comes here, and is not fought over."""
    watch = watching("to_databricks", "--pull")
    pushed.notebook("notebooks/a.py", "pushed")
    # Not as soon as it is there: the watch has yet to read back what it wrote.
    watch.until(lambda: watch.all("summary", command="to_databricks", update=1))
    assert person.read("a").decode() == notebook("pushed")
    person.edit("a", "what the tab still held")
    watch.look()
    watch.until(lambda: pushed.text("notebooks/a.py") == notebook("what the tab still held"))
    watch.until_state("watching")
    assert not watch.parked() and person.read("a").startswith(notebook("what the tab still held").rstrip().encode())


@pytest.mark.long
def test_a_branch_that_was_never_pushed(project: Project, person: Person, watching: Start) -> None:
    """`--watch --pull` makes the folder of a branch that has none, at the start and after a switch."""
    project.notebook("notebooks/a.py", "one")
    project.commit()
    watch = watching("to_databricks", "--pull")
    assert person.names() == {"a"}
    project.git("switch", "-q", "-c", "fresh")
    fresh = person.at(f"{HOME}/fresh")
    watch.until(lambda: len(watch.all("summary", target=fresh.folder)) == 2)
    fresh.edit("a", "edited there")
    watch.look()
    watch.until(lambda: project.text("notebooks/a.py") == notebook("edited there"))


@pytest.mark.long
def test_without_hashes(pushed: Project, person: Person, workspace: Workspace, watching: Start) -> None:
    """A workspace that lists neither hashes nor whole trees is followed as well, and asked less often."""
    workspace.set(hashes=False)
    watch = watching("to_databricks", "--pull")
    pushed.notebook("notebooks/a.py", "edited here")
    watch.until(lambda: person.read("a").decode() == notebook("edited here"))
    watch.until_state("watching")
    assert asked(workspace, 1.0) == []
