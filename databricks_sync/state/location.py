"""Where the record of a target lies: by its workspace, the target and the project, below the state of the repository.

Another choice of folders is the same record, for the files are the same: what has other keys by then has moved
(layout.py).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from databricks_sync.errors import Again, SyncError
from databricks_sync.failpoints import reached
from databricks_sync.system import fsync_directory

FILE = "state.db"


def folders_of_records(state: Path) -> list[Path]:
    """The folders of all records below the state of a repository."""
    return sorted(file.parent for file in state.glob(f"*/{FILE}"))


def record_folder(state: Path, host: str, target: str, project: str) -> Path:
    """Where the record of one target lives, for one project of the repository."""
    mark = hashlib.sha256("\0".join([host, target, "project", project]).encode("utf-8", "surrogateescape"))
    name = re.sub(r"[^\w\-]+", "-", target.rpartition("/")[2])[:40]
    return state / f"{name}-{mark.hexdigest()[:12]}"


def remove_record(folder: Path) -> None:
    """Removes the record, for good. Only while holding the lock of `folder`, whose file stays: others may wait for it.

    Raises SyncError.
    """
    reached("before forgetting")
    try:
        (folder / FILE).unlink(missing_ok=True)
    except OSError as error:  # on Windows while another program reads it
        message = f"{folder / FILE} cannot be deleted ({error.strerror})."
        raise SyncError(message, Again(before="Close the programs that use it, and ")) from None
    fsync_directory(folder)
    reached("after forgetting")
