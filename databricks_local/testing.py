"""Notebooks under test: what the fixtures of pytest_plugin.py give to tests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .embedded import Running
from .runtime import spark
from .runtime.client import Client
from .runtime.displays import Display
from .runtime.environment import entered
from .runtime.namespace import without_ours
from .runtime.notebook_runner import Runner
from .runtime.notebooks import NotebookMissing, locate
from .runtime.order import Order

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["DatabricksWorkspace", "Display", "Notebook", "NotebookRun", "emptied"]


@dataclass(frozen=True)
class DatabricksWorkspace:
    """A workspace on this machine that is empty when a test begins."""

    host: str
    token: str
    tables: Path  # of Spark

    @cached_property
    def client(self) -> WorkspaceClient:
        """databricks-sdk, logged in."""
        from databricks.sdk import WorkspaceClient

        return WorkspaceClient(host=self.host, token=self.token, auth_type="pat")


@dataclass(frozen=True)
class NotebookRun:
    """How a notebook has ended: what `dbutils.notebook.exit` was given, the names that it left, what it displayed.

    `error` is what it raised, with notebook and cell in its traceback; `notes` say what `%pip` was asked for.
    """

    result: str | None
    names: dict[str, Any]
    displays: list[Display]
    notes: list[str]
    error: BaseException | None = None


class Notebook:
    """Runs notebooks of the project in `root`, with a new folder of `files` for each run."""

    def __init__(self, root: Path, workspace: DatabricksWorkspace, files: Callable[[], Path]) -> None:
        self._root = root
        self._workspace = workspace
        self._files = files

    def __call__(
        self,
        path: str | Path,
        *,
        widgets: Mapping[str, object] | None = None,
        secrets: Mapping[str, Mapping[str, str]] | None = None,
        names: Mapping[str, object] | None = None,
        check: bool = True,
    ) -> NotebookRun:
        """Runs the notebook at `path`, seen from the project, to its end; a path `/Users/...` is in the workspace.

        `widgets` are values by name, `secrets` by scope and key, and `names` what the notebook finds besides, or
        instead of the usual: a `spark` of the test's own. Raises FileNotFoundError without such a file, and what the
        notebook raises: with `check=False` that is the run's `error` instead.
        """
        __tracebackhide__ = True
        try:
            root, notebook = locate(str(path), self._root)
        except NotebookMissing as missing:
            raise FileNotFoundError(str(missing)) from None
        client = Client(self._workspace.host, self._workspace.token)
        for scope, values in (secrets or {}).items():
            for key, value in values.items():
                client.put_secret(scope, key, value)
        parameters = {name: str(value) for name, value in (widgets or {}).items()}
        order = Order(notebook, parameters, str(self._files()), str(self._workspace.tables), root)
        runner = Runner(order, names)
        result, error = None, None
        try:
            result = runner.run()
        except (Exception, SystemExit) as raised:
            error = without_ours(raised)
        _end_mlflow_runs("FINISHED" if error is None else "FAILED")
        if error is not None and check:
            raise error
        return NotebookRun(result, runner.space.names, runner.space.displays, runner.space.notes, error)


def _end_mlflow_runs(status: str) -> None:
    """Closes what a notebook leaves open, as the end of its process does, and forgets the experiment that it chose."""
    fluent = sys.modules.get("mlflow.tracking.fluent")
    if fluent is not None:
        while fluent.active_run() is not None:
            fluent.end_run(status)
        fluent._active_experiment_id = None  # type: ignore[attr-defined]


@contextmanager
def emptied(server: Running, tables: Path) -> Iterator[DatabricksWorkspace]:
    """The workspace of a running server without anything in it, to which the environment leads meanwhile.

    `tables` is a folder for those of Spark, of this process alone.
    """
    Client(server.host, server.token).post("/api/local/reset", {})
    spark.forget()
    with entered(server.host, server.token):
        yield DatabricksWorkspace(server.host, server.token, tables)
