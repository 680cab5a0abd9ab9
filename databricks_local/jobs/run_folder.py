"""The private place of one task: its home, its working folder, what it finds in its environment.

Of the server's own environment it gets what inherited.py lists.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from databricks_local.runtime.environment import variables

from .inherited import inherited

# Where a path begins and its first names end.
MOUNT = r"(?<![\w.:/\\-]){}(?=[/\s'\";)]|$)"

# Commands the service's machines have, in words every shell knows, for machines that lack them.
RSYNC = """#!/bin/sh
# Only what MLflow asks for: rsync -a -v --ignore-existing FILE FOLDER
while [ "${1#-}" != "$1" ]; do shift; done
[ -e "$2/$(basename "$1")" ] || cp -p "$1" "$2"
"""
MV = """#!/bin/sh
# GNU's mv -T: the target is the new name itself, and may not exist as a folder.
if [ "$1" = "-T" ]; then shift; [ -d "$2" ] && exit 1; fi
exec /bin/mv "$@"
"""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`root` has no sign in its path that a shell would take for something else."""

    root: Path
    link: Path | None

    @property
    def work(self) -> Path:
        """Where a notebook's branch folder is copied to."""
        return self.root / "work"

    @property
    def dbfs(self) -> Path:
        """What stands for /dbfs."""
        return self.root / "dbfs"

    @property
    def packages(self) -> Path:
        """Where `%pip install` puts packages."""
        return self.root / "packages"

    def remove(self) -> None:
        """Links inside are removed, not followed: DBFS stays."""
        shutil.rmtree(self.root.resolve(), ignore_errors=True)
        if self.link is not None:
            shutil.rmtree(self.link.parent, ignore_errors=True)


def make(root: Path, dbfs: Path) -> RunFolder:
    """Fresh folders below `root`, with DBFS linked in as the service mounts it."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    link = None
    if not re.fullmatch(r"[\w./-]+", str(root), re.ASCII):
        link = Path(tempfile.mkdtemp(prefix="databricks_local-")) / "run"
        link.symlink_to(root)
    folder = RunFolder(link or root, link)
    for path in (folder.work, folder.packages, *(folder.root / name for name in ("home", "tmp", "databricks", "bin"))):
        path.mkdir()
    dbfs.mkdir(parents=True, exist_ok=True)
    try:
        folder.dbfs.symlink_to(dbfs, target_is_directory=True)
    except OSError:
        # Windows without the right to make links: /dbfs is empty there.
        folder.dbfs.mkdir()
    if sys.platform != "win32":
        _fill_in(folder.root / "bin")
    return folder


def environment(
    servers: Mapping[str, str], folder: RunFolder, host: str, token: str, registry: str, more: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a run: what it needs of the server's, ours, and `more` over all of it.

    `registry` is the address of the model registry; empty for this workspace.
    """
    kept = inherited(servers)
    home, temporary = str(folder.root / "home"), str(folder.root / "tmp")
    programs = [str(folder.root / "bin"), str(folder.packages / "bin"), str(Path(sys.executable).parent)]
    return {
        **kept,
        "PATH": os.pathsep.join([*programs, kept.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(folder.packages), kept.get("PYTHONPATH", "")])),
        **dict.fromkeys(("HOME", "USERPROFILE"), home),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), temporary),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "GIT_TERMINAL_PROMPT": "0",
        **variables(host, token, registry),
        **more,
    }


def mounted(text: str, folder: RunFolder) -> str:
    """The same text with `/dbfs` and `/databricks/mlflow` where they are for this run.

    Only where a path begins: `dbfs:/databricks/mlflow-tracking` and addresses stay as they are.
    """
    for path, place in (("/dbfs", folder.dbfs), ("/databricks/mlflow", folder.root / "databricks" / "mlflow")):
        text = re.sub(MOUNT.format(path), place.as_posix().replace("\\", r"\\"), text)
    return text


def _fill_in(folder: Path) -> None:
    missing = {} if shutil.which("rsync") else {"rsync": RSYNC}
    if sys.platform == "darwin" and not _is_gnu("mv"):
        missing["mv"] = MV
    for name, script in missing.items():
        (folder / name).write_text(script)
        (folder / name).chmod(stat.S_IRWXU)


def _is_gnu(program: str) -> bool:
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
