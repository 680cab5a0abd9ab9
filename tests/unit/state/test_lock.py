"""One run at a time, with real processes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from databricks_sync.errors import SyncError
from databricks_sync.state.lock import held

HOLD = """
import sys, time
from pathlib import Path
from databricks_sync.state.lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its input ends."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """While one process works on a target, another is told which, and since when."""
    with holder(tmp_path / "state") as process:
        named = rf"process {process.pid}, since \d\d:\d\d:\d\d"
        with pytest.raises(SyncError, match=named) as caught, held(tmp_path / "state"):
            pass
        assert caught.value.hint and caught.value.exit_code != 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_holds_nothing(tmp_path: Path, how: signal.Signals) -> None:
    """After kill -9 the lock is free at once; nothing has to be removed by hand."""
    with holder(tmp_path / "state") as process:
        process.send_signal(how)
        process.wait(300)
        with held(tmp_path / "state"):
            pass


def test_a_run_that_ends_frees_the_lock(tmp_path: Path) -> None:
    """The lock is free again after a run, also after one that failed."""
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), held(tmp_path / "state"):
            raise ZeroDivisionError


def test_another_target_is_another_lock(tmp_path: Path) -> None:
    """Runs on different targets do not wait for one another."""
    with holder(tmp_path / "one"), held(tmp_path / "two"):
        pass


def test_one_may_wait(tmp_path: Path) -> None:
    """With a time to wait, a run starts when the other ends."""
    with holder(tmp_path / "state") as process:
        assert process.stdin
        started = time.monotonic()
        threading.Timer(0.3, process.stdin.close).start()
        with held(tmp_path / "state", wait=60):
            assert time.monotonic() - started > 0.2


def test_waiting_ends(tmp_path: Path) -> None:
    """A run waits as long as it was told to, and is then refused."""
    refused = pytest.raises(SyncError, match="Another run")
    with holder(tmp_path / "state"), refused, held(tmp_path / "state", wait=0.2):
        pass


@pytest.mark.parametrize("content", [b"", b"junk", b"\xff", b"{}", b'{"pid": "x", "since": 1}', b"[]"])
def test_an_unknown_holder_is_still_one(tmp_path: Path, content: bytes) -> None:
    """When the file does not tell who holds it, it is held all the same."""
    with holder(tmp_path / "state"):
        (tmp_path / "state/lock").write_bytes(content)
        with pytest.raises(SyncError, match="another process"), held(tmp_path / "state"):
            pass


def test_only_the_present_holder_is_named(tmp_path: Path) -> None:
    """What an earlier, longer holder left in the file is gone."""
    (tmp_path / "lock").write_text('{"pid": 1234567890123, "since": "00:00:00", "x": "long"}')
    with holder(tmp_path) as process:
        with pytest.raises(SyncError) as caught, held(tmp_path):
            pass
        assert re.findall(r"process (\d+)", caught.value.message) == [str(process.pid)]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Where the state cannot be kept, one sentence says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SyncError, match="cannot be written"), held(tmp_path / "file/state"):
        pass
