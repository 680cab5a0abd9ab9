"""What git starts to compare a notebook: says it as text, cell by cell. `to_databricks --git-drivers` sets it up.

It is started for each version of each file, so it imports little. SOURCE: gitattributes(5), "Performing text diffs of
binary files".
"""

from __future__ import annotations

import os
import signal
import sys

from .errors import BrokenNotebook
from .notebook.format import identify
from .notebook.transcript import transcript


def main() -> None:
    """Prints the file that is named last."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends git, and this with it
    path = sys.argv[-1]
    with open(path, "rb") as file:  # noqa: PTH123 (a tenth of the time would go for pathlib)
        raw = file.read()
    sys.stdout.buffer.write(shown(os.path.basename(path), raw))  # noqa: PTH119


def shown(name: str, raw: bytes) -> bytes:
    """The file as git compares it; as it is if it is none that can be read. It never fails: git would end with it."""
    format = identify(name, raw[:64]).format
    try:
        return transcript(raw, format).encode() if format else raw
    except (BrokenNotebook, RecursionError):
        return raw
