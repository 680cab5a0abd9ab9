"""What a person sees, and what a program reads."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import HOME, IMPORT, Person, Project, Workspace, jupyter, notebook, rule

from .conftest import mix

pty = pytest.importorskip("pty", reason="only where there are pseudo-terminals")

ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\]8;[^\x1b]*\x1b\\)")
LINK = re.compile(r"\x1b\]8;[^;]*;([^\x1b]+)\x1b\\([^\x1b]*)\x1b")
COLOUR = re.compile(r"\x1b\[[0-9;]*[1-9][0-9;]*m")
BOTH = ("to_databricks", "from_databricks")


def there(project: Project, path: str) -> str:
    """The page of an object of the workspace on this machine."""
    return f"{project.workspace.host}/workspace?path={path}"


def on_terminal(project: Project, command: str, *arguments: str, **env: str) -> str:
    """What a command shows on a terminal of 100 columns."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = project.start(
        command, *arguments, env={"TERM": "xterm-256color", **env}, stdout=theirs, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    process.wait(timeout=300)
    text = shown.decode()
    assert "Traceback" not in text and "unexpected" not in text and project.workspace.token not in text
    return text


def test_the_plan_is_grouped_by_what_happens(pushed: Project, person: Person) -> None:
    """The screen says what is created, updated, deleted, left, in conflict and refused, and sums it up in a line."""
    mix(pushed, person)
    out = pushed.push(code=1).out
    headings = [line for line in out.splitlines() if re.search(r"\(\d+\)$", line)]
    words = ["Create", "Update", "Delete", "Skipped", "Conflict", "Not synced", "Refused"]
    assert [word for word in words if any(word in line for line in headings)] == words
    last, address = out.strip().splitlines()[-2:]
    assert address == there(pushed, f"{HOME}/main")
    assert re.fullmatch(r"1 created, 1 updated, 1 deleted, 1 conflict, 1 refused, 1 skipped, .*\(\d+\.\d+ s\)", last)


def test_the_commands_a_conflict_proposes_work(one: Project, person: Person) -> None:
    """Every command line that a conflict proposes can be typed as it stands, and settles it."""
    for keeps in (0, 1):
        one.notebook("notebooks/a.py", f"mine {keeps}")
        person.edit("a", f"theirs {keeps}")
        out = one.push(code=1).out
        lines = re.findall(r":\s+((?:to|from)_databricks .*--overwrite \S+)", out)
        command, *arguments = shlex.split(lines[keeps].split("  ")[0])
        one.quick(command, *arguments)
        one.at_rest()
        assert f"{['mine', 'theirs'][keeps]} {keeps}".encode() in person.read("a")


def test_the_commands_proposed_for_odd_names_work(project: Project, person: Person) -> None:
    """A proposed command quotes a path with blanks and quotes, and names the target that was named."""
    project.notebook("notebooks/it's new.py", "print(1)")
    there = person.at("/Shared/my team")
    project.push("--target", "/Shared/my team")
    project.notebook("notebooks/it's new.py", "mine")
    there.edit("it's new", "theirs")
    out = project.push("--target", "/Shared/my team", code=1).out
    line = next(line for line in out.splitlines() if "from_databricks" in line and "--overwrite" in line)
    command, *arguments = shlex.split(line.partition(":")[2])
    project.quick(command, *arguments)
    assert project.text("notebooks/it's new.py") == notebook("theirs")


def test_diff_shows_cells_as_a_person_reads_them(one: Project, person: Person) -> None:
    """--diff shows which cell changes, in which language, line by line and without the markup of the format."""
    one.notebook("notebooks/a.py", "print(2)", "# MAGIC %md\n# MAGIC a title")
    out = one.push("--dry-run", "--diff").out
    assert "cell 1 (python) changed" in out and "-print(1)" in out and "+print(2)" in out
    assert "cell 2 (markdown) new" in out and "+a title" in out
    assert "MAGIC" not in out and "COMMAND" not in out


