"""The name by which the note on a target knows a record, wherever that is copied, moved or put back.

Nothing in a record tells whether it was copied (`cp -a` of a clone), moved, mounted elsewhere, or put back from an old
copy of the disk. So its name is made of a root, which it shares with all its copies, and of the place where it is used.
A copy then has a name of its own; what was put back has the name it had, so that it is found to be old; and a record
that is used at two paths in turn has two names, not one more each time, which would drive others out of the note.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from databricks_sync.notebook.format import sha256


def name(root: str, file: Path) -> str:
    """The name of the record that lies in `file`."""
    return _hash(root, os.path.normcase(os.path.realpath(file)))


def successor(root: str) -> str:
    """The root of the record that begins on this machine when that of `root` is not believed.

    Two copies at the same path of two machines (an image, rsync) have one name, and the one is behind the other. From
    then on they have two. On one machine it is always the same: so it tells when the old record is put back once more.
    """
    return _hash(root, socket.gethostname())


def _hash(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogateescape"))[:32]
