"""What the cells of a notebook ask for: Python, a magic, nothing. Pure.

A magic such as `%sh` stands on the first line of its cell and owns the whole cell; `%pip` and others that Python's
interactive shell takes are lines of a Python cell (shell_lines.py). Only Python cells share the namespace.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from databricks_local.formats.source import NotebookCell

# Cells that say something to people, and nothing to Python.
SILENT = ("%md", "%md-sandbox")
# Magics that own their cell and are run (interactive_shell.py).
CELL_MAGICS = ("run", "sh", "sql", "fs")

# Cell magics of IPython that come down to another kind; nobody reads a clock here.
KINDS = {"%%time": "python", "%%capture": "python", "%%bash": "sh", "%%sh": "sh", "%%sql": "sql"}

# Lines an interactive shell would take, which mean nothing in a job.
IGNORED = ("%matplotlib", "%config", "%load_ext", "%reload_ext", "%autoreload", "%autosave")


class MagicError(Exception):
    """A cell that cannot be run, and why."""


@dataclass(frozen=True, slots=True)
class CellStep:
    """One cell as it is to be run; `kind` is python, nothing, or the name of its magic, of which `text` is the body.

    `line` is where the text begins: in the source notebook, else in its cell.
    """

    number: int
    kind: str
    text: str
    line: int = 1


def steps(cells: Sequence[NotebookCell], language: str) -> list[CellStep]:
    """The cells of a notebook in that language as they are to be run, numbered from 1."""
    return [step(number, cell, language.lower()) for number, cell in enumerate(cells, 1)]


def step(number: int, cell: NotebookCell, language: str) -> CellStep:
    """What to do; a cell that cannot be run is only refused when its turn comes, as on the service."""
    text = cell.text.strip("\n")
    if cell.kind == "markdown" or not text.strip():
        return CellStep(number, "nothing", "")
    line = cell.line + len(cell.text) - len(cell.text.lstrip("\n"))
    word = text.split(None, 1)[0]
    if not word.startswith("%"):
        return CellStep(number, language, text, line)
    if word in ("%pip", *IGNORED):
        return CellStep(number, "python", text, line)
    if word in SILENT:
        return CellStep(number, "nothing", "")
    kind = KINDS.get(word, word[1:])
    first, _, rest = text.partition("\n")
    if first.strip() == word:
        return CellStep(number, kind, rest, line + 1)
    return CellStep(number, kind, text.strip()[len(word) :].lstrip(" "), line)


def check_python(text: str) -> None:
    """A magic inside a Python cell would be a comment here and a magic to whoever wrote it. Raises MagicError."""
    for line in text.split("\n"):
        if line.startswith("# MAGIC"):
            raise MagicError(f"a cell holds either a magic or Python, not both: {line.removeprefix('# MAGIC ')}")


def refuse(name: str) -> MagicError:
    """The error for the magic `%name`, which is not run, or not where it stands."""
    if name in ("scala", "r"):
        return MagicError(f"%{name} is not run here: databricks_local runs Python, SQL and %sh")
    if name in (*CELL_MAGICS, "python") or f"%{name}" in SILENT:
        return MagicError(f"%{name} stands at the beginning of its cell only")
    return MagicError(f"%{name} is not known here")


def run_line(text: str) -> tuple[str, dict[str, str]]:
    """`%run ./other $name="value"`: the notebook, and what its widgets are set to. Raises MagicError."""
    if len([line for line in text.split("\n") if line.strip()]) != 1:
        raise MagicError("a %run cell names one notebook and holds nothing else")
    words = shlex.split(text.strip())
    matches = [re.fullmatch(r"\$(\w+)=(.*)", word, re.DOTALL) for word in words[1:]]
    if not words or not all(matches):
        raise MagicError(f"%run takes a notebook and $name=value: {text.strip()}")
    return words[0], {match[1]: match[2] for match in matches if match}


def requirements(arguments: Sequence[str]) -> list[str]:
    """The packages a `pip install` names; MagicError for what cannot be told without running it."""
    if not arguments or arguments[0] != "install":
        return []
    with_value = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-t", "--target", "--timeout")
    names, rest = [], iter(arguments[1:])
    for word in rest:
        if word in with_value:
            next(rest, None)
        elif word in ("-r", "--requirement", "-c", "-e") or word.endswith((".txt", ".whl", ".tar.gz", ".zip")):
            raise MagicError(f"%pip {word}: only packages by name can be checked; start the server with --pip-install")
        elif not word.startswith("-"):
            names.append(word)
    return names
