"""The sample projects' own tests, which people copy along with a project.

They make two registries, which takes many seconds; that the projects train and score, test_end_to_end.py shows too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.long
def test_projects() -> None:
    """They pass as they are: in a process of their own, as only there MLflow and scikit-learn have to be imported."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MLFLOW_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "projects"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
