"""master.yml: /Shared/master becomes what master is, is never missing meanwhile, and what it replaces is kept."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.commands.world import Person, Workspace, notebook

from .conftest import edit, git
from .jobs import MASTER, Machine
from .services import Azure, Ci

FOLDER = "/Shared/master"


def merge(ci: Ci) -> None:
    """A new commit on master: a notebook changes, one goes, and projects do too."""
    edit(ci.origin / "notebooks/models/demand_forecast.py", "DAYS_KEPT_ASIDE = 4", "DAYS_KEPT_ASIDE = 5")
    edit(ci.origin / "projects/ExampleTrainingProject/README.md", "#", "# ")
    git(ci.origin, "rm", "-q", "notebooks/02_daily_demand.sql")
    git(ci.origin, "commit", "-q", "-am", "Forecast better")


def test_mirror(ci: Ci, dev: Workspace) -> None:
    """After each merge the folder holds the notebooks and projects of master, and nothing else."""
    shared = Person(dev, FOLDER)
    ci.run("master.yml", MASTER)
    merge(ci)
    ci.run("master.yml", MASTER)
    tracked = git(ci.origin, "ls-files", "notebooks", "projects").splitlines()
    assert shared.names() == {name_there(path, ci.origin) for path in tracked}
    assert b"DAYS_KEPT_ASIDE = 5" in shared.read("notebooks/models/demand_forecast")


def name_there(path: str, top: Path) -> str:
    """A notebook has no extension in the workspace."""
    is_notebook = path.endswith(".ipynb") or b"Databricks notebook source" in (top / path).read_bytes()[:40]
    return path.rpartition(".")[0] if is_notebook else path


def test_backups(ci: Ci, dev: Workspace) -> None:
    """An edit made in the folder is replaced by the next merge, and is in what the pipeline keeps."""
    shared, name = Person(dev, FOLDER), "notebooks/models/demand_forecast"
    ci.run("master.yml", MASTER)
    shared.edit(name, "print('mine')")
    ci.run("master.yml", MASTER)
    assert b"mine" not in shared.read(name)
    clone = ci.origin.parent / "clone"
    git(ci.origin, "clone", "-q", ".", str(clone))
    kept = ci.service.staging if isinstance(ci.service, Azure) else ci.machines[-1].clone / ".git/databricks_sync"
    (clone / ".git/databricks_sync").mkdir()
    (kept / "backups").rename(clone / ".git/databricks_sync/backups")
    restored = restore(ci, clone, dev)
    assert "1 restored" in restored
    assert shared.read(name).decode().strip() == notebook("print('mine')").strip()


def restore(ci: Ci, clone: Path, dev: Workspace) -> str:
    """What somebody types who wants the edit back."""
    import subprocess

    [run] = [one.name for one in (clone / ".git/databricks_sync/backups").iterdir()]
    environ = ci.machines[-1].environ | {
        "DATABRICKS_HOST": dev.host,
        "DATABRICKS_TOKEN": dev.token,
        "NOTEBOOK_FOLDER": "notebooks,projects",
    }
    command = ["to_databricks", "--target", FOLDER, "--restore", run]
    return subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, check=True).stdout


def test_never_missing(ci: Ci, dev: Workspace) -> None:
    """While a merge is mirrored, whoever looks finds the folder, and every notebook that both commits have."""
    ci.run("master.yml", MASTER)
    merge(ci)
    dev.set(latency_ms=10)
    with watched(dev, ["", "/notebooks", "/notebooks/models/demand_forecast", "/notebooks/01_load_rides"]) as seen:
        ci.run("master.yml", MASTER)
    assert len(seen) > 40 and set(seen) == {200}


@contextmanager
def watched(workspace: Workspace, paths: list[str]) -> Iterator[list[int]]:
    """Asks for the paths over and over; the status of every answer."""
    seen: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            for path in paths:
                query = urlencode({"path": FOLDER + path})
                seen.append(workspace.ask("GET", f"/api/2.0/workspace/get-status?{query}")[0])

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
