"""Threads that go one by one: as long as nobody waits long for it."""

from __future__ import annotations

import threading
import time

import pytest

from databricks_sync.local.one_by_one import OneByOne


def held(line: threading.Lock) -> bool:
    if line.acquire(blocking=False):
        line.release()
        return False
    return True


def test_they_do_not_meet() -> None:
    """Of many threads one at a time is at work."""
    line, inside, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with OneByOne(line, patience=60.0):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0001)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_nobody_waits_long() -> None:
    """Whoever has waited for long goes ahead, and takes nothing away from the one who is at work."""
    line = threading.Lock()
    with OneByOne(line):
        with OneByOne(line) as turn, turn.aside():
            assert held(line)
        assert held(line)
    assert not held(line)


def test_others_go_ahead_of_who_waits_for_the_disk() -> None:
    """Who steps aside holds nobody up, and is in its place again afterwards."""
    line = threading.Lock()
    with OneByOne(line) as turn:
        with turn.aside():
            assert not held(line)
        assert held(line)
    assert not held(line)


def test_an_error_ends_a_turn() -> None:
    """Also when what is done fails, the next one has its turn."""
    line = threading.Lock()
    with pytest.raises(OSError), OneByOne(line) as turn, turn.aside():
        raise OSError
    assert not held(line)
