"""What git starts to compare a notebook: says it as text, cell by cell. `to_databricks --git-drivers` sets it up.

It is started for each version of each file, so it imports little. SOURCE: gitattributes(5), "Performing text diffs of
binary files".
"""

from __future__ import annotations

import os
import signal
import sys

from .errors import BrokenNotebook, quantity
from .notebook.format import identify, sha256
from .notebook.transcript import transcript

_HEAD = 8000  # what git itself looks at; SOURCE: xdiff-interface.c, buffer_is_binary()


def main() -> None:
    """Prints the file that is named last."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends git, and this with it
    if sys.platform != "win32":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # and so does whoever has read enough
    path = sys.argv[-1]
    with open(path, "rb") as file:  # noqa: PTH123 (a tenth of the time would go for pathlib)
        raw = file.read()
    sys.stdout.buffer.write(shown(os.path.basename(path), raw))  # noqa: PTH119


def shown(name: str, raw: bytes) -> bytes:
    """The file as git compares it: as it is, if it is no notebook that can be read. It never fails: git would end."""
    format = identify(name, raw[:64]).format
    try:
        return transcript(raw, format).encode() if format else _plain(raw)
    except (BrokenNotebook, RecursionError):
        return _plain(raw)


def _plain(raw: bytes) -> bytes:
    """A file by lines; a binary one, which git here would not take for one, in a line."""
    if b"\0" not in raw[:_HEAD]:
        return raw
    return f"binary, {quantity(len(raw), 'byte')}, {sha256(raw)[:8]}\n".encode()
