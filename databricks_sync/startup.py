"""Imported first by the commands: how their process begins and ends."""

from __future__ import annotations

# Built in, all of them: Ctrl-C while pathlib or the enums of `signal` are imported would end in a traceback.
import _signal as signal  # type: ignore[import-not-found]
import atexit
import gc
import os.path
import sys

_NAME = os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119
if _NAME.partition(".")[0] in ("to_databricks", "from_databricks", "mlflow_hooks"):
    # Nor must it while the rest is.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What is left at the end goes with the process: to look through it for garbage takes a tenth of a short run.
    atexit.register(gc.freeze)


def ready() -> None:
    """From here on, an interruption is ours to handle."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
