"""Spark where it is installed: the session of a notebook, its tables, and who else sees them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.project import notebook as source

from databricks_local.testing import Notebook

from .test_command import finished

pytest.importorskip("pyspark", reason="pyspark is not installed")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("java") is None, reason="there is no Java"),
    pytest.mark.xdist_group("spark"),
]
SQL = "# MAGIC %sql\n# MAGIC SELECT explode(array(1, 2, :n)) AS x, ';' AS y"


def test_the_samples(notebook: Notebook) -> None:
    """A table that one notebook saves is read by the SQL of the next."""
    notebook("notebooks/01_load_rides")
    run = notebook("notebooks/02_daily_demand")
    assert "working" not in run.displays[-1].text and run.displays[-1].kind == "html"
    days = notebook("notebooks/01_load_rides").names["spark"].table("bikes.daily_demand")
    assert days.count() > 10 and {"weekend", "rain_mm", "rides"} <= {*days.columns}


def test_each_test_begins_without_tables(notebook: Notebook, tmp_path: Path) -> None:
    """What the test before saved is gone; SQL has widgets, its table is `_sqldf`, and modules have the session."""
    (tmp_path / "lib.py").write_text("from databricks.sdk.runtime import spark\n")
    cells = [
        "import lib\nnames = [one.name for one in lib.spark.catalog.listDatabases()]",
        SQL,
        "rows = _sqldf.count()",
    ]
    (tmp_path / "a.py").write_text(source(*cells))
    run = notebook(tmp_path / "a.py", widgets={"n": 3})
    assert (run.names["names"], run.names["rows"]) == (["default"], 3)
    assert run.names["lib"].spark is run.names["spark"] and run.displays[0].value is run.names["_sqldf"]


def test_tables_stay_in_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table outlives the process that saved it, until the workspace is reset; what is missing has a sentence."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    (tmp_path / "save.py").write_text(source("spark.range(3).write.saveAsTable('kept')"))
    (tmp_path / "read.py").write_text(source("dbutils.notebook.exit(spark.table('kept').count())"))
    words = ("--dir", str(tmp_path / "workspace"))
    assert finished("run", *words, "save.py")[0] == 0
    code, out, err = finished("run", *words, "read.py")
    assert (code, out) == (0, "3\n"), err
    assert finished("reset", *words)[0] == 0
    assert "TABLE_OR_VIEW_NOT_FOUND" in finished("run", *words, "read.py")[2]
