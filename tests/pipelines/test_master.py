"""master.yml: /Shared/master becomes what master is, is never missing meanwhile, and what it replaces is kept.

drift.yml: where it is not what master is, somebody is told.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
from support.project import Person, Workspace, notebook

from .conftest import BOTH, edit, git
from .jobs import MASTER, SCHEDULE
from .services import Azure, Ci

FOLDER = "/Shared/master"
FORECAST = "notebooks/models/demand_forecast"
FOLDERS = "notebooks,projects"
MIRROR = ("to_databricks", "--target", FOLDER, "--mirror")


@pytest.mark.parametrize("ci", BOTH, indirect=True)  # each keeps backups in its own way
def test_merges(ci: Ci, dev: Workspace) -> None:
    """After a merge the folder is what master is; it was never missing; an edit that was replaced can be restored."""
    shared = Person(dev, FOLDER)
    ci.type(dev, *MIRROR, NOTEBOOK_FOLDER=FOLDERS)  # as the last merge left it
    shared.edit(FORECAST, "print('mine')")
    merge(ci)
    dev.set(latency_ms=10)
    with watched(dev, ["", "/notebooks", f"/{FORECAST}", "/notebooks/01_load_rides"]) as seen:
        ci.run("master.yml", MASTER)

    tracked = git(ci.origin, "ls-files", "notebooks", "projects").splitlines()
    assert shared.names() == {name_there(path, ci.origin) for path in tracked}
    assert b"DAYS_KEPT_ASIDE = 5" in shared.read(FORECAST)
    assert len(seen) > 40 and set(seen) == {200}
    assert "2 restored" in restore(ci, dev)
    assert shared.read(FORECAST).decode().strip() == notebook("print('mine')").strip()


@pytest.mark.long  # test_files.py compares what it types, and tests/commands has a folder that differs
def test_drift(ci: Ci, dev: Workspace) -> None:
    """The scheduled run fails, and names what differs, where somebody has edited the folder; it changes nothing."""
    shared = Person(dev, FOLDER)
    ci.type(dev, *MIRROR, NOTEBOOK_FOLDER=FOLDERS)
    ci.type(dev, *MIRROR, "--check", NOTEBOOK_FOLDER=FOLDERS)  # 0, as long as nothing differs
    shared.edit(FORECAST, "print('mine')")
    before = shared.details()
    [[compared]] = ci.run("drift.yml", SCHEDULE, code=1).values()
    assert f"~ {FORECAST}.py" in compared.said and shared.details() == before


@pytest.mark.long  # tests/commands has a mirror of an older commit
def test_a_run_that_comes_late(ci: Ci, dev: Workspace) -> None:
    """A run of an older commit, started again after a later one has ended, changes nothing and says why."""
    merge(ci)
    ci.run("master.yml", MASTER)
    before = Person(dev, FOLDER).details()
    git(ci.origin, "branch", "later")
    git(ci.origin, "reset", "-q", "--hard", "HEAD^1")  # master, as that run checks it out
    (job,) = ci.service.jobs("master.yml", MASTER)
    mirror = next(script for script in job.scripts if script.name == "Mirror")
    (ran,) = ci.machine("master.yml", job, MASTER).run([mirror])
    assert ran.code == 3 and "is newer than the one checked out here" in ran.said
    assert Person(dev, FOLDER).details() == before


def merge(ci: Ci) -> None:
    """A new commit on master: a notebook changes, and one goes."""
    edit(ci.origin / f"{FORECAST}.py", "DAYS_KEPT_ASIDE = 4", "DAYS_KEPT_ASIDE = 5")
    git(ci.origin, "rm", "-q", "notebooks/02_daily_demand.sql")
    git(ci.origin, "commit", "-q", "-am", "Forecast better")


def name_there(path: str, top: Path) -> str:
    """A notebook has no extension in the workspace."""
    is_notebook = path.endswith(".ipynb") or b"Databricks notebook source" in (top / path).read_bytes()[:40]
    return path.rpartition(".")[0] if is_notebook else path


def restore(ci: Ci, dev: Workspace) -> str:
    """What somebody does who wants an edit back: unpacks what the pipeline kept into any clone."""
    clone = ci.origin.parent / "clone"
    git(ci.origin, "clone", "-q", ".", str(clone))
    kept = ci.service.staging if isinstance(ci.service, Azure) else ci.machines[-1].clone / ".git/databricks_sync"
    (clone / ".git/databricks_sync").mkdir()
    (kept / "backups").rename(clone / ".git/databricks_sync/backups")
    [run] = [one.name for one in (clone / ".git/databricks_sync/backups").iterdir()]
    return ci.type(dev, *MIRROR[:3], "--restore", run, clone=clone, NOTEBOOK_FOLDER=FOLDERS)


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
