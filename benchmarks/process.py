"""One whole process, measured from the outside: what a person waits for, and what it costs the machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock, seconds of the processor (user and system, children included), peak memory in MiB."""

    wall: float
    cpu: float
    peak: float


class Failed(Exception):
    """A command that did not do its work; says what it printed."""


def cost(command: Sequence[str], *, folder: Path, environ: Mapping[str, str]) -> Cost:
    """Runs `command` to its end. Raises Failed when its exit code is not 0.

    Linux counts the memory of the parent at the moment of the fork towards the child's peak, so the harness has
    to stay smaller than what it measures.
    """
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen(
            list(command), cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            output.seek(0)
            said = output.read().decode("utf-8", "replace")
            raise Failed(f"{' '.join(command)}\nexit code {child.returncode}\n{said[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
