"""The plug-in for pytest: notebooks run in the process of their test, where nothing is left of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from support.project import jupyter
from support.project import notebook as source

from databricks_local.runtime import spark
from databricks_local.testing import DatabricksWorkspace, Notebook

pytestmark = pytest.mark.xdist_group("sdk")
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of a project: a notebook of some cells, or with `text` any other."""

    def write(path: str, *cells: str, text: str = "") -> str:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        magic = [re.sub("^", "# MAGIC ", cell, flags=re.M) if cell.startswith("%") else cell for cell in cells]
        file.write_text(text or source(*magic), encoding="utf-8")
        return path

    return write


@pytest.fixture
def run(databricks_workspace: DatabricksWorkspace, tmp_path: Path) -> Notebook:
    """The fixture `notebook`, for that project."""
    (tmp_path / "files").mkdir()
    return Notebook(tmp_path, databricks_workspace, lambda: tmp_path / "files")


def test_what_a_run_tells(run: Notebook, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """A run gives the result, the names and what was displayed; what was printed is the test's own output."""
    path = write(
        "notebooks/a.py",
        "dbutils.widgets.text('day', '1')\nday = int(dbutils.widgets.get('day'))",
        "display([day])\ndisplayHTML('<b>x</b>')\nprint('said')",
        "dbutils.notebook.exit(str(day + 1))",
        "1 / 0",
    )
    done = run(path, widgets={"day": 41})
    assert (done.result, done.names["day"], done.error) == ("42", 41, None)
    assert [(one.cell, one.kind, one.value) for one in done.displays] == [(2, "text", [41]), (2, "html", "<b>x</b>")]
    assert run("notebooks/a").result == "2"
    assert capsys.readouterr().out == "said\nsaid\n"


@pytest.mark.parametrize("path", ["notebooks/a.py", "notebooks/a.ipynb"])
def test_an_error(run: Notebook, write: Write, path: str) -> None:
    """What a notebook raises fails the test; its trace has notebook, cell and line, and nothing of ours."""
    cells = ["%md\nTitle", "def f():\n    raise ValueError('bad')", "x = 1\nf()"]
    write("notebooks/a.py", "%run ./b", *cells)
    write("notebooks/b.py", "%python\ny = 1")
    if path.endswith("ipynb"):
        write(path, text=jupyter("%run ./b", *cells))
    with pytest.raises(ValueError, match=r"^bad$") as raised:
        run(path)
    _, _, top, inner = [(str(entry.path), entry.lineno + 1, entry.name) for entry in raised.traceback]
    if path.endswith("ipynb"):
        assert (top, inner) == ((f"<{path} cell 4>", 2, "cell 4"), (f"<{path} cell 3>", 2, "f"))
        assert "f()" in str(raised.traceback[2].statement)
    else:
        lines = (run._root / path).read_text().splitlines()
        assert [lines[line - 1].strip() for _, line, _ in (top, inner)] == ["f()", "raise ValueError('bad')"]
        assert {top[0], inner[0]} == {str(run._root / path)} and (top[2], inner[2]) == ("cell 4", "f")
    done = run(path, check=False)
    assert isinstance(done.error, ValueError) and done.names["x"] == 1 and done.result is None


@pytest.mark.parametrize(
    ("cell", "line"), [("x = 1\nreturn 5", 2), ("x = 1\ny = = 2", 2), ("x = 1\n%unheard", 2), ("%sh -e\nexit 3", 1)]
)
def test_the_line_of_a_mistake(run: Notebook, write: Write, cell: str, line: int) -> None:
    """What is no Python, and what a magic refuses, is said with the line of the file."""
    path = write("a.py", "x = 1", cell)
    done = run(path, check=False)
    text = (run._root / path).read_text().splitlines()
    expected = text.index(next(one for one in text if one.endswith(cell.split("\n")[line - 1]))) + 1
    error = done.error
    assert error is not None
    trace = error.__traceback__
    assert expected == (error.lineno if isinstance(error, SyntaxError) else trace and trace.tb_lineno)


FAILURES = [
    (["try:\n    dbutils.widgets.get('none')\nexcept KeyError:\n    pass"], "No input widget named none is defined"),
    (["spark.sql('select 1')"], "there is no Spark here"),
    (["%sql\nselect 1"], "there is no Spark here"),
    (["%scala\nval x = 1"], "%scala is not run here"),
    (["%unheard of"], "%unheard is not known here"),
    (["%pip install pytest==0.0.1"], "is installed in version"),
    (["%pip install no-such-package-at-all"], "no-such-package-at-all is not installed"),
    (["%pip install -r requirements.txt"], "--pip-install"),
    (["x = 1\n# MAGIC %pip install x"], "either a magic or Python"),
    (["x = 1\nif x:\n    %pip install no-such-package-at-all"], "no-such-package-at-all is not installed"),
    (["x = 1\n%sql select 1"], "%sql stands at the beginning of its cell only"),
    (["x = 1\n%run ./none"], "%run stands at the beginning of its cell only"),
    (["%run ./none"], "Unable to access the notebook"),
    (["%sh -e\nexit 3"], "exit code 3"),
    (["dbutils.secrets.get('no', 'key')"], "Secret does not exist with scope: no and key: key"),
    (["dbutils.library.installPyPI('x')"], "installPyPI"),
    (["dbutils.widgets.dropdown('a', 'x', ['y'])"], "not among its choices"),
    (["dbutils.widgets.text('a', '')\ndbutils.widgets.remove('a')\ndbutils.widgets.get('a')"], "named a is defined"),
    (["import sys", "dbutils.library.restartPython()", "sys"], "name 'sys' is not defined"),
    (["dbutils.notebook.run('/Shared/none', 10)"], "Unable to access the notebook"),
]


@pytest.mark.parametrize(("cells", "reason"), FAILURES)
def test_failures(run: Notebook, write: Write, cells: list[str], reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would not work on the service does not work here, and says why; nor does Spark where it is not installed."""
    monkeypatch.setattr(spark, "is_there", lambda: False)
    error = run(write("a.py", *cells), check=False).error
    assert error is not None and reason in str(error)


def test_what_is_no_notebook(run: Notebook, write: Write) -> None:
    """A path without a notebook is said, at once and in a sentence."""
    write("a.py", text="x = 1\n")
    for path, error, words in (
        ("no", FileNotFoundError, "There is no notebook no in"),
        ("a", Exception, "not a noteb"),
    ):
        with pytest.raises(error, match=words):
            run(path)


def process() -> tuple[object, ...]:
    """What a notebook may change of it."""
    return Path.cwd(), dict(os.environ), [*sys.path], sys.stdout, sys.modules["__main__"], {*sys.modules}


def test_nothing_is_left(run: Notebook, write: Write, tmp_path: Path) -> None:
    """Folder, environment, path, modules and output are afterwards as before, and no notebook sees another's names."""
    write("one/lib.py", text="VALUE = 'one'\n")
    write("two/lib.py", text="VALUE = 'two'\n")
    cells = (
        "import os, sys, lib\nbefore = 'left' in globals()",
        "left = True\nos.environ['LEFT'] = os.environ.pop('HOME')\nsys.path.append('/left')\nos.chdir('/')",
        "import __main__\nassert __main__.left and sys.argv != sys.orig_argv\nsys.stdout = None",
        "dbutils.notebook.exit(lib.VALUE + str(before))",
    )
    before = process()
    for name in ("one", "two", "one"):
        assert run(write(f"{name}/a.py", *cells)).result == f"{name}False"
    assert before == process()
    write("one/lib.py", text="VALUE = 'changed'\n")
    assert run("one/a").result == "changedFalse"


def test_modules_of_the_test(run: Notebook, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module beside the notebook that the test has imported is the notebook's too, so that it can be patched."""
    write("one/demand.py", text="def ask(): raise OSError\n")
    monkeypatch.syspath_prepend(str(tmp_path / "one"))
    monkeypatch.setattr("demand.ask", lambda: 7)
    assert run(write("one/a.py", "import demand\nx = demand.ask()")).names["x"] == 7
    del sys.modules["demand"]


def test_names_of_the_test(run: Notebook, write: Write) -> None:
    """A test gives the notebook a Spark of its own, which its SQL asks too, and modules beside it."""
    fake = MagicMock()
    write("lib.py", text="from databricks.sdk.runtime import dbutils, spark\n")
    path = write(
        "a.py",
        "import lib\nassert lib.spark is spark and lib.dbutils is dbutils",
        "spark.table('rides').write.saveAsTable('other')",
        "%sql\nUSE x; -- one;\nSELECT ';' FROM ${name} WHERE day = :day",
        "rows = _sqldf.count()",
    )
    run(path, names={"spark": fake}, widgets={"name": "rides", "day": "now"})
    fake.table.return_value.write.saveAsTable.assert_called_once_with("other")
    first, second = [(call.args, call.kwargs) for call in fake.sql.call_args_list]
    assert first == (("USE x",), {})
    assert second == (("-- one;\nSELECT ';' FROM rides WHERE day = :day",), {"args": {"day": "now"}})


def test_the_workspace(run: Notebook, write: Write, databricks_workspace: DatabricksWorkspace) -> None:
    """Notebook, modules and test see one workspace: secrets, DBFS, files and notebooks, by the sdk and by dbutils."""
    from databricks.sdk.service.workspace import ImportFormat

    client = databricks_workspace.client
    client.workspace.mkdirs("/Shared/lib")
    for name, text in (("words.py", source("word = 'there'")), ("x.txt", "text")):
        client.workspace.upload(f"/Shared/lib/{name}", text.encode(), format=ImportFormat.AUTO)
    path = write(
        "a.py",
        "from databricks.sdk import WorkspaceClient\nme = WorkspaceClient().current_user.me().user_name",
        "%run /Shared/lib/words",
        "nothing = dbutils.notebook.run('/Shared/lib/words', 60)",
        "token = dbutils.secrets.get('s', 'k')\nprint(token)",
        "files = [(one.name, one.isDir()) for one in dbutils.fs.ls('file:/Workspace/Shared/lib')]",
        "dbutils.fs.cp('file:/Workspace/Shared/lib/x.txt', 'dbfs:/in/x.txt')",
        "dbutils.fs.cp('dbfs:/in', 'file:/Workspace/Shared/in', recurse=True)\ngone = dbutils.fs.rm('file:/no')",
        "dbutils.fs.mv('/in/x.txt', f'file:{dbutils.widgets.get(\"folder\")}')",
        "at = dbutils.notebook.entry_point.getDbutils().notebook().getContext().notebookPath().get()",
    )
    folder = run._root / "files"
    done = run(path, secrets={"s": {"k": "hunter2-hunter2"}}, widgets={"folder": folder})
    names = done.names
    assert (names["me"], names["word"], names["token"]) == ("me@example.com", "there", "hunter2-hunter2")
    assert names["files"] == [("words", False), ("x.txt", False)] and not names["gone"] and names["at"] == path
    assert (folder / "x.txt").read_text() == "text"
    assert [one.path for one in client.workspace.list("/Shared/in")] == ["/Shared/in/x.txt"]
    assert [*client.dbfs.list("/in")] == [] and [one.name for one in client.secrets.list_scopes()] == ["s"]


def test_each_test_begins_with_an_empty_workspace(run: Notebook, databricks_workspace: DatabricksWorkspace) -> None:
    """What the test before left is gone, and the environment leads here alone, also with a profile in a file."""
    assert [*databricks_workspace.client.secrets.list_scopes()] == []
    seen = {name for name in os.environ if name.startswith(("DATABRICKS_", "ARM_"))}
    assert seen == {"DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CONFIG_FILE"}
    assert os.environ["DATABRICKS_HOST"] == databricks_workspace.host


def test_notebooks_that_run_notebooks(run: Notebook, write: Write) -> None:
    """dbutils.notebook.run has several notebooks run at the same time, each with a Python of its own."""
    write("parts/b.py", "dbutils.notebook.exit(str(2 * int(dbutils.widgets.get('n'))))")
    path = write(
        "a.py",
        "from concurrent.futures import ThreadPoolExecutor",
        "def ask(n):\n    return dbutils.notebook.run('./parts/b', 60, {'n': n})",
        "with ThreadPoolExecutor(2) as pool:\n    results = [*pool.map(ask, [1, 2])]",
    )
    assert run(path).names["results"] == ["2", "4"]


def test_plots(run: Notebook, write: Write) -> None:
    """A figure is shown by display, by show, and at the end of its cell; and so is the table of a last line."""
    draw = "plt.plot([1, 2])"
    path = write(
        "a.py",
        f"import matplotlib.pyplot as plt\n{draw}\nplt.show()\n{draw}",
        "class Table:\n    def _repr_html_(self):\n        return '<table>'",
        "display(plt.figure())\nTable()",
    )
    done = run(path)
    assert [one.cell for one in done.displays] == [1, 1, 3, 3]
    assert all(one.text.startswith('<img src="data:image/png;base64,') for one in done.displays[:3])
    assert (done.displays[3].kind, done.displays[3].text) == ("html", "<table>")


# Plug-ins of others, which take most of the time that such a pytest needs to start.
WITHOUT_OTHERS = ("-p", "no:anyio", "-p", "no:hypothesispytest")
INNER = """
def test_good(notebook):
    notebook("a.py", widgets={"bad": ""})

def test_bad(notebook):
    notebook("a.py", widgets={"bad": "1"})

def test_skipped(notebook):
    notebook("a.py", widgets={"bad": "2"})
"""


def test_reports_and_coverage(write: Write, tmp_path: Path) -> None:
    """JUnit's file and coverage have the notebook's own lines."""
    cells = ["import pytest\nbad = dbutils.widgets.get('bad')", "if bad == '1':\n    raise ValueError('bad')",
             "if bad == '3':\n    print('never')\nif bad == '2':\n    pytest.skip('now')"]  # fmt: skip
    lines = (tmp_path / write("a.py", *cells)).read_text().splitlines()
    write("test_a.py", text=INNER)
    words = ["coverage", "run", "--include=a.py", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=j.xml"]
    done = subprocess.run(
        [sys.executable, "-m", *words, *WITHOUT_OTHERS], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "1 failed, 1 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    raising, never = (next(n for n, line in enumerate(lines, 1) if word in line) for word in ("raise", "never"))
    assert f"a.py:{raising}: ValueError" in done.stdout and "databricks_local/" not in done.stdout
    assert f"a.py:{raising}: ValueError" in (tmp_path / "j.xml").read_text()
    told = subprocess.run(
        [sys.executable, "-m", "coverage", "report", "-m"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert re.search(rf"^a\.py +\d+ +1 +\d+% +{never}$", told, re.M), told


def test_it_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    """Every pytest loads the plug-in: two small modules, and none of anybody else; `-p no:` leaves it out."""
    code = "import sys, pytest; pytest.main(['-q', *sys.argv[1:]]); print(*sorted(sys.modules))"
    loaded = []
    for words in ([], ["-p", "no:databricks_local"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *WITHOUT_OTHERS, *words], cwd=tmp_path, capture_output=True, text=True
        )
        loaded.append({*done.stdout.splitlines()[-1].split()})
    assert loaded[0] - loaded[1] == {"databricks_local", "databricks_local.pytest_plugin"}