def test_diff_shows_what_the_run_changes(one: Project, person: Person) -> None:
    """A diff goes from what stands in the destination to what will stand there, for either command."""
    person.edit("a", "print(2)")
    out = one.pull("--dry-run", "--diff").out
    assert "-print(1)" in out and "+print(2)" in out
    out = one.push("--dry-run", "--diff", "--overwrite").out
    assert "-print(2)" in out and "+print(1)" in out


def test_diff_shows_every_kind(project: Project, person: Person) -> None:
    """New, deleted, binary and Jupyter differences can all be shown, and a conflict's too."""
    project.write("notebooks/n.ipynb", jupyter("x = 1"))
    project.write("notebooks/b.bin", b"\x00\x01")
    project.notebook("notebooks/gone.py", "gone")
    project.notebook("notebooks/c.py", "both")
    project.push()
    project.write("notebooks/n.ipynb", jupyter("x = 2"))
    project.write("notebooks/b.bin", b"\x00\x01\x02")
    project.remove("notebooks/gone.py")
    project.notebook("notebooks/c.py", "mine")
    person.edit("c", "theirs")
    out = project.push("--diff", "--dry-run", "--allow-all-changed", code=1).out
    for expected in ("-x = 1", "+x = 2", "binary, 2 bytes → 3 bytes", "-gone", "-theirs", "+mine"):
        assert expected in out, expected


def test_a_diff_of_a_real_run_is_what_it_does(one: Project, person: Person) -> None:
    """--diff without --dry-run shows the differences and carries them."""
    one.notebook("notebooks/a.py", "print(2)")
    assert "+print(2)" in one.push("--diff").out
    assert b"print(2)" in person.read("a")


# --- JSON -----------------------------------------------------------------------------------------------------

PLAN = {"event", "path", "key", "action", "why", "problem", "hint", "address"}
RESULT = {"event", "path", "key", "action", "result", "problem", "hint"}
SUMMARY = {
    "event", "command", "target", "dry_run", "create", "update", "delete", "move", "merge", "mark", "conflict",
    "refused", "failed", "noted", "ahead", "in_sync", "interrupted", "backup", "requests", "seconds", "address",
    "exit_code",
}  # fmt: skip


@pytest.mark.parametrize("command", BOTH)
def test_json_is_one_object_per_line(pushed: Project, person: Person, command: str) -> None:
    """With --json, stdout holds nothing but objects with stable keys: an event per path, and the summary at the end."""
    mix(pushed, person)
    ran = pushed.quick(command, "--json", code=1)
    assert ran.err == ""
    assert {frozenset(one) for one in ran.all("plan")} == {frozenset(PLAN)}
    assert {frozenset(one) for one in ran.all("result")} == {frozenset(RESULT)}
    assert ran.events[-1] == ran.summary and set(ran.summary) == SUMMARY
    assert ran.events[0].keys() == {"event", "command", "folders", "target", "host", "address"}
    addresses = {one["key"]: one["address"] for one in ran.all("plan")}
    assert addresses["c"] == there(pushed, f"{HOME}/main/c") and addresses["new"] is None
    assert ran.summary["address"] == ran.events[0]["address"] == there(pushed, f"{HOME}/main")
    assert {one["key"] for one in ran.all("plan")} >= person.names() | {"new"}


def test_the_summary_counts_what_happened(pushed: Project, person: Person) -> None:
    """The numbers of the JSON summary are those of the run, and its exit code is the process's."""
    mix(pushed, person)
    summary = pushed.push("--json", code=1).summary
    wanted = {"create": 1, "update": 1, "delete": 1, "conflict": 1, "refused": 1, "failed": 0, "ahead": 1, "noted": 1}
    assert {name: summary[name] for name in wanted} == wanted
    assert summary["exit_code"] == 1 and summary["backup"] and summary["target"] == f"{HOME}/main"


def test_json_tells_errors_as_objects(one: Project) -> None:
    """With --json a mistake is an object, too, with a sentence, the next step and the exit code."""
    ran = one.push("--json", "--target", "/Shared", code=2)
    assert ran.events[-1].keys() == {"event", "message", "hint", "exit_code"}
    assert (ran.events[-1]["event"], ran.events[-1]["exit_code"]) == ("error", 2)


