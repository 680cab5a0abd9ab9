"""An `.ipynb` of a format before 4, from the first push to an edit of both sides."""

from __future__ import annotations

import json

import nbformat
import pytest
from support.project import Person, Project, Workspace, sources

OLD = {
    "metadata": {"name": ""},
    "nbformat": 3,
    "nbformat_minor": 0,
    "worksheets": [
        {
            "cells": [
                {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["T"]},
                {"cell_type": "code", "input": ["a = 1"], "language": "python", "metadata": {}, "outputs": []},
            ],
            "metadata": {},
        }
    ],
}
RAW = json.dumps(OLD).encode()


def there(person: Person, *cells: str) -> None:
    """Saves the notebook in the browser: a text, then code."""
    first, *rest = cells
    text = "\n".join(f"# MAGIC {line}" for line in ("%md", first))
    person.edit("old", text, *rest, export_format="JUPYTER")


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_an_old_notebook_is_carried_as_it_is(
    project: Project, person: Person, workspace: Workspace, hashes: bool
) -> None:
    """The workspace gets format 4; the file keeps its bytes until an edit comes, which a note and a backup tell of."""
    workspace.set(hashes=hashes)
    project.write("notebooks/old.ipynb", RAW)
    project.commit()
    assert "1 created" in project.push().out
    assert sources(person.read("old", "JUPYTER")) == ["## T", "a = 1"]
    project.at_rest()
    assert project.read("notebooks/old.ipynb") == RAW
    fresh = project.clone()
    fresh.at_rest()
    assert fresh.read("notebooks/old.ipynb") == RAW
    there(person, "## T", "a = 2")
    ran = project.pull()
    assert "note: notebooks/old.ipynb had an old notebook format, and now has format 4" in ran.err
    pulled = project.read("notebooks/old.ipynb")
    nbformat.validate(json.loads(pulled))
    assert sources(pulled) == ["## T", "a = 2"] and RAW in project.backups()
    project.at_rest()


def test_an_old_notebook_is_merged(project: Project, person: Person) -> None:
    """An edit here, in format 3, and another one there come together, and the next push carries the first."""
    project.write("notebooks/old.ipynb", RAW)
    project.push()
    project.write("notebooks/old.ipynb", RAW.replace(b'"T"', b'"U"'))
    there(person, "## T", "a = 2")
    assert "now has format 4" in project.pull("--merge").err
    assert sources(project.read("notebooks/old.ipynb")) == ["## U", "a = 2"]
    assert "1 updated" in project.push().out
    assert sources(person.read("old", "JUPYTER")) == ["## U", "a = 2"]
    project.at_rest()


def test_an_edited_old_notebook_is_pushed(project: Project, person: Person) -> None:
    """An edit in format 3 is pushed, and the file stays in format 3."""
    project.write("notebooks/old.ipynb", RAW)
    project.push()
    edited = RAW.replace(b"a = 1", b"a = 2")
    project.write("notebooks/old.ipynb", edited)
    ran = project.push()
    assert "1 updated" in ran.out and "note" not in ran.err
    assert sources(person.read("old", "JUPYTER")) == ["## T", "a = 2"]
    project.at_rest()
    assert project.read("notebooks/old.ipynb") == edited
