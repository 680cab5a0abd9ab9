"""What holds for a run of all tests: by what it judges, and what it says at its end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

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


def test_no_example_is_judged_by_the_clock() -> None:
    """One profile holds for the generated examples of every test: no deadline, and none has to come about quickly."""
    assert settings.default is not None and settings.default.deadline is None
    assert {HealthCheck.too_slow, HealthCheck.data_too_large} <= {*settings.default.suppress_health_check}
    tests = Path(__file__).parent
    others = [file for file in tests.rglob("*.py") if re.search(r"\b(load_profile|deadline=)", file.read_text("utf-8"))]
    assert {*others} == {tests / "conftest.py", Path(__file__)}
