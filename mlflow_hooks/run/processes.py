"""A process with all that it starts: a group of its own, which can be ended as a whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

_GRACE = 5.0  # seconds to end in an orderly way


def own_group() -> dict[str, Any]:
    """What to start a process with, so that Ctrl-C on the terminal is ours to pass on."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end_group(leader: subprocess.Popen[bytes]) -> None:
    """Ends it and all it started: asked first, then without asking."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(leader.pid)], capture_output=True, check=False)
        leader.wait()
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader.pid, number)
        with suppress(subprocess.TimeoutExpired):
            leader.wait(_GRACE)
