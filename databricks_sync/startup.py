"""Imported first by the commands: how their process begins and ends."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from pathlib import Path

if Path(sys.argv[0] if sys.argv else "").stem in (
    "to_databricks",
    "from_databricks",
    "mlflow_hooks",
    "databricks_local",
):
    # Ctrl-C while the rest is still being imported must not end in a traceback; interrupt.py takes over then.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Nothing that is imported is garbage, and what is left at the end goes with the process: to look through both, with
    # Python's own threshold of 700 objects, takes more than a tenth of a short run.
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)

if sys.platform == "win32":
    # There, CreateProcess and cmd.exe look for a program in the current folder before the PATH, and would start the
    # git.exe of whoever wrote what lies in it; not where NoDefaultCurrentDirectoryInExePath is set, in any spelling.
    os.environ["NODEFAULTCURRENTDIRECTORYINEXEPATH"] = "1"
