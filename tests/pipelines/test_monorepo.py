"""A project of docs/monorepo.md in the workspace: its notebook finds what it shares, and the file of its country."""

from __future__ import annotations

from pathlib import Path

import pytest
import readme
from support.project import Project, Workspace

from .conftest import ROOT
from .test_library import returned

FILES = readme.files((ROOT / "docs" / "monorepo.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("country", "busy"), [("de", 100), ("fr", 80)])
def test_each_country(tmp_path: Path, dev: Workspace, country: str, busy: int) -> None:
    """One notebook serves each country, with the code beside the project."""
    top = Project(tmp_path / "bikes", tmp_path / "home", dev)
    top.git("init", "-q", "-b", "main")
    for path, text in FILES.items():
        top.write(path, text)
    demand = Project(top.root / "demand", top.home, dev)
    demand.push()
    notebook = "/Users/me@example.com/bikes-demand-main/notebooks/forecast"
    assert returned(dev, notebook, country=country) == f"busy from {busy} rides a day"
