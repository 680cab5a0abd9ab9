"""`to_databricks --git-drivers`: git itself shows and merges notebooks cell by cell, and as before after `off`."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from support.project import Project, jupyter, notebook, sources

from databricks_sync.model import JUPYTER, SOURCES, Language
from databricks_sync.notebook.cells import pieces
from databricks_sync.notebook.equality import canonical
from databricks_sync.notebook.merge import NotebookVersion, merge, unresolved

NOTEBOOKS = {"notebooks/a.py": notebook, "notebooks/b.ipynb": jupyter}
VERSION = [
    int(number)
    for number in subprocess.run(["git", "version"], capture_output=True, text=True).stdout.split()[2].split(".")[:2]
]
# What git calls the sides; before 2.44 it does not tell.
OURS, THEIRS = ("HEAD", "rain") if VERSION >= [2, 44] else ("ours", "theirs")
ON = "to_databricks", "--git-drivers"
OFF = *ON, "off"


@pytest.fixture
def driven(project: Project) -> Project:
    """A project with two notebooks and a plain file, committed, whose git knows notebooks."""
    for path, made in NOTEBOOKS.items():
        project.write(path, made("one = 1", "two = 2", "three = 3"))
    project.write("notebooks/lib.py", "one = 1\n\n\ntwo = 2\n")
    project.commit()
    project.quick(*ON)
    return project


def branched(project: Project, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Both sides at work: theirs is the branch `rain`."""
    project.git("checkout", "-q", "-b", "rain")
    theirs()
    project.commit("theirs")
    project.git("checkout", "-q", "main")
    ours()
    project.commit("ours")


def cells(project: Project, *bodies: str) -> None:
    for path, made in NOTEBOOKS.items():
        project.write(path, made(*bodies))


def change(project: Project, path: str, old: str, new: str) -> None:
    raw = project.read(path)
    assert old.encode() in raw
    project.write(path, raw.replace(old.encode(), new.encode()))


# --- what git shows -----------------------------------------------------------------------------------------


def test_a_diff_of_cells(driven: Project) -> None:
    """git diff, log and show have a hunk by the cell that it is in, and outputs and metadata in a line each."""
    long = "\n".join(f"x = {number}" for number in range(9))
    for path, made in NOTEBOOKS.items():
        driven.write(path, made("one = 1", long, "%sql select 1"))
    driven.commit()
    for path, made in NOTEBOOKS.items():
        driven.write(path, made("one = 1", long.replace("x = 6", "y = 6"), "%sql select 1"))
    expected = ["@@ -5,7 +5,7 @@ python   | x = 0", "-         | x = 6", "+         | y = 6"]
    for path in NOTEBOOKS:
        shown = driven.git("diff", "-U3", path).splitlines()
        assert [line for line in shown[4:] if line[0] != " "] == expected
    driven.commit()
    for command in (("log", "-p", "-1"), ("show",)):
        shown = driven.git(*command, "--format=", "notebooks/a.py").splitlines()
        assert [line for line in shown[4:] if line[0] != " "] == expected
    driven.write("notebooks/b.ipynb", driven.text("notebooks/b.ipynb").replace("ran", "went"))
    shown = driven.git("diff", "-U0", "notebooks/b.ipynb").splitlines()
    assert [line.partition(" of 3 cells: text; ")[0] for line in shown[5:]] == ["-outputs  = 3", "+outputs  = 3"]


def test_a_diff_of_other_files(driven: Project) -> None:
    """What is no notebook, or a broken one, git shows as it does by itself."""
    driven.write("notebooks/lib.py", "one = 1\n\n\ntwo = 3\n")
    driven.write("notebooks/b.ipynb", '{"cells": [\n')
    before = driven.git("diff")
    assert "+two = 3" in before and '+{"cells": [' in before
    driven.quick(*OFF)
    assert driven.git("diff", "notebooks/lib.py") in before


