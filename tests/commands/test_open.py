"""The page of the folder: its address at the end of a run, and --open."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.project import HOME, Person, Project


@pytest.fixture
def opened(project: Project) -> Path:
    """What the browser was asked to open, a line each: it is a program that writes down its arguments."""
    log = project.home / "opened"
    program = project.home / "browser.py"
    program.write_text(f"import sys\nopen({str(log)!r}, 'a').write(sys.argv[1] + '\\n')\n", encoding="utf-8")
    log.write_text("", encoding="utf-8")
    project.env["BROWSER"] = f"{sys.executable} {program} %s"
    return log


def test_only_a_word_opens_a_browser(project: Project, person: Person, opened: Path) -> None:
    """--open shows the folder's page when the run is over, with either command and with --status; nothing else does."""
    project.notebook("notebooks/a.py", "print(1)")
    address = f"{project.workspace.host}/workspace?path={HOME}/main"
    assert project.run("to_databricks").out.splitlines()[-1] == address
    assert opened.read_text(encoding="utf-8") == ""
    project.run("to_databricks", "--open")
    project.run("from_databricks", "--status", "--open")
    assert opened.read_text(encoding="utf-8").splitlines() == [address] * 2


def test_a_page_that_ends_with_the_command_is_not_shown(project: Project, opened: Path, tmp_path: Path) -> None:
    """A workspace that runs for one command alone has no page afterwards: no address, and --open says what to do."""
    project.notebook("notebooks/a.py", "print(1)")
    alone = {"DATABRICKS_HOST": "local", "DATABRICKS_TOKEN": None, "DATABRICKS_LOCAL_DIR": str(tmp_path / "local")}
    ran = project.run("to_databricks", "--open", env=alone)
    assert "http://" not in ran.said and "databricks_local serve" in ran.err and not opened.read_text(encoding="utf-8")
    assert project.run("to_databricks", "--json", env=alone).summary["address"] is None
