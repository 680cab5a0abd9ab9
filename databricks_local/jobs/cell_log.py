"""What each cell of a notebook has written, told apart by the marks in its output (runtime/cell_marks.py).

Kept beside the log while the notebook runs, a JSON list to a line: `[cell, displays]` where a cell begins, `[text]`
for what it writes. A line that a killed server has begun is not read.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databricks_local.runtime.cell_marks import EDGE

# Of a cell, and of all cells, so many characters are kept: the log has the rest.
MAX_CELL = 64 * 1024
MAX_ALL = 2 * 2**20
CUT = "\n… the log has the rest\n"


@dataclass(frozen=True, slots=True)
class CellOutput:
    """What a cell has written, and how many things were displayed before it ran."""

    cell: int
    displays: int
    text: str


class CellLog:
    """The record in `file` of the cells whose marks begin with `secret`; it is made anew."""

    def __init__(self, file: Path, secret: str) -> None:
        self._file = file
        self._mark = re.compile(EDGE + re.escape(secret.encode()) + rb" (\d{1,9}) (\d{1,9})" + EDGE)
        self._longest = len(secret) + 24
        self._held = b""
        self._room = MAX_CELL
        self._all = MAX_ALL
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        file.write_bytes(b"")

    def take(self, chunk: bytes) -> bytes:
        """Records a piece of the output; gives it without marks. The beginning of a mark waits for its end."""
        data = self._held + chunk
        edge = data.rfind(EDGE, max(0, len(data) - self._longest))
        # The last edge may end a mark, or begin one whose end has not come.
        is_open = edge >= 0 and not any(match.end() > edge for match in self._mark.finditer(data))
        data, self._held = (data[:edge], data[edge:]) if is_open else (data, b"")
        return self._recorded(data)

    def rest(self) -> bytes:
        """What has waited for the end of a mark that did not come."""
        data, self._held = self._held, b""
        return self._recorded(data)

    def _recorded(self, data: bytes) -> bytes:
        lines: list[list[Any]] = []
        kept, start = [], 0
        for match in [*self._mark.finditer(data), None]:
            piece = data[start : match.start() if match else len(data)]
            kept.append(piece)
            lines += self._text(piece)
            if match:
                start = match.end()
                self._decoder.reset()
                self._room = MAX_CELL
                lines.append([int(match[1]), int(match[2])])
        with self._file.open("a", encoding="ascii") as out:
            out.writelines(json.dumps(line) + "\n" for line in lines)
        return b"".join(kept)

    def _text(self, piece: bytes) -> list[list[Any]]:
        text = self._decoder.decode(piece)
        room = min(self._room, self._all)
        if not text or room <= 0:
            return []
        self._room -= len(text)
        self._all -= len(text)
        return [[text if len(text) <= room else text[:room] + CUT]]


def cells(file: Path) -> list[CellOutput]:
    """The cells that have begun, in their order; none where nothing was recorded."""
    if not file.is_file():
        return []
    found: list[tuple[int, int, list[str]]] = []
    for line in file.read_text(encoding="ascii").splitlines(keepends=True):
        values = json.loads(line) if line.endswith("\n") else []
        if len(values) == 2:
            found.append((values[0], values[1], []))
        elif values and found:
            found[-1][2].append(values[0])
    return [CellOutput(cell, displays, "".join(texts)) for cell, displays, texts in found]
