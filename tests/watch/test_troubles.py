"""What goes wrong around a watch: the network, the token, a valve, conflicts, and its own end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.project import HOME, IMPORT, RESET, Person, Project, Workspace, answer, notebook, rule

from databricks_local.embedded import running
from databricks_sync.rules import debounce

from .test_saves import left
from .world import Watching

Start = Callable[..., Watching]
AT = f"{HOME}/main"
EVERYTHING = "/api/2.0/*"


def reads(person: Person, name: str, *cells: str) -> Callable[[], bool]:
    return lambda: person.read(name).decode().rstrip("\n") == notebook(*cells).rstrip("\n")  # as browsers save


# --- the workspace ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        (answer(503, "TEMPORARILY_UNAVAILABLE", "down"), 5),
        pytest.param(
            answer(429, "REQUEST_LIMIT_EXCEEDED", "slowly", headers={"Retry-After": "0"}), 3, marks=pytest.mark.long
        ),
        pytest.param(RESET, 5, marks=pytest.mark.long),
    ],
    ids=["503", "429", "reset"],
)
def test_bad_minutes(
    pushed: Project, person: Person, workspace: Workspace, watching: Start, fault: dict[str, object], times: int
) -> None:
    """A workspace that fails for a while gets everything that was saved meanwhile, once, as it is then."""
    watch = watching()
    workspace.faults(rule(EVERYTHING, fault, times=times))
    pushed.notebook("notebooks/a.py", "saved in bad times")
    watch.until(lambda: workspace.struck()[0] > 0)
    pushed.notebook("notebooks/a.py", "and saved again")
    pushed.notebook("notebooks/b.py", "this too")
    watch.until(lambda: workspace.struck() == [times])
    watch.until(reads(person, "a", "and saved again"))
    watch.until(reads(person, "b", "this too"))
    watch.until_state("watching")
    assert not watch.parked() and watch.states.count("waiting") <= 1


@pytest.mark.long
def test_the_workspace_goes_and_comes_back(project: Project, watching: Start, tmp_path: Path) -> None:
    """While the workspace is away that is said once; when it is back, what was saved meanwhile is carried."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        options = ("--port", str(free.getsockname()[1]))
    project.notebook("notebooks/a.py", "one")
    with ExitStack() as first:
        there = first.enter_context(running(tmp_path / "workspace", options=options))
        login = {"DATABRICKS_HOST": there.host, "DATABRICKS_TOKEN": there.token, "DATABRICKS_USER": "me@example.com"}
        watch = watching(env=login)
    project.notebook("notebooks/a.py", "two")
    watch.until_state("waiting")
    project.notebook("notebooks/b.py", "new")
    assert "cannot be reached" in watch.said
    with running(tmp_path / "workspace", options=options) as again:
        person = Person(Workspace(again.host, again.token))
        watch.until(lambda: person.names() == {"a", "b"})
        watch.until(reads(person, "a", "two"))
        watch.until_state("watching")
        assert watch.states.count("waiting") <= 2
        watch.stop()


def test_a_save_ends_the_waiting(pushed: Project, person: Person, workspace: Workspace, watching: Start) -> None:
    """After many failures in a row a save is carried at once when the workspace is back, without waiting on."""
    watch = watching()
    workspace.faults(rule(EVERYTHING, answer(403, "PERMISSION_DENIED", "not for you")))
    saves = ("one", "two", "three", "four", "five", "six", "seven")
    for text in saves:
        struck = workspace.struck()[0]
        pushed.notebook("notebooks/a.py", text)
        watch.until(lambda struck=struck: workspace.struck()[0] > struck)  # type: ignore[misc]
    workspace.faults()
    began = time.monotonic()
    pushed.notebook("notebooks/a.py", "back")
    watch.until(reads(person, "a", "back"))
    assert time.monotonic() - began < debounce.backoff(len(saves), 0.0)  # which is what was due at the least


def test_a_save_in_the_worst_moment(pushed: Project, person: Person, workspace: Workspace, watching: Start) -> None:
    """A save while a run is about to fail is not forgotten: it is carried as soon as that is tried again."""
    watch = watching()
    refused = answer(403, "PERMISSION_DENIED", "not for you")
    workspace.faults(rule("*/list-repo", {"kind": "latency", "ms": 400}), rule(EVERYTHING, refused, times=4))
    pushed.notebook("notebooks/b.py", "fails")
    watch.until(lambda: workspace.struck()[0] > 0)
    pushed.notebook("notebooks/a.py", "saved meanwhile")
    watch.until_state("waiting")
    workspace.faults()
    watch.until(reads(person, "a", "saved meanwhile"))


