"""A command that kills itself with signal 9 at the n-th time it gets to a labelled point.

python victim.py COMMAND LABEL N [ARGUMENTS]
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

from databricks_sync import failpoints


def main() -> None:
    command, label, left = sys.argv[1], sys.argv[2], int(sys.argv[3])

    def reached(effect: str) -> None:
        nonlocal left
        if effect == label:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    failpoints.hook = reached
    sys.argv = [command, *sys.argv[4:]]
    importlib.import_module(f"databricks_sync.{command}").main()


if __name__ == "__main__":
    main()
