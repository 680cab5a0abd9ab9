"""A notebook cell by cell: read as a person reads it, taken apart, and put together again. Pure.

What is put together as it was taken apart has the canonical text of the notebook it came from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from databricks_sync.errors import BrokenNotebook
from databricks_sync.model import Form, Language

from .format import COMMENTS, essence, jupyter_language, lines_of, parse, spoken_in

_MAGIC_NAMES = {"md": "markdown", "md-sandbox": "markdown", "py": "python"}


class Cell(NamedTuple):
    """One cell: `language` is lower case (`python`, `sql`, `markdown`, `sh` ...), `source` without magics."""

    language: str
    source: str
    title: str = ""


class Frame(NamedTuple):
    """What stands around a cell of a source notebook: the line before it, and how many blank ones within."""

    separator: str = ""  # empty for the first cell
    above: int = 1
    below: int = 1


class Piece(NamedTuple):
    """One cell as it stands in its file.

    `text` is what a person edits there, with the MAGIC of a source notebook. Cells of one form say the same when
    their `essence` is equal, cells of two forms when their `meaning` is.
    """

    cell: Cell
    text: str
    essence: Hashable
    attachments: str = ""
    frame: Frame = Frame()
    document: dict[str, Any] | None = None  # the whole cell of a Jupyter notebook

    @property
    def meaning(self) -> Hashable:
        return self.cell, self.attachments

    @property
    def id(self) -> str:
        """The id of a Jupyter cell, where it has one. The workspace may draw new ones."""
        found = (self.document or {}).get("id")
        return found if isinstance(found, str) else ""


def cells(raw: bytes, form: Form, language: Language | None) -> tuple[Cell, ...]:
    """The notebook's cells in order. Raises BrokenNotebook."""
    return tuple(piece.cell for piece in pieces(raw, form, language))


def pieces(raw: bytes, form: Form, language: Language | None) -> tuple[Piece, ...]:
    """The notebook taken apart. Raises BrokenNotebook."""
    if form is Form.JUPYTER:
        document = parse(raw)
        default = jupyter_language(document).value.lower()
        return tuple(_jupyter_piece(cell, default) for cell in document["cells"])
    lines = lines_of(raw)
    spoken = spoken_in(lines[0], language)
    comment = COMMENTS[spoken]
    separator = re.compile(rf"{re.escape(comment)} COMMAND -+\s*")
    bodies: list[tuple[str, list[str]]] = [("", [])]
    for line in lines[1:]:
        if separator.fullmatch(line):
            bodies.append((line, []))
        else:
            bodies[-1][1].append(line)
    return tuple(_source_piece(before, body, comment, spoken.value.lower()) for before, body in bodies)


def assembled(made: Sequence[Piece], like: bytes, form: Form, language: Language | None) -> bytes:
    """The notebook that is `like` but for its cells, which are these of the same form. Raises BrokenNotebook."""
    if form is Form.JUPYTER:
        document = parse(like)
        document["cells"] = [piece.document for piece in made]
        try:
            return json.dumps(document).encode()
        except RecursionError:
            raise BrokenNotebook("it is nested too deeply") from None
    header = lines_of(like)[0]
    comment = COMMENTS[spoken_in(header, language)]
    lines = [header]
    for number, piece in enumerate(made):
        frame = piece.frame
        if number:
            lines.append(frame.separator or f"{comment} COMMAND ----------")
        # The first cell follows the header with a blank line less, and the last one ends the file.
        lines += [""] * (frame.above if number else frame.above - 1)
        lines += piece.text.split("\n") if piece.text else []
        lines += [""] * (frame.below if number < len(made) - 1 else 0)
    return "\n".join(lines).encode("utf-8")


def rewritten(piece: Piece, text: str) -> Piece:
    """The cell with another text in it."""
    document = piece.document and {**piece.document, "source": text.splitlines(keepends=True)}
    return piece._replace(text=text, document=document)


def remark(text: str) -> Piece:
    """A cell that is about the notebook and no part of it."""
    document = {"cell_type": "raw", "metadata": {}, "source": text}
    return Piece(Cell("raw", text), text, text, document=document)


def _jupyter_piece(document: dict[str, Any], default: str) -> Piece:
    kind, source, attachments = essence(document)
    cell = _with_magic(source, default) if kind == "code" else Cell(kind, source)
    return Piece(cell, source, (kind, source, attachments), attachments, document=document)


def _source_piece(separator: str, body: list[str], comment: str, default: str) -> Piece:
    first = next((number for number, line in enumerate(body) if line), len(body))
    last = next((number for number in range(len(body), first, -1) if body[number - 1]), first)
    bare = f"{comment} MAGIC"
    text = "\n".join(bare if line.rstrip(" \t") == bare else line for line in body[first:last])
    above = first if separator else first + 1
    return Piece(_source_cell(text, comment, default), text, text, frame=Frame(separator, above, len(body) - last))


def _source_cell(body: str, comment: str, default: str) -> Cell:
    title = ""
    marker = f"{comment} DBTITLE "
    if body.startswith(marker):
        line, _, body = body.partition("\n")
        title = line[len(marker) :].partition(",")[2]
    magic = re.compile(rf"^{re.escape(comment)} MAGIC(?:[ \t]*$| )", re.MULTILINE)
    if not magic.match(body):
        return Cell(default, body, title)
    cell = _with_magic(magic.sub("", body), default)
    return Cell(cell.language, cell.source, title)


def _with_magic(source: str, default: str) -> Cell:
    found = re.match(r"%([\w-]+)[ \t]*\n?", source)
    if not found:
        return Cell(default, source)
    return Cell(_MAGIC_NAMES.get(found[1], found[1]), source[found.end() :])
