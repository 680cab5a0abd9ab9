"""`databricks_local run`: a notebook of a file or of the workspace, now."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.project import notebook

from databricks_local.embedded import running

from .client import Local
from .test_command import command, finished


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """A workspace that is there already: what each command starts for itself takes longer."""
    folder = tmp_path_factory.mktemp("run") / "it's"
    before = os.environ.get("DATABRICKS_LOCAL_DIR")
    os.environ["DATABRICKS_LOCAL_DIR"] = str(folder)
    with running(folder) as there:
        yield Local(there.host, there.token)
    os.environ.pop("DATABRICKS_LOCAL_DIR")
    if before is not None:
        os.environ["DATABRICKS_LOCAL_DIR"] = before


@pytest.fixture
def project(workspace: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return tmp_path


def test_a_file(project: Path) -> None:
    """A file runs with its modules and notebooks beside it; stdout is what it prints and, in the end, its result."""
    (project / "lib.py").write_text("def double(x): return 2 * x\n")
    (project / "setup.py").write_text(notebook("number = int(dbutils.widgets.get('n'))"))
    cells = [
        "# MAGIC %run ./setup", "from lib import double\ndisplay([number])\n# DBTITLE 0,x",
        "!echo from a shell", "import os; print(os.environ['DATABRICKS_HOST'].partition(':')[0])",
        "dbutils.notebook.exit(double(number))"]  # fmt: skip
    (project / "it's.py").write_text(notebook(*cells))
    process = command("run", "it's.py", "-P", "n=21")  # what a cell starts writes to the screen itself
    assert (*process.communicate(), process.returncode) == ("[21]\nfrom a shell\nhttp\n42\n", "", 0)
    assert not [file.name for file in project.iterdir() if file.suffix not in (".py", "")]


def test_a_notebook_of_the_workspace(project: Path, workspace: Local) -> None:
    """A path of the workspace runs what lies there, with the files beside it, and its place is told in an error."""
    workspace.post("mkdirs", path="/Shared/b")
    workspace.upload("/Shared/b/lib.py", b"value = 0\n", "AUTO")
    workspace.upload("/Shared/b/n", notebook("import lib", "print(lib.value)\n1 / lib.value").encode(), "SOURCE",
                     language="PYTHON")  # fmt: skip
    code, out, err = finished("run", "/Shared/b/n")
    assert (code, out) == (1, "0\n")
    assert err.endswith("Failed in /Shared/b/n, cell 2, line 2: ZeroDivisionError: division by zero\n")
    assert "    1 / lib.value\n" in err and "databricks_local" not in err


@pytest.mark.skipif(os.name != "posix", reason="there is no Ctrl-C to send")
def test_interrupt(project: Path) -> None:
    """What is printed comes at once, also into a pipe; Ctrl-C ends the notebook, and says where it was."""
    # Not in one piece: Python sees a signal that comes just before it sleeps only when it wakes up.
    (project / "a.py").write_text(notebook("import time\nprint('begun')\nwhile True:\n    time.sleep(0.1)"))
    process = command("run", "a.py")
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130 and re.fullmatch(r"\nInterrupted in a.py, cell 1, line [345].\n", err), err
