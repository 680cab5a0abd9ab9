"""Databricks source: a notebook as one program text. Cells in, text out and back. Pure.

Header on the first line, `# COMMAND ----------` between cells, `# MAGIC` before every line of a cell in
another language, `# DBTITLE 1,` for titles [DOCS], `# DBTITLE 0,` for hidden ones [seen in public repositories].
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

PREFIXES: Mapping[str, str] = MappingProxyType({"PYTHON": "#", "R": "#", "SCALA": "//", "SQL": "--"})
EXTENSIONS: Mapping[str, str] = MappingProxyType({"PYTHON": ".py", "R": ".r", "SCALA": ".scala", "SQL": ".sql"})


@dataclass(frozen=True, slots=True)
class NotebookCell:
    """One cell. A code cell may begin with a magic (`%sql`); a markdown cell never carries its `%md`.

    `line` is where its text begins in the source notebook, counted from 1; 1 in other formats.
    """

    kind: str
    text: str
    title: str | None = None
    outputs: tuple[Any, ...] = ()
    title_shown: bool = True
    line: int = field(default=1, compare=False)


def header(language: str) -> str:
    """The first line of a source notebook in `language`, one of PREFIXES [DOCS]."""
    return f"{PREFIXES[language]} Databricks notebook source"


def has_loose_header(content: bytes, language: str) -> bool:
    """Whether the service takes the text for a notebook: the header stands *somewhere* on the first line.

    A stray back-tick before it does not prevent that [REAL]; a BOM or trailing blanks probably do not either.
    The exact rule is unknown.
    """
    end = content.find(b"\n")
    return content.find(header(language).encode(), 0, len(content) if end < 0 else end) >= 0


def with_header(content: bytes, language: str) -> bytes:
    """SOURCE exports always begin with the header, also when the import had none [REAL].

    A first line that merely contains it is exported clean [INFERRED: "the server changes the uploaded data"
    of notebooks with a BOM].
    """
    header_line = header(language).encode()
    first, newline, rest = content.partition(b"\n")
    if first.rstrip(b"\r") == header_line:
        return content
    if header_line in first:
        return header_line + (b"\r" if first.endswith(b"\r") else b"") + newline + rest
    return header_line + b"\n" + content


def legacy_newlines(content: bytes) -> bytes:
    """What imports did until December 2025: LF only, one trailing newline dropped [PROBED]."""
    content = content.replace(b"\r\n", b"\n")
    return content[:-1] if content.endswith(b"\n") else content


def parse(text: str, language: str) -> list[NotebookCell]:
    """The cells of a source notebook, with or without header; blank lines around each are dropped."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return [_cell(lines, *trimmed(lines, *span), PREFIXES[language]) for span in spans(lines, language)]


def spans(lines: Sequence[str], language: str) -> list[tuple[int, int]]:
    """First line and line after the last of each cell, counted from 0; header and separators are of no cell."""
    start, separator = int(header(language) in lines[0]), f"{PREFIXES[language]} COMMAND ----------"
    ends = [number for number in range(start, len(lines)) if lines[number].rstrip() == separator]
    return list(zip([start, *(end + 1 for end in ends)], [*ends, len(lines)], strict=True))


def trimmed(lines: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """A span without the blank lines at its ends."""
    while first < last and not lines[first].strip():
        first += 1
    while last > first and not lines[last - 1].strip():
        last -= 1
    return first, last


def render(cells: Sequence[NotebookCell], language: str) -> str:
    """The notebook as source: header first, no newline at its end [REAL]."""
    prefix = PREFIXES[language]
    between = f"\n\n{prefix} COMMAND ----------\n\n"
    return header(language) + "\n" + between.join(_chunk(cell, prefix) for cell in cells)


def encoded(text: str) -> bytes:
    """UTF-8, as text of any format. Half a surrogate pair, which has none, becomes `?` as in Java [INFERRED]."""
    return text.encode("utf-8", "replace")


def titled(line: str, prefix: str) -> tuple[str, bool] | None:
    """The title that a cell's first line gives it and whether that is shown, or None for any other line."""
    match = re.fullmatch(rf"{prefix} DBTITLE ([01]),(.*)", line)
    return match and (match[2], match[1] == "1")


def without_magic(lines: Sequence[str], prefix: str) -> str | None:
    """The text of a cell whose lines all belong to a magic; None for any other cell."""
    magic = f"{prefix} MAGIC"
    if not lines or not all(line.startswith(magic) for line in lines):
        return None
    return "\n".join(line.removeprefix(magic).removeprefix(" ") for line in lines)


def _cell(lines: Sequence[str], first: int, last: int, prefix: str) -> NotebookCell:
    title = titled(lines[first], prefix) if first < last else None
    if title is None:
        return _untitled(first + 1, lines[first:last], prefix)
    return replace(_untitled(first + 2, lines[first + 1 : last], prefix), title=title[0], title_shown=title[1])


def _untitled(number: int, lines: Sequence[str], prefix: str) -> NotebookCell:
    text = without_magic(lines, prefix)
    if text is None:
        return NotebookCell("code", "\n".join(lines), line=number)
    word, _, rest = text.partition("\n")
    if word.split(" ")[0].rstrip() not in ("%md", "%md-sandbox"):
        return NotebookCell("code", text, line=number)
    inline = word.partition(" ")[2]
    return NotebookCell("markdown", "\n".join(part for part in (inline, rest) if part), line=number)


def _chunk(cell: NotebookCell, prefix: str) -> str:
    lines = cell.text.split("\n")
    if cell.kind == "markdown":
        lines = ["%md", *lines]
    if lines[0].startswith("%"):
        lines = [f"{prefix} MAGIC {line}".rstrip() for line in lines]
    if cell.title is not None:
        lines = [f"{prefix} DBTITLE {int(cell.title_shown)},{cell.title}", *lines]
    return "\n".join(lines)
