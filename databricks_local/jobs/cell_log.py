"""What each cell of a notebook has written, told apart by the marks in its output (runtime/cell_marks.py).

Kept beside the log while the notebook runs: marks without their secret, and between them text, which has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from databricks_local.runtime.cell_marks import EDGE

# Of a cell, and of all cells, so many bytes are kept: the log has the rest.
MAX_CELL = 64 * 1024
MAX_ALL = 2 * 2**20
CUT = "\n… the log has the rest\n"
_MARK = rb"(\d{1,9}) (\d{1,9})" + EDGE


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
        self._mark = re.compile(EDGE + re.escape(secret.encode()) + b" " + _MARK)
        self._longest = len(secret) + 24
        self._held = b""
        self._room = MAX_CELL
        self._all = MAX_ALL
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
        text, *marked = self._mark.split(data)
        with self._file.open("ab") as out:
            out.write(self._cut(text))
            for cell, displays, written in zip(marked[::3], marked[1::3], marked[2::3], strict=True):
                self._room = MAX_CELL
                out.write(EDGE + cell + b" " + displays + EDGE + self._cut(written))
        return b"".join([text, *marked[2::3]])

    def _cut(self, text: bytes) -> bytes:
        room = min(self._room, self._all)
        self._room -= len(text)
        self._all -= len(text)
        if len(text) > room:
            text = text[:room] + CUT.encode() if room > 0 else b""
        return text.replace(EDGE, b"")


def cells(file: Path) -> list[CellOutput]:
    """The cells that have begun, in their order; none where nothing was recorded."""
    if not file.is_file():
        return []
    _, *marked = re.split(EDGE + _MARK, file.read_bytes())
    parts = zip(marked[::3], marked[1::3], marked[2::3], strict=True)
    return [CellOutput(int(cell), int(displays), text.decode("utf-8", "replace")) for cell, displays, text in parts]
