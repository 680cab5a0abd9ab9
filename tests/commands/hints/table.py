"""What a row of the table of hints is: a message, its hint, what is done as it says, and what holds afterwards."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from support.project import Person, Project

BACKUP = "BACKUP"  # in a command: the name of the latest one
VARIES = "…"  # in a message or hint: whatever stands there this time

STOPPED = (2, 3)  # the exit codes of a run that wrote nothing
Act = Callable[[Project, Person], object]


class Hint(NamedTuple):
    """A hint as it was printed, and the folder in which it is typed."""

    text: str
    folder: Path


Way = Callable[[Project, Person, Hint], list[str]]  # returns the options with which the run is repeated


class Row(NamedTuple):
    """One message. What it tells to do is taken from the hint as it was printed."""

    stuck: Act  # leads into the state
    message: str
    hint: str
    way: Way  # does what the hint says
    holds: Callable[[Project, Person], object]


class Scene(NamedTuple):
    """A run that prints the messages of all its rows; after their ways it is repeated, and prints none of them."""

    rows: tuple[Row, ...]
    ran: str = "to_databricks"
    code: int = 1
    after: int = 0  # the exit code when it is repeated
    project: str = "pushed"  # the fixture it begins with
    folder: str = "."  # where everything is typed
    within: tuple[str, ...] = ()  # the program in which the command is run
    then: str = ""  # what is run in the end, where that is another command


def pattern(text: str) -> str:
    """The regular expression of a message or hint."""
    return re.sub(r"(\\ )+", " +", re.escape(text)).replace(re.escape(VARIES), ".+")


def play(scene: Scene, project: Project, person: Person) -> None:
    """Leads into the state, runs, does what each hint says, and runs again."""
    for row in scene.rows:
        row.stuck(project, person)
    backups = sorted((project.root / ".git/databricks_sync").glob("backups/*"))
    command, *options = (word.replace(BACKUP, backups[-1].name if backups else "") for word in words(scene.ran))
    run = partial(project.run, within=scene.within) if scene.within else project.quick
    ran = run(command, *options, code=scene.code, cwd=project.root / scene.folder)
    if ran.code in STOPPED:
        assert not ran.carried and ran.err.count("rror: ") == 1
    for row in scene.rows:
        assert re.search(pattern(row.message), ran.said), f"{row.message}\n{ran.said}"
        hint = re.search(pattern(row.hint), ran.said)
        assert hint, f"{row.hint}\n{ran.said}"
        options += row.way(project, person, Hint(hint[0], project.root / scene.folder))
    if scene.then:
        command, *options = words(scene.then)
    after = run(command, *options, code=scene.after, cwd=project.root / scene.folder)
    for row in scene.rows:
        assert not re.search(pattern(row.message), after.said), after.said
        assert row.holds(project, person), f"{row.message}\n{after.said}"


def words(command: str) -> list[str]:
    """The words that a shell makes of a command; where nothing means anything to it, without one."""
    if re.fullmatch(r"[\w./:@%+, -]*", command, re.ASCII):
        return command.split()
    ran = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True)
    return [word.decode(errors="surrogateescape") for word in ran.stdout.split(b"\0")[:-1]]


# --- ways out -------------------------------------------------------------------------------------------------------


def types(number: int = 0, *, first: Act = lambda *_: None, code: int = 0, afterwards: Act = lambda *_: None) -> Way:
    """Types that one of the commands of the hint, and does what a person does before and after it."""

    def way(project: Project, person: Person, hint: Hint) -> list[str]:
        first(project, person)
        commands = re.findall("`(.+?)`", hint.text) or [re.split(": +", hint.text, maxsplit=1)[1]]
        command, *typed = words(commands[number])
        if command in ("to_databricks", "from_databricks"):
            project.quick(command, *typed, code=code, cwd=hint.folder)
        else:
            subprocess.run([command, *typed], cwd=hint.folder, env=project.env, check=True, capture_output=True)
        afterwards(project, person)
        return []

    return way


def adds(option: str, *value: str) -> Way:
    """Adds an option of the hint to the command; `value` is what a person puts in the place of a placeholder."""

    def way(project: Project, person: Person, hint: Hint) -> list[str]:
        quoted = [command for command in re.findall("`(.+?)`", hint.text) if command.startswith(option)]
        found = quoted or re.findall(rf"{option}(?: [\d/'][^\s;,.]*)?", hint.text)
        return [option, *value] if value else words(found[0])

    return way


def sets(name: str, value: str = "") -> Way:
    """Sets a variable of the hint; `value` where the hint leaves that to the person."""

    def way(project: Project, person: Person, hint: Hint) -> list[str]:
        assert name in hint.text
        found = re.search(rf"{name}=('.*?'|[^\s;,`]+)", hint.text)
        project.env[name] = value or words(found[1].rstrip("."))[0] if found else value
        return []

    return way


def does(act: Act) -> Way:
    """What a person does here or in the workspace, as the hint says."""

    def way(project: Project, person: Person, hint: Hint) -> list[str]:
        act(project, person)
        return []

    return way


def untracks(project: Project, person: Person, hint: Hint) -> list[str]:
    """Types the command, and adds the path to .gitignore."""
    command = re.findall("`(.+?)`", hint.text)[0]
    name = words(command)[-1].removeprefix(":(literal)")
    ignores(re.sub(r"([*?[])", r"\\\1", name))(project, person, hint)
    return types()(project, person, hint)


def ignores(*names: str) -> Way:
    """Adds paths to .gitignore."""

    def act(project: Project, person: Person) -> None:
        with (project.root / ".gitignore").open("a") as file:
            file.writelines(f"{name}\n" for name in names)

    return does(act)
