"""The program that runs one notebook: its cells, one after the other, in one namespace.

`notebook_runner ORDER RESULT`: two JSON files. The order names the notebook and its parameters; the notebook itself
is asked from the workspace, or read from a git checkout. Exit code 0 when the notebook ended well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from databricks_local.formats import jupyter, source

from .cell_marks import CellMarks
from .client import Client, RefusedByServer, from_environment
from .dbutils import DBUtils, Fs, Notebook, NotebookExit, Secrets, Widgets
from .namespace import Namespace, bounded
from .notebook_cells import CellStep, run_line, steps
from .programs import command
from .workspace_files import working_folder

# The API gives at most 5 MB of what a notebook returns [DOCS].
RESULT_LIMIT = 5 * 1024 * 1024


class NotebookMissing(Exception):
    """The notebook cannot be had: the run never begins."""


class WorkflowError(Exception):
    """com.databricks.WorkflowException"""


def main(arguments: Sequence[str]) -> None:
    """`ORDER RESULT`; ends the process: 0 when the notebook ended well, else 1."""
    order = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    outcome = Runner(order, Path(arguments[0])).outcome()
    Path(arguments[1]).write_text(json.dumps(outcome), encoding="utf-8")
    sys.stdout.flush()
    sys.exit(0 if outcome.get("error") is None else 1)


class Runner:
    """One notebook: `order` as jobs/task_commands.py writes it, from `file`, beside which further ones are written."""

    def __init__(self, order: Mapping[str, Any], file: Path) -> None:
        self._order = order
        self._file = file
        self._client: Client = from_environment()
        self._children = 0
        self._marks = CellMarks()
        self._path = str(order["notebook_path"])
        self._widgets = Widgets(dict(order["parameters"]))
        self._space = Namespace(self._make_dbutils, bool(order["pip_install"]), order["packages"])

    def outcome(self) -> dict[str, Any]:
        """What the server is to know: the value returned, or the error with its trace."""
        outcome: dict[str, Any] = {}
        if self._order.get("checkout"):
            # In a repository its root and the notebook's folder are on Python's path [DOCS].
            root = Path(self._order["checkout"])
            sys.path[:0] = [str(root), str((root / self._path).parent)]
        try:
            if not self._order.get("checkout"):
                folder = working_folder(self._client, self._path, Path(self._order["workspace"]))
                os.chdir(folder)
                sys.path.insert(0, str(folder))
            self._run(self._path)
        except NotebookExit as ended:
            outcome["result"], outcome["truncated"] = bounded(ended.value, RESULT_LIMIT)
        except NotebookMissing as error:
            outcome["error"], outcome["missing"] = str(error), True
        except BaseException as error:
            # Also SystemExit: a notebook that ends that way has not ended well.
            outcome["error"], outcome["error_trace"] = self._space.describe(error)
        return {**outcome, "displays": self._space.displays, "notes": self._space.notes}

    def _run(self, path: str) -> None:
        language, cells = self._steps(path)
        for step in cells:
            with self._marks.cell(step.number, len(self._space.displays)):
                if step.kind == "run":
                    other, parameters = run_line(step.text)
                    self._widgets.preset(parameters)
                    self._run(self._beside(path, other))
                else:
                    self._space.run(step, path, language)

    def _steps(self, path: str) -> tuple[str, list[CellStep]]:
        if self._order.get("checkout"):
            return self._from_checkout(Path(self._order["checkout"]), path)
        try:
            status = json.loads(self._client.get("/api/2.0/workspace/get-status", path=path))
            if status.get("object_type") != "NOTEBOOK":
                raise NotebookMissing(_no_access(path))
            query = {"path": path, "format": "SOURCE", "direct_download": "true"}
            text = self._client.get("/api/2.0/workspace/export", **query).decode("utf-8", "replace")
        except RefusedByServer as error:
            raise NotebookMissing(_no_access(path) if error.status in (403, 404) else str(error)) from None
        language = str(status.get("language", "PYTHON"))
        return language, steps(source.parse(text, language))

    def _from_checkout(self, root: Path, path: str) -> tuple[str, list[CellStep]]:
        """A notebook of a repository: its path is relative and has no extension."""
        for language, extension in {**source.EXTENSIONS, "": ".ipynb"}.items():
            for file in (root / (path + extension), root / path):
                if not file.is_file() or file.suffix != extension or root.resolve() not in file.resolve().parents:
                    continue
                if extension == ".ipynb":
                    return "PYTHON", steps(jupyter.parse(file.read_bytes()))
                text = file.read_text(encoding="utf-8", errors="replace")
                if source.header(language) not in text.split("\n", 1)[0]:
                    raise NotebookMissing(f"{path} is a file, not a notebook: its first line is no header")
                return language, steps(source.parse(text, language))
        raise NotebookMissing(_no_access(path))

    def _beside(self, path: str, other: str) -> str:
        """Where `./other` is, seen from the notebook at `path`."""
        if other.startswith("/"):
            return other
        parts = path.split("/")[:-1]
        for part in other.split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part not in (".", ""):
                parts.append(part)
        return "/".join(parts)

    def _make_dbutils(self) -> DBUtils:
        secrets = Secrets(self._client, self._space.secrets)
        return DBUtils(self._widgets, secrets, Notebook(self._run_other), Fs(self._client))

    def _run_other(self, path: str, timeout: float, arguments: dict[str, str]) -> str:
        """dbutils.notebook.run: a Python of its own, which shares nothing but the workspace."""
        self._children += 1
        name = f"{self._file.stem}-{self._children}"
        order, result = self._file.with_name(f"{name}.json"), self._file.with_name(f"{name}-result.json")
        document = {**self._order, "notebook_path": self._beside(self._path, path), "parameters": arguments}
        order.write_text(json.dumps(document), encoding="utf-8")
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


def _no_access(path: str) -> str:
    """As users quote it."""
    return (
        f'Unable to access the notebook "{path}". Either it does not exist, or the identity used to run this job '
        "lacks the required permissions."
    )
