"""A notebook as lines of text, for programs that compare lines, such as git. Pure.

    python   | import pandas as pd
             | rides = spark.table("rides")
    sql      : Daily demand
             | SELECT day, count(*) FROM rides GROUP BY day
    outputs  = 2 of 1 cell: image/png, text; 18,204 bytes, 5d41402a
    metadata = nbformat 4.5, kernel python3, 7b502c3a

A cell has its language, its title if it has one, and its lines. It has no number, for a new cell would change those of
all after it. Only the first line of a cell begins with a letter: by the nearest such line above it git calls a hunk.
Outputs and metadata are a line each at the end, with a digest, so that every change of them is seen there, but for
what is drawn anew without an edit: ids and execution counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from databricks_sync.errors import printable, quantity
from databricks_sync.model import JUPYTER, Format

from .cells import Cell, jupyter_pieces, pieces
from .equality import extras_of
from .format import parse, sha256

_WIDTH = len("markdown")


def transcript(raw: bytes, format: Format) -> str:
    """The notebook as text that ends with a newline. Raises BrokenNotebook."""
    if format != JUPYTER:
        parts = [_lines(piece.cell) for piece in pieces(raw, format)]
    else:
        document = parse(raw)
        parts = [*(_lines(piece.cell) for piece in jupyter_pieces(document)), _summary(document)]
    return "".join(f"{line}\n" for part in parts for line in part)


def _lines(cell: Cell) -> Iterator[str]:
    head = f"{printable(cell.language):{_WIDTH}}"
    if cell.title:
        yield f"{head} : {printable(cell.title)}"
        head = " " * _WIDTH
    for line in cell.source.split("\n"):
        yield f"{head} | {_shown(line)}" if line else f"{head} |"
        head = " " * _WIDTH


def _shown(line: str) -> str:
    """The line as a terminal may have it; a tab stays, for one in the place of blanks is a change."""
    return line if line.isprintable() else "\t".join(map(printable, line.split("\t")))


def _summary(document: dict[str, Any]) -> Iterator[str]:
    """What of a Jupyter notebook is no text."""
    extras = [extras_of(cell) for cell in document["cells"]]
    by_cell = [outputs for kept in extras if isinstance(outputs := kept.pop("outputs", None), list)]
    outputs = [output for some in by_cell for output in some]
    if outputs:
        kinds = ", ".join(printable(kind) for kind, _ in Counter(map(_kind, outputs)).most_common(4))
        size, digest = _weighed(by_cell)
        of = f"{len(outputs):,} of {quantity(len(by_cell), 'cell')}"
        yield f"{'outputs':{_WIDTH}} = {of}: {kinds}; {quantity(size, 'byte')}, {digest}"
    metadata = document.get("metadata", {})
    _, digest = _weighed([metadata, [kept for kept in extras if kept]])
    kernel = metadata.get("kernelspec")
    name = kernel.get("name") if isinstance(kernel, dict) else None
    spoken = f", kernel {printable(name)}" if isinstance(name, str) else ""
    version = printable(f"{document.get('nbformat')}.{document.get('nbformat_minor')}")
    yield f"{'metadata':{_WIDTH}} = nbformat {version}{spoken}, {digest}"


def _kind(output: Any) -> str:
    """What an output is, in a word: the richest of its forms, an error, or text."""
    data = output.get("data") if isinstance(output, dict) else None
    if isinstance(data, dict):
        return next((form for form in data if form != "text/plain"), "text")
    return "error" if isinstance(output, dict) and output.get("output_type") == "error" else "text"


def _weighed(value: Any) -> tuple[int, str]:
    """How long a value is as JSON, and a digest of it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return len(text), sha256(text.encode())[:8]
