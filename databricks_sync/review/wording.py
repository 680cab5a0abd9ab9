"""The words of a review, the same in Markdown and on the page. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from databricks_sync.errors import quantity
from databricks_sync.notebook.changes import CellChange
from databricks_sync.notebook.lines import rows
from databricks_sync.notebook.merge import Did

from .comparison import FileReview

_CELLS = {Did.CHANGED: "changed", Did.ADDED: "new", Did.REMOVED: "removed", Did.MOVED: "moved"}
_FILES = {**_CELLS, Did.MOVED: "renamed"}
_LANGUAGES = {name: name.capitalize() for name in ("python", "scala", "r", "markdown", "raw")}
_LANGUAGES |= {"sql": "SQL", "sh": "Shell"}


def did(cell: CellChange) -> str:
    """What became of a cell: `changed`, `new`, `removed`, or where it was before it moved."""
    return f"moved from {cell.number_before}" if cell.did is Did.MOVED else _CELLS.get(cell.did, "unchanged")


def language(cell: CellChange) -> str:
    """The language of a cell, or both where it is another one now."""
    names = [_LANGUAGES.get(side.language, side.language) for side in (cell.before, cell.after) if side]
    return " → ".join(dict.fromkeys(names))


def titles(cell: CellChange) -> list[str]:
    """The title of a cell, if it has one, or both where it is another one now."""
    names = dict.fromkeys(side.title for side in (cell.before, cell.after) if side)
    return list(filter(None, names))


def summary(file: FileReview) -> str:
    """What became of a file, in a few words."""
    parts = []
    if file.did is not Did.CHANGED:
        parts.append(_FILES[file.did])
    elif file.path != file.old_path:
        parts.append("renamed")
    if file.is_notebook and file.did in (Did.ADDED, Did.REMOVED):
        parts.append(quantity(len(file.cells), "cell"))
    elif file.is_notebook and file.changed:
        parts.append(_listed("cell", Counter(_CELLS[cell.did] for cell in file.changed), _CELLS.values()))
    elif not file.is_notebook and file.cells:
        parts.append(_lines(file.cells[0]))
    return ", ".join(parts or ["changed"])


def sentence(note: str) -> str:
    """What else there is to say about a file, as it stands by itself."""
    return f"{note[:1].upper()}{note[1:].rstrip('.')}."


def total(files: Counter[str]) -> str:
    """How many files changed, by `kind`."""
    return _listed("file", files, _FILES.values()) if files else "No file changed"


def kind(file: FileReview) -> str:
    """The one word for what became of a file."""
    return _FILES[Did.MOVED if file.path != file.old_path else file.did]


def _listed(noun: str, counts: Counter[str], order: Iterable[str]) -> str:
    first, *others = [(counts[word], word) for word in order if counts[word]]
    return ", ".join([quantity(first[0], f"{first[1]} {noun}"), *(f"{number:,} {word}" for number, word in others)])


def _lines(cell: CellChange) -> str:
    changed = [row for row in rows(*cell.texts) if not row.is_equal]
    new, old = sum(1 for row in changed if row.number_after), sum(1 for row in changed if row.number_before)
    return f"+{new:,} −{old:,} lines"
