from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from databricks_local.core.settings import ServerSettings
from databricks_local.embedded import running

from .client import Local
from .work_fixtures import client_environment, work, work_server  # noqa: F401


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """One server process for the whole session, which must have nothing to complain about at its end."""
    folder = tmp_path_factory.mktemp("local") / "workspace"
    with running(folder) as there:
        yield Local(there.host, there.token)
    log = folder / "server.log"
    assert not log.exists(), log.read_text()


@pytest.fixture
def local(server: Local) -> Local:
    """That server, empty and well-behaved."""
    server.control("settings", asdict(ServerSettings()))
    server.control("reset")
    return server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a server of one's own."""
    return tmp_path / "own"
