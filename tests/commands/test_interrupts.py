"""Ctrl-C, two runs at once, and what a stopped run leaves to the next one."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.project import DELETE, EXPORT, HOME, IMPORT, MKDIRS, Person, Project, Workspace, rule, until

from databricks_sync.interrupt import Interruption, raise_at_second

AT = f"{HOME}/main"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals")


def many(project: Project, count: int = 120) -> None:
    """So many new notebooks, each of which goes by itself."""
    project.workspace.set(source_archives=False)
    for number in range(count):
        project.notebook(f"notebooks/n{number:03}.py", f"print({number})")


def slowly(workspace: Workspace, endpoint: str, ms: int = 500) -> None:
    workspace.faults(rule(endpoint, {"kind": "latency", "ms": ms}, object=f"{AT}/n*"))


def interrupted(project: Project, command: str, *arguments: str, times: int = 1) -> Any:
    """A run that gets Ctrl-C as soon as the workspace is at work on the first objects."""
    process = project.start(command, *arguments, start_new_session=True)
    until(lambda: project.workspace.struck()[0] > 0)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    return project.finish(process)


def test_ctrl_c_finishes_the_objects_in_hand(project: Project, person: Person, workspace: Workspace) -> None:
    """After Ctrl-C a push exits with 130, what was begun is done and remembered, and the next run does the rest."""
    many(project)
    slowly(workspace, IMPORT)
    ran = interrupted(project, "to_databricks")
    assert ran.code == 130 and "Interrupted" in ran.err
    done = person.names()
    assert 0 < len(done) < 120
    workspace.faults()
    again = project.push()
    assert person.names() == {f"n{number:03}" for number in range(120)}
    assert not {f"{AT}/{name}" for name in done} & {path for verb, path in again.carried if verb == "import"}
    assert "conflict" not in again.out
    project.at_rest()


def test_ctrl_c_in_a_pull(project: Project, person: Person, workspace: Workspace) -> None:
    """After Ctrl-C a pull exits with 130, no file is half written, and the next run does the rest."""
    workspace.set(folder_exports="dbc")  # so that each is read by itself
    for number in range(120):
        person.edit(f"n{number:03}", f"print({number})")
    slowly(workspace, EXPORT)
    ran = interrupted(project, "from_databricks")
    assert ran.code == 130
    here = project.files()
    assert 0 < len(here) < 120 and all(raw.endswith(b")\n") for raw in here.values())
    assert not list(project.root.rglob("*.tmp*"))
    workspace.faults()
    project.pull()
    assert len(project.files()) == 120
    project.at_rest()


def test_ctrl_c_waits_for_an_archive(project: Project, person: Person, workspace: Workspace) -> None:
    """What came of an archive that was under way at Ctrl-C is remembered, and nothing is sent after it."""
    many(project)
    workspace.set(source_archives=True)
    project.write("notebooks/later/a.txt", "1")
    workspace.faults(rule(IMPORT, {"kind": "latency", "ms": 700}, object=AT))
    ran = interrupted(project, "to_databricks")
    assert ran.code == 130 and person.tree().keys() == {f"n{number:03}" for number in range(120)}
    workspace.faults()
    assert project.push().carried == [("mkdirs", f"{AT}/later"), ("import", f"{AT}/later/a.txt")]


@pytest.mark.long
def test_ctrl_c_says_so_to_a_program(project: Project, workspace: Workspace) -> None:
    """With --json the summary of an interrupted run says that it was, and is still the last line."""
    many(project)
    slowly(workspace, IMPORT)
    ran = interrupted(project, "to_databricks", "--json")
    assert ran.code == 130
    assert ran.summary["interrupted"] and ran.summary["exit_code"] == 130 and ran.events[-1] == ran.summary


def test_ctrl_c_while_looking_writes_nothing(pushed: Project, person: Person, workspace: Workspace) -> None:
    """After Ctrl-C before the plan is made, a run exits with 130 and neither side has changed."""
    pushed.notebook("notebooks/a.py", "edited")
    workspace.faults(rule("*/workspace/list*", {"kind": "latency", "ms": 700}))
    ran = interrupted(pushed, "to_databricks")
    assert ran.code == 130 and not ran.writes


def test_ctrl_c_while_looking_says_so_to_a_program(one: Project, workspace: Workspace) -> None:
    """With --json a run that was interrupted before its plan says so, with the code it exits with."""
    workspace.faults(rule("*/workspace/list*", {"kind": "latency", "ms": 700}))
    ran = interrupted(one, "to_databricks", "--json")
    assert ran.code == 130 and ran.all("error")[0]["exit_code"] == 130


def test_ctrl_c_while_folders_are_made_waits_for_them(project: Project, workspace: Workspace) -> None:
    """After Ctrl-C no folder is made any more once the lock is given back."""
    for number in range(60):
        project.write(f"notebooks/d{number}/n.txt", "1")
    workspace.faults(rule(MKDIRS, {"kind": "latency", "ms": 700}, object=f"{AT}/*"))
    ran = interrupted(project, "to_databricks", "--lock")
    requests = workspace.requests()
    assert ran.code == 130 and sum(one["object"].startswith(f"{AT}/d") for one in requests) >= 60
    assert requests[-1]["endpoint"].endswith("delete") and requests[-1]["at_once"] == 1
    workspace.faults()
    project.push()
    project.at_rest()


@pytest.mark.parametrize("slow", ["last object", "lock"])
def test_ctrl_c_after_the_objects_still_sums_up(
    project: Project, person: Person, workspace: Workspace, slow: str
) -> None:
    """After Ctrl-C when everything is written, or while the lock is given back, the run says what it did."""
    many(project, 3)
    endpoint, at = (IMPORT, f"{AT}/n002") if slow == "last object" else (DELETE, "*/.databricks_sync/main.lock")
    workspace.faults(rule(endpoint, {"kind": "latency", "ms": 400}, object=at))
    ran = interrupted(project, "to_databricks", "--lock", "--json")
    assert ran.code == 130 and ran.summary["create"] == 3 and ran.summary["interrupted"]
    workspace.faults()
    assert len(person.names()) == 3 and not person.at(f"{HOME}/.databricks_sync").names() - {"main.json"}
    project.at_rest()


def test_ctrl_c_after_a_restore_still_sums_up(pushed: Project, person: Person, workspace: Workspace) -> None:
    """After Ctrl-C while a restore gives the lock back, it says what it did, and the lock is gone."""
    person.edit("a", "theirs")
    backup = pushed.push("--overwrite", "--json").summary["backup"]
    at = "*/.databricks_sync/main.lock"
    workspace.faults(rule(DELETE, {"kind": "latency", "ms": 400}, object=at))
    ran = interrupted(pushed, "to_databricks", "--lock", "--restore", backup, "--json")
    assert ran.code == 130 and ran.summary["restore"] == 1 and ran.summary["interrupted"]
    assert person.at(f"{HOME}/.databricks_sync").names() == {"main.json"}


@pytest.mark.parametrize(
    ("endpoint", "typed"),
    [
        ("*/Me", ["to_databricks"]),
        ("*/Me", ["to_databricks", "--target", AT]),
        ("*/workspace/list*", ["from_databricks"]),
        (EXPORT, ["from_databricks", "--dry-run", "--diff"]),
    ],
)
def test_ctrl_c_waits_for_no_answer(
    one: Project, person: Person, workspace: Workspace, endpoint: str, typed: list[str]
) -> None:
    """Ctrl-C while nothing but questions is under way ends the run at once, and not with the answers."""
    person.edit("a", "theirs")
    workspace.faults(rule(endpoint, {"kind": "latency", "ms": 3_600_000}))  # longer than `finish` waits
    process = one.start(*typed, start_new_session=True)
    until(lambda: workspace.struck()[0] > 0)
    time.sleep(1)  # the run is at its next step, if that does not wait for it
    process.send_signal(signal.SIGINT)
    ran = one.finish(process)
    assert ran.code == 130 and "Interrupted" in ran.err


@pytest.mark.long  # tests/safety/test_kills.py presses as often
def test_an_impatient_ctrl_c_loses_nothing(project: Project, person: Person, workspace: Workspace) -> None:
    """Pressing Ctrl-C again and again still ends with 130 and a sentence, and the next run finishes."""
    many(project)
    slowly(workspace, IMPORT)
    ran = interrupted(project, "to_databricks", times=5)
    assert ran.code == 130
    workspace.faults()
    time.sleep(2)  # what was on its way when the process went is still applied
    project.push()
    assert len(person.names()) == 120
    project.at_rest()


@pytest.mark.parametrize("command", ["to_databricks", "from_databricks"])
def test_ctrl_c_at_the_very_start_is_quiet(one: Project, command: str) -> None:
    """Ctrl-C while the program still loads leaves no traceback, but for what happens before Python gets to it."""
    for milliseconds in (40, 60, 80, 110, 140):
        process = one.start(command, start_new_session=True)
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=300)[1].decode()
        assert "Traceback" not in err or "databricks_sync" not in err, err


@pytest.mark.parametrize("name", ["databricks_sync.startup", "signal", "pathlib"])
@pytest.mark.parametrize(
    "command", ["databricks_sync.to_databricks", "databricks_sync.from_databricks", "mlflow_hooks.cli"]
)
def test_ctrl_c_before_it_is_provided_for_is_quiet(command: str, name: str) -> None:
    """Ctrl-C while what provides for it is itself being imported ends with 130 and without a word."""
    program = f"""
