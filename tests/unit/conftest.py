from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.place import Place
from support.repo import Repo


@pytest.fixture(autouse=True)
def alone(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git sees no configuration and no repository but the test's own."""
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path_factory.getbasetemp()))


@pytest.fixture
def repo(tmp_path: Path, dot_git: Path) -> Repo:
    """An empty repository on `main`."""
    made = Repo(tmp_path / "project")
    shutil.copytree(dot_git, made.root / ".git")
    return made


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A project folder with nothing in it."""
    return Place(tmp_path)
