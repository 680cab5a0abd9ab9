"""What is no edit: line endings, final newlines, byte order marks, saving without a change."""

from __future__ import annotations

import json

import pytest
from support.project import BOM, Person, Project, Workspace, jupyter, notebook

MARKDOWN = "# MAGIC %md\n# MAGIC\n# MAGIC text"
SPELLINGS = {
    "plain.py": notebook("one", MARKDOWN).encode(),
    "crlf.py": notebook("one", MARKDOWN).replace("\n", "\r\n").encode(),
    "no_newline.py": notebook("one").rstrip("\n").encode(),
    "many_newlines.py": (notebook("one") + "\n\n\n").encode(),
    "crlf_many.sql": (notebook("one", language="sql") + "\n\n").replace("\n", "\r\n").encode(),
    "bom.py": BOM + notebook("one").encode(),
    "only_header.py": b"# Databricks notebook source\n",
    "bare_header.py": b"# Databricks notebook source",
    "blank_after_header.scala": b"// Databricks notebook source  \nval x = 1\n",
    "magic_blank.r": b"# Databricks notebook source\n# MAGIC %md\n# MAGIC \n# MAGIC text\n",
    "unicode.py": notebook("print('é 日本 🚲 \u2028 \x0c')").encode(),
    "tabs.py": notebook("if x:\n\ty = 1\t\n").encode(),
    "jupyter.ipynb": jupyter("x = 1", "y = 2\nz = 3").encode(),
    "crlf_cells.ipynb": jupyter("x = 1\r\ny = 2").encode(),
    "old_minor.ipynb": json.dumps({**json.loads(jupyter("x = 1")), "nbformat_minor": 2}).encode(),
    "text.txt": b"a\r\nb\n\n\n",
    "empty.txt": b"",
}


def spell(project: Project) -> None:
    for name, raw in SPELLINGS.items():
        project.write(f"notebooks/{name}", raw)


WORKSPACES = {"preserve": {}, "legacy": {"newlines": "legacy"}, "no hashes": {"newlines": "legacy", "hashes": False}}


@pytest.mark.parametrize("kind", WORKSPACES)
def test_round_trips_change_nothing(project: Project, person: Person, workspace: Workspace, kind: str) -> None:
    """However a notebook is spelled, pushing, saving it unchanged in the browser and pulling never ends in a write."""
    workspace.set(**WORKSPACES[kind])
    spell(project)
    project.push()
    before, there = project.files(), {name: person.file(name) for name in person.names()}
    for turn in range(4):
        if turn in (1, 2):
            for name in ("plain", "crlf", "many_newlines", "bom", "crlf_many", "only_header", "unicode"):
                person.resave(name)
            there = {name: person.file(name) for name in person.names()}
        for run in (project.pull, project.push):
            ran = run()
            assert "nothing to do" in ran.out and not ran.writes, ran.said
    assert project.files() == before
    assert {name: person.file(name) for name in person.names()} == there


def test_a_fresh_clone_with_other_line_endings_is_in_step(project: Project, workspace: Workspace) -> None:
    """A checkout with CRLF adopts the notebooks that were pushed with LF."""
    project.notebook("notebooks/a.py", "one", "two")
    project.commit()
    project.push()
    clone = project.clone()
    clone.write("notebooks/a.py", clone.read("notebooks/a.py").replace(b"\n", b"\r\n"))
    clone.at_rest()


def test_a_pull_keeps_the_style_of_the_file(project: Project, person: Person) -> None:
    """An edit in the workspace changes its own lines: line endings and final newlines stay, and the layout of JSON."""
    styles = {"crlf": ("\r\n", "\r\n"), "none": ("\n", ""), "two": ("\n", "\n\n")}
    for name, (line, end) in styles.items():
        project.write(f"notebooks/{name}.py", notebook("one", "two").rstrip("\n").replace("\n", line) + end)
    document = json.loads(jupyter("\x1b</b>", "two"))
    document["cells"][1]["outputs"] = []
    one_line = json.dumps(document).replace("\\u001b<", "\\u001B\\u003c")
    project.write("notebooks/line.ipynb", one_line)
    project.push()
    for name in styles:
        person.edit(name, "one", "edited")
    person.edit("line", "\x1b</b>", "edited", export_format="JUPYTER")
    project.pull()
    assert project.text("notebooks/line.ipynb") == one_line.replace("two", "edited")
    for name, (line, end) in styles.items():
        expected = notebook("one", "edited").rstrip("\n").replace("\n", line) + end
        assert project.read(f"notebooks/{name}.py") == expected.encode()


def test_counting_and_naming_cells_is_no_edit(project: Project) -> None:
    """New counts and ids of an .ipynb, another layout of its JSON and a later minor format are nothing to push."""
    project.write("notebooks/n.ipynb", jupyter("x = 1"))
    project.push()
    document = json.loads(jupyter("x = 1"))
    document["cells"][0] |= {"execution_count": 99, "id": "other"}
    document["nbformat_minor"] = 4
    project.write("notebooks/n.ipynb", json.dumps(document))
    project.at_rest()


def test_saving_without_a_change_is_no_edit(pushed: Project, person: Person) -> None:
    """A notebook that was opened and saved in the browser is in sync, though its time moved."""
    person.resave("a")
    pushed.at_rest()


def test_touching_a_file_is_no_edit(pushed: Project) -> None:
    """A new modification time alone carries nothing."""
    for one in (pushed.root / "notebooks").rglob("*.py"):
        one.touch()
    pushed.at_rest()


def test_an_edit_within_the_same_second_and_size_is_seen(one: Project, workspace: Workspace, person: Person) -> None:
    """An edit of the same length right after a push is found, also with a coarse clock and no hashes."""
    workspace.set(hashes=False)
    workspace.clock(mode="frozen")
    person.edit("a", "print(2)")
    one.pull()
    person.edit("a", "print(3)")
    one.pull()
    assert "print(3)" in one.text("notebooks/a.py")
    one.notebook("notebooks/a.py", "print(4)")
    one.push()
    assert b"print(4)" in person.read("a")


@pytest.mark.parametrize("mode", ["backwards", "absent", "coarse"])
def test_the_clock_of_the_workspace_does_not_matter(
    one: Project, workspace: Workspace, person: Person, mode: str
) -> None:
    """Times that are missing, coarse or run backwards neither hide an edit nor invent one."""
    workspace.set(hashes=False)
    workspace.clock(mode=mode)
    one.at_rest()
    person.edit("a", "edited")
    assert "1 updated" in one.pull().out
    one.at_rest()