def test_json_holds_the_diff(one: Project, person: Person) -> None:
    """With --diff an event holds the differences as lines."""
    one.notebook("notebooks/a.py", "print(2)")
    (event,) = one.push("--json", "--diff", "-n").all("plan")
    assert "+print(2)" in event["diff"]


def test_what_is_back_to_an_old_state_is_said(one: Project, person: Person) -> None:
    """A text and JSON say of an edit that it brings back what both sides once agreed on."""
    before = one.text("notebooks/a.py")
    one.notebook("notebooks/a.py", "print(2)")
    one.quick("to_databricks")
    one.write("notebooks/a.py", before)
    assert "edited locally: back to an older version" in one.quick("to_databricks", "-n").out
    (event,) = one.quick("to_databricks", "--json").all("plan")
    assert event["older"] == ["here"]
    person.edit("a", "print(3)")
    one.notebook("notebooks/a.py", "print(2)")
    assert "edited on both sides: back to an older version locally" in one.quick("to_databricks", "-n", code=1).out


def test_json_lists_the_backups(one: Project, person: Person) -> None:
    """--restore with --json tells its lines as objects."""
    person.edit("a", "theirs")
    one.push("--overwrite")
    assert all(isinstance(event, dict) for event in one.push("--restore", "--json").events)


