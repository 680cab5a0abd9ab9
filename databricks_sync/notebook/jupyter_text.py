"""The text of a Jupyter notebook with other cells: only what was edited is written anew. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import unquote

from .cells import Placed
from .equality import CELL_METADATA, essence, title_of
from .format import sha256, source_of
from .json_text import Block, Part, Style, block, style
from .trace import with_moves

_JUPYTER = Style(indent=" ", colon=": ", comma=", ", sort_keys=True)  # as Jupyter itself writes
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # nbformat's schema of format 4.5
_LINE_END = re.compile(r"\r+\n")


def new_jupyter(document: Mapping[str, Any]) -> str:
    """The text of a notebook that is the document but for its cells, and has none. Raises RecursionError."""
    frame = {"metadata": {}, "nbformat": 4, "nbformat_minor": 0, **document, "cells": []}
    return _JUPYTER.written(frame, "\n") + "\n"


def rewritten_jupyter(text: str, cells: Sequence[Placed], *, outputs: bool = False) -> str:
    """The text of a notebook with these cells in place of its own.

    `outputs`: whether the outputs of cells that nobody edited are replaced, too. Raises RecursionError.
    """
    document = block(text, inner="cells")
    members = {part.key: part for part in document.parts}
    place = members["cells"]
    old: Block = place.value
    own = [essence(part.value) for part in old.parts]
    cells = with_moves(cells, own)
    writer = _Writer(old, style(document), cells, with_ids=_has_ids(members))
    if cells and not old.parts:
        documents = [writer.document(number, cell) for number, cell in enumerate(cells)]
        return text[: place.value_start] + writer.style.written(documents, document.line) + text[place.end :]
    parts = [
        cell.origin
        if cell.origin is not None
        and own[cell.origin] == cell.piece.essence
        and not (outputs and _new_outputs(old.parts[cell.origin].value, cell.piece.document or {}))
        else writer.written(number, cell)
        for number, cell in enumerate(cells)
    ]
    return text[: place.value_start] + old.joined(parts, writer.style.comma) + text[place.end :]


def with_values(text: str, metadata: Mapping[str, Any], cells: Mapping[int, Mapping[str, Any]]) -> str:
    """The text of a notebook with this metadata, and these members in the cells of these numbers.

    Raises RecursionError.
    """
    document = block(text, inner="cells")
    members = {part.key: part for part in document.parts}
    old: Block = members["cells"].value
    writer = _Writer(old, style(document), (), with_ids=False)
    new = [(old.parts[number], writer.object(block(text, old.parts[number].start), cells[number])) for number in cells]
    if "metadata" in members and members["metadata"].value != metadata:
        part = members["metadata"]
        new.append((part._replace(start=part.value_start), writer.object(block(text, part.value_start), metadata)))
    for part, value in sorted(new, reverse=True, key=lambda pair: pair[0].start):
        text = text[: part.start] + value + text[part.end :]
    return text


def _has_ids(members: Mapping[str, Part]) -> bool:
    """Whether a document with these members is of a format whose cells have ids: 4.5 or later."""
    major, minor = (members[key].value if key in members else None for key in ("nbformat", "nbformat_minor"))
    return major == 4 and isinstance(minor, int) and minor >= 5


def _lines(cell: dict[str, Any]) -> list[str]:
    source = cell.get("source", "")
    return source.splitlines(keepends=True) if isinstance(source, str) else source


def _edits(own: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    """What is different in a cell that was edited: source, title, attachments, or new outputs with their count."""
    edits: dict[str, Any] = _new_outputs(own, fresh)
    if source_of(own) != source_of(fresh):
        edits |= {"source": _lines(fresh)} | _attachments(own, fresh)
    if title_of(own) != title_of(fresh):
        edits["metadata"] = _titled(own.get("metadata"), fresh["metadata"].get(CELL_METADATA, {}))
    return edits


def _new_outputs(own: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    if own["cell_type"] != "code" or "outputs" not in fresh or fresh["outputs"] == own.get("outputs"):
        return {}
    return {key: fresh[key] for key in ("outputs", "execution_count") if key in fresh}


def _attachments(own: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    """The images of a cell with another source: a workspace may have dropped those that it still shows."""
    before = own.get("attachments") or {}
    was, now = unquote(source_of(own)), unquote(source_of(fresh))
    kept = {name: image for name, image in before.items() if unquote(name) in now or unquote(name) not in was}
    after = {**(fresh.get("attachments") or {}), **kept}
    return {} if after == before else {"attachments": after}


def _titled(metadata: Any, of_databricks: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a cell with the title that it has in the workspace."""
    metadata = metadata if isinstance(metadata, dict) else {}
    own = metadata.get(CELL_METADATA)
    title = {"title": "", **{key: of_databricks[key] for key in ("title", "showTitle") if key in of_databricks}}
    return {**metadata, CELL_METADATA: {**(own if isinstance(own, dict) else {}), **title}}


