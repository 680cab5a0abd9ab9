"""One file of two commits, as it is shown: its cells or its text, before and after. Pure.

Nothing that a commit holds is trusted: texts come without control characters, and with *** for what looks like a
credential, so that whoever writes them out can do no harm but by leaving out to quote them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from databricks_sync.errors import BrokenNotebook, enumerated, printable, quantity
from databricks_sync.local.git import Difference
from databricks_sync.model import Form, Format
from databricks_sync.notebook.cells import Cell, Piece, jupyter_pieces, pieces
from databricks_sync.notebook.changes import CellChange, changes
from databricks_sync.notebook.format import identify, parse
from databricks_sync.notebook.merge import Did
from databricks_sync.rules.credentials import find, redacted

LARGEST = 16 * 2**20  # bytes of a file whose content is compared
# Extension of a file -> the language in which it is shown; any other one is plain text.
_LANGUAGES = {name: name for name in ("sql", "scala", "r", "sh", "json", "toml", "yaml", "ini")}
_LANGUAGES |= {"py": "python", "md": "markdown", "ipynb": "json", "yml": "yaml", "cfg": "ini"}
_LINK, _SUBMODULE = "120000", "160000"
_SPECIAL = {_LINK: "a symbolic link", _SUBMODULE: "a submodule"}
_CALLED = {"cell_type": "type"}


class FileReview(NamedTuple):
    """A file that is not the same in both commits. `old_path` is another one where it was renamed.

    `notes` are what else there is to say about it, each without a subject.
    """

    path: str
    old_path: str
    did: Did
    is_notebook: bool = False
    cells: tuple[CellChange, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> list[CellChange]:
        """The cells that there is something to say about."""
        return [cell for cell in self.cells if cell.did is not Did.KEPT]


def compared(difference: Difference, old: bytes | None, new: bytes | None) -> FileReview:
    """What is shown of a file; `old` and `new`: its content, None where it is not, or not to be read."""
    did = Did.ADDED if not difference.old_hash else Did.REMOVED if not difference.hash else Did.CHANGED
    if difference.path != difference.old_path:
        did = Did.MOVED if old == new else Did.CHANGED
    review = FileReview(printable(difference.path), printable(difference.old_path), did)
    notes = [*_modes(difference)]
    if old == new:  # also where there is none to be read
        return review._replace(notes=tuple(notes or ["its content did not change"] * (old is not None)))
    formats = _format(difference.old_path, old), _format(difference.path, new)
    try:
        if all(format or raw is None for format, raw in zip(formats, (old, new), strict=True)):
            return _notebook(review, notes, (old, formats[0]), (new, formats[1]))
    except (BrokenNotebook, RecursionError) as error:
        reason = str(error) if isinstance(error, BrokenNotebook) else "it is nested too deeply"
        notes = [*_modes(difference), f"shown as text, because as a notebook it cannot be read: {printable(reason)}"]
    return _text(review, notes, old, new)


def _format(path: str, raw: bytes | None) -> Format | None:
    return identify(path.rpartition("/")[2], raw[:64]).format if raw is not None else None


def _modes(difference: Difference) -> Iterator[str]:
    old, new = difference.old_mode, difference.mode
    if difference.hash and difference.old_hash and old != new:
        yield f"mode {old} → {new}"
    if what := _SPECIAL.get(new if difference.hash else old):
        yield what
    if _SUBMODULE in (old, new):
        yield f"commit {difference.old_hash[:10] or 'none'} → {difference.hash[:10] or 'none'}"


# --- notebooks ----------------------------------------------------------------------------------------------

_Version = tuple[bytes | None, Format | None]


def _notebook(review: FileReview, notes: list[str], old: _Version, new: _Version) -> FileReview:
    (before, metadata), (after, new_metadata) = _pieces(*old), _pieces(*new)
    cells = changes(before, after)
    notes += _beside(cells)
    if old[1] and new[1] and old[1] != new[1]:
        notes.append(f"format {_named(old[1])} → {_named(new[1])}")
    elif metadata != new_metadata:
        notes.append("metadata of the notebook changed")
    if not notes and review.did is Did.CHANGED and all(cell.did is Did.KEPT for cell in cells):
        notes.append("no cell changed: only blank lines, counts, ids, or how the file is written")
    return _harmless(review._replace(is_notebook=True), notes, cells)


def _pieces(raw: bytes | None, format: Format | None) -> tuple[tuple[Piece, ...], Any]:
    """The cells of a version, and the metadata of the notebook; what is not there has none."""
    if raw is None or format is None:
        return (), {}
    if format.form is Form.JUPYTER:
        document = parse(raw)
        return jupyter_pieces(document), document.get("metadata")
    return pieces(raw, format), {}


def _beside(cells: list[CellChange]) -> Iterator[str]:
    for part in ("outputs", "attachments", "cell_type", "metadata"):
        numbers = [str(change.number) for change in cells if part in change.beside]
        if numbers:
            noun = "cell" if len(numbers) == 1 else "cells"
            yield f"{_CALLED.get(part, part)} of {noun} {enumerated(numbers, 10)} changed"


def _named(format: Format) -> str:
    return "Jupyter" if format.form is Form.JUPYTER else f"source ({format.language.value if format.language else '?'})"


# --- other files --------------------------------------------------------------------------------------------


def _text(review: FileReview, notes: list[str], old: bytes | None, new: bytes | None) -> FileReview:
    try:
        texts = [None if raw is None else _decoded(raw) for raw in (old, new)]
    except ValueError:
        notes.append(f"binary, {' → '.join(quantity(len(raw), 'byte') for raw in (old, new) if raw is not None)}")
        return review._replace(notes=tuple(notes))
    language = _LANGUAGES.get(review.path.rpartition(".")[2].lower(), "")
    before, after = (None if text is None else Cell(language, text.removesuffix("\n")) for text in texts)
    if before and after and before == after:
        notes.append("only the newline at the end changed")
        return review._replace(notes=tuple(notes))
    did = Did.ADDED if before is None else Did.REMOVED if after is None else Did.CHANGED
    return _harmless(review, notes, [CellChange(did, before, after)])


def _decoded(raw: bytes) -> str:
    """The text of a file. Raises ValueError where it is none."""
    if b"\0" in raw:
        raise ValueError("binary")
    return raw.decode("utf-8")


# --- what is not trusted ------------------------------------------------------------------------------------


def _harmless(review: FileReview, notes: list[str], cells: list[CellChange]) -> FileReview:
    """The review with these cells as they may be shown, and with what is to be said about that."""
    text = "\n".join(f"{side.title}\n{side.source}" for cell in cells for side in (cell.before, cell.after) if side)
    kinds = list(dict.fromkeys(credential.kind for credential in find(text)))
    shown = [_shown_cell(cell, is_secret=bool(kinds)) for cell in cells]
    if kinds:
        notes.append(f"what looks like {enumerated(kinds)} is shown as ***")
    for before, after in zip(cells, shown, strict=True):
        if before.before != before.after and after.before == after.after:
            where = f" in cell {after.number_after}" if after.number_after else ""
            notes.append(f"what changed{where} is not shown, because it looks like a credential")
    return review._replace(cells=tuple(shown), notes=tuple(notes))


def _shown_cell(cell: CellChange, *, is_secret: bool) -> CellChange:
    after = _shown(cell.after, is_secret=is_secret)
    before = after if cell.before == cell.after else _shown(cell.before, is_secret=is_secret)
    return cell._replace(before=before, after=after)


def _shown(cell: Cell | None, *, is_secret: bool) -> Cell | None:
    if cell is None:
        return None
    source, title = (redacted(text) if is_secret else text for text in (cell.source, cell.title))
    return Cell(printable(cell.language), _lines_shown(source), printable(title))


def _lines_shown(text: str) -> str:
    text = text.replace("\t", "    ")
    if text.replace("\n", "").isprintable():  # as nearly every text is
        return text
    return "\n".join(map(printable, text.split("\n")))
