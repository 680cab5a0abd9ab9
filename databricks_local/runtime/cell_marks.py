"""Tells the server, in the midst of a notebook's output, which cell it comes from; jobs/cell_log.py takes that out.

Only so are the output of programs that a cell starts, and what is written while it still runs, known to be the cell's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# What a mark begins with, made by the server for this run; without it no marks are wanted.
VARIABLE = "DATABRICKS_LOCAL_CELL_MARK"
EDGE = b"\x1e"


def mark(secret: str, cell: int, displays: int) -> bytes:
    """A mark: what follows is written by `cell`, before which so many things were displayed."""
    return EDGE + f"{secret} {cell} {displays}".encode() + EDGE


class CellMarks:
    """The marks of one notebook's run. Cells that run within a cell (`%run`) are part of it."""

    def __init__(self) -> None:
        self._secret = os.environ.pop(VARIABLE, "")
        self._is_inside = False

    @contextmanager
    def cell(self, number: int, displays: int) -> Iterator[None]:
        """While a cell runs."""
        if self._is_inside or not self._secret:
            yield
            return
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), mark(self._secret, number, displays))
        self._is_inside = True
        try:
            yield
        finally:
            self._is_inside = False
