"""What a person sees of a watch: on a terminal, in a log, and what a parked path is told as."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest
from support.project import Person, Project, Workspace, answer, notebook, rule, until

from databricks_sync.engine.report import Report
from databricks_sync.engine.request import Request
from databricks_sync.errors import Again
from databricks_sync.model import Kind, LocalObject, Mode, Problem, RemoteObject, RemoteVersion, Severity, Stat
from databricks_sync.output.watching import Parked, advice, lines, parked, standing
from databricks_sync.rules.outcome import Outcome, Result
from databricks_sync.rules.plan import Action, Step

from .world import Terminal

GITHUB = "ghp_" + "aB3dE5gH7j" * 3 + "kL9mN1"

# --- the rules ----------------------------------------------------------------------------------------------


def step(name: str, action: Action, problem: Problem | None = None, shape: str = "bxb") -> Step:
    item = LocalObject(name, f"notebooks/{name}.py", Kind.NOTEBOOK, "x", "x", Stat(1, 1, 1, 1))
    there = RemoteObject(name, "/Users/me/main", Kind.NOTEBOOK, RemoteVersion(1, 1), None)
    return Step(name, action, shape, local=item, remote=there, problem=problem)


def report(*steps: Step, outcomes: tuple[Outcome, ...] = (), mode: Mode = Mode.PUSH, again: str = "") -> Report:
    return Report(Request(mode, "/Users/me/main", again=again), steps, outcomes)


def trouble(severity: Severity, what: str = "cannot be synced", hint: str = "Rename it.") -> Problem:
    return Problem("notebooks/a.py", what, hint, severity)


def test_a_conflict_has_ways_out() -> None:
    """A conflict is parked with the commands that settle it, as they would be typed for this target."""
    conflict = step("a", Action.CONFLICT, shape="bxy")
    assert parked(report(conflict, again=" --local")) == {
        "a": Parked(
            "notebooks/a.py",
            "conflict: edited on both sides",
            (
                "to keep the local version: to_databricks --local --overwrite notebooks/a.py",
                "to keep the workspace version: from_databricks --local --overwrite notebooks/a.py",
                "to merge the cells: from_databricks --local --merge notebooks/a.py",
            ),
        )
    }


@pytest.mark.parametrize(
    ("severity", "expected"), [(Severity.NOTE, 0), (Severity.REFUSED, 1), (Severity.FAILED, 1)], ids=str
)
def test_what_is_parked(severity: Severity, expected: int) -> None:
    """What was refused or failed is parked; what is not carried for a good reason is not."""
    assert len(parked(report(step("a", Action.NOTHING, trouble(severity))))) == expected


def test_what_only_just_failed_is_not_parked() -> None:
    """A failure while carrying is only parked when it is no longer the first."""
    failed = Outcome(step("a", Action.UPDATE), Result.FAILED, trouble(Severity.FAILED))
    done = report(outcomes=(failed,))
    assert not parked(done, patient=True) and list(parked(done)) == ["a"]


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("", ""),
        ("Rename it.", "Rename it."),
        (Again(), "This is tried again."),
        (Again("; nothing is lost."), "This is tried again; nothing is lost."),
        (Again(before="Nothing was written; "), "Nothing was written; this is tried again."),
    ],
)
def test_advice(hint: str, expected: str) -> None:
    """Nobody is told to run a command again that does so by itself."""
    assert advice(hint) == expected


def test_lines() -> None:
    """Each object that was carried is one line, which says what was done where; no name controls the terminal."""
    done = (
        Outcome(step("a", Action.UPDATE), Result.DONE),
        Outcome(step("b\x1b[31m", Action.CREATE), Result.DONE),
        Outcome(step("c", Action.UPDATE), Result.FAILED, trouble(Severity.FAILED)),
    )
    there, here = ([text for text, _ in lines(report(outcomes=done, mode=mode))] for mode in (Mode.PUSH, Mode.PULL))
    assert (there[0], here[0]) == ("~ notebooks/a.py  updated in the workspace", "~ notebooks/a.py  updated locally")
    assert len(there) == 2 and "\x1b" not in there[1] and there[1].endswith("created in the workspace")


def test_standing() -> None:
    """How both sides stand: what is equal, and what is ahead on the other one."""
    assert standing(report(step("a", Action.NOTHING))) == "1 in sync"
    both = report(step("a", Action.NOTHING), step("b", Action.AHEAD))
    assert standing(both) == "1 in sync, 1 skipped"


# --- the terminal -------------------------------------------------------------------------------------------


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for one in opened:
        one.kill()


def test_a_person_sees(pushed: Project, person: Person, terminals: list[Terminal]) -> None:
    """On a terminal events scroll by, and below them stands what is followed, how it stands and what is parked."""
    seen = Terminal(pushed, "to_databricks", "--watch")
    terminals.append(seen)
    seen.until("● Watching notebooks → /Users/me@example.com/main: 8 in sync  Ctrl-C to stop")
    pushed.notebook("notebooks/a.py", "saved")
    seen.until("~ notebooks/a.py  updated in the workspace")
    person.edit("b", "edited there")
    pushed.notebook("notebooks/b.py", "edited here")
    seen.until(
        "! notebooks/b.py  conflict: edited on both sides",
        "needs attention (1): skipped on both sides",
        "to keep the workspace version: from_databricks --overwrite notebooks/b.py",
    )
    pushed.notebook("notebooks/b.py", "edited there")
    screen = seen.until("= notebooks/b.py  resolved", "● Watching", absent="needs attention (1)")
    assert screen.count("● Watching") == 1
    assert seen.stop() == 130
    assert seen.screen.rstrip().endswith("Stopped; nothing is half done.")
    assert "● Watching" not in seen.screen and "resolved" in seen.screen
    assert seen.raw.rfind("\x1b[?25h") > seen.raw.rfind("\x1b[?25l")  # the cursor is back


@pytest.mark.long
def test_a_narrow_and_low_terminal(pushed: Project, person: Person, terminals: list[Terminal]) -> None:
    """On a small terminal with much that is parked the screen stays whole: what is shown is shown once."""
    for number in range(30):
        pushed.notebook(f"notebooks/a_rather_long_name_for_a_notebook_{number}.py", "one")
    pushed.quick("to_databricks")
    for number in range(30):
        person.edit(f"a_rather_long_name_for_a_notebook_{number}", "there")
        pushed.notebook(f"notebooks/a_rather_long_name_for_a_notebook_{number}.py", "here")
    seen = Terminal(pushed, "to_databricks", "--watch", columns=40, lines=12)
    terminals.append(seen)
    seen.until("● Watching notebooks")
    for text in ("one", "two", "three"):
        pushed.notebook("notebooks/c.py", text)
        until(lambda text=text: person.read("c") == notebook(text).encode())  # type: ignore[misc]
    screen = seen.until("~ notebooks/c.py", "● Watching", "needs attention (30)")
    assert screen.count("● Watching") == 1 and screen.count("needs attention (30)") == 1
    assert seen.stop() == 130 and "● Watching" not in seen.screen


@pytest.mark.long
def test_commands_wrap(pushed: Project, person: Person, terminals: list[Terminal]) -> None:
    """With 80 columns a command for what is parked goes on in the next line, and nothing of it is cut."""
    name = "a_rather_long_name_for_a_notebook_of_somebody.py"
    pushed.notebook(f"notebooks/{name}", "one")
    pushed.push()
    person.edit(name.removesuffix(".py"), "there")
    pushed.notebook(f"notebooks/{name}", "here")
    seen = Terminal(pushed, "to_databricks", "--watch", columns=80, lines=30)
    terminals.append(seen)
    screen = seen.until("● Watching", "needs attention (1)", "to merge the cells")
    region = " ".join(screen.partition("● Watching")[2].split())
    for command in ("to_databricks --overwrite", "from_databricks --overwrite", "from_databricks --merge"):
        assert f"{command} notebooks/{name}" in region
    assert seen.stop() == 130


def test_trouble_on_a_terminal(pushed: Project, workspace: Workspace, terminals: list[Terminal]) -> None:
    """Trouble is shown as long as it lasts, and remains readable above when it is over."""
    seen = Terminal(pushed, "to_databricks", "--watch", NO_COLOR="1")
    terminals.append(seen)
    seen.until("● Watching")
    workspace.faults(rule("/api/2.0/*", answer(403, "PERMISSION_DENIED", "not for you"), times=2))
    pushed.notebook("notebooks/a.py", "saved")
    seen.until("● Waiting: The workspace answered 403")
    screen = seen.until("~ notebooks/a.py  updated in the workspace", "● Watching", absent="● Waiting")
    assert screen.count("Waiting: The workspace answered 403") == 1
    assert "\x1b[3" not in seen.raw  # no colours


def test_a_terminated_watch_gives_the_terminal_back(pushed: Project, terminals: list[Terminal]) -> None:
    """Also when it is terminated by another program, the cursor is there again."""
    seen = Terminal(pushed, "to_databricks", "--watch")
    terminals.append(seen)
    seen.until("● Watching")
    seen.process.send_signal(signal.SIGTERM)
    assert seen.process.wait(300) == 130
    until(lambda: seen.raw.rfind("\x1b[?25h") > seen.raw.rfind("\x1b[?25l"))


# --- a log --------------------------------------------------------------------------------------------------


def test_a_log(pushed: Project, person: Person) -> None:
    """Where the output is no terminal each event is a line with its time, at once, and no state is said twice."""
    log = pushed.home / "log"
    with log.open("wb") as out:
        process = pushed.start("to_databricks", "--watch", stdout=out, stderr=out)
    try:
        until(lambda: "Watching notebooks" in log.read_text())
        person.edit("b", "edited there")
        pushed.notebook("notebooks/b.py", "edited here")
        until(lambda: "! notebooks/b.py" in log.read_text())
        for text in ("one", "two", f"token = '{GITHUB}'"):
            pushed.notebook("notebooks/a.py", text)
            until(lambda text=text: person.read("a") == notebook(text).encode())  # type: ignore[misc]
        until(lambda: log.read_text().count("~ notebooks/a.py  updated in the workspace") == 3)
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 130
    finally:
        process.kill()
    said = log.read_text()
    assert said.count("Watching") == 1 and said.count("! notebooks/b.py") == 1 and "\x1b" not in said
    assert "    to keep the local version: to_databricks --overwrite notebooks/b.py" in said
    assert said.count("a.py contains what looks like a GitHub token") == 1 and GITHUB not in said
    assert said.splitlines()[-1][10:] == "Stopped; nothing is half done."


def test_programs_get_the_same_keys(pushed: Project, person: Person) -> None:
    """With --json every event has the keys that programs rely on, whatever happens."""
    log = pushed.home / "log"
    with log.open("wb") as out:
        process = pushed.start("to_databricks", "--watch", "--json", stdout=out)
    try:
        until(lambda: '"watching"' in log.read_text())
        person.edit("b", "edited there")
        pushed.notebook("notebooks/b.py", "edited here")
        until(lambda: '"parked"' in log.read_text())
        pushed.notebook("notebooks/b.py", "edited there")
        until(lambda: '"settled"' in log.read_text())
        pushed.notebook("notebooks/a.py", "saved")
        until(lambda: '"result"' in log.read_text() and '"summary"' in log.read_text())
        process.send_signal(signal.SIGINT)
        out_of_it = process.wait(300)
    finally:
        process.kill()

    keys = {}
    for line in log.read_text().splitlines():
        event = json.loads(line)
        keys.setdefault(event["event"], set(event) - {"event"})
    assert out_of_it == 130
    assert keys["watch"] == {"state", "message", "hint"}
    assert keys["parked"] == {"path", "key", "problem", "hint"}
    assert keys["settled"] == {"path", "key"}
    assert keys["result"] == {"path", "key", "action", "result", "problem", "hint"}
    assert keys["start"] == {"command", "folders", "target", "host", "address"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--watch", "--overwrite"], "--watch and --overwrite cannot be used together"),
        (["--watch", "--mirror"], "--watch and --mirror cannot be used together"),
        (["--watch", "--dry-run"], "--watch and --dry-run cannot be used together"),
        (["--watch", "--restore"], "--watch and --restore cannot be used together"),
        (["--pull"], "--pull works only with --watch"),
        (["--poll"], "--poll works only with --watch"),
    ],
    ids=" ".join,
)
def test_options_that_contradict(project: Project, options: list[str], told: str) -> None:
    """Options that would let a watch replace what others changed, or mean nothing without one, are refused."""
    assert told in project.push(*options, code=2).err
