"""What differs, and on which side: --status, which looks once and changes nothing."""

from __future__ import annotations

import pytest
from support.project import HOME, Person, Project, jupyter

from .conftest import mix
from .test_valves import in_a_merge

BOTH = ("to_databricks", "from_databricks")
WRITES = {"create", "update", "delete"}
SHORT = """\
M  notebooks/a.py
D  notebooks/b.py
MM notebooks/c.py
!! notebooks/etl/clean.py
 M notebooks/etl/load.py
 A notebooks/made there
A  notebooks/new.py
?? sales
"""


@pytest.fixture
def mixed(pushed: Project, person: Person) -> Project:
    """A project with something of everything on either side."""
    mix(pushed, person)
    person.edit("made there", "x")
    return pushed


@pytest.mark.parametrize("command", BOTH)
def test_it_changes_nothing(mixed: Project, person: Person, command: str) -> None:
    """Neither side changes, no writing request is sent, not even the state moves, and no more is asked than for a plan.

    Whatever differs, the exit code is 0.
    """
    before, there = mixed.everything(), person.details()
    ran = mixed.quick(command, "--status")
    assert ran.writes == [] and (mixed.everything(), person.details()) == (before, there)
    assert len(ran.requests) <= len(mixed.quick("from_databricks", "-n", code=1).requests)


def test_a_first_one_leaves_no_trace(project: Project, person: Person) -> None:
    """Before anything was ever pushed it says so and shows what is new, and leaves no folder and no state."""
    project.notebook("notebooks/a.py", "print(1)")
    before = project.everything()
    out = project.pull("--status").out
    assert "no such folder in the workspace yet" in out and "new      notebooks/a.py" in out
    assert project.everything() == before and person.at(HOME).tree() == {}


@pytest.mark.parametrize("command", BOTH)
def test_both_directions_are_in_one_list(mixed: Project, command: str) -> None:
    """Either command says what was changed locally, in the workspace and on both sides, with the commands to type."""
    out = mixed.quick(command, "--status").out
    local, rest = out.split("Changed in the workspace (2)\n")
    workspace, rest = rest.split("Conflicts: changed on both sides (1)\n")
    assert "Changed locally (3)" in local and "to push these changes:  to_databricks\n" in local
    for line in ("edited   notebooks/a.py", "deleted  notebooks/b.py", "new      notebooks/new.py"):
        assert f"  {line}\n" in local
    assert "  edited   notebooks/etl/load.py\n" in workspace and "  new      notebooks/made there\n" in workspace
    assert "to pull these changes:  from_databricks\n" in workspace
    assert "notebooks/c.py  edited on both sides" in rest and "to_databricks --overwrite notebooks/c.py" in rest
    assert "? sales is a dashboard" in rest and "notebooks/etl/clean.py collides" in rest
    assert "3 to push, 2 to pull, 1 conflict, 1 refused, 3 in sync" in rest.splitlines()[-2]


def test_the_short_form(mixed: Project) -> None:
    """--short is a line with git's two letters for each path, the first for the local side, and nothing else."""
    ran = mixed.push("--status", "--short")
    assert (ran.out, ran.err) == (SHORT, "")
    assert mixed.push("--status", "--short", "notebooks/etl", "notebooks/a.py").out.splitlines() == [
        "M  notebooks/a.py",
        "!! notebooks/etl/clean.py",
        " M notebooks/etl/load.py",
    ]


def test_what_a_program_reads(mixed: Project) -> None:
    """With --json there is an event with stable keys for each path that differs, and a summary with the numbers."""
    ran = mixed.push("--status", "--json")
    fields = {"event", "path", "key", "side", "local", "workspace", "unfinished"}
    fields |= {"why", "problem", "hint", "address"}
    assert {frozenset(event) for event in ran.all("status")} == {frozenset(fields)}
    sides = {event["key"]: (event["side"], event["local"], event["workspace"]) for event in ran.all("status")}
    assert sides["a"] == ("local", "edited", None) and sides["made there"] == ("workspace", None, "new")
    assert sides["c"] == ("both", "edited", "edited") and sides["sales"] == ("unknown", None, None)
    numbers = {"local": 3, "workspace": 2, "both": 1, "neither": 3, "refused": 1, "noted": 1, "failed": 0}
    assert numbers.items() <= ran.summary.items() and ran.summary["exit_code"] == 0


