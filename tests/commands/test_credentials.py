"""A push tells of what looks like a credential in what it takes to the workspace, never what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.project import Person, Project, jupyter, notebook

GITHUB = "ghp_" + "aB3dE5gH7j" * 3 + "kL9mN1"
DATABRICKS = "dapi" + "0123456789abcdef" * 2
HOLDS = "contains what looks like a GitHub token"


def test_told_before_it_is_carried(one: Project) -> None:
    """New and changed notebooks and files are named with the kind, the push carries them, and the exit code is 0."""
    one.notebook("notebooks/a.py", f"token = '{GITHUB}'")
    one.write("notebooks/new.csv", f"name,key\nx,{DATABRICKS}\n")
    for options in (("--dry-run", "--diff"), ()):
        ran = one.quick("to_databricks", *options)
        assert (
            f"note: notebooks/a.py {HOLDS}" in ran.err
            and "notebooks/new.csv contains what looks like a Data" in ran.err
        )
        assert "dbutils.secrets.get" in ran.err and DATABRICKS not in ran.said and GITHUB not in ran.said
        assert ("+token = '***'" in ran.out and "+x,***" in ran.out) == ("--diff" in options)
    assert one.quick("to_databricks").err == ""


def test_outputs_count(project: Project) -> None:
    """What a run has printed into a notebook goes to the workspace with it."""
    document = jupyter("print(1)").replace('"ran\\n"', f'"{DATABRICKS}\\n"')
    assert DATABRICKS in document
    project.write("notebooks/a.ipynb", document)
    assert "notebooks/a.ipynb contains what looks like a Databricks token" in project.quick("to_databricks").err


def test_for_programs(one: Project) -> None:
    """With --json the plan of such a path has the kinds, and there is a note; no other path has the key."""
    one.notebook("notebooks/b.py", f"key = '{GITHUB}', '{DATABRICKS}'")
    assert "***" in str(one.quick("to_databricks", "--json", "--dry-run", "--diff").all("plan")[1]["diff"])
    ran = one.quick("to_databricks", "--json")
    plans = {event["key"]: event for event in ran.all("plan")}
    assert plans["b"]["credentials"] == ["a Databricks token", "a GitHub token"] and "credentials" not in plans["a"]
    assert [HOLDS in event["message"] or "Databricks" in event["message"] for event in ran.all("note")] == [True]
    assert GITHUB not in ran.said and DATABRICKS not in ran.said


def test_only_what_goes_there(one: Project, person: Person) -> None:
    """A pull tells nothing, nor does a push of what it leaves alone."""
    person.edit("a", f"token = '{GITHUB}'")
    assert HOLDS not in one.quick("from_databricks").said
    person.edit("a", "print(2)")
    one.write("notebooks/a.py", notebook(f"token = '{GITHUB}'", "print(3)"))
    assert HOLDS not in one.quick("to_databricks", code=1).said


def test_many(project: Project) -> None:
    """Of very many the first are named, and the rest counted."""
    for number in range(23):
        project.notebook(f"notebooks/n{number:02}.py", f"token = '{GITHUB}'")
    ran = project.quick("to_databricks", "--dry-run")
    assert ran.err.count(HOLDS) == 20 and "note: 3 more files contain" in ran.err


@pytest.mark.parametrize("name", ["to_databricks", "from_databricks"])
def test_none_in_the_samples(project: Project, name: str) -> None:
    """Nothing is told of notebooks that hold none."""
    samples = Path(__file__).parents[2] / "notebooks"
    for path in samples.rglob("*.py"):
        project.write(f"notebooks/{path.relative_to(samples).as_posix()}", path.read_bytes())
    assert "looks like" not in project.quick(name, code=(0, 2)).said
