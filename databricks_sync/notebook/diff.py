"""Differences as a person reads a notebook: cell by cell, without the markup. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from databricks_sync.errors import BrokenNotebook, printable, quantity
from databricks_sync.model import JUPYTER, Format, same_form

from .cells import Cell, Piece, pieces
from .changes import CellChange, changes
from .equality import canonical
from .format import parse
from .lines import hunks, rows, signed
from .merge import Clash, Did


class Line(NamedTuple):
    """One line of a difference: `sign` is "+", "-", " " or "@" for a heading."""

    sign: str
    text: str


class FileVersion(NamedTuple):
    """One side's bytes and how to read them."""

    raw: bytes | None
    format: Format | None = None


def difference(old: FileVersion, new: FileVersion) -> list[Line]:
    """What has to change in `old` to make it `new`; empty when a person would see no difference."""
    try:
        before, after = _pieces(old), _pieces(new)
        if before is not None and after is not None:
            cells = changes(before, after)
            return list(_cell_lines(cells)) or list(_unseen_lines(old, new, cells))
    except BrokenNotebook:
        pass
    return list(_file_lines(old.raw or b"", new.raw or b""))


def clashes(merge_clashes: Sequence[Clash]) -> list[Line]:
    """A heading for each clash of a merge: which cells, and what each side did with them."""
    return [Line("@", _clash(clash)) for clash in merge_clashes]


def _clash(clash: Clash) -> str:
    side, number = (clash.here, clash.number_here) if clash.here else (clash.there, clash.number_there)
    assert number is not None
    numbers = f"cell {number}" if len(side) == 1 else f"cells {number}–{number + len(side) - 1}"
    where = "" if clash.here else " in the workspace"
    here, there = clash.did_here.value, clash.did_there.value
    did = f"{here} on both sides" if here == there else f"{here} locally, {there} in the workspace"
    return f"{numbers}{where} ({_named(side[0].cell)}) {did}"


def _pieces(version: FileVersion) -> tuple[Piece, ...] | None:
    if version.raw is None:
        return ()
    return pieces(version.raw, version.format) if version.format else None


def _cell_lines(cells: Sequence[CellChange]) -> Iterator[Line]:
    for change in cells:
        if change.did is not Did.KEPT:
            yield Line("@", _heading(change))
            yield from _text_lines(*change.texts)


def _unseen_lines(old: FileVersion, new: FileVersion, cells: Sequence[CellChange]) -> Iterator[Line]:
    if old.raw is None or new.raw is None or not (old.format and new.format and same_form(old.format, new.format)):
        return
    if canonical(old.raw, old.format) != canonical(new.raw, new.format):
        yield Line("@", "only the separators of the cells differ")
    elif old.format == JUPYTER:
        yield from _extras_lines(parse(old.raw), parse(new.raw), cells)


def _extras_lines(old: dict[str, Any], new: dict[str, Any], cells: Sequence[CellChange]) -> Iterator[Line]:
    only_metadata = True
    for part, called in (("outputs", "outputs"), ("attachments", "attachments"), ("cell_type", "type")):
        numbers = [str(change.number) for change in cells if part in change.beside]
        if numbers:
            only_metadata = False
            yield Line("@", f"{called} of cell {', '.join(numbers)} changed")
    if only_metadata and (old.get("metadata") != new.get("metadata") or any(change.beside for change in cells)):
        yield Line("@", "only metadata changed")


_DONE = {Did.ADDED: "new", Did.REMOVED: "removed", Did.CHANGED: "changed"}


def _heading(change: CellChange) -> str:
    before, cell = change.before, change.cell
    old = f"{printable(before.language)} → " if before and before.language != cell.language else ""
    did = _DONE.get(change.did) or f"moved from cell {change.number_before}"
    return f"cell {change.number} ({old}{_named(cell)}) {did}"


def _named(cell: Cell) -> str:
    title = f" “{printable(cell.title)}”" if cell.title else ""
    return f"{printable(cell.language)}{title}"


def _text_lines(old: str, new: str) -> Iterator[Line]:
    for group in hunks(rows(old, new)):
        yield from (Line(sign, printable(text.replace("\t", "    "))) for sign, text in signed(group))


def _file_lines(old: bytes, new: bytes) -> Iterator[Line]:
    try:
        old_text, new_text = old.decode("utf-8"), new.decode("utf-8")
    except UnicodeDecodeError:
        old_text = new_text = "\0"
    if "\0" in old_text or "\0" in new_text:
        yield Line("@", f"binary, {quantity(len(old), 'byte')} → {quantity(len(new), 'byte')}")
        return
    yield from _text_lines(old_text.rstrip("\n"), new_text.rstrip("\n"))
    if old_text.rstrip("\n") == new_text.rstrip("\n") and old_text != new_text:
        yield Line("@", "only the newlines at the end differ")