def test_a_renewed_token(pushed: Project, person: Person, watching: Start) -> None:
    """When the token expires the watch says so; as soon as a new one is in .env it goes on."""
    good = pushed.workspace.token
    pushed.write(".env", f"DATABRICKS_TOKEN={good}\n")
    pushed.write(".gitignore", ".env\n")
    watch = watching(env={"DATABRICKS_TOKEN": None})
    pushed.write(".env", "DATABRICKS_TOKEN=dapi0expired\n")
    watch.until_state("waiting")
    assert "token" in watch.said
    pushed.notebook("notebooks/a.py", "saved meanwhile")
    time.sleep(0.5)
    assert not reads(person, "a", "saved meanwhile")()
    pushed.write(".env", f"DATABRICKS_TOKEN={good}\n")
    watch.until(reads(person, "a", "saved meanwhile"))
    watch.until_state("watching")


def test_another_folder_in_the_settings(pushed: Project, person: Person, watching: Start) -> None:
    """Settings that are changed in .env count at once, and the plan that follows from them is shown."""
    pushed.write(".gitignore", ".env\n")
    pushed.write("jobs/j.py", notebook("a job"))
    watch = watching()
    pushed.write(".env", "NOTEBOOK_FOLDER=notebooks,jobs\nDATABRICKS_USER=you@example.com\n")
    yours = person.at("/Users/you@example.com/main")
    watch.until(lambda: {"jobs/j", "notebooks/a"} <= yours.names())
    assert watch.all("start")[-1]["folders"] == ["notebooks", "jobs"]


@pytest.mark.long
def test_broken_settings(pushed: Project, person: Person, watching: Start) -> None:
    """Settings that cannot be read are told; corrected, the watch goes on."""
    pushed.write(".gitignore", ".env\n")
    watch = watching()
    pushed.write(".env", "this is no setting\n")
    watch.until_state("waiting")
    assert "line 1" in watch.said
    pushed.notebook("notebooks/a.py", "saved meanwhile")
    pushed.remove(".env")
    watch.until(reads(person, "a", "saved meanwhile"))


def test_asleep(pushed: Project, person: Person, watching: Start) -> None:
    """After the machine has slept, whatever happened here and in the workspace meanwhile is brought together."""
    watch = watching("to_databricks", "--pull")
    watch.process.send_signal(signal.SIGSTOP)
    pushed.notebook("notebooks/a.py", "edited here")
    pushed.remove("notebooks/c.py")
    person.edit("b", "edited there")
    person.edit("made_there", "made there")
    person.edit("etl/load", "edited there too")
    pushed.notebook("notebooks/etl/load.py", "edited here too")
    time.sleep(2.2)  # longer than between two looks at the workspace
    assert not reads(person, "a", "edited here")()
    watch.process.send_signal(signal.SIGCONT)
    watch.until(reads(person, "a", "edited here"))
    watch.until(lambda: pushed.text("notebooks/b.py") == notebook("edited there") and "made_there.py" in pushed.names())
    watch.until(lambda: watch.parked() == {"notebooks/etl/load.py"})
    assert "c" not in person.names() and reads(person, "etl/load", "edited there too")()
    assert pushed.text("notebooks/etl/load.py") == notebook("edited here too")


def test_the_first_run_must_work(project: Project, workspace: Workspace) -> None:
    """What a single run would refuse at once ends a watch at once, with the same exit code."""
    project.notebook("notebooks/a.py", "one")
    assert (
        project.run("to_databricks", "--watch", code=2, env={"DATABRICKS_TOKEN": "dapiwrong"}).err.count("error:") == 1
    )
    assert "is not in the workspace" not in project.run("from_databricks", "--watch", code=2).out
    project.write(".git/MERGE_HEAD", "")
    project.run("to_databricks", "--watch", code=3)


