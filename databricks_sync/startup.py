"""Imported first by the commands: Ctrl-C while the rest is still being imported must not end in a traceback."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

if Path(sys.argv[0] if sys.argv else "").stem in ("to_databricks", "from_databricks", "mlflow_hooks"):
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ready() -> None:
    """From here on, an interruption is ours to handle."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
