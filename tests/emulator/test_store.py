"""The workspace's database and its log."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from databricks_local.embedded import running
from databricks_local.home import DATABASE

from .client import HEADER, HOME, Local

BODY = HEADER + b"x" * 60_000
MANY = 100


@pytest.mark.long  # test_command.py kills a server while it writes
def test_kill_with_a_long_log(folder: Path) -> None:
    """What was answered is there after the server was killed, wherever in the database or its log it stood by then."""
    with running(folder) as there:
        local = Local(there.host, there.token)
        for number in range(MANY):
            assert local.upload(f"{HOME}/{number}", BODY).status == 200
        os.kill(there.pid, signal.SIGKILL)
    assert (folder / f"{DATABASE}-wal").stat().st_size > len(BODY)
    with running(folder) as there:
        local = Local(there.host, there.token)
        assert all(local.download(f"{HOME}/{number}") == BODY for number in range(MANY))
