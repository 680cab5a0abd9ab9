"""Whose tests are run, how, and what they found: each test by name, with how it ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
Outcomes = dict[str, str]

# What the tests written with pytest import besides the library itself.
NEEDED = ("pytest", "pyfakefs", "requests-mock", "pytest-mock", "pytest-asyncio", "ipython", "ipywidgets", "pyyaml")
NEEDED += ("requests", "google-auth", "protobuf<7", "databricks-labs-pytester")


@dataclass(frozen=True)
class Suite:
    """`variable` names the folder of the sources; `run` takes it, the environment of the tests and a scratch folder."""

    name: str
    variable: str
    run: Callable[[Path, Mapping[str, str], Path], Outcomes]


def _go(packages: Sequence[str]) -> Callable[[Path, Mapping[str, str], Path], Outcomes]:
    def run(source: Path, environment: Mapping[str, str], scratch: Path) -> Outcomes:
        command = ["go", "test", "-json", "-count=1", "-p=1", *(f"./{package}" for package in packages)]
        done = subprocess.run(command, cwd=source, env=dict(environment), capture_output=True, text=True)
        (scratch / "go.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        ended = {"pass": PASSED, "fail": FAILED, "skip": SKIPPED}
        return {
            f"{event['Package'].partition('/cli/')[2]} {event['Test']}": ended[event["Action"]]
            for event in events
            if event.get("Test") and event["Action"] in ended
        }

    return run


def _pytest(folder: str, files: Sequence[str], *paths: str) -> Callable[[Path, Mapping[str, str], Path], Outcomes]:
    """`paths` hold the library that is tested, as their sources have it."""

    def run(source: Path, environment: Mapping[str, str], scratch: Path) -> Outcomes:
        report = scratch / "report.xml"
        found = os.pathsep.join(str(source / path) for path in paths)
        command = [str(_python(scratch)), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts="]
        command += ["-o", "junit_family=xunit1", f"--junit-xml={report}", *files]
        with (scratch / "pytest.log").open("wb") as log:
            where = {**environment, "PYTHONPATH": os.pathsep.join(filter(None, [found, environment.get("PYTHONPATH")]))}
            subprocess.run(command, cwd=source / folder, env=where, stdout=log, stderr=subprocess.STDOUT, check=False)
        return _of_report(report) if report.exists() else {}

    return run


def _of_report(report: Path) -> Outcomes:
    outcomes = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        ended = FAILED if kinds & {"failure", "error"} else SKIPPED if "skipped" in kinds else PASSED
        outcomes[f"{case.get('classname', '').rpartition('.')[2]} {case.get('name')}"] = ended
    return outcomes


def _python(scratch: Path) -> Path:
    """An environment of their own for tests written with pytest: their plug-ins would be in the way of ours."""
    home = scratch.parent / "python"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (home / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *NEEDED], check=True)
        (home / "ready").touch()
    return python


SDK = [f"integration/test_{name}.py" for name in ("workspace", "jobs", "repos", "iam", "clusters", "dbutils", "files")]
PACKAGES = [f"integration/{name}" for name in ("libs/filer", "libs/locker", "cmd/sync", "cmd/workspace", "cmd/fs")]
BLUEPRINT = ["tests/integration/test_paths.py", "tests/integration/test_installation.py"]

SUITES = (
    Suite("databricks-sdk-py", "FOREIGN_SDK", _pytest("tests", SDK, ".")),
    Suite("cli", "FOREIGN_CLI", _go(PACKAGES)),
    Suite("blueprint", "FOREIGN_BLUEPRINT", _pytest(".", BLUEPRINT, "src")),
)