# --- valves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [(), ("--allow-empty", "--max-delete", "100%")], ids=["", "once allowed"])
def test_an_emptied_folder_halts(pushed: Project, person: Person, watching: Start, allowed: tuple[str, ...]) -> None:
    """A folder that is suddenly empty halts the watch, which writes nothing until its files are back.

    What was allowed when it was started was allowed for its first run.
    """
    pushed.commit()
    watch = watching("to_databricks", *allowed)
    before = person.names()
    pushed.workspace.forget()
    for path in sorted((pushed.root / "notebooks").rglob("*")):
        if path.is_file():
            path.unlink()
    watch.until_state("halted")
    assert "--allow-empty" in watch.said and "another terminal" in watch.said
    pushed.write("notebooks/elsewhere.txt", "an event")  # one more look, and no more than that
    time.sleep(0.5)
    assert person.names() == before and not [one for one in pushed.workspace.requests() if one["method"] == "POST"]
    pushed.git("checkout", "-q", "--", "notebooks")
    watch.until_state("watching")
    assert person.names() == {*before, "elsewhere.txt"}
    assert {one["endpoint"].rpartition("/")[2] for one in pushed.workspace.requests()} & {"delete"} == set()
    if not allowed:  # and as the watch says
        for path in pushed.names():
            pushed.remove(f"notebooks/{path}")
        watch.until_state("halted")
        assert pushed.finish(pushed.start("to_databricks", "--allow-empty", "--wait", "300")).code == 0
        watch.until_state("watching")
        assert person.names() == set()


# --- conflicts ----------------------------------------------------------------------------------------------


def test_a_conflict_is_parked(pushed: Project, person: Person, watching: Start) -> None:
    """What both sides changed stays on both sides, parked with the way out, and the others go on; a status shows it."""
    watch = watching()
    person.edit("a", "edited there")
    pushed.notebook("notebooks/a.py", "edited here")
    pushed.notebook("notebooks/b.py", "only here")
    watch.until(reads(person, "b", "only here"))
    watch.until(lambda: watch.parked() == {"notebooks/a.py"})
    told = watch.all("parked")[-1]
    assert "edited on both sides" in told["problem"]
    assert "to_databricks --overwrite notebooks/a.py" in told["hint"]
    assert "from_databricks --overwrite notebooks/a.py" in told["hint"]
    pushed.notebook("notebooks/a.py", "edited here again")
    pushed.notebook("notebooks/c.py", "goes on")
    watch.until(reads(person, "c", "goes on"))
    assert reads(person, "a", "edited there")() and len(watch.all("parked")) == 1
    assert left(pushed) == {"notebooks/a.py": "both"}
    watch.kill()
    assert left(pushed) == {"notebooks/a.py": "both"}


@pytest.mark.parametrize(
    ("command", "deleted"),
    [
        pytest.param("to_databricks", False, marks=pytest.mark.long),
        ("from_databricks", False),
        pytest.param("from_databricks", True, marks=pytest.mark.long),
    ],
)
def test_a_conflict_is_settled_in_another_terminal(
    pushed: Project, person: Person, watching: Start, command: str, deleted: bool
) -> None:
    """A conflict that is settled by a command in another terminal is no longer parked."""
    watch = watching("to_databricks", "--pull")
    if deleted:
        person.delete("a")
    else:
        person.edit("a", "edited there")
    pushed.notebook("notebooks/a.py", "edited here")
    watch.until(lambda: watch.parked() == {"notebooks/a.py"})
    pushed.workspace.forget()
    watch.look()  # so that both directions have left it alone
    watch.until(lambda: sum("list-repo" in ran["endpoint"] for ran in pushed.workspace.requests()) >= 3)
    pushed.finish(pushed.start(command, "--overwrite", "--wait", "300", "notebooks/a.py"))
    if command == "to_databricks":
        watch.look()
    watch.until(lambda: not watch.parked())
    if deleted:
        assert "a.py" not in pushed.names() and "a" not in person.names()
        return
    kept = "edited here" if command == "to_databricks" else "edited there"
    assert pushed.text("notebooks/a.py") == notebook(kept) and reads(person, "a", kept)()


def test_a_conflict_at_the_start(pushed: Project, person: Person, watching: Start) -> None:
    """A conflict that the first run finds is told to programs like any other, and goes when it is settled by hand."""
    person.edit("a", "edited there")
    pushed.notebook("notebooks/a.py", "edited here")
    watch = watching()
    watch.until(lambda: watch.parked() == {"notebooks/a.py"})
    pushed.notebook("notebooks/a.py", "edited there")
    watch.until(lambda: not watch.parked())


def test_an_edit_there_is_never_overwritten(pushed: Project, person: Person, watching: Start) -> None:
    """An edit in the browser stays, however often other files are saved here."""
    watch = watching()
    person.edit("a", "edited there")
    for number in range(2):
        pushed.notebook("notebooks/b.py", f"save {number}")
        watch.until(reads(person, "b", f"save {number}"))
    assert reads(person, "a", "edited there")() and pushed.text("notebooks/a.py") == notebook("print('a')", "print(2)")


# --- other runs, and the end --------------------------------------------------------------------------------


