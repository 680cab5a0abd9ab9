"""A library beside the notebooks: imported from the branch's own folder, and built as a wheel for production."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import pytest
from support.project import Person, Project, Workspace, until

from .jobs import TAG
from .services import Ci

WHEEL = "bikesharing-1.2.0-py3-none-any.whl"
NOTEBOOK = "notebooks/04_busy_days"


def project(tmp_path: Path, dev: Workspace, library: dict[str, str]) -> Project:
    """The project of docs/library.md, carried to its branch folder."""
    made = Project(tmp_path / "project", tmp_path / "home", dev)
    made.env["NOTEBOOK_FOLDER"] = "notebooks,src"
    made.git("init", "-q", "-b", "main")
    for path, text in library.items():
        made.write(path, text)
    made.commit()
    return made


def returned(dev: Workspace, path: str, **parameters: str) -> str:
    """What the notebook there gives back when it is run."""
    task = {"task_key": "main", "notebook_task": {"notebook_path": path, "base_parameters": parameters}}
    _, told = dev.ask("POST", "/api/2.2/jobs/runs/submit", {"tasks": [task]})
    run = json.loads(told)["run_id"]
    deadline = time.monotonic() + 300
    while (output := dev.ask("GET", f"/api/local/run-output?run_id={run}")[1]) and time.monotonic() < deadline:
        [ended] = json.loads(output)["tasks"]
        if ended.get("result") or ended.get("error"):
            return str(ended.get("result") or ended["error_trace"])
        time.sleep(0.05)
    raise AssertionError("the notebook did not end")


def test_import(tmp_path: Path, dev: Workspace, library: dict[str, str]) -> None:
    """A notebook imports the code of its own branch folder, whatever another branch has."""
    here = project(tmp_path, dev, library)
    here.push()
    here.git("switch", "-q", "-c", "other")
    here.write("src/bikesharing/demand.py", library["src/bikesharing/demand.py"].replace("100", "130"))
    here.push()
    assert returned(dev, f"/Users/me@example.com/main/{NOTEBOOK}") == "Saturday, Sunday"
    assert returned(dev, f"/Users/me@example.com/other/{NOTEBOOK}") == "Saturday"


def test_working_folder(tmp_path: Path, dev: Workspace, library: dict[str, str]) -> None:
    """A notebook finds the files of its branch folder from where it lies, and none of another branch."""
    here = project(tmp_path, dev, library)
    here.write("notebooks/data/days.csv", "day\n")
    here.notebook("notebooks/reports/read.py", "dbutils.notebook.exit(open('../data/days.csv').read())")
    here.notebook("notebooks/reports/list.py", "import os", "dbutils.notebook.exit(str(os.listdir('../../..')))")
    here.push()
    Person(dev, "/Users/me@example.com/other").put("secret.txt", "x")
    assert returned(dev, "/Users/me@example.com/main/notebooks/reports/read") == "day\n"
    assert returned(dev, "/Users/me@example.com/main/notebooks/reports/list") == "['main']"


def test_watch(tmp_path: Path, dev: Workspace, library: dict[str, str]) -> None:
    """While `to_databricks --watch` runs, a module that is saved is in the workspace, and the next run has it."""
    here = project(tmp_path, dev, library)
    watching = here.start("to_databricks", "--watch")
    try:
        until(lambda: Person(dev).names() >= {"src/bikesharing/demand.py", NOTEBOOK})
        here.write("src/bikesharing/demand.py", library["src/bikesharing/demand.py"].replace("100", "130"))
        until(lambda: b"130" in Person(dev).file("src/bikesharing/demand.py"))
    finally:
        watching.terminate()
        watching.communicate(timeout=300)
    assert returned(dev, f"/Users/me@example.com/main/{NOTEBOOK}") == "Saturday"


@pytest.mark.long
def test_wheel(ci: Ci, workspaces: dict[str, Workspace]) -> None:
    """A tag's wheel has the tag's version and the package; built once more, in another clone, it has the same bytes."""
    ci.run("library.yml", TAG)
    shelf = Person(workspaces["production"], "/Shared/wheels/bikesharing")
    assert shelf.names() == {WHEEL}
    assert {"bikesharing/__init__.py", "bikesharing/demand.py"} <= set(
        zipfile.ZipFile(io.BytesIO(shelf.file(WHEEL))).namelist()
    )
    [job] = ci.service.jobs("library.yml", TAG)
    machine = ci.machine("library.yml", job, TAG)
    machine.run([script for script in job.scripts if script.name == "Build"])
    assert (machine.clone / "wheels" / WHEEL).read_bytes() == shelf.file(WHEEL)
