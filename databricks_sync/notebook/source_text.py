"""The text of a source notebook with other cells: only the lines that were edited are written anew. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from databricks_sync.model import Language

from .cells import Piece, Placed, plain, split_cells
from .format import COMMENTS, spoken_in
from .trace import with_moves

_LINE_END = re.compile(r"\r*\n")


def rewritten_source(text: str, language: Language | None, cells: Sequence[Placed]) -> str:
    """The text of a notebook with these cells in place of its own; it begins and ends as it did."""
    body = text.rstrip("\r\n")
    match = _LINE_END.search(text)
    end = match[0] if match else "\n"
    *lines, last = body.split("\n")
    header, *lines = *(f"{line}\n" for line in lines), last + end
    comment = COMMENTS[spoken_in(header, language)]
    groups = split_cells(lines, comment)
    plains = ("\n".join(plain(line, comment) for line in group[number > 0 :]) for number, group in enumerate(groups))
    written = [header]
    for number, cell in enumerate(with_moves(cells, [cell.strip("\n") for cell in plains])):
        old = groups[cell.origin] if cell.origin is not None else []
        written += _respelled(old, list(_framed(cell.piece, number, number == len(cells) - 1, comment)), comment)
    bare = next((line for line in lines if plain(line, comment) == f"{comment} MAGIC"), "").rstrip("\r\n")
    return "".join(_in_style(written, comment, end, bare)).rstrip("\r\n") + text[len(body) :]


def _framed(piece: Piece, number: int, last: bool, comment: str) -> Iterator[str]:
    """The lines of a cell and of what separates it from the others, without their ends."""
    separator, above, below = piece.frame
    if number:
        yield separator or f"{comment} COMMAND ----------"
    # The first cell follows the header with a blank line less, and the last one ends the file.
    yield from [""] * (above if number else above - 1)
    yield from piece.spelling.split("\n") if piece.spelling else []
    yield from [""] * (0 if last else below)


def _respelled(old: Sequence[str], new: Sequence[str], comment: str) -> Iterator[str]:
    """The new lines; those that `old` has as they stand there, with their ends."""
    before, after = ([plain(line, comment) for line in lines] for lines in (old, new))
    if before == after:
        yield from old
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after).get_opcodes():
        yield from old[i1:i2] if tag == "equal" else new[j1:j2]


def _in_style(lines: Sequence[str], comment: str, end: str, bare: str) -> Iterator[str]:
    """The lines; those without an end get that of the line before, and their bare MAGIC is spelled as the last one."""
    for line in lines:
        is_bare = plain(line, comment) == f"{comment} MAGIC"
        if line.endswith("\n"):
            text = line.rstrip("\r\n")
            end, bare = line[len(text) :], text if is_bare else bare
            yield line
        else:
            yield (bare if is_bare and bare else line) + end
