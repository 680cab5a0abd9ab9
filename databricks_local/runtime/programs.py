"""The processes that are started here, the server itself among them: which program, and how it ends with us.

Each is a module of this package, run in an interpreter of its own. It keeps its standard input open to us: when
that ends, however we ended, the process ends itself and whatever it started.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# `python -m` would look for modules in the current folder first, which is the user's and may hold a random.py, and a
# path to a file in the folder of that file, whose modules would hide others of the same name.
_START = """
import sys
sys.path[:] = [*filter(None, sys.path), sys.argv.pop(1)]
from databricks_local.{module} import main
main(sys.argv[1:])
"""


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs `main(arguments)` of a module, named as it is within this package."""
    return [sys.executable, "-c", _START.format(module=module), str(Path(__file__).parents[2]), *arguments]


def let_go(process: subprocess.Popen[bytes]) -> None:
    """Closes our ends of the pipes to a process."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def when_orphaned(end: Callable[[], None]) -> None:
    """Calls `end` on a thread of its own once the other end of our standard input is gone."""

    def wait() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        end()

    threading.Thread(target=wait, daemon=True).start()
