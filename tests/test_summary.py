"""What a run of the tests says at its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SKIPPING = """
import pytest


def test_here():
    pass


@pytest.mark.parametrize("number", range(3))
def test_elsewhere(number):
    pytest.skip("the moon,\\nas there is no rocket.")


@pytest.mark.skipif(True, reason="the sun")
def test_nowhere():
    pass
"""


def test_not_looked_at(tmp_path: Path) -> None:
    """What a machine cannot test is told in one line, with the reasons and their numbers; the run passes."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("not looked at here: ")]
    assert told == ["not looked at here: the moon, as there is no rocket (3); the sun (1)"]