import importlib, sys
class Pressed:
    def find_spec(self, name, *_):
        if name == {name!r}:
            raise KeyboardInterrupt
sys.path.append({str(Path(__file__).parents[2])!r})
sys.meta_path.insert(0, Pressed())
importlib.import_module({command!r})
"""
    ended = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"")


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("databricks_sync.cli.session", "error: Interrupted.\n"),
        ("databricks_sync.output.text", "Interrupted; nothing is half done.\n"),
    ],
    ids=["for a run", "to tell of an error"],
)
def test_ctrl_c_that_an_import_makes_another_error_of_is_still_one(tmp_path: Path, module: str, said: str) -> None:
    """A part of Python in C, interrupted while it is imported, may raise ImportError; that is no unexpected error."""
    program = f"""
import os, signal, sys, time
class Pressed:
    def find_spec(self, name, *_):
        if name == "{module}":
            sys.meta_path.remove(self)
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(10)
            except KeyboardInterrupt:
                raise ImportError("PyCapsule_Import could not import module {module}") from None
sys.meta_path.insert(0, Pressed())
sys.argv = ["to_databricks"]
from databricks_sync.to_databricks import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, said)


@pytest.mark.parametrize(
    ("pressed", "said"),
    [
        ("interrupt.ready = lambda: (ready(), press())", "Interrupted; nothing is half done.\n"),
        (
            "interrupt.ready = lambda: (ready(), press())\n"
            "click.echo = lambda *text, **how: (echo(*text, **how), press())",
            "Interrupted; nothing is half done.\n",
        ),
        ("interrupt.over = lambda: (press(), over())", ""),
    ],
    ids=["as it begins to be heard", "again, while it is told of", "just before it is no longer heard"],
)
def test_ctrl_c_at_either_end_is_quiet(pressed: str, said: str) -> None:
    """In the first moment in which Ctrl-C is minded, once more right then, and in the last, it ends with 130."""
    program = f"""
import click, signal, sys
from databricks_sync import interrupt
from databricks_sync.to_databricks import main
ready, over, echo, press = interrupt.ready, interrupt.over, click.echo, lambda: signal.raise_signal(signal.SIGINT)
{pressed}
sys.argv = ["to_databricks", "--version"]
main()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, said)


def test_a_terminated_run_is_finished_by_the_next(project: Project, person: Person, workspace: Workspace) -> None:
    """A run that CI cancels with SIGTERM leaves nothing that the next one does not finish."""
    many(project, 60)
    slowly(workspace, IMPORT)
    process = project.start("to_databricks", start_new_session=True)
    until(lambda: workspace.struck()[0] > 0)
    process.terminate()
    project.finish(process)
    time.sleep(0.7)  # what was on its way has arrived
    workspace.faults()
    project.push()
    assert len(person.names()) == 60
    project.at_rest()


def test_two_runs_at_once_never_mix(project: Project, person: Person, workspace: Workspace) -> None:
    """A second run on the same target says who is at work and writes nothing; the first one is not disturbed."""
    many(project, 10)
    slowly(workspace, IMPORT, 500)
    first = project.start("to_databricks")
    until(lambda: workspace.struck()[0] > 0)
    first.send_signal(signal.SIGSTOP)  # however long the second one takes to begin, the first is still at it
    second = project.finish(project.start("from_databricks"))
    first.send_signal(signal.SIGCONT)
    assert second.code != 0 and f"process {first.pid}" in second.err
    assert project.finish(first).code == 0 and len(person.names()) == 10


def test_a_second_run_can_wait(project: Project, person: Person, workspace: Workspace) -> None:
    """With --wait a second run begins when the first has ended."""
    many(project, 10)
    slowly(workspace, IMPORT)
    first = project.start("to_databricks")
    until(lambda: workspace.struck()[0] > 0)
    second = project.finish(project.start("from_databricks", "--wait", "300"))
    assert second.code == 0 and "nothing to do" in second.out
    assert project.finish(first).code == 0


@pytest.mark.long
def test_a_dry_run_disturbs_nobody(project: Project, person: Person, workspace: Workspace) -> None:
    """A dry run beside a running one is allowed and shows how things are."""
    many(project, 10)
    slowly(workspace, IMPORT)
    first = project.start("to_databricks")
    until(lambda: workspace.struck()[0] > 0)
    assert project.finish(project.start("to_databricks", "--dry-run")).code == 0
    assert project.finish(first).code == 0


@pytest.mark.long  # tests/unit/state/test_lock.py has their locks
def test_two_targets_can_be_carried_at_once(project: Project, person: Person) -> None:
    """Runs on different targets of one project do not wait for each other."""
    many(project, 10)
    both = [project.start("to_databricks", "--branch", name) for name in ("one", "two")]
    assert [project.finish(process).code for process in both] == [0, 0]
    assert person.at(f"{HOME}/one").names() == person.at(f"{HOME}/two").names() != set()


def test_ctrl_c_in_code_that_cannot_raise_is_not_lost(tmp_path: Path) -> None:
    """Where Python would only print a traceback and go on, the interruption comes a moment later, without a word.

    Also where the machine is so busy that to start a thread takes long.
    """
    program = (
        "import signal, threading, time, weakref\n"
        "from databricks_sync import interrupt\n"
        "start = threading.Thread.start\n"
        "threading.Thread.start = lambda thread: (start(thread), time.sleep(0.3))[0]\n"
        "class Thing: ...\n"
        "interrupt.ready()\n"
        "thing = Thing()\n"
        "watched = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))\n"
        "try:\n"
        "    del thing\n"
        "    time.sleep(20)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    assert (ran.stdout, ran.stderr) == ("interrupted\n", "")


def test_ctrl_c_in_the_midst_of_a_write_is_heard() -> None:
    """What it would say into the stream that it interrupted is dropped, and the end is orderly all the same."""

    class Screen(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            if not stop:
                stop._press()
            return len(data)  # type: ignore[arg-type]

    stream = io.BufferedWriter(Screen())
    stop = Interruption(raise_at_second(stream.flush))
    stream.write(b"event")
    stream.flush()
    assert stop.pressed