def test_it_says_what_both_commands_would_do(mixed: Project, person: Person) -> None:
    """What is changed locally is what a push would write, what is in the workspace what a pull would, from one look.

    That holds for a notebook of which only the outputs were edited, a file that needs its path named, and a moved one.
    """
    mixed.write("notebooks/n.ipynb", jupyter("x = 1"))
    mixed.push("notebooks/n.ipynb")
    mixed.write("notebooks/n.ipynb", jupyter("x = 1", metadata={"mine": 1}))
    mixed.write("notebooks/key.pem", "secret")
    person.put(".github/x.yml", "a: 1")
    mixed.write("lib/util.py", "x = 1\n")
    for env in ({}, {"NOTEBOOK_FOLDER": "notebooks,lib"}):
        said = mixed.push("--status", "--json", env=env).all("status")
        for command, side in (("to_databricks", "local"), ("from_databricks", "workspace")):
            plans = mixed.quick(command, "-n", "--json", env=env, code=(1, 3)).all("plan")
            writes = {plan["key"] for plan in plans if plan["action"] in WRITES and not plan["problem"]}
            assert {one["key"] for one in said if one["side"] == side} == writes != set()


def test_in_sync_is_one_line(pushed: Project, person: Person) -> None:
    """Where there is nothing to push, to pull or to say, it is one line; backups are told where it is more."""
    assert len(pushed.push("--status").out.splitlines()) == 1
    person.edit("a", "theirs")
    pushed.push("--overwrite")
    assert "in sync, 8 objects" in pushed.pull("--status").out
    pushed.notebook("notebooks/new.py", "new")
    assert "1 backup of the workspace, the latest just now:  to_databricks --restore" in pushed.pull("--status").out


def test_what_would_stop_a_run_is_told(pushed: Project, person: Person) -> None:
    """Where a safety check would stop either command, the reason stands below what differs, and no such command."""
    person.delete()
    out = pushed.push("--status").out
    assert f"Either command would stop: The folder {HOME}/main is missing" in out and "to pull these" not in out
    (stop, other) = pushed.push("--status", "--json").summary["stops"]
    assert (stop["command"], other["command"]) == BOTH and stop["message"] == other["message"]


def test_a_merge_in_progress_is_told(pushed: Project) -> None:
    """While git is in the middle of a merge, what differs is shown all the same, and that no command would run now."""
    in_a_merge(pushed)
    ran = pushed.pull("--status")
    assert "Either command would stop: Git is in the middle of a merge" in ran.out and "notebooks/a.py" in ran.out


# --- --check ----------------------------------------------------------------------------------------------------


def test_a_check_tells_by_its_exit_code(pushed: Project, person: Person) -> None:
    """--check is 1 where the command would write, also of the side that a plain run leaves alone, and changes nothing.

    What only the other command would write is 0, as is being in sync.
    """
    for check in (pushed.push, pushed.pull):
        check("--check")
    person.edit("a", "edited there")
    before, there = pushed.everything(), person.details()
    for run, code, *options in (
        (pushed.push, 0),
        (pushed.pull, 1, "--diff"),
        (pushed.push, 1, "--overwrite"),
        (pushed.push, 1, "notebooks/a.py", "--overwrite"),
        (pushed.push, 0, "--overwrite", "notebooks/b.py"),
        (pushed.push, 1, "--json", "--overwrite"),
    ):
        ran = run("--check", *options, code=code)
        assert ran.writes == [] and (pushed.everything(), person.details()) == (before, there)
    assert (ran.summary["update"], ran.summary["dry_run"], ran.summary["exit_code"]) == (1, True, 1)
    pushed.notebook("notebooks/a.py", "edited here")
    for check in (pushed.push, pushed.pull):
        check("--check", code=1)
    pushed.pull("--check", "--merge", code=1)


def test_a_mirror_is_watched_by_a_clone_without_memory(pushed: Project, person: Person) -> None:
    """With --mirror a fresh clone says whether the folder is what it holds: an edit, an addition and a removal show."""
    shared, mirror = person.at("/Shared/master"), ("--target", "/Shared/master", "--mirror")
    pushed.push(*mirror)
    for number, drift in enumerate(
        (lambda: shared.edit("a", "x"), lambda: shared.put("new.txt", "x"), lambda: shared.delete("b"))
    ):
        clone = pushed.clone(f"clone-{number}")
        clone.push(*mirror, "--check")
        drift()
        clone.push(*mirror, "--check", code=1)
        clone.push(*mirror)
