"""What `get_ipython()` gives a notebook: the commands and magics that stand between its lines of Python."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import Any

from .notebook_cells import IGNORED, MagicError, refuse
from .notebook_cells import requirements as named
from .requirements import lacking
from .shell_lines import expanded


class InteractiveShell:
    """`packages` is where `%pip install` puts packages, None to check only that they are there; notes are added to."""

    def __init__(self, names: dict[str, Any], packages: str | None, notes: list[str]) -> None:
        self._names = names
        self._packages = packages
        self._notes = notes

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
            raise refuse(f"%{name}")

    def _pip(self, arguments: list[str]) -> None:
        self._notes.append("%pip " + " ".join(arguments))
        if self._packages is not None and arguments[:1] == ["install"]:
            target = ["--target", self._packages, "--disable-pip-version-check"]
            done = subprocess.run([sys.executable, "-m", "pip", *arguments, *target], check=False)
            if done.returncode:
                raise MagicError(f"%pip ended with exit code {done.returncode}")
            if self._packages not in sys.path:
                sys.path.insert(0, self._packages)
            return
        missing = [sentence for sentence in map(lacking, named(arguments)) if sentence]
        if missing:
            raise MagicError(
                f"%pip: {'; '.join(missing)}. Nothing is installed by itself here: "
                "install it for the server's Python, or start the server with --pip-install"
            )