def test_a_run_beside_it(pushed: Project, person: Person, workspace: Workspace, watching: Start) -> None:
    """While another run is at work on the target the watch waits for it, and then carries what was saved."""
    watch = watching()
    workspace.faults(rule(IMPORT, {"kind": "latency", "ms": 1500}, object=f"{AT}/a"))
    pushed.notebook("notebooks/a.py", "by hand")
    beside = pushed.start("to_databricks", "--wait", "300", "--no-delete")
    pushed.notebook("notebooks/b.py", "saved meanwhile")
    assert pushed.finish(beside).code == 0
    watch.until(reads(person, "b", "saved meanwhile"))
    watch.until(reads(person, "a", "by hand"))
    watch.until_state("watching")
    assert not watch.parked()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_stopped_in_the_middle(
    project: Project, person: Person, workspace: Workspace, watching: Start, number: int
) -> None:
    """Stopped while it carries, a watch finishes the objects in hand and no other; the next run does the rest."""
    project.notebook("notebooks/a.py", "one")
    watch = watching()
    workspace.faults(rule(IMPORT, {"kind": "latency", "ms": 300}, object=f"{AT}/n*"))
    for one in range(60):
        project.notebook(f"notebooks/n{one:03}.py", f"print({one})")
    watch.until(lambda: workspace.struck()[0] > 0)
    watch.stop(number)
    assert 1 < len(person.names()) < 61
    workspace.faults()
    done = person.names()
    again = project.push()
    assert len(person.names()) == 61 and not {path.rpartition("/")[2] for _, path in again.carried} & done
    project.at_rest()


@pytest.mark.long
def test_stopped_while_waiting(pushed: Project, workspace: Workspace, watching: Start) -> None:
    """Ctrl-C also ends a watch that waits for the workspace."""
    watch = watching()
    workspace.faults(rule(EVERYTHING, answer(403, "PERMISSION_DENIED", "no")))
    pushed.notebook("notebooks/a.py", "saved")
    watch.until_state("waiting")
    watch.stop()


# Makes one signal a Ctrl-C that comes while Python finalizes an object.
UNLUCKY = """
import signal
class Old:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
signal.signal(signal.SIGUSR1, lambda *_: (Old(), None)[1])
"""


@pytest.mark.long  # tests/commands/test_interrupts.py has what is done about it
def test_stopped_in_an_unlucky_moment(pushed: Project, watching: Start) -> None:
    """A Ctrl-C that comes where Python can only drop it ends a watch all the same, without a traceback."""
    (pushed.home / "sitecustomize.py").write_text(UNLUCKY)
    path = os.pathsep.join([str(pushed.home), *sys.path])
    watch = watching(env={"PYTHONPATH": path})
    watch.process.send_signal(signal.SIGUSR1)
    assert watch.process.wait(300) == 130
    assert watch.states[-1] == "stopped" and watch.err == ""


@pytest.mark.long  # a watch makes the runs that are killed in tests/safety
def test_killed_in_the_middle(project: Project, person: Person, workspace: Workspace, watching: Start) -> None:
    """After kill -9 the next watch finishes what the killed one had begun."""
    project.notebook("notebooks/a.py", "one")
    watch = watching()
    for one in range(40):
        project.notebook(f"notebooks/n{one:03}.py", f"print({one})")
    kill = {"kind": "kill", "pid": watch.process.pid}
    workspace.faults(rule(IMPORT, kill, nth=20, phase="after"))
    project.notebook("notebooks/n000.py", "print(0) # once more")
    assert watch.process.wait(300) == -signal.SIGKILL
    watch.process.returncode = -signal.SIGKILL
    workspace.faults()
    project.remove("notebooks/n001.py")
    again = watching()
    again.until(lambda: len(person.names()) == 40)
    again.stop()
    project.at_rest()
    assert person.read("n000") == notebook("print(0) # once more").encode()


def test_the_workspace_on_this_machine(project: Project, watching: Start) -> None:
    """With --local the workspace lives as long as the watch; killed, it is started again and carried to."""
    where = {"DATABRICKS_HOST": None, "DATABRICKS_TOKEN": None}
    project.notebook("notebooks/a.py", "one")
    folder = project.home / ".databricks_local"
    watch = watching("to_databricks", "--local", env=where)
    with running(folder) as there:
        first = there.pid
    subprocess.run(["kill", "-9", str(first)], check=True)
    project.notebook("notebooks/a.py", "two")
    watch.until_state("waiting")
    watch.until_state("watching")
    with running(folder) as there:
        assert there.pid != first
        assert reads(Person(Workspace(there.host, there.token)), "a", "two")()
