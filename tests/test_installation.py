"""The package as people get it: built, checked, and installed where nothing else is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.sources import PACKAGES, ROOT, modules, reads_sources

from databricks_local.embedded import running

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
HEADER = "# Databricks notebook source\n"
pytestmark = pytest.mark.xdist_group("installation")


def run(*command: object, cwd: Path, **how: object) -> subprocess.CompletedProcess[str]:
    typed = [str(word) for word in command]
    return subprocess.run(typed, cwd=cwd, capture_output=True, text=True, check=False, **how)  # type: ignore[call-overload,no-any-return]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what `python -m build` makes of a copy of what git has."""
    copy = tmp_path_factory.mktemp("built") / "source"
    listed = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT)
    assert listed.returncode == 0, listed.stderr
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    done = run(sys.executable, "-m", "build", "--no-isolation", cwd=copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "deprecat" not in (done.stdout + done.stderr).lower()
    return copy / "dist"


@pytest.fixture(scope="session")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment that has the wheel, with what it asks for and nothing more."""
    [wheel] = built.glob("*.whl")
    return programs(tmp_path_factory.mktemp("installed") / "venv", wheel)


def programs(folder: Path, *packages: object) -> Path:
    """The programs of a new environment with these packages."""
    venv.create(folder, with_pip=False)
    done = run(*PIP, "--python", folder, "install", "--quiet", "--no-compile", *packages, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / ("Scripts" if os.name == "nt" else "bin")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of somebody in a git repository with one notebook, and a workspace elsewhere."""
    (tmp_path / "project" / "notebooks").mkdir(parents=True)
    (tmp_path / "project" / "notebooks" / "a.py").write_text(f"{HEADER}print(1)\n")
    with running(tmp_path / "workspace") as there:
        environ = {
            name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG") if name in os.environ
        }
        environ |= {"HOME": str(tmp_path), "DATABRICKS_HOST": there.host, "DATABRICKS_TOKEN": there.token}
        assert run("git", "init", "-q", "-b", "main", cwd=tmp_path / "project").returncode == 0
        yield environ


@pytest.mark.long
def test_built(built: Path) -> None:
    """The wheel holds the packages with all their files and nothing else; the archive holds tests and pages too."""
    [wheel], [archive] = built.glob("*.whl"), built.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as opened_wheel:
        names = opened_wheel.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)
    listed = run("git", "ls-files", "-co", "--exclude-standard", *PACKAGES, cwd=ROOT).stdout.split()
    assert set(listed) <= set(names)
    with tarfile.open(archive) as opened:
        held = {name.partition("/")[2] for name in opened.getnames()}
    assert {"tests/test_installation.py", "docs/safety.md", "env.sample", "LICENSE", "CHANGELOG.md"} <= held


@pytest.mark.long
def test_checked(built: Path) -> None:
    """The package index would take both, description and all."""
    done = run(sys.executable, "-m", "twine", "check", "--strict", *sorted(built.iterdir()), cwd=built)
    assert done.returncode == 0, done.stdout


@pytest.mark.long
@pytest.mark.parametrize("command", ["to_databricks", "from_databricks", "mlflow_hooks", "databricks_local"])
def test_versions(installed: Path, command: str, tmp_path: Path) -> None:
    """Each command is there and says its version; one that needs more says in a sentence what to install."""
    done = run(installed / command, "--version", cwd=tmp_path)
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert "0." in said if done.returncode == 0 else "pip install 'databricks-branch-sync[" in said, said


@pytest.mark.long
def test_main_job(installed: Path, project: dict[str, str], tmp_path: Path) -> None:
    """Push and pull need no extra; the workspace on this machine and hooks do, and say which."""
    here = tmp_path / "project"
    pushed = run(installed / "to_databricks", cwd=here, env=project)
    assert pushed.returncode == 0 and "1 created" in pushed.stdout, pushed.stderr
    pulled = run(installed / "from_databricks", cwd=here, env=project)
    assert "nothing to do" in pulled.stdout, pulled.stderr
    refused = run(installed / "to_databricks", "--local", cwd=here, env=project)
    assert refused.returncode == 2 and "pip install 'databricks-branch-sync[local]'" in refused.stderr
    refused = run(installed / "mlflow_hooks", "check", cwd=here, env=project)
    assert refused.returncode == 2 and "pip install 'databricks-branch-sync[hooks]'" in refused.stderr


@pytest.mark.long
def test_only_what_is_needed(installed: Path) -> None:
    """What the wheel brings along is small: no MLflow, no server, no pandas."""
    [packages] = installed.parent.rglob("site-packages")
    names = {one.name.partition("-")[0].lower() for one in packages.glob("*.dist-info")}
    assert {"databricks_sdk", "rich", "watchdog"} <= names
    assert names.isdisjoint(
        {"mlflow", "mlflow_skinny", "uvicorn", "starlette", "pandas", "numpy", "notebook", "pytest"}
    )


@reads_sources
def test_oldest_grammar() -> None:
    """All that is installed is Python as the oldest supported version reads it."""
    assert all(modules(ROOT / package) for package in PACKAGES)


@pytest.mark.long
@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_supported_versions(built: Path, version: str, tmp_path: Path) -> None:
    """Whatever the wheel and its extras ask for is to be had for the oldest supported Python, and for the newest."""
    [wheel] = built.glob("*.whl")
    chosen = ("--only-binary=:all:", "--python-version", version, "--target", tmp_path / "nowhere")
    done = run(*PIP, "install", "--dry-run", "--quiet", *chosen, f"{wheel}[hooks,local,mlflow]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_lowest_bounds(built: Path, project: dict[str, str], tmp_path: Path) -> None:
    """Push and pull work with the oldest release of everything that the wheel allows."""
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        [told] = (opened.read(name).decode() for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
    lowest = re.findall(r"^Requires-Dist: ([\w-]+)>=([\d.]+)$", told, re.M)
    assert len(lowest) == 9
    old = programs(tmp_path / "venv", wheel, *(f"{name}=={version}" for name, version in lowest))
    for command in ("to_databricks", "from_databricks"):
        done = run(old / command, cwd=tmp_path / "project", env=project)
        assert done.returncode == 0, done.stderr
    told_nobody = {name: value for name, value in project.items() if name != "DATABRICKS_TOKEN"}
    refused = run(old / "to_databricks", cwd=tmp_path / "project", env=told_nobody)  # which databricks-sdk says
    assert refused.returncode == 2 and "No way to log in" in refused.stderr, refused.stderr
