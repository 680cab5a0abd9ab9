"""The tools' environments: each as those who use it install it, alone; the peers' are made once and kept."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_PROJECT = Path(__file__).parents[1]
KEPT = _PROJECT / "build" / "peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """A virtual environment with what `requirements` asks for."""

    name: str
    requirements: tuple[str, ...]

    @property
    def python(self) -> Path:
        return KEPT / self.name / "bin" / "python"

    def program(self, name: str) -> Path:
        return self.python.with_name(name)

    @property
    def version(self) -> str:
        """Of the package that is measured, once it is installed."""
        package = re.split(r"[=>]", self.requirements[0])[0] if self.requirements else "databricks-branch-sync"
        asked = f"from importlib.metadata import version; print(version({package!r}))"
        return subprocess.run(
            [str(self.python), "-c", asked], capture_output=True, text=True, check=True
        ).stdout.strip()

    def install(self) -> None:
        """Makes the environment, unless a whole one for these very requirements is there."""
        ready = KEPT / self.name / "ready"
        wanted = "\n".join(self.requirements)
        if ready.exists() and ready.read_text() == wanted:
            return
        self._install(*self.requirements)
        ready.write_text(wanted)

    def _install(self, *wanted: str) -> None:
        shutil.rmtree(KEPT / self.name, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(KEPT / self.name)], check=True)
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted], check=True)


@dataclass(frozen=True, slots=True)
class ThisTool(Peer):
    """This very checkout, not as an editable install: that takes time of its own at every start."""

    def install(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            # A copy, for building leaves files behind, and would find those of another day.
            aside = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")
            shutil.copytree(_PROJECT, Path(folder, "project"), ignore=aside)
            self._install(f"{folder}/project")


THIS = ThisTool("this-tool", ())
LEGACY = Peer("databricks-cli", ("databricks-cli==0.18.0", "setuptools"))
# With a newer click, no command of dbx 0.8.19 starts.
DBX = Peer("dbx", ("dbx==0.8.19", "click==8.1.8"))
SDK = Peer("databricks-sdk", ("databricks-sdk>=0.40",))


def go_cli() -> tuple[str, str] | None:
    """The official command line, which is no Python package: where it is, if it is on the PATH, and its version."""
    found = shutil.which("databricks")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    _, official, version = said.strip().partition("Databricks CLI v")  # the legacy one says: Version
    return (found, version) if official else None
