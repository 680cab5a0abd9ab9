"""A notebook cell by cell: as a person reads it, and taken apart as it stands in its file. Pure."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from databricks_sync.model import Form, Format

from .equality import essence
from .format import COMMENTS, jupyter_language, lines_of, parse, spoken_in

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

    `text` is what a person edits there, with the MAGIC of a source notebook; `spelling` is the same with the blanks
    after a bare MAGIC. Cells of one form say the same when their `essence` is equal, cells of two forms when their
    `meaning` is.
    """

    cell: Cell
    text: str
    essence: Hashable
    frame: Frame = Frame()
    spelling: str = ""
    document: dict[str, Any] | None = None  # the whole cell of a Jupyter notebook

    @property
    def meaning(self) -> Hashable:
        """What a person would call the same cell, in whatever format it is written."""
        return self.cell

    @property
    def id(self) -> str:
        """The id of a Jupyter cell, where it has one. The workspace may draw new ones."""
        value = (self.document or {}).get("id")
        return value if isinstance(value, str) else ""


class Placed(NamedTuple):
    """A cell of a notebook that is to be written into a file, and the number of the cell that it is or was there."""

    piece: Piece
    origin: int | None = None


def cells(raw: bytes, format: Format) -> tuple[Cell, ...]:
    """The notebook's cells in order. Raises BrokenNotebook."""
    return tuple(piece.cell for piece in pieces(raw, format))


def pieces(raw: bytes, format: Format) -> tuple[Piece, ...]:
    """The notebook taken apart. Raises BrokenNotebook."""
    if format.form is Form.JUPYTER:
        return jupyter_pieces(parse(raw))
    header, *lines = lines_of(raw)
    spoken = spoken_in(header, format.language)
    comment = COMMENTS[spoken]
    groups = enumerate(split_cells(lines, comment))
    return tuple(_source_piece(group, number > 0, comment, spoken.value.lower()) for number, group in groups)


def jupyter_pieces(document: dict[str, Any]) -> tuple[Piece, ...]:
    """A Jupyter notebook taken apart."""
    default = jupyter_language(document).value.lower()
    return tuple(_jupyter_piece(cell, default) for cell in document["cells"])


def in_one_language(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the plain cells of two Jupyter notebooks are in one language, whichever each of them names.

    When somebody switches the language in the workspace, it marks every cell that is of the old one: so a plain cell
    that is in both shows that nobody did.
    """
    if jupyter_language(one) is jupyter_language(other):
        return True
    ours, theirs = ({piece.text for piece in jupyter_pieces(document) if _is_plain(piece)} for document in (one, other))
    return not theirs or not ours.isdisjoint(theirs)


def split_cells(lines: Sequence[str], comment: str) -> list[list[str]]:
    """The lines below the header of a source notebook, by cells: each but the first begins with its separator."""
    separator = re.compile(rf"{re.escape(comment)} COMMAND -+\s*")
    groups: list[list[str]] = [[]]
    for line in lines:
        if separator.fullmatch(line):
            groups.append([])
        groups[-1].append(line)
    return groups


def plain(line: str, comment: str) -> str:
    """A line of a source notebook without what the workspace may change in it: its end, blanks after a bare MAGIC."""
    line = line.rstrip("\r\n")
    bare = f"{comment} MAGIC"
    return bare if line.rstrip(" \t") == bare else line


def rewritten(piece: Piece, text: str) -> Piece:
    """The cell with another text in it."""
    if piece.document is None:
        return piece._replace(text=text, spelling=text, essence=text)
    document = {**piece.document, "source": text.splitlines(keepends=True)}
    return piece._replace(text=text, document=document, essence=essence(document))


def remark(text: str) -> Piece:
    """A cell that is about the notebook and no part of it."""
    document = {"cell_type": "raw", "metadata": {}, "source": text}
    return Piece(Cell("raw", text), text, essence=text, spelling=text, document=document)


def _is_plain(piece: Piece) -> bool:
    kind = essence(piece.document)[0] if piece.document else ""
    return kind == "code" and bool(piece.text.strip()) and not piece.text.startswith("%")


def _jupyter_piece(document: dict[str, Any], default: str) -> Piece:
    kind, source, title = essence(document)
    cell = _with_magic(source, default) if kind == "code" else Cell(kind, source)
    return Piece(cell._replace(title=title), source, (kind, source, title), document=document)


def _source_piece(lines: list[str], separated: bool, comment: str, default: str) -> Piece:
    separator, body = (lines[0], lines[1:]) if separated else ("", lines)
    first = next((number for number, line in enumerate(body) if line), len(body))
    last = next((number for number in range(len(body), first, -1) if body[number - 1]), first)
    text = "\n".join(plain(line, comment) for line in body[first:last])
    return Piece(
        cell=_source_cell(text, comment, default),
        text=text,
        essence=text,
        frame=Frame(separator, first if separated else first + 1, len(body) - last),
        spelling="\n".join(body[first:last]),
    )


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
    match = re.match(r"%([\w-]+)[ \t]*\n?", source)
    if not match:
        return Cell(default, source)
    return Cell(_MAGIC_NAMES.get(match[1], match[1]), source[match.end() :])
