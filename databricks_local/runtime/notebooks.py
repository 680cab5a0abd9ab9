"""Where a running notebook and those that it runs are read: from the workspace, or from a folder of files."""

from __future__ import annotations

import json
import os
import posixpath
from dataclasses import dataclass, replace
from pathlib import Path

from databricks_local.core.errors import ApiError
from databricks_local.formats import jupyter, source

from .client import Client, RefusedByServer
from .notebook_cells import CellStep, steps

EXTENSIONS = (*source.EXTENSIONS.values(), ".R", ".ipynb")


class NotebookMissing(Exception):
    """The notebook cannot be had: the run never begins."""


@dataclass(frozen=True, slots=True)
class LoadedNotebook:
    """`name` is what people call it; `file` is the file whose lines are those of the cells, if there is one."""

    name: str
    steps: list[CellStep]
    file: Path | None = None


class Notebooks:
    """Those of the workspace, by their paths; and those below the folder `root`, if there is one, by theirs in it."""

    def __init__(self, client: Client, root: Path | None) -> None:
        self._client = client
        self._root = root

    def load(self, path: str) -> LoadedNotebook:
        """One notebook, with or without the extension of its file. Raises NotebookMissing."""
        if self._root is None or path.startswith("/"):
            return self._of_workspace(path)
        for extension in (*EXTENSIONS, ""):
            file = self._root / (path + extension)
            if file.suffix in EXTENSIONS and file.is_file() and self._root.resolve() in file.resolve().parents:
                return read(file, file.relative_to(self._root).as_posix())
        raise NotebookMissing(_no_access(path))

    def _of_workspace(self, path: str) -> LoadedNotebook:
        try:
            status = json.loads(self._client.get("/api/2.0/workspace/get-status", path=path))
            if status.get("object_type") != "NOTEBOOK":
                raise NotebookMissing(_no_access(path))
            query = {"path": path, "format": "SOURCE", "direct_download": "true"}
            text = self._client.get("/api/2.0/workspace/export", **query).decode("utf-8", "replace")
        except RefusedByServer as error:
            raise NotebookMissing(_no_access(path) if error.status in (403, 404) else str(error)) from None
        language = str(status.get("language", "PYTHON"))
        # Nobody sees a file with these lines: a line is that of its cell, as in the browser.
        cells = [replace(cell, line=1) for cell in source.parse(text, language)]
        return LoadedNotebook(path, steps(cells, language))


def locate(name: str, base: Path) -> tuple[str | None, str]:
    """The folder and the path in it of the notebook that a person names; no folder for one of the workspace.

    The folder is that of the repository, since `%run ../lib` may lead anywhere in it. Raises NotebookMissing.
    """
    files = (base / (name + extension) for extension in ("", *EXTENSIONS))
    file = next((Path(os.path.abspath(file)) for file in files if file.is_file()), None)
    if file is None:
        if name.startswith("/"):
            return None, name
        raise NotebookMissing(f"There is no notebook {name} in {base}")
    if file.suffix not in EXTENSIONS:
        raise NotebookMissing(f"{name} is not a notebook: these are .py, .sql, .scala, .r and .ipynb")
    otherwise = base if base in file.parents else file.parent
    root = next((folder for folder in file.parents if (folder / ".git").exists()), otherwise)
    return str(root), file.relative_to(root).as_posix()


def read(file: Path, name: str) -> LoadedNotebook:
    """The notebook in a file of one of EXTENSIONS. Raises NotebookMissing for a file that is none."""
    if file.suffix == ".ipynb":
        try:
            content = file.read_bytes()
            language = jupyter.language(jupyter.load(content)) or "PYTHON"
            return LoadedNotebook(name, steps(jupyter.parse(content), language))
        except ApiError:
            raise NotebookMissing(f"{name} is not a valid Jupyter notebook") from None
    language = next(key for key, extension in source.EXTENSIONS.items() if extension == file.suffix.lower())
    text = file.read_text(encoding="utf-8", errors="replace")
    if source.header(language) not in text.split("\n", 1)[0]:
        raise NotebookMissing(f"{name} is a file, not a notebook: its first line is not `{source.header(language)}`")
    return LoadedNotebook(name, steps(source.parse(text, language), language), file)


def beside(path: str, other: str) -> str:
    """Where `./other` is, seen from the notebook at `path`."""
    if other.startswith("/"):
        return other
    place = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), other))
    return place if path.startswith("/") else place[1:]


def _no_access(path: str) -> str:
    """As users quote it."""
    return (
        f'Unable to access the notebook "{path}". Either it does not exist, or the identity used to run this job '
        "lacks the required permissions."
    )
