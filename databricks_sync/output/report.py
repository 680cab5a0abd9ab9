"""Who is told of a run: a person or a program."""

from __future__ import annotations

import sys

from databricks_sync.model import Direction

from .json_lines import JsonReport
from .text import TextReport

Reporter = TextReport | JsonReport


def for_streams(direction: Direction, as_json: bool) -> Reporter:
    """The reporter for this process; a stream that cannot show a letter shows something else instead."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    return JsonReport(direction, sys.stdout) if as_json else TextReport(direction, sys.stdout, sys.stderr)
