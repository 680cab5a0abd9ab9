"""Imported first by the commands: how their process begins and ends."""

from __future__ import annotations

import _thread
import atexit
import gc
import os
import signal
import sys
import threading
from pathlib import Path

if Path(sys.argv[0] if sys.argv else "").stem in ("to_databricks", "from_databricks", "mlflow_hooks"):
    # Ctrl-C while the rest is still being imported must not end in a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What is left at the end goes with the process: to look through it for garbage takes a tenth of a short run.
    atexit.register(gc.freeze)

if sys.platform == "win32":
    # There, CreateProcess and cmd.exe look for a program in the current folder before the PATH, and would start the
    # git.exe of whoever wrote what lies in it; not where NoDefaultCurrentDirectoryInExePath is set, in any spelling.
    os.environ["NODEFAULTCURRENTDIRECTORYINEXEPATH"] = "1"

_pressed: list[int] = []


def ready() -> None:
    """From here on, an interruption is ours to handle."""
    signal.signal(signal.SIGINT, _interrupt)
    sys.unraisablehook = _unraisable


def interrupted() -> bool:
    """Whether Ctrl-C was pressed since: what is being imported may make another error of that."""
    return bool(_pressed)


def _interrupt(number: int, _: object) -> None:
    _pressed.append(number)
    raise KeyboardInterrupt


def _unraisable(about: sys.UnraisableHookArgs) -> None:
    """Ctrl-C that fell on code which cannot raise, such as a finalizer, is raised again where somebody catches it."""
    if about.exc_type is KeyboardInterrupt:
        threading.Timer(0.01, _press_again).start()  # not here: this cannot raise either
    else:
        sys.__unraisablehook__(about)


def _press_again() -> None:
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:  # a signal, as it ends what the main thread waits for
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