def test_json_is_ascii_whatever_the_locale(one: Project, person: Person) -> None:
    """JSON and text survive a locale that knows nothing but ASCII."""
    one.notebook("notebooks/日本 🚲.py", "print('é')")
    ran = one.run("to_databricks", "--json", env={"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
    assert "notebooks/日本 🚲.py" in {event["path"] for event in ran.all("plan")}
    one.run("from_databricks", env={"PYTHONIOENCODING": "ascii"})
    one.run("to_databricks", "-n", "--diff", "--overwrite", env={"PYTHONIOENCODING": "ascii"})


# --- terminals ------------------------------------------------------------------------------------------------


def test_no_colours_where_there_is_no_terminal(pushed: Project, person: Person) -> None:
    """Into a pipe goes plain text, also when something asks for colours of other tools."""
    mix(pushed, person)
    ran = pushed.run("to_databricks", code=1, env={"TERM": "xterm-256color", "COLORTERM": "truecolor"})
    assert "\x1b" not in ran.said and "\r" not in ran.said


def test_a_terminal_has_colours(pushed: Project, person: Person) -> None:
    """On a terminal the plan is coloured, and says the same as without."""
    mix(pushed, person)
    plain = pushed.push("-n", code=1).out
    shown = on_terminal(pushed, "to_databricks", "-n")
    assert COLOUR.search(shown)
    bare = ESCAPE.sub("", shown).replace("\r\n", "\n")
    assert bare.splitlines()[:-2] == plain.splitlines()[:-2]


def test_a_terminal_has_links(pushed: Project, person: Person) -> None:
    """On a terminal the folder, and what is in it, such as a conflict, lead to their pages."""
    mix(pushed, person)
    for arguments in (("-n",), ("--status",)):
        links = LINK.findall(re.sub(r"\x1b\[[\d;]*m", "", on_terminal(pushed, "to_databricks", *arguments)))
        assert (there(pushed, f"{HOME}/main"), f"{HOME}/main") in links
        assert (there(pushed, f"{HOME}/main/c"), "notebooks/c.py") in links
        assert "notebooks/new.py" not in {text for _, text in links}


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_colours_can_be_switched_off(pushed: Project, person: Person, env: dict[str, str]) -> None:
    """NO_COLOR and a dumb terminal show no colour, also while it works."""
    mix(pushed, person)
    assert not COLOUR.search(on_terminal(pushed, "to_databricks", **env))


def test_a_terminal_shows_progress(project: Project, workspace: Workspace) -> None:
    """While a long run works, a terminal shows how many of how many are done; afterwards nothing of it is left."""
    for number in range(120):
        project.write(f"notebooks/n{number}.txt", "1")
    workspace.faults(rule(IMPORT, {"kind": "latency", "ms": 250}))
    shown = on_terminal(project, "to_databricks")
    assert re.search(r"\d+/120", shown)
    assert "120 created" in ESCAPE.sub("", shown).splitlines()[-2]


def test_names_are_never_markup_on_a_terminal(project: Project, person: Person) -> None:
    """Brackets in names and cells are shown as they are, and control characters are not obeyed."""
    project.notebook("notebooks/[bold]x[_b]{y}.py", "print('[red]')", "x = '\x1b[2J'")
    shown = on_terminal(project, "to_databricks", "--diff")
    assert "[bold]x[_b]{y}.py" in ESCAPE.sub("", shown) and "[red]" in shown
    assert "\x1b[2J" not in shown


def test_a_long_plan_is_shortened(project: Project) -> None:
    """A plan of hundreds of paths shows the first ones and how many more there are; JSON has them all."""
    for number in range(300):
        project.write(f"notebooks/n{number}.txt", "x")
    assert len(project.push("-n", "--json").all("plan")) == 300
    out = project.push("-n").out
    assert len(out.splitlines()) < 40 and "280 more" in out


@pytest.mark.parametrize("arguments", [("--json",), pytest.param(("--diff", "-n"), marks=pytest.mark.long), ()])
def test_a_reader_who_leaves_is_no_error(project: Project, arguments: tuple[str, ...]) -> None:
    """When the reader of the output goes away, as `head` does, the run ends quietly and loses nothing."""
    for number in range(300):
        project.notebook(f"notebooks/some/what/long/name/of/a/notebook{number}.py", "print(1)")
    process = project.start("to_databricks", *arguments)
    assert process.stdout and process.stderr
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read().decode()
    process.wait(timeout=300)
    process.stderr.close()
    assert "Traceback" not in err and "BrokenPipe" not in err and "unexpected" not in err
    project.push()
    project.at_rest()


# --- help -----------------------------------------------------------------------------------------------------

OPTIONS = (
    "--overwrite --dry-run --diff --target --branch --user --profile --local --no-delete --max-delete --restore --json"
)


@pytest.mark.parametrize("command", BOTH)
def test_help_names_every_option_and_exit_code(project: Project, command: str, tmp_path: Path) -> None:
    """--help needs no settings and no repository, and says every option and what the exit codes mean."""
    for flag in ("--help", "-h"):
        ran = project.quick(command, flag, cwd=tmp_path, env={"DATABRICKS_HOST": None})
        assert all(option in ran.out for option in OPTIONS.split())
        assert all(re.search(rf"\b{code}\b", ran.out) for code in (0, 1, 2, 3, 4, 130))
        assert ("--mirror" in ran.out) == (command == "to_databricks")
        assert max(len(line) for line in ran.out.splitlines()) <= 100


@pytest.mark.parametrize("command", BOTH)
def test_version_is_told(project: Project, command: str, tmp_path: Path) -> None:
    """--version says the command and its version."""
    from databricks_sync import __version__

    ran = project.quick(command, "--version", cwd=tmp_path)
    assert command in ran.out and __version__ in ran.out


@pytest.mark.parametrize("command", BOTH)
def test_the_installed_command_is_the_module(one: Project, command: str) -> None:
    """The console script does what `python -m` does."""
    script = Path(sys.executable).with_name(command)
    if not script.exists():
        pytest.skip("the package is not installed here")
    said = subprocess.run([script, "--json"], cwd=one.root, env=one.env, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout.splitlines()[-1])["in_sync"] == 1


@pytest.mark.parametrize("command", BOTH)
def test_help_is_quick(project: Project, command: str) -> None:
    """--help imports nothing heavy: neither the SDK nor rich nor an HTTP client."""
    code = f"import sys; sys.argv = ['x', '--help']\nfrom databricks_sync import {command} as c\n" + (
        "try:\n    c.main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('databricks.sdk', 'rich', 'urllib3', 'nbformat', 'sqlite3') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], env=project.env, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"