def test_a_reader_that_has_read_enough(driven: Project) -> None:
    """What git no longer reads ends without a word."""
    driven.write("notebooks/a.py", notebook("x = 1\n" * 100_000))
    command = f"{driven.git('config', 'diff.databricks.textconv')} notebooks/a.py"
    with subprocess.Popen(
        ["sh", "-c", command], cwd=driven.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_diff_in_one_process(driven: Project) -> None:
    """git difftool shows the same of many notebooks, and starts nothing for each of them."""
    for path in NOTEBOOKS:
        change(driven, path, "two = 2", "two = 22")
    driven.write("notebooks/new.sql", notebook("select 1", language="sql"))
    driven.commit()
    change(driven, "notebooks/a.py", "three", "four")
    for which in (["HEAD~1"], ["HEAD~1", "HEAD"], []):
        expected = driven.git("diff", *which)
        log = driven.home / "trace"
        driven.env["GIT_TRACE"] = str(log)
        said = driven.git("difftool", "--dir-diff", "--tool=databricks", *which)
        del driven.env["GIT_TRACE"]
        assert hunks(said) == hunks(expected) != []
        assert "difftool" in log.read_text() and "git_textconv" not in log.read_text()


def hunks(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(("diff ", "index "))]


# --- what git merges ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["merge", "rebase", "cherry-pick"])
def test_edits_of_different_cells(driven: Project, how: str) -> None:
    """Neighbouring cells, which lines cannot tell apart, are merged; outputs never conflict."""

    def theirs() -> None:
        cells(driven, "one = 1", "two = 2", "three = 33", "four = 4")
        change(driven, "notebooks/b.ipynb", "ran", "went")

    branched(driven, ours=lambda: cells(driven, "one = 1", "two = 22", "three = 3"), theirs=theirs)
    driven.git(*{"merge": ("merge", "-q", "rain"), "rebase": ("rebase", "-q", "rain")}.get(how, (how, "rain")))
    assert sources(driven.read("notebooks/b.ipynb")) == ["one = 1", "two = 22", "three = 33", "four = 4"]
    assert driven.text("notebooks/a.py") == notebook("one = 1", "two = 22", "three = 33", "four = 4")
    outputs = [cell["outputs"][0]["text"] for cell in json.loads(driven.read("notebooks/b.ipynb"))["cells"]]
    assert outputs == [["went\n"], ["ran\n"], ["went\n"], ["went\n"]]  # each of the text that is there
    nbformat.validate(json.loads(driven.read("notebooks/b.ipynb")))


@pytest.mark.parametrize("style", ["merge", "diff3"])
def test_a_conflict(driven: Project, style: str) -> None:
    """Both versions of a cell stand in it between the markers of git, the notebook stays valid and is not pushed."""
    branched(
        driven,
        ours=lambda: cells(driven, "one = 1\nx\ny", "two = 2", "three = 3"),
        theirs=lambda: cells(driven, "one = 11\nx\nz", "two = 22", "three = 3"),
    )
    driven.git("config", "merge.conflictStyle", style)
    assert "CONFLICT (content): Merge conflict in notebooks/a.py" in driven.git("merge", "rain", check=False)
    assert driven.git("status", "--short") == "UU notebooks/a.py\nUU notebooks/b.ipynb"
    first, *rest = sources(driven.read("notebooks/b.ipynb"))
    assert first.startswith(f"<<<<<<< {OURS}\none = 1\n") and first.endswith(f"\nz\n>>>>>>> {THEIRS}")
    assert ("\n||||||| " in first) == (style == "diff3")
    assert rest == ["two = 22", "three = 3"] and first in driven.text("notebooks/a.py")
    nbformat.validate(json.loads(driven.read("notebooks/b.ipynb")))
    for path, format in (("notebooks/a.py", SOURCES[None]), ("notebooks/b.ipynb", JUPYTER)):
        assert unresolved(driven.read(path), format) == 1
    driven.commit()
    assert "still contains conflict markers (cell 1)" in driven.push(code=1).out


COUNTS = [20, pytest.param(2_000, marks=pytest.mark.long)]


@pytest.mark.parametrize("count", COUNTS)
def test_a_merge_of_branches_is_a_merge_of_the_workspace(project: Project, count: int) -> None:
    """Git merges generated pairs of branches as `--merge` does, and no cell of either side is missing."""
    chance = random.Random(count)
    three = {f"notebooks/{number}{chance.choice(['.py', '.ipynb'])}": edited_twice(chance) for number in range(count)}

    def made(path: str, side: int) -> bytes:
        return (notebook if path.endswith(".py") else jupyter)(*three[path][side]).encode()

    def write(side: int) -> None:
        for path in three:
            project.write(path, made(path, side))

    write(0)
    project.commit()
    project.quick(*ON)
    branched(project, ours=lambda: write(1), theirs=lambda: write(2))
    project.git("merge", "-q", "rain", check=False)
    clashing = {line[3:] for line in project.git("status", "--short").splitlines() if line.startswith("UU")}
    for path, (base, *sides) in three.items():
        raw, format = project.read(path), SOURCES[Language.PYTHON] if path.endswith(".py") else JUPYTER
        merged = merge(*(NotebookVersion(made(path, side), format) for side in range(3)))
        assert (merged.raw is None) == (path in clashing) == (unresolved(raw, format) > 0)
        assert merged.raw is None or canonical(merged.raw, format) == canonical(raw, format)
        held = {line for cell in pieces(raw, format) for line in cell.text.split("\n")}
        assert {body for side in sides for body in side} - {*base} <= held
        if format == JUPYTER:
            nbformat.validate(json.loads(raw))
    assert 0 < len(clashing) < count


def edited_twice(chance: random.Random) -> tuple[list[str], list[str], list[str]]:
    """The cells of a notebook, and what they became on each side."""
    base = [f"{number} = {chance.randrange(3)}" for number in range(chance.randint(2, 8))]
    sides = []
    for who in ("mine", "theirs"):
        side = list(base)
        for turn in range(chance.randint(1, 2)):
            at = chance.randrange(len(side))
            side[at : at + chance.randint(0, 1)] = [f"{who} {turn}"] * chance.randint(0, 1)
            side = side or [who]
        sides.append(side)
    return base, sides[0], sides[1]


def test_what_git_calls_the_sides(driven: Project) -> None:
    """The markers have the names and the size that git tells, for cells and for lines."""
    for name, made in (("a.py", notebook), ("lib.py", "{}\n".format)):
        for version, text in (("base", "x"), ("ours", "mine"), ("theirs", "yours")):
            driven.write(version, made(text))
        command = driven.git("config", "merge.databricks.driver")
        filled = {"O": "base", "A": "ours", "B": "theirs", "L": "9", "P": f"'notebooks/{name}'"}
        filled |= {"X": "'HEAD'", "S": "'merged common ancestors'", "Y": "'1a2b3c4 (it'\\''s rain)'"}
        command = re.sub("%([OABLPXSY])", lambda match: filled[match[1]], command)  # noqa: B023
        assert subprocess.run(["sh", "-c", command], cwd=driven.root, env=driven.env).returncode == 1
        assert subprocess.run(["sh", "-c", command.replace(" base ", " missing ")], cwd=driven.root).returncode > 128
        marked = f"{'<' * 9} HEAD\nmine\n{'=' * 9}\nyours\n{'>' * 9} 1a2b3c4 (it's rain)"
        assert driven.text("ours") == made(marked)


def test_added_on_both_sides(driven: Project) -> None:
    """Without a common version, what both have stands there once, and the rest as a conflict."""
    branched(
        driven,
        ours=lambda: driven.write("notebooks/new.ipynb", jupyter("a", "mine", "b")),
        theirs=lambda: driven.write("notebooks/new.ipynb", jupyter("a", "theirs", "b")),
    )
    assert "CONFLICT (add/add)" in driven.git("merge", "rain", check=False)
    merged = ["a", f"<<<<<<< {OURS}", "mine", "=======", "theirs", f">>>>>>> {THEIRS}", "b"]
    assert sources(driven.read("notebooks/new.ipynb")) == merged
    nbformat.validate(json.loads(driven.read("notebooks/new.ipynb")))


def test_two_languages(driven: Project) -> None:
    """Notebooks whose plain cells are of two languages are a conflict as a whole, and none of both is missing."""
    branched(
        driven,
        ours=lambda: driven.write("notebooks/b.ipynb", jupyter("x = 1")),
        theirs=lambda: driven.write("notebooks/b.ipynb", jupyter("select 1", language="sql")),
    )
    driven.git("merge", "rain", check=False)
    merged = [f"<<<<<<< {OURS}", "x = 1", "=======", "select 1", f">>>>>>> {THEIRS}"]
    assert sources(driven.read("notebooks/b.ipynb")) == merged


def test_plain_files_and_broken_notebooks(driven: Project) -> None:
    """They are merged by lines, with the conflicts that git finds by itself."""
    for name, text in (("lib.py", "{}\n\n\ntwo = 2\n"), ("c.ipynb", '{{"cells": [\n{}\n')):
        driven.write(f"notebooks/{name}", text.format("one = 1"))
    driven.commit()
    branched(
        driven,
        ours=lambda: [change(driven, f"notebooks/{name}", "one = 1", "one = 3") for name in ("lib.py", "c.ipynb")],
        theirs=lambda: [change(driven, f"notebooks/{name}", "one = 1", "one = 4") for name in ("lib.py", "c.ipynb")],
    )
    driven.git("merge", "rain", check=False)
    assert driven.git("status", "--short") == "UU notebooks/c.ipynb\nUU notebooks/lib.py"
    merged = f"<<<<<<< {OURS}\none = 3\n=======\none = 4\n>>>>>>> {THEIRS}\n"
    assert driven.text("notebooks/lib.py") == f"{merged}\n\ntwo = 2\n"
    assert driven.text("notebooks/c.ipynb") == f'{{"cells": [\n{merged}'


def test_histories_that_cross(driven: Project) -> None:
    """Where the common version is itself a merge with a conflict, the result is one too, and a valid notebook."""
    branched(
        driven,
        ours=lambda: cells(driven, "one = 11", "two = 2", "three = 3"),
        theirs=lambda: cells(driven, "one = 12", "two = 2", "three = 3"),
    )
    driven.git("branch", "crossed")
    driven.git("merge", "-q", "-s", "ours", "rain")
    driven.git("checkout", "-q", "rain")
    driven.git("merge", "-q", "-s", "ours", "crossed")
    cells(driven, "one = 12", "two = 2", "three = 33")
    driven.commit()
    driven.git("checkout", "-q", "main")
    assert "CONFLICT" in driven.git("merge", "rain", check=False)
    first, *rest = sources(driven.read("notebooks/b.ipynb"))
    assert first == f"<<<<<<< {OURS}\none = 11\n=======\none = 12\n>>>>>>> {THEIRS}" and rest == [
        "two = 2",
        "three = 33",
    ]
    nbformat.validate(json.loads(driven.read("notebooks/b.ipynb")))


def test_line_ends_and_a_byte_order_mark(driven: Project) -> None:
    """They stay as they are here, whatever the other side has, and are no conflict."""
    theirs = driven.text("notebooks/a.py").replace("two = 2", "two = 22")
    ours = driven.text("notebooks/a.py").replace("one = 1", "one = 11")
    branched(
        driven,
        ours=lambda: driven.write("notebooks/a.py", b"\xef\xbb\xbf" + ours.replace("\n", "\r\n").encode()),
        theirs=lambda: driven.write("notebooks/a.py", theirs),
    )
    driven.git("merge", "-q", "rain")
    merged = notebook("one = 11", "two = 22", "three = 3").replace("\n", "\r\n")
    assert driven.read("notebooks/a.py") == b"\xef\xbb\xbf" + merged.encode()


# --- how it is set up ---------------------------------------------------------------------------------------


def test_on_and_off(project: Project) -> None:
    """It writes into the git directory alone, says what, does it once, and `off` takes exactly that out again."""
    project.write(".git/info/attributes", "*.csv -diff")
    project.git("config", "diff.csv.xfuncname", "x")
    project.write("notebooks/a.py", notebook("x"))
    before, folder = project.everything(), project.carried()
    ran = project.quick(*ON)
    lines = [line.strip() for line in ran.out.splitlines() if line.startswith("  ")]
    assert lines[:2] == [
        "*.ipynb diff=databricks merge=databricks",
        "notebooks/**/*.py diff=databricks merge=databricks",
    ]
    assert project.text(".git/info/attributes").endswith("# End of what it wrote.\n*.csv -diff")
    assert project.carried() == folder
    once = project.everything()
    assert project.quick(*ON, "--json").events == [{"event": "git_drivers", "attributes": lines}]
    assert project.quick(*ON).out == ran.out and project.everything() == once
    assert "by lines again" in project.quick(*OFF).out and project.everything() == before
    assert "nothing was set up" in project.quick(*OFF).out and project.everything() == before


def test_which_files(project: Project) -> None:
    """Every .ipynb, and in the folders that are synced what may be a notebook by its name, whatever they are called."""
    project.quick(*ON, env={"NOTEBOOK_FOLDER": 'my [a] "b",src'})
    names = [
        "x.ipynb",
        "x.py",
        'my [a] "b"/x.py',
        'my [a] "b"/c/x.scala',
        "my a/x.py",
        "src/x.R",
        "src/c/x.sql",
        "src/x.md",
    ]
    said = project.git("-c", "core.quotePath=false", "check-attr", "-z", "merge", *names).split("\0")
    assert [path for path, value in zip(said[::3], said[2::3], strict=False) if value == "databricks"] == [
        name for name in names if name not in ("x.py", "my a/x.py", "src/x.md")
    ]


def test_a_work_tree_and_lines_of_the_person(driven: Project) -> None:
    """All work trees share it, also with a configuration of their own; a line of the person counts more."""
    driven.git("config", "extensions.worktreeConfig", "true")
    driven.git("worktree", "add", "-q", "../beside")
    driven.git("config", "--worktree", "core.sparseCheckout", "false")
    beside = Project(driven.root.parent / "beside", driven.home, driven.workspace)
    change(beside, "notebooks/a.py", "one = 1", "one = 2")
    assert "+python   | one = 2" in beside.git("diff")
    beside.quick(*OFF)
    assert "+one = 2" in beside.git("diff")
    driven.quick(*ON)
    driven.write(".git/info/attributes", driven.text(".git/info/attributes") + "notebooks/a.py !diff\n")
    assert "+one = 2" in beside.git("diff")


@pytest.mark.parametrize("command", ["diff", "merge"])
def test_nothing_of_the_clone_is_run(driven: Project, command: str) -> None:
    """No module, start file or program that lies in the folder is started, whatever the variables say."""
    trap = "import pathlib; pathlib.Path(__file__).with_name('SPRUNG').touch()\n"
    names = ("json", "re", "sitecustomize", "usercustomize", "databricks_sync/__init__", "databricks_sync/git_merge")

    def ours() -> None:
        cells(driven, "one = 11", "two = 2", "three = 3")
        for name in names:
            driven.write(f"{name}.py", trap)

    branched(driven, ours=ours, theirs=lambda: cells(driven, "one = 12", "two = 2", "three = 3"))
    driven.write("git", "#!/bin/sh\ntouch SPRUNG\n").chmod(0o755)
    driven.env |= {"PYTHONPATH": ".", "PYTHONSTARTUP": "json.py", "PYTHONUSERBASE": "."}
    said = driven.git("diff", "rain") if command == "diff" else driven.git("merge", "rain", check=False)
    assert "python   | one = 12" in said or "CONFLICT" in said
    assert list(driven.root.rglob("SPRUNG")) == []


def test_an_installation_in_the_repository(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in a work tree a commit may replace, so git is not told to start it."""
    project.commit()
    project.git("worktree", "add", "-q", "../beside")
    before = project.everything()
    for tree in (project.root, project.root.parent / "beside"):
        monkeypatch.setattr(sys, "executable", str(tree / ".venv/bin/python"))
        ran = project.quick(*ON, code=2)
        assert "is in the repository, where a commit may replace what git would start" in ran.err
    assert project.everything() == before


def test_an_installation_that_is_gone(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git goes on by lines, and loses nothing; blanks and signs in the path of the installation do not matter."""
    python = tmp_path / "it's 100%A $HOME" / "python"
    python.parent.mkdir()
    python.symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setattr(sys, "executable", str(python))
    project.write("notebooks/a.py", notebook("one = 1", "two = 2", "three = 3"))
    project.commit()
    project.quick(*ON)
    branched(
        project,
        ours=lambda: project.write("notebooks/a.py", notebook("one = 11", "two = 2", "three = 3")),
        theirs=lambda: project.write("notebooks/a.py", notebook("one = 12", "two = 22", "three = 3")),
    )
    assert "+python   | one = 11" in project.git("show")
    project.git("merge", "rain", check=False)
    assert f"<<<<<<< {OURS}\none = 11\n=======\none = 12\n>>>>>>> {THEIRS}\n" in project.text("notebooks/a.py")
    for broken in ("", "#!/bin/sh\nexit 1\n"):
        project.git("merge", "--abort")
        python.unlink(missing_ok=True)
        if broken:
            python.write_text(broken)
            python.chmod(0o755)
        assert "+one = 11" in project.git("show")
        assert "CONFLICT" in project.git("merge", "rain", check=False)
        assert {"one = 11", "one = 12", "two = 22"} < {*project.text("notebooks/a.py").splitlines()}


def test_a_start_imports_little() -> None:
    """Git starts Python twice for each file of a diff: no module is loaded that a text of cells does not need."""
    root = Path(__file__).parents[2]
    code = "import sys; sys.path.append(sys.argv[1]); import databricks_sync.git_textconv; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(root)], capture_output=True, text=True, check=True
    )
    loaded = {*ran.stdout.split()}
    assert len(loaded) < 90
    assert not loaded & {"pathlib", "subprocess", "click", "logging", "tempfile", "urllib.parse"}
