"""Runs one notebook: its cells, one after the other, in one namespace. The one way in which a notebook runs here.

A job starts it as a program of its own, `notebook_runner ORDER RESULT`: two JSON files (order.py). Exit code 0 when the
notebook ended well. `databricks_local run` and the plug-in for pytest run it in their own process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import spark
from .cell_marks import CellMarks
from .client import Client, from_environment
from .dbutils import DBUtils, Notebook, NotebookExit, Secrets, Widgets
from .displays import Display
from .fs import Fs
from .namespace import Namespace, bounded
from .notebook_cells import run_line
from .notebooks import LoadedNotebook, NotebookMissing, Notebooks, beside
from .order import Order, read
from .programs import command
from .surroundings import hide_namesakes, restored
from .task_values import TaskValues
from .workspace_files import working_folder

# The API gives at most 5 MB of what a notebook returns [DOCS].
RESULT_LIMIT = 5 * 1024 * 1024


class WorkflowError(Exception):
    """com.databricks.WorkflowException"""


def main(arguments: Sequence[str]) -> None:
    """`ORDER RESULT`; ends the process: 0 when the notebook ended well, else 1."""
    outcome = Runner(read(Path(arguments[0]))).outcome()
    Path(arguments[1]).write_text(json.dumps(outcome), encoding="utf-8")
    sys.stdout.flush()
    sys.exit(0 if outcome.get("error") is None else 1)


class Runner:
    """One notebook. `names` are those that it finds besides the usual ones; `show` is told what it displays."""

    def __init__(
        self, order: Order, names: Mapping[str, Any] | None = None, show: Callable[[Display], None] = lambda _: None
    ) -> None:
        self._order = order
        self._client: Client = from_environment()
        self._root = Path(order.root or order.files)
        self._notebooks = Notebooks(self._client, Path(order.root) if order.root is not None else None)
        self._path = order.notebook_path
        self._widgets = Widgets(dict(order.parameters))
        self._task_values: dict[str, Any] = {}
        self._marks = CellMarks()
        packages = Path(order.files, "packages") if order.pip_install else None
        self.space = Namespace(self._make_dbutils, packages, self._run_beside, self._spark, names or {}, show)

    def run(self) -> str | None:
        """The cells to their end; what `dbutils.notebook.exit` was given, if anything.

        Raises NotebookMissing, and whatever comes out of a cell. What the notebook does to the process is undone.
        """
        notebook = self._notebooks.load(self._path)
        with restored(self._root):
            self._enter()
            try:
                self._run(self._path, notebook)
            except NotebookExit as ended:
                return ended.value
        return None

    def outcome(self) -> dict[str, Any]:
        """What the server is to know: the value returned, or the error with its trace."""
        outcome: dict[str, Any] = {}
        try:
            result = self.run()
            if result is not None:
                outcome["result"], outcome["truncated"] = bounded(result, RESULT_LIMIT)
        except NotebookMissing as error:
            outcome["error"], outcome["missing"] = str(error), True
        except BaseException as error:
            # Also SystemExit: a notebook that ends that way has not ended well.
            outcome["error"], outcome["error_trace"] = self.space.describe(error)
        displays = [display.record() for display in self.space.displays]
        return {**outcome, "displays": displays, "notes": self.space.notes, "task_values": self._task_values}

    def _enter(self) -> None:
        """The notebook's folder is the working folder, and on Python's path; so is the root of a repository [DOCS]."""
        if self._order.root is None or self._path.startswith("/"):
            folder = working_folder(self._client, self._path, Path(self._order.files, "work"))
        else:
            folder = (self._root / self._path).parent
        os.chdir(folder)
        sys.path[:0] = [str(self._root)] * self._order.is_repository + [str(folder)]
        sys.argv[:] = [self._path]
        hide_namesakes(folder, self._root)
        os.environ.setdefault("MPLBACKEND", "module://databricks_local.runtime.inline_plots")
        self.space.attach()

    def _run(self, path: str, notebook: LoadedNotebook) -> None:
        before, self._path = self._path, path
        for step in notebook.steps:
            with self._marks.cell(step.number, len(self.space.displays)):
                self.space.run(step, notebook)
        self._path = before

    def _run_beside(self, text: str) -> None:
        """A cell of `%run`: the other notebook's cells, here."""
        other, parameters = run_line(text)
        self._widgets.preset(parameters)
        path = beside(self._path, other)
        self._run(path, self._notebooks.load(path))

    def _spark(self) -> Mapping[str, Any]:
        return spark.names(Path(self._order.tables)) if spark.is_there() else {}

    def _make_dbutils(self) -> DBUtils:
        secrets = Secrets(self._client, self.space.secrets)
        notebook = Notebook(self._run_other, self._order.notebook_path)
        task_values = TaskValues(self._order.task_values, self._task_values)
        return DBUtils(self._widgets, secrets, notebook, Fs(self._client), task_values)

    def _run_other(self, path: str, timeout: float, arguments: dict[str, str]) -> str:
        """dbutils.notebook.run: a Python of its own, which shares nothing but the workspace."""
        files = Path(tempfile.mkdtemp(prefix="run-", dir=self._order.files))
        order, result = files / "order.json", files / "result.json"
        replace(self._order, notebook_path=beside(self._path, path), parameters=arguments).write(order)
        sys.stdout.flush()
        try:
            subprocess.run(
                command("runtime.notebook_runner", str(order), str(result)), timeout=timeout or None, check=False
            )
        except subprocess.TimeoutExpired:
            raise WorkflowError(f"Notebook {path} timed out after {timeout:g} seconds") from None
        outcome = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else {"error": "it was killed"}
        if outcome.get("error") is not None:
            raise WorkflowError(f"Notebook {path} failed: {outcome['error']}")
        return str(outcome.get("result") or "")
