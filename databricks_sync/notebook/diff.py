"""Differences as a person reads a notebook: cell by cell, without the markup. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, unified_diff
from typing import Any, NamedTuple

from databricks_sync.errors import BrokenNotebook, printable, quantity
from databricks_sync.model import JUPYTER, Format, same_form

from .cells import Cell, cells
from .equality import canonical
from .format import parse
from .merge import Clash

CONTEXT = 3


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
        before, after = _cells(old), _cells(new)
        if before is not None and after is not None:
            return list(_cell_lines(before, after)) or list(_unseen_lines(old, new))
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


def _cells(version: FileVersion) -> tuple[Cell, ...] | None:
    if version.raw is None:
        return ()
    return cells(version.raw, version.format) if version.format else None


def _cell_lines(old: Sequence[Cell], new: Sequence[Cell]) -> Iterator[Line]:

    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        for offset in range(max(i2 - i1, j2 - j1)):
            before = old[i1 + offset] if i1 + offset < i2 else None
            after = new[j1 + offset] if j1 + offset < j2 else None
            number = (j1 if after else i1) + offset + 1
            yield Line("@", _heading(number, before, after))
            yield from _text_lines(before.source if before else "", after.source if after else "")


def _unseen_lines(old: FileVersion, new: FileVersion) -> Iterator[Line]:
    if old.raw is None or new.raw is None or not (old.format and new.format and same_form(old.format, new.format)):
        return
    if canonical(old.raw, old.format) != canonical(new.raw, new.format):
        yield Line("@", "only the separators of the cells differ")
    elif old.format == JUPYTER:
        yield from _extras_lines(parse(old.raw), parse(new.raw))


def _extras_lines(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Line]:
    pairs = list(enumerate(zip(old["cells"], new["cells"], strict=True), 1))
    only_metadata = True
    for part, called in (("outputs", "outputs"), ("attachments", "attachments"), ("cell_type", "type")):
        numbers = [str(number) for number, (a, b) in pairs if (a.get(part) or None) != (b.get(part) or None)]
        if numbers:
            only_metadata = False
            yield Line("@", f"{called} of cell {', '.join(numbers)} changed")
    if only_metadata and any(a.get("metadata") != b.get("metadata") for a, b in ((old, new), *(p for _, p in pairs))):
        yield Line("@", "only metadata changed")


def _heading(number: int, before: Cell | None, after: Cell | None) -> str:
    cell = after or before
    assert cell
    what = "new" if before is None else "removed" if after is None else "changed"
    old = f"{printable(before.language)} → " if before and after and before.language != after.language else ""
    return f"cell {number} ({old}{_named(cell)}) {what}"


def _named(cell: Cell) -> str:
    title = f" “{printable(cell.title)}”" if cell.title else ""
    return f"{printable(cell.language)}{title}"


def _text_lines(old: str, new: str) -> Iterator[Line]:

    old_lines, new_lines = old.split("\n") if old else [], new.split("\n") if new else []
    for line in list(unified_diff(old_lines, new_lines, n=CONTEXT, lineterm=""))[2:]:
        if line.startswith("@@"):
            continue
        yield Line(line[0], printable(line[1:].replace("\t", "    ")))


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
