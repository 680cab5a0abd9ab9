"""The same on Windows and macOS, as far as it can be shown on Linux."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from support.project import Person, Project, Ran, notebook

from databricks_sync import shell

RUNNER = Path(__file__).with_name("windows.py")
ROOT = Path(__file__).resolve().parents[2]


def on_windows(project: Project, command: str, *arguments: str, code: int = 0) -> Ran:
    done = subprocess.run(
        [sys.executable, str(RUNNER), command, *arguments],
        cwd=project.root, env={**project.env, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    ran = Ran(done.returncode, done.stdout, done.stderr)
    assert ran.code == code and "Traceback" not in ran.said, ran.said
    return ran


def test_without_posix(project: Project, person: Person) -> None:
    """Push, edit there, pull, conflict and restore work without anything that only POSIX has."""
    project.notebook("notebooks/a.py", "print(1)")
    project.write("notebooks/lib/b.csv", "x\n")
    on_windows(project, "to_databricks")
    person.edit("a", "print(2)")
    on_windows(project, "from_databricks")
    assert project.text("notebooks/a.py") == notebook("print(2)")
    person.edit("a", "print(3)")
    project.notebook("notebooks/a.py", "print(4)")
    assert "conflict" in on_windows(project, "to_databricks", code=1).out
    kept = on_windows(project, "from_databricks", "--overwrite").out
    assert project.text("notebooks/a.py") == notebook("print(3)")
    name = kept.split("--restore ")[1].split()[0]
    on_windows(project, "from_databricks", "--restore", name)
    assert project.text("notebooks/a.py") == notebook("print(4)")


def test_the_lock_without_posix(pushed: Project) -> None:
    """The lock of Windows keeps a second run out, and says who holds it."""
    held = f"""
import sys; sys.path.insert(0, {str(RUNNER.parent)!r}); sys.path.insert(0, {str(ROOT)!r})
import windows; windows.become_windows()
from pathlib import Path
from databricks_sync.state.lock import held
with held(next(Path({str(pushed.root)!r}, ".git/databricks_sync").rglob("lock")).parent):
    print("held", flush=True); sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=pushed.root
    ) as holder:
        assert holder.stdout and holder.stdin and holder.stdout.readline() == "held\n"
        said = on_windows(pushed, "to_databricks", code=3).err
        assert f"process {holder.pid}" in said
        holder.stdin.close()
    on_windows(pushed, "to_databricks")


def test_names_of_windows(pushed: Project, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a name cannot be stored, it is refused before anything is written: `a:b` would be a stream of `a`."""
    person.edit("New Notebook 2026-05-04 13:54:24", "print(1)")
    assert "New Notebook 2026-05-04 13:54:24.py" in pulled(pushed)
    person.edit("What now?", "print(1)")
    monkeypatch.setattr(shell, "ON_WINDOWS", True)
    ran = pushed.quick("from_databricks", code=1)
    assert "What now? is skipped: its name contains a character that Windows cannot store" in ran.out
    assert not [name for name in pushed.names() if "What now" in name]


def pulled(project: Project) -> set[str]:
    project.quick("from_databricks")
    return project.names()


def test_names_of_macos(project: Project, person: Person) -> None:
    """A name that macOS spells in its own Unicode form is the same notebook, there and back, in one file."""
    spelled = unicodedata.normalize("NFD", "Größe")
    project.notebook(f"notebooks/{spelled}.py", "print(1)")
    project.quick("to_databricks")
    assert person.names() == {"Größe"}
    person.edit("Größe", "print(2)")
    assert pulled(project) == {f"{spelled}.py"}
    assert project.text(f"notebooks/{spelled}.py") == notebook("print(2)")
    project.at_rest()


def test_newlines_of_windows(project: Project, person: Person) -> None:
    """A checkout with CRLF is in sync with one without, and a pull keeps to the newlines of the file."""
    project.git("config", "core.autocrlf", "true")
    project.notebook("notebooks/a.py", "print(1)", "print(2)")
    project.notebook("notebooks/b.py", "print(1)")
    project.commit()
    project.quick("to_databricks")
    project.remove("notebooks/a.py", "notebooks/b.py")
    project.git("checkout", "--", ".")
    assert b"\r\n" in project.read("notebooks/a.py")
    project.at_rest()
    person.edit("a", "print(1)", "print(3)")
    project.quick("from_databricks")
    assert project.read("notebooks/a.py") == notebook("print(1)", "print(3)").replace("\n", "\r\n").encode()
    assert project.git("diff", "--stat").count("|") == 1
    project.at_rest()


def test_windows_starts_no_program_of_the_current_folder(tmp_path: Path) -> None:
    """On Windows a `git.exe` in the folder of somebody else's project is not what a command starts for git."""
    code = (
        "import sys; sys.platform = 'win32'; import databricks_sync.startup, os; "
        "print(os.environ['NODEFAULTCURRENTDIRECTORYINEXEPATH'])"
    )
    environ = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr
