"""What `get_ipython()` gives a notebook: the commands and magics that stand between its lines of Python."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .notebook_cells import IGNORED, MagicError, refuse
from .notebook_cells import requirements as named
from .requirements import lacking
from .shell_lines import expanded
from .sql_statements import statements, with_widgets


class InteractiveShell:
    """`packages` is where `%pip install` puts packages, None to check only that they are there; notes are added to.

    `run_other` carries out a cell of `%run`.
    """

    def __init__(
        self, names: dict[str, Any], packages: Path | None, notes: list[str], run_other: Callable[[str], None]
    ) -> None:
        self._names = names
        self._packages = packages
        self._notes = notes
        self._run_other = run_other

    def system(self, command: str) -> None:
        """`!command`: one that fails does not fail the cell, as in IPython."""
        sys.stdout.flush()
        done = subprocess.run(expanded(command, self._names), shell=True, check=False)
        self._names["_exit_code"] = done.returncode

    def getoutput(self, command: str) -> list[str]:
        """`name = !command`: its lines, errors among them."""
        text = expanded(command, self._names)
        done = subprocess.run(text, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return bytes(done.stdout).decode("utf-8", "replace").splitlines()

    def run_line_magic(self, name: str, line: str) -> None:
        """`%name line`. Raises MagicError for what is not run here."""
        if name == "pip":
            self._pip(shlex.split(expanded(line, self._names)))
        elif f"%{name}" not in IGNORED:
            raise refuse(name)

    def run_cell_magic(self, name: str, _: str, body: str) -> None:
        """A cell that belongs to a magic. Raises MagicError for what is not run here, and what the cell raises."""
        if name == "run":
            self._run_other(body)
        elif name == "sh":
            _shell(body)
        elif name == "sql":
            self._sql(body)
        elif name == "fs":
            self._fs(body)
        else:
            raise refuse(name)

    def _fs(self, text: str) -> None:
        """`%fs ls /path`: a method of `dbutils.fs`, whose answer is shown."""
        method, *arguments = shlex.split(expanded(text, self._names)) or ["ls", "/"]
        if method not in ("ls", "head", "mkdirs", "cp", "mv", "rm"):
            raise MagicError(f"%fs {method} is not known here")
        options = {"recurse": True} if method in ("cp", "mv", "rm") and "-r" in arguments else {}
        words = [word for word in arguments if not options or word != "-r"]
        self._names["display"](getattr(self._names["dbutils"].fs, method)(*words, **options))

    def _sql(self, text: str) -> None:
        """Each statement by the `spark` that the notebook has; the last one's table is shown, and is `_sqldf`."""
        spark, table = self._names["spark"], None
        for statement in statements(text):
            filled, values = with_widgets(statement, self._names["dbutils"].widgets.getAll())
            table = self._names["_sqldf"] = spark.sql(filled, args=values) if values else spark.sql(filled)
        if getattr(table, "columns", None):  # else it has changed something, and shows nothing
            self._names["display"](table)

    def _pip(self, arguments: list[str]) -> None:
        self._notes.append("%pip " + " ".join(arguments))
        if self._packages is not None and arguments[:1] == ["install"]:
            target = ["--target", str(self._packages), "--disable-pip-version-check"]
            done = subprocess.run([sys.executable, "-m", "pip", *arguments, *target], check=False)
            if done.returncode:
                raise MagicError(f"%pip ended with exit code {done.returncode}")
            if str(self._packages) not in sys.path:
                sys.path.insert(0, str(self._packages))
            return
        missing = [sentence for sentence in map(lacking, named(arguments)) if sentence]
        if missing:
            raise MagicError(
                f"%pip: {'; '.join(missing)}. Nothing is installed by itself here: "
                "install it into the Python of databricks_local, or start that with --pip-install"
            )


def _shell(text: str) -> None:
    """`%sh` fails only with -e, as on the service [DOCS]."""
    strict = text.startswith("-e")
    sys.stdout.flush()
    done = subprocess.run(["bash", "-c", text.removeprefix("-e").strip()], env=dict(os.environ), check=False)
    if done.returncode and strict:
        raise MagicError(f"%sh -e ended with exit code {done.returncode}")
