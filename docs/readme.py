"""Runs the `console` blocks of README.md, so that what they show is what the commands say.

`python docs/readme.py` writes their output of today into README.md; the tests compare instead of writing. All
blocks share one project, a copy of `notebooks/`, and one embedded workspace in a home folder of its own. A comment
before a block, `<!-- in the browser: PATH: OLD -> NEW -->` or `<!-- here: PATH: OLD -> NEW -->`, is an edit.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from demo import ROOT, Workspace, clean_environment, installed, make_project

from databricks_local.embedded import running

README = ROOT / "README.md"
BRANCH = "better-forecast"
_RUN = re.compile(r"\b\d{8}T\d{6}(?:-\d+)?\b")  # a backup is named after its time
_PIECE = re.compile(
    r"<!-- (?P<side>here|in the browser): (?P<edit>.*?) -->|(?<=```console\n)(?P<block>.*?)(?=```)", re.S
)


class Reader:
    """Somebody who types everything the README shows."""

    def __init__(self, folder: Path, workspace: Workspace, environ: dict[str, str]) -> None:
        self.project = folder / "project"
        self.home = folder / "home"
        self.workspace = workspace
        self.environ = environ
        self.runs: dict[str, str] = {}  # backups as the README names them -> as they are called here
        self.code = 0

    def follow(self, text: str) -> str:
        """The text with what the commands said just now in its blocks."""
        return _PIECE.sub(self._piece, text)

    def _piece(self, found: re.Match[str]) -> str:
        if found["block"] is None:
            path, change = found["edit"].split(": ", 1)
            self._edit(found["side"], path, *change.split(" -> "))
            return found[0]
        return "".join(self._screen(command, said) for command, said in screens(found["block"]))

    def _edit(self, side: str, path: str, old: str, new: str) -> None:
        if side == "here":
            file = self.project / path
            file.write_bytes(file.read_bytes().replace(old.encode(), new.encode()))
        else:
            whole = f"/Users/me@example.com/{BRANCH}/{path}"
            self.workspace.save(whole, self.workspace.source(whole).replace(old, new))

    def _screen(self, command: str, said: str) -> str:
        """One command and its output. Names of backups become those of this run in both."""
        words = shlex.split(_RUN.sub(lambda run: self.runs.get(run[0], run[0]), command))
        if words == ["echo", "$?"]:
            return f"$ {command}\n{self.code}\n"
        if words[0] == "cd":
            self.project /= words[1]
            return f"$ {command}\n"
        done = subprocess.run(
            [installed(words[0]), *words[1:]],
            cwd=self.project,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        self.code = done.returncode
        shown = done.stdout.replace(str(self.home), "~")
        self.runs |= dict(zip(_RUN.findall(said), _RUN.findall(shown), strict=False))
        return f"$ {_RUN.sub(lambda run: self.runs.get(run[0], run[0]), command)}\n{shown}"


def screens(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with the output below it."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, _, said = part.partition("\n")
        yield command, said


def steady(text: str) -> str:
    """The text without what differs from run to run: times, and the names made of them."""
    text = re.sub(r"\(\d+\.\d+ s\)", "(… s)", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME UTC", text)
    return _RUN.sub("RUN", text)


def followed(text: str) -> str:
    """The README's text with the output of now."""
    with tempfile.TemporaryDirectory(prefix="databricks-readme-") as name:
        folder = Path(name).resolve()
        data = folder / "home" / ".databricks_local"
        environ = clean_environment(folder / "home", data) | {"PYTHONIOENCODING": "utf-8"}
        make_project(folder / "project", environ, BRANCH)
        with running(data) as server:
            return Reader(folder, Workspace(server), environ).follow(text)


if __name__ == "__main__":
    before = README.read_text(encoding="utf-8")
    after = followed(before)
    if steady(before) != steady(after):
        README.write_text(after, encoding="utf-8", newline="\n")
    sys.stdout.write("README.md was brought up to date.\n" if steady(before) != steady(after) else "Nothing to do.\n")