class _Writer:
    """Writes the cells that a notebook does not have yet, in the style around them."""

    def __init__(self, old: Block, style: Style, cells: Sequence[Placed], *, with_ids: bool) -> None:
        self.old, self.style, self.with_ids = old, style, with_ids
        origins = (old.parts[cell.origin].value for cell in cells if cell.origin is not None)
        self.ids = {cell["id"] for cell in origins if isinstance(cell.get("id"), str)}
        self.near = 0  # the cell of the file that was met last

    def written(self, number: int, cell: Placed) -> str:
        """The text of the cell that will have this number."""
        self.near = self.near if cell.origin is None else cell.origin
        document = self.document(number, cell)

        def distance(part_number: int) -> tuple[bool, int]:
            part = self.old.parts[part_number]
            return part.value["cell_type"] != document["cell_type"], abs(part_number - self.near)

        like = self.old.parts[min(range(len(self.old.parts)), key=distance)]
        return self.object(block(self.old.text, like.start), document)

    def document(self, number: int, cell: Placed) -> dict[str, Any]:
        """The cell as it has to be. One that was there keeps all but what was edited, and what belongs to that."""
        fresh = cell.piece.document
        assert fresh is not None
        own = self.old.parts[cell.origin].value if cell.origin is not None else {}
        if own and essence(own)[0] == essence(fresh)[0]:
            return {**own, **_edits(own, fresh)}
        code: dict[str, Any] = {"execution_count": None, "outputs": []} if fresh["cell_type"] == "code" else {}
        document = {"metadata": {}, **code, **fresh, "source": _lines(fresh)}
        document.pop("id", None)
        if self.with_ids:
            document["id"] = own["id"] if isinstance(own.get("id"), str) else self._id(number, fresh)
        return dict(sorted(document.items()))

    def _id(self, number: int, cell: dict[str, Any]) -> str:
        """The cell's own id if it is free, else one of its content, so that equal pulls write equal files."""
        fresh, salt = cell.get("id"), 0
        while not (isinstance(fresh, str) and _ID.fullmatch(fresh) and fresh not in self.ids):
            seed = f"{number}:{salt}:{source_of(cell)}"
            fresh, salt = sha256(seed.encode("utf-8", "surrogatepass"))[:8], salt + 1
        self.ids.add(fresh)
        return fresh

    def object(self, like: Block, members: Mapping[str, Any]) -> str:
        """An object with these members; what it has in common with `like` stands as it stands there."""
        numbers = {part.key: number for number, part in enumerate(like.parts)}
        keys = [key for key in numbers if key in members]
        added = [key for key in members if key not in numbers]
        order = sorted([*keys, *added]) if keys == sorted(keys) else [*keys, *added]
        parts = [self._member(like, numbers.get(key), key, members[key]) for key in order]
        return like.joined(parts, self.style.comma)

    def _member(self, like: Block, number: int | None, key: str, value: Any) -> int | str:
        """A member of an object, or the number of the one that `like` has."""
        part = None if number is None else like.parts[number]
        if number is not None and part and (part.value is value or part.value == value):
            return number
        name = like.text[part.start : part.value_start] if part else self.style.written(key) + self.style.colon
        if key == "source":
            return name + self._source(value, part, like.line)
        return name + self.style.written(value, like.line)

    def _source(self, lines: Sequence[str], like: Part | None, line: str) -> str:
        """The source of a cell as a text or as a list, as `like` is one; the lines that are in it stay as they are."""
        if like and isinstance(like.value, str):
            return self.style.written("".join(lines))
        if not like or not like.value:
            return self.style.written(lines, line)
        old, new = ([_LINE_END.sub("\n", line) for line in lines] for lines in (like.value, lines))
        parts: list[int | str] = []
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new).get_opcodes():
            parts += range(i1, i2) if tag == "equal" else map(self.style.written, lines[j1:j2])
        return block(self.old.text, like.value_start).joined(parts, self.style.comma)
