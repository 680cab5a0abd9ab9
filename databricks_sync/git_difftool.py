"""What `git difftool --dir-diff --tool=databricks` starts: a diff of many notebooks, in one process.

For `git diff`, git starts a program for each version of each notebook; here it has written all of them into two
folders. SOURCE: git-difftool(1).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from . import startup  # noqa: F401 (on Windows, it is the git of the PATH that is started)
from .exit_code import ExitCode
from .git_textconv import shown


def main() -> None:
    """Shows what differs between the two folders that are named last, as `git diff` would."""
    try:
        with TemporaryDirectory(prefix="diff-") as folder:
            for name, side in zip("ab", sys.argv[-2:], strict=True):
                _write(Path(side), Path(folder, name))
            signal.signal(signal.SIGINT, lambda *_: None)  # it is for git and its pager now
            typed = ("git", "diff", "--no-index", "--no-prefix", "--no-ext-diff", "--no-textconv", "a", "b")
            subprocess.run(typed, cwd=folder, check=False)
    except OSError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


def _write(side: Path, copy: Path) -> None:
    """Copies the files of a folder as git compares them. Those that nobody has changed are links into the work tree."""
    copy.mkdir()
    for where, _, names in os.walk(side):
        folder = copy / Path(where).relative_to(side)
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).write_bytes(shown(name, Path(where, name).read_bytes()))
