from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.contents import Contents
from support.project import Project

from databricks_local.embedded import Running

from .scenes import Stage
from .world import Server, World, template


@pytest.fixture(scope="session")
def served(embedded: Running) -> Server:
    """The workspace, as these tests talk to it."""
    return Server(embedded.host, embedded.token)


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that every clone is a copy of."""
    return template(tmp_path_factory.mktemp("origin"))


@pytest.fixture
def server(served: Server) -> Server:
    """Empty and well-behaved."""
    served.renew()
    return served


@pytest.fixture
def world(server: Server, origin: Path, tmp_path: Path) -> World:
    return World(server, origin, tmp_path)


@pytest.fixture
def worlds(served: Server, origin: Path, tmp_path: Path) -> Callable[[], World]:
    """Makes one world after the other, each as if it were the first."""
    made: list[Path] = []

    def make() -> World:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(folder)
        served.renew()
        return World(served, origin, folder)

    return make


@pytest.fixture
def project(tmp_path: Path, server: Server, dot_git: Path) -> Project:
    """A project whose commands are real processes."""
    made = Project(tmp_path / "project", tmp_path / "home", server)
    shutil.copytree(dot_git, made.root / ".git")
    return made


@pytest.fixture(scope="module")
def stage(served: Server, contents: Contents, origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(served, contents, origin, tmp_path_factory.mktemp("stage"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Adds up what the tests have counted: crash points, kills, steps."""
    totals: dict[str, int] = {}
    for report in terminalreporter.stats.get("passed", []):
        for name, count in getattr(report, "user_properties", ()):
            if isinstance(count, int):
                totals[name] = totals.get(name, 0) + count
            elif name.startswith("window"):
                terminalreporter.write_line(f"{name}: {count}")
    if totals:
        counted = ", ".join(f"{count:,} {name}" for name, count in sorted(totals.items()))
        terminalreporter.write_line(f"safety: {counted}")
